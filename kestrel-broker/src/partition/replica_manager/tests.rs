//! The partitions of this broker: found by name and id, created, deleted, checkpointed.

use kestrel_protocol::{NodeId, Uuid};

use super::*;
use crate::log::{AppendOrigin, ManagerOptions, Validation};
use crate::testing::batch;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const ONE: TopicId = Uuid::from_u128(1);
const TWO: TopicId = Uuid::from_u128(2);

pub(super) fn manager(dir: &std::path::Path) -> ReplicaManager {
    let options = ManagerOptions {
        node_id: NodeId(1),
        cluster_id: None,
        durability: Durability::Os,
        validation: Validation::default(),
        producer_id_expiration: std::time::Duration::from_secs(60),
    };
    ReplicaManager::new(Arc::new(LogManager::open(dir, options).unwrap()), Durability::Os, 2)
}

pub(super) fn led(topic: &'static str, topic_id: TopicId, partition: i32, epoch: i32) -> LedPartition {
    let (leader_epoch, config) = (LeaderEpoch(epoch), LogConfig::default());
    LedPartition { topic: topic.into(), topic_id, partition, leader_epoch, config, directory: Uuid::NIL }
}

fn lead(led: Vec<LedPartition>) -> ReplicaChanges {
    ReplicaChanges { led, ..ReplicaChanges::default() }
}

fn delete(topic_id: TopicId) -> ReplicaChanges {
    ReplicaChanges { deleted: vec![topic_id], ..ReplicaChanges::default() }
}

#[tokio::test]
async fn partitions_are_found_by_name_and_by_id() {
    let dir = tempfile::tempdir().unwrap();
    let replicas = manager(dir.path());
    assert_eq!(replicas.get("t", 0).map(drop), Err(ErrorCode::UnknownTopicOrPartition));
    replicas.apply(lead((0..40).map(|partition| led("t", ONE, partition, 0)).collect()), NOW).await;
    for partition in 0..40 {
        let found = replicas.get("t", partition).unwrap();
        assert!(Arc::ptr_eq(&found, &replicas.get_by_id(ONE, partition).unwrap()));
        assert!(dir.path().join(format!("t-{partition}")).is_dir());
    }
    for partition in [-1, 40] {
        assert_eq!(replicas.get("t", partition).map(drop), Err(ErrorCode::UnknownTopicOrPartition));
        assert_eq!(replicas.get_by_id(ONE, partition).map(drop), Err(ErrorCode::UnknownTopicOrPartition));
    }
    assert_eq!(replicas.get_by_id(TWO, 0).map(drop), Err(ErrorCode::UnknownTopicId));
}

#[tokio::test]
async fn a_partition_goes_on_in_a_newer_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let replicas = manager(dir.path());
    replicas.apply(lead(vec![led("t", ONE, 0, 0)]), NOW).await;
    let before = replicas.get("t", 0).unwrap();
    replicas.apply(lead(vec![led("t", ONE, 0, 4)]), NOW).await;
    let after = replicas.get("t", 0).unwrap();
    assert!(Arc::ptr_eq(&before, &after));
    assert_eq!(after.leader_epoch(), LeaderEpoch(4));
}

#[tokio::test]
async fn a_topic_that_returns_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let replicas = manager(dir.path());
    replicas.apply(lead(vec![led("t", ONE, 0, 0)]), NOW).await;
    let old = replicas.get("t", 0).unwrap();
    old.append(batch(&["a"]), AppendOrigin::Client, NOW).unwrap();
    replicas.apply(ReplicaChanges { led: vec![led("t", TWO, 0, 0)], ..delete(ONE) }, NOW).await;
    assert_eq!(replicas.get("t", 0).unwrap().watermarks().end, 0);
    assert_eq!(replicas.get("t", 0).unwrap().topic_id(), TWO);
    assert_eq!(replicas.get_by_id(ONE, 0).map(drop), Err(ErrorCode::UnknownTopicId));
    assert_eq!(old.committed(1).await, Err(ErrorCode::NotLeaderOrFollower));

    replicas.apply(delete(TWO), NOW).await;
    assert_eq!(replicas.get("t", 0).map(drop), Err(ErrorCode::UnknownTopicOrPartition));
    assert!(!dir.path().join("t-0").exists());
    // Nothing happens when it is said twice.
    replicas.apply(delete(TWO), NOW).await;
}

#[tokio::test]
async fn new_settings_reach_open_logs() {
    let dir = tempfile::tempdir().unwrap();
    let replicas = manager(dir.path());
    replicas.apply(lead(vec![led("t", ONE, 0, 0), led("u", TWO, 0, 0)]), NOW).await;
    let config = LogConfig { max_message_bytes: 10, ..LogConfig::default() };
    let reconfigured = vec![TopicSettings { topic: "t".into(), config }];
    replicas.apply(ReplicaChanges { reconfigured, ..ReplicaChanges::default() }, NOW).await;
    let append = |topic| replicas.get(topic, 0).unwrap().append(batch(&["a"]), AppendOrigin::Client, NOW);
    assert_eq!(
        append("t").map_err(|error| ErrorCode::from(&error)).map(drop),
        Err(ErrorCode::MessageTooLarge)
    );
    append("u").unwrap();
}

#[tokio::test]
async fn a_folder_of_another_topic_takes_one_partition_offline() {
    let dir = tempfile::tempdir().unwrap();
    {
        let replicas = manager(dir.path());
        replicas.apply(lead(vec![led("t", ONE, 0, 0)]), NOW).await;
    }
    let replicas = manager(dir.path());
    replicas.apply(lead(vec![led("t", TWO, 0, 0), led("t", TWO, 1, 0)]), NOW).await;
    assert_eq!(replicas.get("t", 0).map(drop), Err(ErrorCode::InconsistentTopicId));
    assert_eq!(replicas.get("t", 1).map(drop), Ok(()));
}
