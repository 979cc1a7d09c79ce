//! A full disk is answered, loses nothing, and passes: for producers, groups and the controller.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
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

async fn create(peer: &mut Peer, name: &'static str) -> ErrorCode {
    let topic =
        CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
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
