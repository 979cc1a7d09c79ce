//! That the matrix is about all that is served.

use kestrel_broker::Broker;

use super::*;

/// What everybody may ask for, before a login and for it.
const FREE: [ApiKey; 3] = [ApiKey::SaslHandshake, ApiKey::ApiVersions, ApiKey::SaslAuthenticate];

#[tokio::test(flavor = "multi_thread")]
async fn every_api_that_is_served_has_a_case() {
    let broker = Broker::test().await.expect("a broker starts");
    let address = broker.bootstrap_servers().to_owned();
    let side = tokio::task::spawn_blocking(move || Side::new(&address, "nowhere")).await.expect("it answers");
    let asked: Vec<i16> = all().iter().map(|case| case.api).chain(FREE).map(ApiKey::key).collect();
    let left_out: Vec<_> = side.served().filter(|key| !asked.contains(key)).map(ApiKey::from_key).collect();
    assert!(left_out.is_empty(), "no case for {left_out:?}");
}
