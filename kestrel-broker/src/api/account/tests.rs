//! Quotas over real connections: what is in the answers, and that the one who is over is held back alone.

use kestrel_protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, EntityData, EntryData, OpData,
};
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::{ErrorCode, encode_request};

use crate::Broker;
use crate::testing::{Peer, batch, fetch_request, produce_request};

/// Limits all clients, each for itself; `None` takes the limit back.
async fn limit(broker: &Broker, key: &'static str, value: Option<f64>) {
    let entity = vec![EntityData { entity_type: "client-id".into(), entity_name: None }];
    let op = OpData { key: key.into(), value: value.unwrap_or_default(), remove: value.is_none() };
    let entries = vec![EntryData { entity, ops: vec![op] }];
    let request = AlterClientQuotasRequest { entries, validate_only: false };
    let response = Peer::of(broker).await.call(&request, 1).await;
    assert_eq!(response.entries[0].error_code, ErrorCode::None);
}

async fn broker_with_topic() -> Broker {
    let broker = Broker::test().await.unwrap();
    Peer::of(&broker).await.create_topic("events").await;
    broker
}

/// The length of a frame, without that of its length.
fn size(request: &kestrel_protocol::messages::produce::ProduceRequest) -> i32 {
    let bytes: usize =
        encode_request(request, 12, 1, Some("tester".into())).unwrap().iter().map(bytes::Bytes::len).sum();
    i32::try_from(bytes - 4).unwrap()
}

#[tokio::test]
async fn a_produce_request_is_charged_with_its_size_and_held_back_after_the_append() {
    let broker = broker_with_topic().await;
    limit(&broker, "producer_byte_rate", Some(1000.0)).await;
    let request = produce_request("events", batch(&[&"x".repeat(12_000)]));
    let mut over = Peer::of(&broker).await;
    let response = over.call(&request, 12).await;
    assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::None);
    assert_eq!(response.throttle_time_ms, size(&request) - 10_000, "ten seconds of it may come at once");
    over.send(&MetadataRequest::default(), 12).await;
    let mut muted = Box::pin(over.receive_frame());
    assert_eq!(Peer::of(&broker).await.fetch("events", 0).await.high_watermark, 1, "others are served");
    assert!(matches!(futures::poll!(&mut muted), std::task::Poll::Pending));
    let quotas = broker.metrics().quotas;
    assert_eq!((quotas.produce.count, quotas.fetch.count, quotas.buckets), (1, 0, 1));

    // A change counts at once, for what was charged before too.
    limit(&broker, "producer_byte_rate", Some(1e9)).await;
    assert_eq!(Peer::of(&broker).await.call(&request, 12).await.throttle_time_ms, 0);
    limit(&broker, "producer_byte_rate", Some(1000.0)).await;
    assert!(Peer::of(&broker).await.call(&request, 12).await.throttle_time_ms > 20_000);
    limit(&broker, "producer_byte_rate", None).await;
    assert_eq!(Peer::of(&broker).await.call(&request, 12).await.throttle_time_ms, 0);
}

#[tokio::test]
async fn who_fetches_too_much_gets_nothing_and_is_charged_nothing() {
    let broker = broker_with_topic().await;
    for _ in 0..3 {
        Peer::of(&broker).await.produce("events", batch(&[&"x".repeat(6_000)])).await;
    }
    limit(&broker, "consumer_byte_rate", Some(1000.0)).await;
    let first = Peer::of(&broker).await.call(&fetch_request("events", 0), 12).await;
    assert_eq!((first.throttle_time_ms, first.responses.len()), (0, 1));
    for _ in 0..2 {
        let over = Peer::of(&broker).await.call(&fetch_request("events", 1), 12).await;
        assert_eq!((over.error_code, over.responses.len()), (ErrorCode::None, 0));
        assert!((1..=2_200).contains(&over.throttle_time_ms), "{}", over.throttle_time_ms);
    }
}

#[tokio::test]
async fn the_work_of_any_request_is_charged_and_holds_back_for_a_window_at_most() {
    let broker = broker_with_topic().await;
    limit(&broker, "request_percentage", Some(1e-9)).await;
    let response = Peer::of(&broker).await.call(&MetadataRequest::default(), 12).await;
    assert_eq!(response.throttle_time_ms, 1000);
    let fetched = Peer::of(&broker).await.call(&fetch_request("events", 0), 12).await;
    assert_eq!((fetched.throttle_time_ms, fetched.responses.len()), (1000, 0));
}

async fn create(broker: &Broker, name: &'static str, version: i16) -> CreateTopicsResponse {
    let topic =
        CreatableTopic { name: name.into(), num_partitions: 12, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
    Peer::of(broker).await.call(&request, version).await
}

#[tokio::test]
async fn newer_requests_are_refused_when_topics_change_too_fast_and_older_ones_are_held_back() {
    let broker = broker_with_topic().await;
    limit(&broker, "controller_mutation_rate", Some(0.001)).await;
    let first = create(&broker, "first", 7).await;
    assert_eq!((first.topics[0].error_code, first.throttle_time_ms), (ErrorCode::None, 0));
    let strict = create(&broker, "second", 6).await;
    assert_eq!(strict.topics[0].error_code, ErrorCode::ThrottlingQuotaExceeded);
    assert!(strict.throttle_time_ms > 1_000_000, "{}", strict.throttle_time_ms);
    let permissive = create(&broker, "third", 5).await;
    assert_eq!(permissive.topics[0].error_code, ErrorCode::None);
    assert!(permissive.throttle_time_ms > 1_000_000, "{}", permissive.throttle_time_ms);
    assert_eq!(broker.metrics().quotas.controller_mutation.count, 2);
}

#[tokio::test]
async fn an_address_that_connects_too_often_is_refused() {
    let broker = Broker::test().await.unwrap();
    let entity = vec![EntityData { entity_type: "ip".into(), entity_name: None }];
    let op = OpData { key: "connection_creation_rate".into(), value: 1.0, remove: false };
    let entries = vec![EntryData { entity, ops: vec![op] }];
    let request = AlterClientQuotasRequest { entries, validate_only: false };
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.call(&request, 1).await.entries[0].error_code, ErrorCode::None);
    let mut accepted = 0;
    while Peer::of(&broker).await.try_call(&MetadataRequest::default(), 12).await.is_some() {
        accepted += 1;
        assert!(accepted < 1000, "one a second");
    }
    assert!(accepted >= 10, "ten seconds of it may come at once");
    assert_eq!(broker.metrics().listeners["PLAINTEXT"].refused, 1);
    assert!(peer.try_call(&MetadataRequest::default(), 12).await.is_some(), "those that are open stay");
}
