//! Connecting: what a client learns first, and how it fails.

use kestrel_client::{Client, Error};
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
    let text = error.to_string();
    assert!(matches!(error, Error::Bootstrap { .. }), "{text}");
    assert!(
        text.contains("127.0.0.1:1: ") && text.contains("localhost:2: ") && text.contains("refused"),
        "{text}"
    );
}
