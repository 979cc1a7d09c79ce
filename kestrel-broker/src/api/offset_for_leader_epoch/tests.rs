//! OffsetForLeaderEpoch over TCP: known, unknown and future epochs.

use kestrel_protocol::messages::offset_for_leader_epoch::OffsetForLeaderTopic;

use super::*;
use crate::Broker;
use crate::testing::{Peer, batch};

fn request(partitions: Vec<OffsetForLeaderPartition>) -> OffsetForLeaderEpochRequest {
    let topic = OffsetForLeaderTopic { topic: "events".into(), partitions };
    OffsetForLeaderEpochRequest { topics: vec![topic], ..Default::default() }
}

fn epoch(leader_epoch: i32, current_leader_epoch: i32) -> OffsetForLeaderPartition {
    OffsetForLeaderPartition {
        partition: 0,
        leader_epoch: LeaderEpoch(leader_epoch),
        current_leader_epoch: LeaderEpoch(current_leader_epoch),
    }
}

#[tokio::test]
async fn known_unknown_and_future_epochs() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    peer.produce("events", batch(&["a", "b"])).await;
    let cases = [
        ("the current epoch", epoch(0, -1), (ErrorCode::None, 0, 2)),
        ("the current epoch, fenced", epoch(0, 0), (ErrorCode::None, 0, 2)),
        ("a future epoch", epoch(4, -1), (ErrorCode::None, -1, -1)),
        ("no epoch", epoch(-1, -1), (ErrorCode::None, -1, -1)),
        ("a leader of the future", epoch(0, 3), (ErrorCode::UnknownLeaderEpoch, -1, -1)),
        (
            "no such partition",
            OffsetForLeaderPartition { partition: 7, ..epoch(0, -1) },
            (ErrorCode::UnknownTopicOrPartition, -1, -1),
        ),
    ];
    for version in 2..=4 {
        for (what, asked, expected) in &cases {
            let response = peer.call(&request(vec![asked.clone()]), version).await;
            let end = &response.topics[0].partitions[0];
            assert_eq!((end.error_code, end.leader_epoch.0, end.end_offset), *expected, "{what}");
            assert_eq!(end.partition, asked.partition);
        }
    }
}
