//! CreateTopics over TCP: what is created in each version, and what is refused.

use kestrel_protocol::messages::create_topics::{CreatableReplicaAssignment, CreatableTopicConfig};
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::{NodeId, TopicId};

use super::*;
use crate::Broker;
use crate::testing::{Peer, batch};

fn topic(name: &str, num_partitions: i32) -> CreatableTopic {
    CreatableTopic {
        name: name.to_owned().into(),
        num_partitions,
        replication_factor: -1,
        ..Default::default()
    }
}

fn request(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest { topics, ..Default::default() }
}

#[tokio::test]
async fn a_created_topic_can_be_produced_to_at_once_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in 2..=7 {
        let name = format!("t{version}");
        let response = peer.call(&request(vec![topic(&name, 2)]), version).await;
        let [created] = &response.topics[..] else { panic!("one topic") };
        assert_eq!((&*created.name, created.error_code), (&*name, ErrorCode::None));
        assert_eq!(created.topic_id.is_nil(), version < 7);
        assert_eq!(created.num_partitions, if version >= 5 { 2 } else { -1 });
        assert_eq!(peer.produce(&name, batch(&["a"])).await.error_code, ErrorCode::None);
    }
}

#[tokio::test]
async fn the_answer_has_the_configuration_of_the_topic() {
    let broker = Broker::builder().ephemeral().set("log.roll.ms", "5000").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let config = CreatableTopicConfig { name: "retention.ms".into(), value: Some("77".into()) };
    let response =
        peer.call(&request(vec![CreatableTopic { configs: vec![config], ..topic("t", -1) }]), 7).await;
    let created = &response.topics[0];
    assert_eq!((created.num_partitions, created.replication_factor), (1, 1));
    let configs = created.configs.as_ref().unwrap();
    assert_eq!(configs.len(), 33);
    let shown = |name: &str| {
        let config = configs.iter().find(|config| &*config.name == name).unwrap();
        (config.value.as_deref().unwrap().to_owned(), config.config_source)
    };
    assert_eq!(shown("retention.ms"), ("77".to_owned(), 1));
    assert_eq!(shown("segment.ms"), ("5000".to_owned(), 4));
    assert_eq!(shown("segment.bytes"), ("1073741824".to_owned(), 5));
}

#[tokio::test]
async fn each_topic_is_created_or_refused_by_itself() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let assignments = vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![NodeId(1)] }];
    let by_hand = CreatableTopic { assignments, ..topic("by-hand", -1) };
    let topics = vec![topic("ok", 1), topic("no good", 1), topic("twice", 1), topic("twice", 2), by_hand];
    let response = peer.call(&request(topics), 7).await;
    let mut outcomes: Vec<_> = response.topics.iter().map(|topic| (&*topic.name, topic.error_code)).collect();
    outcomes.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(
        outcomes,
        [
            ("by-hand", ErrorCode::None),
            ("no good", ErrorCode::InvalidTopic),
            ("ok", ErrorCode::None),
            ("twice", ErrorCode::InvalidRequest),
        ]
    );
    let refused = response.topics.iter().find(|topic| &*topic.name == "no good").unwrap();
    assert!(refused.error_message.as_ref().unwrap().contains("characters other than"));
    assert_eq!((refused.topic_id, refused.num_partitions), (TopicId::NIL, -1));
}

#[tokio::test]
async fn validating_creates_nothing() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let validate = CreateTopicsRequest { validate_only: true, ..request(vec![topic("t", 3), topic("", 1)]) };
    let response = peer.call(&validate, 7).await;
    assert_eq!((response.topics[0].error_code, response.topics[0].num_partitions), (ErrorCode::None, 3));
    assert_eq!(response.topics[1].error_code, ErrorCode::InvalidTopic);
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert!(peer.call(&all, 12).await.topics.is_empty());
}

#[tokio::test]
async fn topics_and_their_settings_are_there_after_a_restart() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let config = CreatableTopicConfig { name: "max.message.bytes".into(), value: Some("100".into()) };
    let small = CreatableTopic { configs: vec![config], ..topic("small", 1) };
    let id = peer.call(&request(vec![small]), 7).await.topics[0].topic_id;
    broker.restart().await.unwrap();

    let mut peer = Peer::of(&broker).await;
    let all = MetadataRequest { topics: None, ..Default::default() };
    assert_eq!(peer.call(&all, 12).await.topics[0].topic_id, id);
    assert_eq!(peer.produce("small", batch(&["a"])).await.error_code, ErrorCode::None);
    let too_large = batch(&["a".repeat(100).as_str()]);
    assert_eq!(peer.produce("small", too_large).await.error_code, ErrorCode::MessageTooLarge);
}
