//! OffsetCommit over TCP: by whom, in every version, and what is there after a restart.

use kestrel_protocol::TopicId;

use super::*;
use crate::Broker;
use crate::testing::{Peer, commit_request};

#[tokio::test]
async fn offsets_are_kept_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let topic_id = peer.create_topic("t").await;
    let member = peer.join_alone("g").await;
    for version in 2..=10 {
        let offset = i64::from(version) * 10;
        let mut request = commit_request("g", Some(&member), "t", offset);
        request.topics[0].topic_id = topic_id;
        let response = peer.call(&request, version).await;
        let [topic] = &response.topics[..] else { panic!("one topic") };
        assert_eq!(topic.partitions[0].error_code, ErrorCode::None, "version {version}");
        assert_eq!(
            (&*topic.name, topic.topic_id),
            if version == 10 { ("", topic_id) } else { ("t", TopicId::NIL) }
        );
        assert_eq!(peer.committed("g", "t").await, offset);
    }
}

#[tokio::test]
async fn topics_that_are_not_there_are_refused_by_themselves() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let topic_id = peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    let mut request = commit_request("g", None, "nope", 1);
    request.topics.extend(commit_request("g", None, "t", 2).topics);
    request.topics[1].topic_id = topic_id;
    for (version, expected) in [(9, ErrorCode::UnknownTopicOrPartition), (10, ErrorCode::UnknownTopicId)] {
        let response = peer.call(&request, version).await;
        let codes: Vec<_> = response.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
        assert_eq!(codes, [expected, ErrorCode::None]);
    }
    assert_eq!(peer.committed("g", "t").await, 2);
    let mut request = commit_request("g", None, "t", 3);
    request.topics[0].partitions[0].partition_index = 7;
    let response = peer.call(&request, 8).await;
    assert_eq!(response.topics[0].partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn offsets_survive_a_restart_with_every_durability() {
    use crate::Durability::{Group, Interval, Os};
    for durability in [Group, Os, Interval] {
        let broker = Broker::builder().ephemeral().durability(durability).start().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("t").await;
        let member = peer.join_alone("g").await;
        assert_eq!(peer.commit("g", Some(&member), "t", 7).await, ErrorCode::None);
        assert_eq!(peer.commit("simple", None, "t", 8).await, ErrorCode::None);
        broker.restart().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        assert_eq!((peer.committed("g", "t").await, peer.committed("simple", "t").await), (7, 8));
        // The member is still in its generation, and nobody else may move its offsets.
        assert_eq!(peer.commit("g", None, "t", 1).await, ErrorCode::UnknownMemberId);
        assert_eq!(peer.commit("g", Some(&member), "t", 9).await, ErrorCode::None);
    }
}

#[tokio::test]
async fn a_deleted_topic_takes_its_offsets_with_it() {
    use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.create_topic("stays").await;
    peer.find_coordinator("g").await;
    peer.commit("g", None, "t", 7).await;
    peer.commit("g", None, "stays", 8).await;
    peer.call(&DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() }, 5).await;
    while peer.committed("g", "t").await != -1 {}
    assert_eq!(peer.committed("g", "stays").await, 8);
}

#[tokio::test]
async fn large_metadata_is_refused() {
    let broker = Broker::builder().ephemeral().set("offset.metadata.max.bytes", "4").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    assert_eq!(peer.commit("g", None, "t", 7).await, ErrorCode::OffsetMetadataTooLarge);
}
