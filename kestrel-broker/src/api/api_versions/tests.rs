//! ApiVersions over TCP: what is advertised, and how newer clients learn it.

use kestrel_protocol::{correlation_id, encode_request};

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn request(name: &str, version: &str) -> ApiVersionsRequest {
    ApiVersionsRequest {
        client_software_name: name.to_owned().into(),
        client_software_version: version.to_owned().into(),
    }
}

#[tokio::test]
async fn what_is_advertised_is_what_is_served() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in 0..=4 {
        let response = peer.call(&request("tester", "1.0"), version).await;
        assert_eq!(response.error_code, ErrorCode::None);
        let range = |api: ApiKey| {
            let row = response.api_keys.iter().find(|row| row.api_key == api.key());
            row.map(|row| (row.min_version, row.max_version))
        };
        assert_eq!(range(ApiKey::Produce), Some((0, 13)));
        assert_eq!(range(ApiKey::Fetch), Some((4, 18)));
        assert_eq!(range(ApiKey::ApiVersions), Some((0, 4)));
        assert_eq!(range(ApiKey::JoinGroup), Some((0, 9)));
        // They are answered, and not advertised where nobody can see what clients push.
        assert_eq!(range(ApiKey::GetTelemetrySubscriptions), None);
        assert_eq!(range(ApiKey::PushTelemetry), None);
        assert_eq!(response.api_keys.len(), APIS.len() - 2);
        assert!(response.api_keys.is_sorted_by_key(|row| row.api_key));
    }
}

#[tokio::test]
async fn only_features_that_are_there_have_levels() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let response = peer.call(&request("tester", "1.0"), 4).await;
    let supported: Vec<_> = response.supported_features.iter().map(|feature| &*feature.name).collect();
    assert_eq!(supported, ["kraft.version", "metadata.version", "transaction.version"]);
    let finalized = response.finalized_features.iter();
    let finalized: Vec<_> = finalized.map(|feature| (&*feature.name, feature.max_version_level)).collect();
    assert_eq!(finalized, [("metadata.version", 30), ("transaction.version", 2)]);
    assert!(response.finalized_features_epoch >= 0);
    // Clients of version 3 take a range from 0 for an error.
    let response = peer.call(&request("tester", "1.0"), 3).await;
    assert!(response.supported_features.iter().all(|feature| feature.min_version > 0));
}

#[tokio::test]
async fn a_newer_client_learns_our_versions() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let mut newer = encode_request(&request("tester", "9"), 4, 77, Some("tester".into())).unwrap().concat();
    newer[6..8].copy_from_slice(&50i16.to_be_bytes());
    newer.push(3);
    let length = u32::try_from(newer.len() - 4).unwrap();
    newer[..4].copy_from_slice(&length.to_be_bytes());
    peer.send_bytes(&newer).await;

    let frame = peer.receive_frame().await.unwrap();
    assert_eq!(correlation_id(&frame), Ok(77));
    // Error 35, then one row: key 18, versions 0 to 4. This is the layout of version 0: nothing else follows.
    assert_eq!(frame[4..], [0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
    // The connection goes on.
    assert_eq!(peer.call(&request("tester", "9"), 4).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn software_needs_a_name_and_a_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for (name, version) in [("", "1"), ("a", ""), ("-a", "1"), ("a", "1."), ("a b", "1")] {
        let response = peer.call(&request(name, version), 3).await;
        assert_eq!(response.error_code, ErrorCode::InvalidRequest, "{name:?} {version:?}");
    }
    for (name, version) in [("a", "1"), ("apache-kafka-java", "4.3.1"), ("x.y", "1-rc.1")] {
        assert_eq!(peer.call(&request(name, version), 4).await.error_code, ErrorCode::None);
    }
    // Before version 3 nobody says it.
    assert_eq!(peer.call(&request("", ""), 2).await.error_code, ErrorCode::None);
}
