//! The counters of a broker, held against what was done to it over TCP.

use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::messages::fetch::FetchRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::record::ProducerStamp;
use kestrel_protocol::{ApiKey, ErrorCode, ProducerEpoch, ProducerId, encode_request};
use tokio::time::timeout;

use super::*;
use crate::metrics::{Metrics, TopicMetrics};
use crate::testing::{Peer, batch, fetch_request, produce_request, stamped_batch};

/// Waits until the metrics are as they should be.
async fn until(broker: &Broker, condition: impl Fn(&Metrics) -> bool) {
    let reached = async {
        while !condition(&broker.metrics()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), reached).await.unwrap_or_else(|_| panic!("{:#?}", broker.metrics()));
}

#[tokio::test]
async fn requests_are_counted_by_api_version_and_error_with_their_bytes() {
    let broker = Broker::test().await.unwrap();
    assert!(broker.metrics().apis.values().all(|api| *api == Default::default()));
    let mut peer = Peer::of(&broker).await;
    let request = encode_request(&MetadataRequest::default(), 9, 1, Some("tester".into())).unwrap().concat();
    peer.send_bytes(&request).await;
    let answer = peer.receive_frame().await.unwrap();
    peer.describe("missing").await;
    peer.describe("missing").await;

    let metadata = &broker.metrics().apis[&ApiKey::Metadata];
    assert_eq!(metadata.requests, [(9, 1), (12, 2)].into());
    assert_eq!(metadata.errors, [(ErrorCode::UnknownTopicOrPartition, 2)].into());
    assert_eq!((metadata.count(), metadata.latency.count()), (3, 3));
    assert!(metadata.bytes_in > request.len() as u64 && metadata.bytes_out > answer.len() as u64 + 4);

    let sizes = |metrics: &Metrics| {
        let metadata = &metrics.apis[&ApiKey::Metadata];
        (metadata.bytes_in, metadata.bytes_out)
    };
    let (bytes_in, bytes_out) = sizes(&broker.metrics());
    peer.send_bytes(&request).await;
    assert_eq!(peer.receive_frame().await.unwrap().len(), answer.len());
    let expected = (bytes_in + request.len() as u64, bytes_out + 4 + answer.len() as u64);
    assert_eq!(sizes(&broker.metrics()), expected);
}

#[tokio::test]
async fn what_is_appended_and_read_is_counted_by_topic_and_goes_with_it() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let stamp =
        ProducerStamp { producer_id: ProducerId(7), producer_epoch: ProducerEpoch(0), base_sequence: 0 };
    let (plain, stamped) = (batch(&["a", "b", "c"]), stamped_batch(&["d"], stamp));
    peer.produce("events", plain.clone()).await;
    for _ in 0..2 {
        // The second time it is recognised.
        assert_eq!(peer.produce("events", stamped.clone()).await.error_code, ErrorCode::None);
    }
    assert_ne!(peer.produce("events", Bytes::from_static(b"no batch")).await.error_code, ErrorCode::None);
    assert_eq!(peer.fetch("events", 99).await.error_code, ErrorCode::OffsetOutOfRange);
    peer.fetch("events", 0).await;

    let bytes = (plain.len() + stamped.len()) as u64;
    let expected = TopicMetrics {
        partitions: 1,
        segments: 1,
        size_bytes: bytes,
        appended_batches: 2,
        appended_records: 4,
        appended_bytes: bytes,
        repeated_batches: 1,
        refused_batches: 1,
        reads: 2,
        read_bytes: bytes,
        refused_reads: 1,
        sent_bytes: bytes,
    };
    assert_eq!(broker.metrics().topics["events"], expected);
    let produce = &broker.metrics().apis[&ApiKey::Produce];
    assert_eq!(produce.errors.values().sum::<u64>(), 1, "{produce:?}");

    let topic = DeleteTopicState { name: Some("events".into()), ..Default::default() };
    peer.call(&DeleteTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() }, 6).await;
    assert!(!broker.metrics().topics.contains_key("events"));
}

#[tokio::test]
async fn those_who_wait_are_counted_while_they_wait() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let mut reader = Peer::of(&broker).await;
    reader.send(&FetchRequest { max_wait_ms: 60_000, ..fetch_request("events", 0) }, 12).await;
    until(&broker, |metrics| metrics.waiting_fetch_requests == 1).await;
    peer.produce("events", batch(&["a"])).await;
    assert!(reader.receive::<FetchRequest>(12).await.is_some());
    let metrics = broker.metrics();
    assert_eq!((metrics.waiting_fetch_requests, metrics.waiting_produce_requests), (0, 0));
}

#[tokio::test]
async fn connections_are_counted_by_listener() {
    let broker = Broker::builder().ephemeral().set("max.connections.per.ip", "1").start().await.unwrap();
    let mut first = Peer::of(&broker).await;
    first.call(&MetadataRequest::default(), 12).await;
    let mut second = Peer::of(&broker).await;
    assert_eq!(second.receive_frame().await, None);
    let listener = &broker.metrics().listeners["PLAINTEXT"];
    assert_eq!((listener.open, listener.accepted, listener.refused), (1, 1, 1));
    drop(first);
    until(&broker, |metrics| metrics.listeners["PLAINTEXT"].open == 0).await;
    broker.stop().await.unwrap();
    assert_eq!(broker.metrics(), Metrics::default());
}

#[tokio::test]
async fn flushes_are_counted_where_records_wait_for_them() {
    let broker = Broker::builder().ephemeral().durability(Durability::Group).start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let before = broker.metrics().flushes.count();
    for _ in 0..3 {
        assert_eq!(peer.call(&produce_request("events", batch(&["a"])), 9).await.responses.len(), 1);
    }
    until(&broker, |metrics| metrics.flushes.count() >= before + 3).await;
}

#[tokio::test]
async fn groups_are_counted_by_state_with_their_members() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.join_alone("billing").await;
    peer.commit("elsewhere", None, "t", 1).await;
    let groups = broker.metrics().groups;
    assert_eq!((groups.by_state.get("Stable"), groups.members), (Some(&1), 1));
}
