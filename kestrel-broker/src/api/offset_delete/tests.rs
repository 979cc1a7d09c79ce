//! OffsetDelete over TCP.

use kestrel_protocol::messages::offset_delete::OffsetDeleteRequestPartition;

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn request(group: &str, topics: &[&str]) -> OffsetDeleteRequest {
    let topic = |name: &&str| OffsetDeleteRequestTopic {
        name: (*name).into(),
        partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
    };
    OffsetDeleteRequest { group_id: group.into(), topics: topics.iter().map(topic).collect() }
}

#[tokio::test]
async fn offsets_go_unless_they_may_be_in_use() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    assert_eq!(peer.call(&request("g", &["t"]), 0).await.error_code, ErrorCode::GroupIdNotFound);
    peer.commit("g", None, "t", 7).await;
    let codes = |response: &OffsetDeleteResponse| {
        assert_eq!(response.error_code, ErrorCode::None);
        response.topics.iter().map(|topic| topic.partitions[0].error_code).collect::<Vec<_>>()
    };
    let response = peer.call(&request("g", &["nope", "t"]), 0).await;
    assert_eq!(codes(&response), [ErrorCode::UnknownTopicOrPartition, ErrorCode::None]);
    assert_eq!(peer.committed("g", "t").await, -1);
    // What these members subscribed to cannot be read: it could be anything.
    peer.join_alone("g").await;
    assert_eq!(codes(&peer.call(&request("g", &["t"]), 0).await), [ErrorCode::GroupSubscribedToTopic]);
}
