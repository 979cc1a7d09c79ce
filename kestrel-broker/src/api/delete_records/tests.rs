//! DeleteRecords over TCP: how the log start moves, and what is refused.

use kestrel_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kestrel_protocol::messages::delete_records::DeleteRecordsTopic;

use super::*;
use crate::Broker;
use crate::testing::{Peer, batch};

fn request(topic: &str, partition_index: i32, offset: i64) -> DeleteRecordsRequest {
    let partitions = vec![DeleteRecordsPartition { partition_index, offset }];
    let topics = vec![DeleteRecordsTopic { name: topic.to_owned().into(), partitions }];
    DeleteRecordsRequest { topics, timeout_ms: 0 }
}

async fn delete(peer: &mut Peer, topic: &str, partition: i32, offset: i64) -> (i64, ErrorCode) {
    let response = peer.call(&request(topic, partition, offset), 2).await;
    let result = &response.topics[0].partitions[0];
    (result.low_watermark, result.error_code)
}

#[tokio::test]
async fn the_log_start_moves_up_and_stays_there() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.produce("t", batch(&["a", "b", "c"])).await;
    for version in 0..=2 {
        let response = peer.call(&request("t", 0, 2), version).await;
        assert_eq!(response.topics[0].partitions[0].low_watermark, 2, "version {version}");
    }
    assert_eq!(delete(&mut peer, "t", 0, 1).await, (2, ErrorCode::None));
    assert_eq!(peer.fetch("t", 1).await.error_code, ErrorCode::OffsetOutOfRange);
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.fetch("t", 2).await.log_start_offset, 2);
    // -1 is everything that is stored.
    assert_eq!(delete(&mut peer, "t", 0, -1).await, (3, ErrorCode::None));
}

#[tokio::test]
async fn what_cannot_be_deleted_is_refused() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let config = CreatableTopicConfig { name: "cleanup.policy".into(), value: Some("compact".into()) };
    let compacted = CreatableTopic {
        name: "compacted".into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![config],
        ..Default::default()
    };
    peer.call(&CreateTopicsRequest { topics: vec![compacted], ..Default::default() }, 7).await;
    peer.create_topic("t").await;
    peer.produce("t", batch(&["a"])).await;
    let cases = [
        ("nope", 0, 0, ErrorCode::UnknownTopicOrPartition),
        ("t", 5, 0, ErrorCode::UnknownTopicOrPartition),
        ("t", 0, 2, ErrorCode::OffsetOutOfRange),
        ("t", 0, -5, ErrorCode::OffsetOutOfRange),
        ("compacted", 0, -1, ErrorCode::PolicyViolation),
    ];
    for (topic, partition, offset, expected) in cases {
        assert_eq!(delete(&mut peer, topic, partition, offset).await, (-1, expected), "{topic} {offset}");
    }
}
