//! Retention over TCP: what clients see of it, and what becomes of the files.

use std::path::Path;

use kestrel_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId, Timestamp, Uuid};

use super::*;
use crate::log::{AppendOrigin, LogConfig, ManagerOptions, Retention, Validation};
use crate::partition::{LedPartition, ReplicaChanges};
use crate::testing::{FIRST_TIMESTAMP, Peer, batch};
use crate::{Broker, Durability};

/// A broker that looks for old segments every second.
async fn broker(settings: &[(&str, &str)]) -> Broker {
    let mut builder = Broker::builder().ephemeral().durability(Durability::Os);
    for (key, value) in [("log.retention.check.interval.ms", "1"), ("log.segment.delete.delay.ms", "0")] {
        builder = builder.set(key, value);
    }
    for (key, value) in settings {
        builder = builder.set(*key, *value);
    }
    builder.start().await.unwrap()
}

/// A topic with a segment for each batch of [`batch`], which keeps everything for now.
async fn create(peer: &mut Peer, name: &str) {
    let config = |(name, value): (&str, &str)| CreatableTopicConfig {
        name: name.to_owned().into(),
        value: Some(value.to_owned().into()),
    };
    let topic = CreatableTopic {
        name: name.to_owned().into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: [("internal.segment.bytes", "100"), ("retention.ms", "-1")].map(config).into(),
        ..Default::default()
    };
    let response = peer.call(&CreateTopicsRequest { topics: vec![topic], ..Default::default() }, 7).await;
    assert_eq!(response.topics[0].error_code, ErrorCode::None);
}

async fn set(peer: &mut Peer, topic: &str, key: &str, value: &str) {
    let config = AlterableConfig {
        name: key.to_owned().into(),
        config_operation: 0,
        value: Some(value.to_owned().into()),
    };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: topic.to_owned().into(),
        configs: vec![config],
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(peer.call(&request, 1).await.responses[0].error_code, ErrorCode::None);
}

fn files(broker: &Broker, partition: &str) -> Vec<String> {
    let entries = std::fs::read_dir(broker.data_dir().join(partition)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".log") || name.ends_with(".deleted"));
    names.sort();
    names
}

/// Waits until the folder has no other logs than these, nor any that wait to be unlinked.
async fn only_logs_left(broker: &Broker, partition: &str, expected: &[&str]) {
    let wait = async {
        while files(broker, partition) != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(found.is_ok(), "{:?}", files(broker, partition));
}

#[tokio::test]
async fn a_new_retention_deletes_what_is_older() {
    let broker = broker(&[]).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "t").await;
    for value in ["a", "b", "c"] {
        peer.produce("t", batch(&[value])).await;
    }
    assert_eq!(files(&broker, "t-0").len(), 3);
    set(&mut peer, "t", "retention.bytes", "100").await;
    only_logs_left(&broker, "t-0", &["00000000000000000001.log", "00000000000000000002.log"]).await;
    assert_eq!(peer.fetch("t", 0).await.error_code, ErrorCode::OffsetOutOfRange);
    let first = peer.fetch("t", 1).await;
    assert_eq!((first.error_code, first.log_start_offset), (ErrorCode::None, 1));

    set(&mut peer, "t", "retention.ms", "1000").await;
    only_logs_left(&broker, "t-0", &["00000000000000000003.log"]).await;
    assert_eq!(peer.fetch("t", 1).await.error_code, ErrorCode::OffsetOutOfRange);
    let end = peer.fetch("t", 3).await;
    assert_eq!((end.error_code, end.log_start_offset), (ErrorCode::None, 3));
    assert_eq!(peer.produce("t", batch(&["d"])).await.base_offset, 3);
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.fetch("t", 2).await.error_code, ErrorCode::OffsetOutOfRange);
}

#[tokio::test]
async fn the_files_of_deleted_records_go() {
    let broker = broker(&[]).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "t").await;
    for value in ["a", "b", "c"] {
        peer.produce("t", batch(&[value])).await;
    }
    let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset: 2 }];
    let topics = vec![DeleteRecordsTopic { name: "t".into(), partitions }];
    peer.call(&DeleteRecordsRequest { topics, timeout_ms: 0 }, 2).await;
    only_logs_left(&broker, "t-0", &["00000000000000000002.log"]).await;
    assert_eq!(peer.fetch("t", 1).await.error_code, ErrorCode::OffsetOutOfRange);
    let first = peer.fetch("t", 2).await;
    assert_eq!((first.error_code, first.log_start_offset), (ErrorCode::None, 2));
}

#[tokio::test]
async fn metadata_and_groups_are_not_touched() {
    let broker = broker(&[("log.retention.ms", "1"), ("log.retention.bytes", "0")]).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let member = peer.join_alone("g").await;
    assert_eq!(peer.commit("g", Some(&member), "t", 7).await, ErrorCode::None);
    peer.produce("t", batch(&["a"])).await;
    only_logs_left(&broker, "t-0", &["00000000000000000001.log"]).await;
    let size = |name: &Path| std::fs::metadata(broker.data_dir().join(name)).map_or(0, |file| file.len());
    assert!(size(Path::new("__cluster_metadata-0/00000000000000000000.log")) > 0);
    broker.restart().await.unwrap();
    assert_eq!(Peer::of(&broker).await.committed("g", "t").await, 7);
}

/// The partitions of a folder that holds `t-0`: three segments of a record each, which are to be kept for an hour.
async fn three_segments(dir: &Path, now: Timestamp) -> (Arc<LogManager>, Arc<ReplicaManager>) {
    let options = ManagerOptions {
        node_id: NodeId(1),
        cluster_id: None,
        durability: Durability::Os,
        validation: Validation::default(),
        producer_id_expiration: Duration::MAX,
    };
    let logs = Arc::new(LogManager::open(dir, options).unwrap());
    let replicas = Arc::new(ReplicaManager::new(Arc::clone(&logs), Durability::Os, 1));
    let retention = Retention { time: Some(HOUR), bytes: None };
    let led = LedPartition {
        topic: "t".into(),
        topic_id: Uuid::from_u128(1),
        partition: 0,
        leader_epoch: LeaderEpoch(0),
        config: LogConfig { segment_bytes: 100, retention, ..LogConfig::default() },
        directory: Uuid::NIL,
    };
    replicas.apply(ReplicaChanges { led: vec![led], ..ReplicaChanges::default() }, now).await;
    for value in ["a", "b", "c"] {
        replicas.get("t", 0).unwrap().append(batch(&[value]), AppendOrigin::Client, now).unwrap();
    }
    (logs, replicas)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn records_grow_old_by_the_wall_clock_and_checks_come_by_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let written = Timestamp::from_millis(FIRST_TIMESTAMP);
    let clock = Clock::held_at(written.saturating_add(HOUR));
    let (logs, replicas) = three_segments(dir.path(), written).await;
    let log_start = || replicas.get("t", 0).unwrap().watermarks().log_start;
    let stopping = CancellationToken::new();
    let housekeeper = Housekeeper {
        logs,
        replicas: Arc::clone(&replicas),
        encryptions: Vec::new(),
        retention_check_interval: Duration::from_secs(300),
        clock: clock.clone(),
        failed: CancellationToken::new(),
    };
    let script = async {
        // Time that is paused moves on when every task waits: each tick has done its work by then.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(log_start(), 0, "an hour is not more than an hour");
        clock.move_to(written.saturating_add(HOUR + Duration::from_millis(1)));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(log_start(), 0, "the next check has not come");
        tokio::time::sleep(Duration::from_secs(240)).await;
        assert_eq!(log_start(), 3);
        stopping.cancel();
    };
    tokio::join!(housekeeper.drive(stopping.clone()), script);
}
