//! Connecting: what a client learns first, and how it fails.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use kestrel_broker::{Broker, Durability};
use kestrel_client::{ApiKey, Client, Error};
use kestrel_tests::TestBroker;

#[tokio::test]
async fn a_client_learns_the_brokers_when_it_connects() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let snapshot = client.metadata_snapshot();
    assert!(!snapshot.brokers.is_empty());
    assert!(snapshot.cluster_id.is_some());
}

#[tokio::test]
async fn a_refused_connection_names_each_address_and_its_cause() {
    let error = Client::builder("127.0.0.1:1,localhost:2").connect().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(matches!(error, Error::Bootstrap { .. }), "{text}");
    assert!(
        text.starts_with("no broker answered at 127.0.0.1:1, localhost:2: ") && text.contains("refused"),
        "{text}"
    );
    let chain = std::iter::successors(error.source(), |&cause| cause.source());
    let system = chain.filter_map(|cause| cause.downcast_ref::<io::Error>()).next();
    assert_eq!(system.map(io::Error::kind), Some(io::ErrorKind::ConnectionRefused), "{text}");
}

#[tokio::test]
async fn a_ping_is_answered_as_long_as_a_broker_is_there() {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let client = Client::builder(broker.bootstrap_servers())
        .reconnect_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .request_timeout(Duration::from_secs(1))
        .connect()
        .await
        .unwrap();
    client.ping().await.unwrap();
    // One that hangs up at first is asked again, and one that says nothing is not waited for without end.
    let faults = broker.kestrel().faults();
    faults.on(ApiKey::Metadata).drop_connection();
    client.ping().await.unwrap();
    faults.on(ApiKey::Metadata).delay(Duration::from_secs(3600));
    let silent = client.ping().await.unwrap_err();
    assert!(silent.to_string().contains("request.timeout.ms"), "{silent}");
    faults.clear();
    let address = broker.bootstrap_servers().to_owned();
    drop(broker);
    let gone = client.ping().await.unwrap_err();
    assert!(matches!(gone, Error::Bootstrap { .. }) && gone.to_string().contains(&address), "{gone}");
}
