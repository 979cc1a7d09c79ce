//! OffsetFetch over TCP: some partitions, all of them, several groups, by name and by id.

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn old(topics: Option<&[&str]>) -> OffsetFetchRequest {
    let topic = |name: &&str| kestrel_protocol::messages::offset_fetch::OffsetFetchRequestTopic {
        name: (*name).into(),
        partition_indexes: vec![0, 1],
    };
    let topics = topics.map(|names| names.iter().map(topic).collect());
    OffsetFetchRequest { group_id: "g".into(), topics, ..Default::default() }
}

/// A broker where group `g` has offset 7 for partition 0 of `t`; with the topic's id.
async fn committed() -> (Broker, Peer, TopicId) {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let topic_id = peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    assert_eq!(peer.commit("g", None, "t", 7).await, ErrorCode::None);
    (broker, peer, topic_id)
}

#[tokio::test]
async fn one_group_is_asked_for_in_the_old_versions() {
    let (_broker, mut peer, _) = committed().await;
    for version in 1..=7 {
        let response = peer.call(&old(Some(&["t", "nope"])), version).await;
        assert_eq!(response.error_code, ErrorCode::None);
        let found = |topic: usize| {
            let partitions = response.topics[topic].partitions.iter();
            let found = partitions
                .map(|found| (found.committed_offset, found.metadata.as_deref().unwrap(), found.error_code));
            found.collect::<Vec<_>>()
        };
        assert_eq!(found(0), [(7, "noted", ErrorCode::None), (-1, "", ErrorCode::None)], "version {version}");
        assert_eq!(found(1), [(-1, "", ErrorCode::None); 2]);
        if version >= 2 {
            let all = peer.call(&old(None), version).await;
            assert_eq!((all.topics.len(), all.topics[0].partitions.len()), (1, 1));
            assert_eq!(all.topics[0].partitions[0].committed_offset, 7);
        }
    }
}

#[tokio::test]
async fn several_groups_are_asked_for_in_the_new_ones() {
    let (_broker, mut peer, topic_id) = committed().await;
    let topic =
        |topic_id| OffsetFetchRequestTopics { name: "t".into(), topic_id, partition_indexes: vec![0] };
    let group =
        |id: &str, topics| OffsetFetchRequestGroup { group_id: id.into(), topics, ..Default::default() };
    for version in 8..=10 {
        let request = OffsetFetchRequest {
            groups: vec![
                group("g", Some(vec![topic(topic_id)])),
                group("g", None),
                group("nobody", Some(vec![topic(topic_id)])),
                group("nobody", None),
            ],
            require_stable: true,
            ..Default::default()
        };
        let response = peer.call(&request, version).await;
        let found: Vec<_> = response
            .groups
            .iter()
            .map(|group| {
                let offset = |topic: &OffsetFetchResponseTopics| topic.partitions[0].committed_offset;
                (&*group.group_id, group.topics.iter().map(offset).collect::<Vec<_>>())
            })
            .collect();
        let expected = [("g", vec![7]), ("g", vec![7]), ("nobody", vec![-1]), ("nobody", vec![])];
        assert_eq!(found, expected, "version {version}");
        let named = &response.groups[1].topics[0];
        let expected = if version == 10 { ("", topic_id) } else { ("t", TopicId::NIL) };
        assert_eq!((&*named.name, named.topic_id), expected);
    }
    let unknown = OffsetFetchRequest {
        groups: vec![group("g", Some(vec![topic(TopicId::from_u128(1)), topic(topic_id)]))],
        ..Default::default()
    };
    let response = peer.call(&unknown, 10).await;
    let codes: Vec<_> =
        response.groups[0].topics.iter().map(|topic| topic.partitions[0].error_code).collect();
    assert_eq!(codes, [ErrorCode::UnknownTopicId, ErrorCode::None]);
}

#[tokio::test]
async fn nobody_is_asked_before_there_is_a_coordinator() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in [1, 2, 7] {
        let response = peer.call(&old(Some(&["t"])), version).await;
        if version == 1 {
            assert_eq!(response.topics[0].partitions[0].error_code, ErrorCode::NotCoordinator);
        } else {
            assert_eq!(response.error_code, ErrorCode::NotCoordinator);
        }
    }
}
