//! ListOffsets over TCP: every special timestamp, and times.

use kestrel_protocol::NodeId;
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::list_offsets::ListOffsetsTopic;

use super::*;
use crate::Broker;
use crate::testing::{FIRST_TIMESTAMP, Peer, batch};

fn request(partitions: Vec<ListOffsetsPartition>) -> ListOffsetsRequest {
    let topic = ListOffsetsTopic { name: "events".into(), partitions };
    ListOffsetsRequest { replica_id: NodeId::NONE, topics: vec![topic], ..Default::default() }
}

fn at(timestamp: i64) -> ListOffsetsPartition {
    ListOffsetsPartition { timestamp, ..Default::default() }
}

/// A broker whose partition `events`-0 has the offsets 0 to 5, and its log start at 2.
async fn broker_with_records() -> (Broker, Peer) {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    for values in [&["a", "b"][..], &["c", "d", "e"], &["f"]] {
        peer.produce("events", batch(values)).await;
    }
    let partition = DeleteRecordsPartition { partition_index: 0, offset: 2 };
    let topic = DeleteRecordsTopic { name: "events".into(), partitions: vec![partition] };
    peer.call(&DeleteRecordsRequest { topics: vec![topic], timeout_ms: 30_000 }, 2).await;
    (broker, peer)
}

async fn find(peer: &mut Peer, timestamp: i64, version: i16) -> (ErrorCode, i64, i64, i32) {
    let response = peer.call(&request(vec![at(timestamp)]), version).await;
    let found = &response.topics[0].partitions[0];
    (found.error_code, found.offset, found.timestamp, found.leader_epoch.0)
}

#[tokio::test]
async fn each_special_timestamp_has_its_meaning() {
    let (_broker, mut peer) = broker_with_records().await;
    let cases = [
        ("the end", -1, (6, -1, 0)),
        ("the log start", -2, (2, -1, 0)),
        ("the largest timestamp", -3, (4, FIRST_TIMESTAMP + 2, 0)),
        ("the local log start", -4, (2, -1, 0)),
        ("the last one in tiered storage", -5, (-1, -1, -1)),
        ("the next one for tiered storage", -6, (-1, -1, -1)),
        ("a time before all", 0, (2, FIRST_TIMESTAMP, 0)),
        ("a time between", FIRST_TIMESTAMP + 1, (3, FIRST_TIMESTAMP + 1, 0)),
        ("a time after all", FIRST_TIMESTAMP + 1000, (-1, -1, -1)),
    ];
    for (what, timestamp, (offset, found_timestamp, epoch)) in cases {
        let found = find(&mut peer, timestamp, 11).await;
        assert_eq!(found, (ErrorCode::None, offset, found_timestamp, epoch), "{what}");
    }
}

#[tokio::test]
async fn a_question_is_unknown_before_its_first_version() {
    let (_broker, mut peer) = broker_with_records().await;
    for (timestamp, first_version) in [(-1, 1), (-2, 1), (5, 1), (-3, 7), (-4, 8), (-5, 9), (-6, 11)] {
        for version in 1..=11 {
            let (error, ..) = find(&mut peer, timestamp, version).await;
            let expected =
                if version >= first_version { ErrorCode::None } else { ErrorCode::UnsupportedVersion };
            assert_eq!(error, expected, "{timestamp} in version {version}");
        }
    }
    assert_eq!(find(&mut peer, -7, 11).await.0, ErrorCode::UnsupportedVersion);
}

#[tokio::test]
async fn an_empty_partition_begins_and_ends_at_zero() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    for timestamp in [-1, -2] {
        let (error, offset, ..) = find(&mut peer, timestamp, 5).await;
        assert_eq!((error, offset), (ErrorCode::None, 0));
    }
    for timestamp in [-3, 0] {
        let (error, offset, ..) = find(&mut peer, timestamp, 7).await;
        assert_eq!((error, offset), (ErrorCode::None, -1));
    }
}

#[tokio::test]
async fn what_cannot_be_answered_has_its_own_error() {
    let (_broker, mut peer) = broker_with_records().await;
    let unknown = ListOffsetsPartition { partition_index: 5, ..at(-1) };
    let newer = ListOffsetsPartition { current_leader_epoch: LeaderEpoch(3), ..at(-1) };
    let response = peer.call(&request(vec![unknown, newer, at(-1)]), 10).await;
    let errors: Vec<_> = response.topics[0].partitions.iter().map(|found| found.error_code).collect();
    // The third asks for the same partition as the second: one answer, as Apache Kafka.
    assert_eq!(errors, [ErrorCode::UnknownTopicOrPartition, ErrorCode::InvalidRequest]);
    let newer = ListOffsetsPartition { current_leader_epoch: LeaderEpoch(3), ..at(-1) };
    let response = peer.call(&request(vec![newer]), 10).await;
    assert_eq!(response.topics[0].partitions[0].error_code, ErrorCode::UnknownLeaderEpoch);
}
