//! FindCoordinator over TCP: this broker from the first request on, and what it does not coordinate.

use kestrel_protocol::messages::join_group::JoinGroupRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;

use super::*;
use crate::Broker;
use crate::testing::{Peer, join_request};

#[tokio::test]
async fn the_first_request_finds_this_broker_in_every_version() {
    for version in 0..=6 {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        let request = FindCoordinatorRequest {
            key: "billing".into(),
            coordinator_keys: vec!["billing".into(), "audit".into()],
            ..Default::default()
        };
        let response = peer.call(&request, version).await;
        let found = if version >= 4 {
            let keys: Vec<_> = response.coordinators.iter().map(|found| &*found.key).collect();
            assert_eq!(keys, ["billing", "audit"]);
            response.coordinators
        } else {
            let FindCoordinatorResponse { error_code, node_id, host, port, .. } = response;
            vec![Coordinator { error_code, node_id, host, port, ..Default::default() }]
        };
        for found in found {
            assert_eq!((found.error_code, found.node_id), (ErrorCode::None, NodeId(1)), "version {version}");
            assert_eq!(format!("{}:{}", found.host, found.port), broker.bootstrap_servers());
        }
    }
}

#[tokio::test]
async fn the_topic_of_the_groups_is_that_of_apache_kafka() {
    let broker =
        Broker::builder().ephemeral().set("offsets.topic.num.partitions", "7").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.find_coordinator("billing").await;
    let topics = peer.call(&MetadataRequest { topics: None, ..Default::default() }, 9).await.topics;
    let [topic] = &topics[..] else { panic!("one topic") };
    assert_eq!((topic.name.as_deref(), topic.partitions.len()), (Some("__consumer_offsets"), 7));
    assert!(topic.is_internal);
    // It is found again after a restart, and by two who ask at once.
    broker.restart().await.unwrap();
    let (mut one, mut two) = (Peer::of(&broker).await, Peer::of(&broker).await);
    let (one, two) = tokio::join!(one.find_coordinator("a"), two.find_coordinator("b"));
    assert_eq!((one.error_code, two.error_code), (ErrorCode::None, ErrorCode::None));
}

#[tokio::test]
async fn who_reads_the_topic_of_the_groups_first_gets_the_same_one() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("__consumer_offsets").await;
    let topics = peer.call(&MetadataRequest { topics: None, ..Default::default() }, 9).await.topics;
    assert_eq!(topics[0].partitions.len(), 50);
    peer.join_alone("g").await;
}

#[tokio::test]
async fn a_transactional_id_finds_this_broker_and_a_topic_like_apache_kafkas() {
    let broker =
        Broker::builder().ephemeral().set("transaction.state.log.num.partitions", "7").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    for version in 1..=6 {
        let request = FindCoordinatorRequest {
            key: "orders".into(),
            key_type: TRANSACTION,
            coordinator_keys: vec!["orders".into()],
        };
        let response = peer.call(&request, version).await;
        let found = response.coordinators.into_iter().next().map(|found| (found.error_code, found.node_id));
        let found = found.unwrap_or((response.error_code, response.node_id));
        assert_eq!(found, (ErrorCode::None, NodeId(1)), "version {version}");
    }
    let topics = peer.call(&MetadataRequest { topics: None, ..Default::default() }, 9).await.topics;
    let [topic] = &topics[..] else { panic!("one topic") };
    assert_eq!((topic.name.as_deref(), topic.partitions.len()), (Some("__transaction_state"), 7));
    assert!(topic.is_internal);
}

#[tokio::test]
async fn other_keys_have_no_coordinator() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let (absent, invalid) = (ErrorCode::CoordinatorNotAvailable, ErrorCode::InvalidRequest);
    // Share groups are known from version 6 on.
    for (key_type, expected, expected_new) in [(SHARE, invalid, absent), (3, invalid, invalid)] {
        let request =
            FindCoordinatorRequest { key: "t".into(), key_type, coordinator_keys: vec!["t".into()] };
        let old = peer.call(&request, 3).await;
        assert_eq!((old.error_code, old.node_id, old.port), (expected, NodeId::NONE, -1));
        let new = peer.call(&request, 6).await;
        assert_eq!(
            (new.coordinators[0].error_code, new.coordinators[0].error_message.is_some()),
            (expected_new, true)
        );
    }
}

#[tokio::test]
async fn groups_begin_anew_when_their_topic_is_deleted() {
    use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
    let broker = Broker::test().await.unwrap();
    let (mut peer, mut waiting) = (Peer::of(&broker).await, Peer::of(&broker).await);
    peer.create_topic("t").await;
    let member = peer.join_alone("g").await;
    peer.commit("g", Some(&member), "t", 7).await;
    waiting.send(&join_request("g", ""), 3).await;
    let delete = DeleteTopicsRequest { topic_names: vec!["__consumer_offsets".into()], ..Default::default() };
    assert_eq!(peer.call(&delete, 5).await.responses[0].error_code, ErrorCode::None);
    let sent_away = waiting.receive::<JoinGroupRequest>(3).await.unwrap();
    assert_eq!(sent_away.error_code, ErrorCode::NotCoordinator);
    assert_eq!(peer.commit("g", Some(&member), "t", 8).await, ErrorCode::NotCoordinator);

    peer.find_coordinator("g").await;
    assert_eq!(peer.committed("g", "t").await, -1);
    assert_eq!(peer.join_alone("g").await.generation, 1);
}
