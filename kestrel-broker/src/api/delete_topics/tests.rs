//! DeleteTopics over TCP: by name, by id, and what is refused.

use kestrel_protocol::messages::metadata::MetadataRequest;

use super::*;
use crate::Broker;
use crate::authorizer::{AclBinding, AclSet, Authorizer, ResourcePattern};
use crate::testing::{Peer, batch};

fn by_name(names: &[&str]) -> DeleteTopicsRequest {
    let topic_names = names.iter().map(|name| (*name).to_owned().into()).collect();
    DeleteTopicsRequest { topic_names, ..Default::default() }
}

fn in_version_6(topics: Vec<(Option<&str>, TopicId)>) -> DeleteTopicsRequest {
    let topics = topics
        .into_iter()
        .map(|(name, topic_id)| DeleteTopicState { name: name.map(|name| name.to_owned().into()), topic_id });
    DeleteTopicsRequest { topics: topics.collect(), ..Default::default() }
}

fn codes(response: &DeleteTopicsResponse) -> Vec<(Option<&str>, ErrorCode)> {
    response.responses.iter().map(|topic| (topic.name.as_deref(), topic.error_code)).collect()
}

#[tokio::test]
async fn topics_go_by_name_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in 1..=6 {
        let id = peer.create_topic("t").await;
        let request =
            if version == 6 { in_version_6(vec![(Some("t"), TopicId::NIL)]) } else { by_name(&["t"]) };
        let response = peer.call(&request, version).await;
        assert_eq!(codes(&response), [(Some("t"), ErrorCode::None)], "version {version}");
        assert_eq!(response.responses[0].topic_id, if version == 6 { id } else { TopicId::NIL });
        let refused = peer.produce("t", batch(&["a"])).await;
        assert_eq!(refused.error_code, ErrorCode::UnknownTopicOrPartition);
    }
    assert!(!broker.data_dir().join("t-0").exists());
}

#[tokio::test]
async fn topics_go_by_id_and_each_by_itself() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("t").await;
    let unknown = TopicId::from_u128(7);
    let request = in_version_6(vec![
        (None, id),
        (None, unknown),
        (Some("nope"), TopicId::NIL),
        (Some("t"), id),
        (None, TopicId::NIL),
    ]);
    let mut outcomes = codes(&peer.call(&request, 6).await)
        .into_iter()
        .map(|(name, code)| (name.map(str::to_owned), code))
        .collect::<Vec<_>>();
    outcomes.sort_unstable_by_key(|(name, code)| (name.clone(), code.code()));
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(
        outcomes,
        [
            (None, ErrorCode::InvalidRequest),
            (None, ErrorCode::UnknownTopicId),
            (named("nope"), ErrorCode::UnknownTopicOrPartition),
            (named("t"), ErrorCode::None),
            (named("t"), ErrorCode::InvalidRequest),
        ]
    );
}

#[tokio::test]
async fn a_topic_that_is_named_twice_stays() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("t").await;
    for request in
        [in_version_6(vec![(None, id), (None, id)]), in_version_6(vec![(Some("t"), TopicId::NIL); 2])]
    {
        let response = peer.call(&request, 6).await;
        assert_eq!(response.responses.len(), 1, "one answer, as Apache Kafka");
        assert_eq!(response.responses[0].error_code, ErrorCode::InvalidRequest);
    }
    let response = peer.call(&by_name(&["t", "t"]), 5).await;
    assert_eq!(codes(&response), [(Some("t"), ErrorCode::InvalidRequest)]);
    assert_eq!(peer.call(&MetadataRequest { topics: None, ..Default::default() }, 9).await.topics.len(), 1);
}

#[tokio::test]
async fn deletion_can_be_switched_off() {
    let broker = Broker::builder().ephemeral().set("delete.topic.enable", "false").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    for (version, expected) in [
        (1, ErrorCode::InvalidRequest),
        (2, ErrorCode::InvalidRequest),
        (3, ErrorCode::TopicDeletionDisabled),
    ] {
        assert_eq!(codes(&peer.call(&by_name(&["t"]), version).await), [(Some("t"), expected)]);
    }
    assert_eq!(peer.call(&MetadataRequest { topics: None, ..Default::default() }, 9).await.topics.len(), 1);
}

#[tokio::test]
async fn a_topic_that_returns_is_empty_and_has_another_id() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let old = peer.create_topic("t").await;
    peer.produce("t", batch(&["a", "b"])).await;
    peer.call(&by_name(&["t"]), 5).await;
    assert_ne!(peer.create_topic("t").await, old);
    assert_eq!(peer.fetch("t", 0).await.high_watermark, 0);
    broker.restart().await.unwrap();
    assert_eq!(Peer::of(&broker).await.fetch("t", 0).await.high_watermark, 0);
}

/// The controller may know a topic before the image does: such a one is not deleted by who may only see it.
#[test]
fn what_is_not_in_the_image_is_unknown_and_no_business_of_the_controller() {
    let mut acls = AclSet::default();
    let describe = AclBinding::allow("User:eve", Describe, ResourcePattern::topic("t"));
    acls.insert(kestrel_protocol::Uuid::from_u128(1), describe);
    let access = Access::for_test(Authorizer::default(), acls, "eve");
    let image = Arc::new(ClusterImage::new("cluster", kestrel_protocol::NodeId(1)));
    let permission = Permission { access: &access, deletes_all: false, image };
    for (topic, expected) in [
        (TopicRef::Name("t".into()), ErrorCode::UnknownTopicOrPartition),
        (TopicRef::Name("hidden".into()), ErrorCode::TopicAuthorizationFailed),
        (TopicRef::Id(TopicId::from_u128(7)), ErrorCode::UnknownTopicId),
    ] {
        assert_eq!(permission.check(&topic).unwrap_err().error_code, expected);
    }
}
