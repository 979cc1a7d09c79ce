//! A full disk is answered, loses nothing, and passes: for producers, groups and the controller.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use rustix::io::Errno;

use crate::Broker;
use crate::log::tap::{Call, Fault, Recorder};
use crate::testing::{Peer, batch};

async fn broker_on(dir: &tempfile::TempDir) -> (Broker, Arc<Recorder>) {
    let recorder = Recorder::start(dir.path());
    let broker = Broker::builder().listen("127.0.0.1:0").data_dir(dir.path());
    let broker = broker.set("offsets.topic.num.partitions", "1").start().await.unwrap();
    (broker, recorder)
}

/// The disk is full for the logs below this folder.
fn full(path: &'static str) -> Fault {
    Fault { bytes: 40, ..Fault::of(Call::Write, path, Errno::NOSPC) }
}

fn new_topic(name: &'static str, num_partitions: i32) -> CreatableTopic {
    CreatableTopic { name: name.into(), num_partitions, replication_factor: 1, ..Default::default() }
}

async fn create(peer: &mut Peer, name: &'static str) -> ErrorCode {
    let topics = vec![new_topic(name, 1)];
    let request = CreateTopicsRequest { topics, timeout_ms: 10_000, ..Default::default() };
    peer.call(&request, 5).await.topics[0].error_code
}

#[tokio::test]
async fn producers_are_refused_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    assert_eq!(peer.produce("events", batch(&["a"])).await.error_code, ErrorCode::None);
    recorder.fail(full("events-0"));
    for _ in 0..3 {
        assert_eq!(peer.produce("events", batch(&["b"])).await.error_code, ErrorCode::KafkaStorageError);
        assert_eq!(peer.fetch("events", 0).await.high_watermark, 1);
    }
    recorder.heal();
    let produced = peer.produce("events", batch(&["b"])).await;
    assert_eq!((produced.error_code, produced.base_offset), (ErrorCode::None, 1));
    broker.restart().await.unwrap();
    assert_eq!(Peer::of(&broker).await.fetch("events", 0).await.high_watermark, 2);
}

#[tokio::test]
async fn groups_keep_what_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    peer.find_coordinator("readers").await;
    assert_eq!(peer.commit("readers", None, "events", 7).await, ErrorCode::None);
    recorder.fail(full("__consumer_offsets-0"));
    assert_ne!(peer.commit("readers", None, "events", 8).await, ErrorCode::None);
    // The groups are read from their log again, while it cannot be written.
    assert_eq!(peer.committed("readers", "events").await, 7);
    assert_ne!(peer.commit("readers", None, "events", 9).await, ErrorCode::None);
    recorder.heal();
    while peer.commit("readers", None, "events", 10).await != ErrorCode::None {
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.committed("readers", "events").await, 10);
}

/// Waits until partition 0 of a topic has a leader.
async fn await_leader(peer: &mut Peer, topic: &'static str) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let metadata = peer.describe(topic).await;
        match metadata.topics[0].partitions[0].error_code {
            ErrorCode::None => return,
            error => assert_eq!(error, ErrorCode::LeaderNotAvailable),
        }
        assert!(tokio::time::Instant::now() < deadline, "{topic} stays offline");
    }
}

#[tokio::test]
async fn a_topic_is_created_whole_or_not_at_all() {
    for (call, path, errno) in [
        (Call::Open, "events-0", Errno::MFILE),
        (Call::CreateDir, "events-0", Errno::NOSPC),
        (Call::Write, "events-0/partition.metadata", Errno::NOSPC),
        (Call::Write, "events-0/leader-epoch", Errno::NOSPC),
        (Call::Write, "__cluster_metadata", Errno::NOSPC),
        (Call::Open, "", Errno::MFILE),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (broker, recorder) = broker_on(&dir).await;
        let mut peer = Peer::of(&broker).await;
        recorder.fail(Fault::of(call, path, errno));
        let topics = ["events", "others"].map(|name| new_topic(name, 2)).into();
        let request = CreateTopicsRequest { topics, timeout_ms: 10_000, ..Default::default() };
        let answer = peer.call(&request, 5).await;
        let all = path.is_empty() || path.starts_with("__");
        let expected = if all { ErrorCode::KafkaStorageError } else { ErrorCode::None };
        assert_eq!(
            [answer.topics[0].error_code, answer.topics[1].error_code],
            [ErrorCode::KafkaStorageError, expected],
            "{call:?} {path}"
        );
        assert!(answer.topics[0].error_message.as_ref().unwrap().contains("events-0") || all);
        assert_eq!(peer.describe("events").await.topics[0].error_code, ErrorCode::UnknownTopicOrPartition);
        recorder.heal();
        assert_eq!(create(&mut peer, "events").await, ErrorCode::None, "{call:?} {path}");
        assert_eq!(peer.produce("events", batch(&["a"])).await.error_code, ErrorCode::None);
        broker.restart().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        assert_eq!(peer.fetch("events", 0).await.high_watermark, 1);
        assert!(
            !dir.path().join("events-1").exists(),
            "{call:?} {path}: nothing is left of the refused topic"
        );
    }
}

#[tokio::test]
async fn partitions_are_added_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "events").await;
    recorder.fail(Fault::of(Call::Open, "events-2", Errno::MFILE));
    let topic = CreatePartitionsTopic { name: "events".into(), count: 4, assignments: None };
    let request = CreatePartitionsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: false };
    assert_eq!(peer.call(&request, 3).await.results[0].error_code, ErrorCode::KafkaStorageError);
    assert_eq!(peer.describe("events").await.topics[0].partitions.len(), 1);
    assert_eq!(peer.produce("events", batch(&["a"])).await.error_code, ErrorCode::None);
    recorder.heal();
    assert_eq!(peer.call(&request, 3).await.results[0].error_code, ErrorCode::None);
    let metadata = peer.describe("events").await;
    assert!(metadata.topics[0].partitions.iter().all(|partition| partition.error_code == ErrorCode::None));
    assert_eq!(metadata.topics[0].partitions.len(), 4);
}

#[tokio::test]
async fn what_a_shortage_kept_offline_comes_back_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    peer.find_coordinator("readers").await;
    assert_eq!(peer.produce("events", batch(&["a"])).await.error_code, ErrorCode::None);
    assert_eq!(peer.commit("readers", None, "events", 1).await, ErrorCode::None);
    broker.stop().await.unwrap();
    for path in ["events-0", "__consumer_offsets-0"] {
        recorder.fail(Fault::of(Call::Open, path, Errno::MFILE));
    }
    // Whatever is written when a log is opened.
    std::fs::remove_file(dir.path().join("events-0/leader-epoch-checkpoint")).unwrap();
    std::fs::remove_file(dir.path().join("__consumer_offsets-0/leader-epoch-checkpoint")).unwrap();
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let metadata = peer.describe("events").await;
    let partition = &metadata.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.leader_id.0), (ErrorCode::LeaderNotAvailable, -1));
    assert_eq!((partition.isr_nodes.len(), partition.offline_replicas.len()), (0, 1));
    assert_eq!(peer.produce("events", batch(&["b"])).await.error_code, ErrorCode::KafkaStorageError);
    assert_eq!(peer.commit("readers", None, "events", 2).await, ErrorCode::CoordinatorNotAvailable);
    recorder.heal();
    await_leader(&mut peer, "events").await;
    await_leader(&mut peer, "__consumer_offsets").await;
    let produced = peer.produce("events", batch(&["b"])).await;
    assert_eq!((produced.error_code, produced.base_offset), (ErrorCode::None, 1));
    assert_eq!(peer.committed("readers", "events").await, 1);
    broker.restart().await.unwrap();
    assert_eq!(Peer::of(&broker).await.fetch("events", 0).await.high_watermark, 2);
}

#[tokio::test]
async fn a_topic_may_come_back_though_its_folder_could_not_be_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "events").await;
    assert_eq!(peer.produce("events", batch(&["a"])).await.error_code, ErrorCode::None);
    recorder.fail(Fault::of(Call::Rename, "events-0", Errno::NOSPC));
    let request = DeleteTopicsRequest { topic_names: vec!["events".into()], ..Default::default() };
    assert_eq!(peer.call(&request, 5).await.responses[0].error_code, ErrorCode::None);
    assert_eq!(create(&mut peer, "events").await, ErrorCode::KafkaStorageError);
    recorder.heal();
    assert_eq!(create(&mut peer, "events").await, ErrorCode::None);
    assert_eq!(peer.fetch("events", 0).await.high_watermark, 0);
    assert_eq!(peer.produce("events", batch(&["b"])).await.error_code, ErrorCode::None);
    broker.restart().await.unwrap();
    assert_eq!(Peer::of(&broker).await.fetch("events", 0).await.high_watermark, 1);
}

#[tokio::test]
async fn the_place_of_groups_is_made_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    recorder.fail(Fault::of(Call::Open, "__consumer_offsets", Errno::MFILE));
    for _ in 0..2 {
        let found = peer.find_coordinator("readers").await;
        assert_eq!(found.error_code, ErrorCode::CoordinatorNotAvailable);
    }
    assert_eq!(peer.commit("readers", None, "events", 7).await, ErrorCode::NotCoordinator);
    recorder.heal();
    assert_eq!(peer.find_coordinator("readers").await.error_code, ErrorCode::None);
    assert_eq!(peer.commit("readers", None, "events", 7).await, ErrorCode::None);
    assert_eq!(peer.committed("readers", "events").await, 7);
}

#[tokio::test]
async fn what_was_refused_did_not_happen() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    create(&mut peer, "events").await;
    assert_eq!(peer.produce("events", batch(&["a", "b"])).await.error_code, ErrorCode::None);
    recorder.fail(full("__cluster_metadata-0"));
    recorder.fail(full("log-start-offset-checkpoint"));
    let delete = DeleteTopicsRequest { topic_names: vec!["events".into()], ..Default::default() };
    assert_eq!(peer.call(&delete, 5).await.responses[0].error_code, ErrorCode::KafkaStorageError);
    let config =
        AlterableConfig { name: "max.message.bytes".into(), config_operation: 0, value: Some("10".into()) };
    let resource =
        AlterConfigsResource { resource_type: 2, resource_name: "events".into(), configs: vec![config] };
    let alter = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(peer.call(&alter, 1).await.responses[0].error_code, ErrorCode::KafkaStorageError);
    let partition = DeleteRecordsPartition { partition_index: 0, offset: 1 };
    let topic = DeleteRecordsTopic { name: "events".into(), partitions: vec![partition] };
    let trim = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 };
    let trimmed = peer.call(&trim, 2).await;
    assert_eq!(trimmed.topics[0].partitions[0].error_code, ErrorCode::KafkaStorageError);
    recorder.heal();
    for _ in 0..2 {
        let mut peer = Peer::of(&broker).await;
        assert_eq!(peer.fetch("events", 0).await.log_start_offset, 0);
        assert_eq!(peer.produce("events", batch(&["c"])).await.error_code, ErrorCode::None);
        broker.restart().await.unwrap();
    }
    assert_eq!(Peer::of(&broker).await.call(&trim, 2).await.topics[0].partitions[0].low_watermark, 1);
}

#[tokio::test]
async fn the_controller_forgets_what_it_could_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, recorder) = broker_on(&dir).await;
    let mut peer = Peer::of(&broker).await;
    recorder.fail(full("__cluster_metadata-0"));
    assert_eq!(create(&mut peer, "events").await, ErrorCode::KafkaStorageError);
    assert!(!dir.path().join("events-0").exists());
    recorder.heal();
    assert_eq!(create(&mut peer, "events").await, ErrorCode::None);
    assert_eq!(create(&mut peer, "events").await, ErrorCode::TopicAlreadyExists);
    assert_eq!(peer.produce("events", batch(&["a"])).await.error_code, ErrorCode::None);
}
