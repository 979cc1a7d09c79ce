//! CreatePartitions over TCP: what grows, and what is refused.

use kestrel_protocol::NodeId;
use kestrel_protocol::messages::create_partitions::CreatePartitionsAssignment;
use kestrel_protocol::messages::metadata::MetadataRequest;

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn topic(name: &str, count: i32) -> CreatePartitionsTopic {
    CreatePartitionsTopic { name: name.to_owned().into(), count, assignments: None }
}

fn request(topics: Vec<CreatePartitionsTopic>) -> CreatePartitionsRequest {
    CreatePartitionsRequest { topics, ..Default::default() }
}

async fn partitions(peer: &mut Peer) -> usize {
    peer.call(&MetadataRequest { topics: None, ..Default::default() }, 12).await.topics[0].partitions.len()
}

#[tokio::test]
async fn partitions_are_added_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    for version in 0..=3 {
        let count = i32::from(version) + 2;
        let response = peer.call(&request(vec![topic("t", count)]), version).await;
        assert_eq!(response.results[0].error_code, ErrorCode::None, "version {version}");
        assert_eq!(partitions(&mut peer).await, usize::try_from(count).unwrap());
    }
    assert!(broker.data_dir().join("t-4").is_dir());
    broker.restart().await.unwrap();
    assert_eq!(partitions(&mut Peer::of(&broker).await).await, 5);
}

#[tokio::test]
async fn each_topic_is_grown_or_refused_by_itself() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let assignments = Some(vec![CreatePartitionsAssignment { broker_ids: vec![NodeId(9)] }]);
    let by_hand = CreatePartitionsTopic { assignments, ..topic("t", 2) };
    let response = peer.call(&request(vec![by_hand, topic("nope", 2)]), 3).await;
    let codes: Vec<_> = response.results.iter().map(|result| (&*result.name, result.error_code)).collect();
    assert_eq!(
        codes,
        [("t", ErrorCode::InvalidReplicaAssignment), ("nope", ErrorCode::UnknownTopicOrPartition),]
    );
    let twice = peer.call(&request(vec![topic("t", 2), topic("t", 3)]), 3).await;
    assert_eq!(twice.results.len(), 1);
    assert_eq!(twice.results[0].error_code, ErrorCode::InvalidRequest);
    assert_eq!(partitions(&mut peer).await, 1, "what is asked for twice stays");
    let same = peer.call(&request(vec![topic("t", 1)]), 3).await;
    assert_eq!(same.results[0].error_message.as_deref(), Some("Topic already has 1 partition(s)."));
}

#[tokio::test]
async fn validating_adds_nothing() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let validate = CreatePartitionsRequest { validate_only: true, ..request(vec![topic("t", 9)]) };
    assert_eq!(peer.call(&validate, 3).await.results[0].error_code, ErrorCode::None);
    assert_eq!(partitions(&mut peer).await, 1);
}
