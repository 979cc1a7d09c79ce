//! The metadata as a whole, in a running broker: folders of Apache Kafka, strays, crashes.

use std::ops::ControlFlow;

use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::{ErrorCode, NodeId};

use crate::testing::{Peer, batch};
use crate::{Broker, CheckEvent, Durability, check_folder};

const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/folders");

/// Copies a folder with all that is in it.
pub(super) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn start(dir: &std::path::Path) -> Broker {
    Broker::builder().data_dir(dir).listen("127.0.0.1:0").durability(Durability::Os).start().await.unwrap()
}

async fn topics(peer: &mut Peer) -> Vec<(String, usize, i32)> {
    let response = peer.call(&MetadataRequest { topics: None, ..Default::default() }, 12).await;
    let shown = response.topics.iter().map(|topic| {
        assert!(topic.partitions.iter().all(|partition| partition.leader_id == NodeId(1)));
        (
            topic.name.as_deref().unwrap().to_owned(),
            topic.partitions.len(),
            topic.partitions[0].leader_epoch.0,
        )
    });
    shown.collect()
}

#[tokio::test]
async fn a_folder_of_apache_kafka_is_served_and_grows() {
    let dir = tempfile::tempdir().unwrap();
    copy(&std::path::Path::new(FOLDERS).join("static-voters"), dir.path());
    for restart in 0..2 {
        let broker = start(dir.path()).await;
        let mut peer = Peer::of(&broker).await;
        // Apache Kafka's last stop was the first epoch's end; a clean stop of ours ends none.
        assert_eq!(topics(&mut peer).await, [("orders".to_owned(), 3, 2), ("plain".to_owned(), 2, 2)]);
        let read = peer.fetch("plain", 0).await;
        assert_eq!(read.high_watermark, 2 + restart);
        let records = read.records.unwrap().into_bytes().unwrap();
        let batches: Vec<_> = RecordBatches::new(records).collect::<Result<_, _>>().unwrap();
        let values: Vec<_> = batches
            .iter()
            .flat_map(|batch| batch.records(1 << 20).unwrap())
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(values[0].value.as_deref(), Some(&b"a"[..]));
        assert_eq!(peer.produce("plain", batch(&["more"])).await.base_offset, 2 + restart);
        broker.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_leader_epoch_ends_with_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    {
        let broker = start(dir.path()).await;
        Peer::of(&broker).await.create_topic("t").await;
        // As a crash would leave it: another broker finds the folder without a mark of a clean stop.
        broker.stop().await.unwrap();
        std::fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
    }
    let broker = start(dir.path()).await;
    let mut peer = Peer::of(&broker).await;
    assert_eq!(topics(&mut peer).await, [("t".to_owned(), 1, 1)]);
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn a_folder_that_nobody_knows_is_kept_aside() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.create_topic("empty").await;
    assert_eq!(peer.produce("t", batch(&["a"])).await.error_code, ErrorCode::None);
    broker.stop().await.unwrap();
    // As a crash leaves the folder of a topic whose creation was not written down yet.
    std::fs::rename(dir.path().join("empty-0"), dir.path().join("empty-1")).unwrap();
    // Somebody's own folder that only looks like one.
    std::fs::create_dir(dir.path().join("notes-2026")).unwrap();
    std::fs::write(dir.path().join("notes-2026/read.me"), "mine").unwrap();
    // The folder of an older topic of the same name, and one that was never known.
    std::fs::write(
        dir.path().join("t-0/partition.metadata"),
        "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAEQ\n",
    )
    .unwrap();
    copy(&dir.path().join("t-0"), &dir.path().join("u-3"));

    let broker = start(dir.path()).await;
    let names: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let strays = |prefix: &str| {
        names.iter().filter(|name| name.starts_with(prefix) && name.ends_with("-stray")).count()
    };
    assert_eq!((strays("t-0."), strays("u-3.")), (1, 1), "{names:?}");
    assert!(!names.contains(&"u-3".to_owned()));
    assert_eq!((strays("empty-1."), strays("notes-2026.")), (0, 1), "there is nothing in the first to keep");
    assert!(!names.contains(&"empty-1".to_owned()));
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.produce("t", batch(&["a"])).await.base_offset, 0);
}

/// What the check notes of a folder that is not damaged.
fn notes(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let summary = check_folder(dir, &mut |event| {
        if let CheckEvent::Found(finding) = event {
            found.push(finding.to_string());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().damages, 0, "{found:#?}");
    found
}

#[tokio::test]
async fn what_another_data_folder_has_is_offline() {
    let dir = tempfile::tempdir().unwrap();
    copy(&std::path::Path::new(FOLDERS).join("static-voters"), dir.path());
    // The metadata has all partitions in a folder of another id; all but one were moved into this one.
    let meta = dir.path().join("meta.properties");
    let text = std::fs::read_to_string(&meta).unwrap();
    std::fs::write(&meta, text.replace("AukWhWds23y4BBgPNwANZw", "O4__x1uVzH2GICZ4srWWWQ")).unwrap();
    std::fs::remove_dir_all(dir.path().join("orders-0")).unwrap();
    let points = "0\n4\norders 1 1\norders 2 1\nplain 1 0\nplain 0 2\n";
    std::fs::write(dir.path().join("recovery-point-offset-checkpoint"), points).unwrap();
    for clean in [true, false, true] {
        let broker = start(dir.path()).await;
        let mut peer = Peer::of(&broker).await;
        let metadata = peer.describe("orders").await;
        let partitions = &metadata.topics[0].partitions;
        let codes: Vec<_> = partitions.iter().map(|partition| partition.error_code).collect();
        assert_eq!(codes, [ErrorCode::LeaderNotAvailable, ErrorCode::None, ErrorCode::None]);
        let offline = &partitions[0];
        assert_eq!((offline.leader_id, &offline.offline_replicas[..]), (NodeId(-1), &[NodeId(1)][..]));
        assert_eq!(peer.produce("orders", batch(&["a"])).await.error_code, ErrorCode::KafkaStorageError);
        assert_eq!(peer.fetch("orders", 0).await.error_code, ErrorCode::KafkaStorageError);
        assert_eq!(peer.fetch("plain", 0).await.high_watermark, 2);
        broker.stop().await.unwrap();
        assert!(!dir.path().join("orders-0").exists());
        if !clean {
            std::fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
        }
        let notes = notes(dir.path());
        assert!(notes.iter().any(|note| note.contains("1 partitions are in others")), "{notes:?}");
    }
    // Its topic can be deleted all the same.
    let broker = start(dir.path()).await;
    let mut peer = Peer::of(&broker).await;
    let request = DeleteTopicsRequest { topic_names: vec!["orders".into()], ..Default::default() };
    assert_eq!(peer.call(&request, 5).await.responses[0].error_code, ErrorCode::None);
    peer.create_topic("orders").await;
    assert_eq!(peer.produce("orders", batch(&["a"])).await.base_offset, 0);
}

#[tokio::test]
async fn damage_outlasts_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    let mut peer = Peer::of(&broker).await;
    for topic in ["damaged", "whole"] {
        peer.create_topic(topic).await;
        for value in ["a", "b"] {
            assert_eq!(peer.produce(topic, batch(&[value])).await.error_code, ErrorCode::None);
        }
    }
    broker.stop().await.unwrap();
    // As a crash leaves it, after which a disk has lost a bit.
    std::fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
    let log = dir.path().join("damaged-0/00000000000000000000.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[50] ^= 1;
    std::fs::write(&log, &bytes).unwrap();
    let broker = start(dir.path()).await;
    for restart in 0..3 {
        let mut peer = Peer::of(&broker).await;
        let metadata = peer.describe("damaged").await;
        assert_eq!(metadata.topics[0].partitions[0].error_code, ErrorCode::LeaderNotAvailable, "{restart}");
        assert_eq!(peer.produce("damaged", batch(&["c"])).await.error_code, ErrorCode::KafkaStorageError);
        assert_eq!(peer.fetch("damaged", 0).await.error_code, ErrorCode::KafkaStorageError);
        assert_eq!(peer.produce("whole", batch(&["c"])).await.base_offset, 2 + restart);
        broker.restart().await.unwrap();
    }
    assert_eq!(std::fs::read(&log).unwrap(), bytes);
}

#[tokio::test]
async fn a_deletion_that_a_crash_cut_short_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    let folder = dir.path().join("t-0");
    copy(&folder, &dir.path().join("copy"));
    let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
    assert_eq!(peer.call(&request, 5).await.responses[0].error_code, ErrorCode::None);
    peer.create_topic("t").await;
    broker.stop().await.unwrap();
    // As a crash would leave it: the deletion is in the metadata log, and the folder is there.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::rename(dir.path().join("copy"), &folder).unwrap();

    let mut found = Vec::new();
    let summary = check_folder(dir.path(), &mut |event| {
        if let CheckEvent::Found(finding) = event {
            found.push(finding.to_string());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().damages, 0, "{found:#?}");
    let broker = start(dir.path()).await;
    let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_str().unwrap().ends_with("-stray")));
    let mut peer = Peer::of(&broker).await;
    assert_eq!(peer.produce("t", batch(&["a"])).await.base_offset, 0);
}

#[tokio::test]
async fn what_was_created_together_is_created_whole() {
    let broker = Broker::test().await.unwrap();
    let creations = (0..20).map(|number| {
        let broker = &broker;
        async move {
            let mut peer = Peer::of(broker).await;
            let name = format!("t{number}");
            peer.create_topic(&name).await;
            peer.produce(&name, batch(&["a"])).await.error_code
        }
    });
    let outcomes = futures::future::join_all(creations).await;
    assert!(outcomes.iter().all(|code| *code == ErrorCode::None));
    broker.restart().await.unwrap();
    assert_eq!(topics(&mut Peer::of(&broker).await).await.len(), 20);
}

/// Topics come and go for ever; what is kept of them does not.
#[tokio::test]
async fn the_metadata_of_topics_that_are_gone_goes_too() {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::builder()
        .data_dir(dir.path())
        .listen("127.0.0.1:0")
        .durability(Durability::Os)
        .set("metadata.log.max.record.bytes.between.snapshots", "2000")
        .set("metadata.max.retention.bytes", "10000")
        .start()
        .await
        .unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("stays").await;
    for _ in 0..100 {
        peer.create_topic("t").await;
        let request = DeleteTopicsRequest { topic_names: vec!["t".into()], ..Default::default() };
        assert_eq!(peer.call(&request, 5).await.responses[0].error_code, ErrorCode::None);
    }
    let folder = dir.path().join("__cluster_metadata-0");
    let first = folder.join("00000000000000000000.log");
    broker.restart().await.unwrap();
    assert!(!first.exists());
    assert_eq!(topics(&mut Peer::of(&broker).await).await.len(), 1);
    broker.stop().await.unwrap();
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    let bytes: u64 = files.sum();
    assert!(bytes < 15_000, "{bytes}");
    let summary = check_folder(dir.path(), &mut |event| {
        if let CheckEvent::Found(finding) = event {
            println!("{finding}");
        }
        ControlFlow::Continue(())
    });
    assert_eq!(summary.unwrap().damages, 0);
}
