//! Connecting: what a client learns first, and how it fails.

use std::error::Error as _;
use std::io;

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
