//! Metadata over TCP: quirks of old versions, topics by id, topics that are created on the way.

use kestrel_protocol::NodeId;

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn named(name: &str) -> MetadataRequestTopic {
    MetadataRequestTopic { name: Some(name.to_owned().into()), ..Default::default() }
}

fn by_id(topic_id: TopicId) -> MetadataRequestTopic {
    MetadataRequestTopic { topic_id, name: None }
}

fn request(topics: Option<Vec<MetadataRequestTopic>>) -> MetadataRequest {
    MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() }
}

fn names(response: &MetadataResponse) -> Vec<&str> {
    response.topics.iter().map(|topic| topic.name.as_deref().unwrap_or("(null)")).collect()
}

#[tokio::test]
async fn null_is_all_and_empty_is_none_but_in_version_0() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("b").await;
    peer.create_topic("a").await;
    assert_eq!(names(&peer.call(&request(Some(vec![])), 0).await), ["a", "b"]);
    for version in 1..=13 {
        assert_eq!(names(&peer.call(&request(None), version).await), ["a", "b"], "version {version}");
        assert_eq!(names(&peer.call(&request(Some(vec![])), version).await), [""; 0], "version {version}");
    }
}

#[tokio::test]
async fn the_answer_names_this_broker_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("events").await;
    assert_ne!(id, TopicId::NIL);
    for version in 0..=13 {
        let response = peer.call(&request(Some(vec![named("events")])), version).await;
        let [node] = &response.brokers[..] else { panic!("one broker") };
        assert_eq!(format!("{}:{}", node.host, node.port), broker.bootstrap_servers());
        let [topic] = &response.topics[..] else { panic!("one topic") };
        assert_eq!(topic.error_code, ErrorCode::None);
        assert_eq!(topic.topic_id, if version >= 10 { id } else { TopicId::NIL });
        let [partition] = &topic.partitions[..] else { panic!("one partition") };
        assert_eq!((partition.leader_id, &partition.replica_nodes[..]), (node.node_id, &[node.node_id][..]));
        assert_eq!(response.cluster_id.is_some(), version >= 2);
        assert_eq!(response.controller_id, if version >= 1 { node.node_id } else { NodeId::NONE });
    }
}

#[tokio::test]
async fn a_topic_is_created_only_when_both_sides_allow_it() {
    for (broker_allows, client_allows) in [(true, true), (true, false), (false, true)] {
        let broker = Broker::builder()
            .ephemeral()
            .set("auto.create.topics.enable", broker_allows.to_string())
            .num_partitions(3)
            .start()
            .await
            .unwrap();
        let mut peer = Peer::of(&broker).await;
        let mut request = request(Some(vec![named("events")]));
        request.allow_auto_topic_creation = client_allows;
        let response = peer.call(&request, 9).await;
        if broker_allows && client_allows {
            assert_eq!(response.topics[0].error_code, ErrorCode::None);
            assert_eq!(response.topics[0].partitions.len(), 3, "complete in the first answer");
        } else {
            assert_eq!(response.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);
            assert_eq!(names(&peer.call(&MetadataRequest { topics: None, ..request }, 9).await), [""; 0]);
        }
    }
}

#[tokio::test]
async fn an_impossible_name_is_an_error_of_its_topic() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let mut request = request(Some(vec![named("bad name"), named("good"), named("good"), named("..")]));
    request.allow_auto_topic_creation = true;
    let response = peer.call(&request, 12).await;
    assert_eq!(names(&response), ["bad name", "good", ".."], "each topic once");
    let errors: Vec<_> = response.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(errors, [ErrorCode::InvalidTopic, ErrorCode::None, ErrorCode::InvalidTopic]);
}

#[tokio::test]
async fn topics_are_found_by_id_from_version_12_on() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("events").await;
    let unknown = TopicId::from_u128(7);
    let response = peer.call(&request(Some(vec![by_id(id), by_id(unknown)])), 12).await;
    assert_eq!(names(&response), ["events", "(null)"]);
    assert_eq!(response.topics[1].error_code, ErrorCode::UnknownTopicId);
    assert_eq!(response.topics[1].topic_id, unknown);
    for version in [10, 11] {
        let response = peer.call(&request(Some(vec![by_id(id)])), version).await;
        assert_eq!(response.topics[0].error_code, ErrorCode::InvalidRequest);
    }
    let response = peer.call(&request(Some(vec![by_id(TopicId::NIL)])), 13).await;
    assert_eq!(response.error_code, ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn operations_are_named_when_asked_for() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let mut request = request(None);
    let silent = peer.call(&request, 10).await;
    assert_eq!(silent.cluster_authorized_operations, i32::MIN);
    assert_eq!(silent.topics[0].topic_authorized_operations, i32::MIN);
    request.include_cluster_authorized_operations = true;
    request.include_topic_authorized_operations = true;
    let told = peer.call(&request, 10).await;
    assert_eq!(
        (told.cluster_authorized_operations, told.topics[0].topic_authorized_operations),
        (8096, 3576)
    );
}
