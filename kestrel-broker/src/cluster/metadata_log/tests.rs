//! The metadata log on real folders: those that it makes, and those that Apache Kafka 4.3.1 made.

use std::path::Path;
use std::sync::Arc;

use kestrel_protocol::NodeId;

use super::*;
use crate::cluster::image::{ClusterImage, ConfigResource};
use crate::cluster::records::TopicRecord;
use crate::cluster::tests::copy;
use crate::config::{BrokerConfig, RawSettings};
use crate::log::{ManagerOptions, Validation};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/folders");

fn manager(dir: &Path) -> LogManager {
    let options = ManagerOptions {
        node_id: NodeId(1),
        cluster_id: None,
        durability: Durability::Os,
        validation: Validation::default(),
        producer_id_expiration: Duration::from_secs(60),
    };
    LogManager::open(dir, options).unwrap()
}

fn controller() -> Controller {
    let config = BrokerConfig::new(&RawSettings::default()).unwrap();
    Controller::new(ClusterImage::new("cluster", NodeId(1)), Arc::new(config))
}

fn open(logs: &LogManager) -> Result<MetadataLog, MetadataError> {
    MetadataLog::open(logs, &BrokerConfig::new(&RawSettings::default()).unwrap(), Durability::Os, NOW)
}

/// Opens the folder and rebuilds the metadata from it.
fn replayed(dir: &Path) -> Result<Controller, MetadataError> {
    let mut controller = controller();
    open(&manager(dir))?.replay_into(&mut controller)?;
    Ok(controller)
}

/// A folder of `testdata` that may be written to.
fn copy_of(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(FOLDERS).join(name), dir.path());
    dir
}

fn epoch_in(dir: &Path) -> i32 {
    let state = QuorumState::read(&dir.join("__cluster_metadata-0")).unwrap();
    state.unwrap().unwrap().leader_epoch
}

#[test]
fn topics_and_settings_of_apache_kafka_are_there() {
    let dir = copy_of("static-voters");
    let controller = replayed(dir.path()).unwrap();
    let image = controller.image();
    let topics: Vec<_> =
        image.topics().map(|topic| (&*topic.name, topic.partitions.len(), topic.id.to_string())).collect();
    let orders = ("orders", 3, "GWD0hwzWRL-BlflN38LiLw".to_owned());
    let plain = ("plain", 2, "qJvkfKhpQ9mLo-yvm-BoLw".to_owned());
    assert_eq!(topics, [orders, plain]);
    let shown = |resource: &ConfigResource| {
        image.config(resource).iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(shown(&ConfigResource::topic("orders")), ["cleanup.policy=compact", "segment.bytes=1048576"]);
    assert_eq!(shown(&ConfigResource::topic("plain")), ["max.message.bytes=2000000"]);
    assert_eq!(shown(&ConfigResource::all_brokers()), ["log.retention.ms=-1", "min.insync.replicas=1"]);
    assert_eq!(shown(&ConfigResource::broker(NodeId(1))), ["log.cleaner.threads=2"]);
    assert_eq!(image.features().level("metadata.version"), 30);
    assert!(image.features().has_elr());
    assert_eq!(image.next_producer_id, 1000);
    assert_eq!(epoch_in(dir.path()), 2);
}

#[test]
fn a_snapshot_of_apache_kafka_and_the_log_after_it_make_the_same_as_the_whole_log() {
    let from_snapshot = copy_of("dynamic-voters");
    let from_log = copy_of("dynamic-voters");
    for snapshot in
        ["00000000000000000020-0000000001.checkpoint", "00000000000000000022-0000000001.checkpoint"]
    {
        std::fs::remove_file(from_log.path().join("__cluster_metadata-0").join(snapshot)).unwrap();
    }
    let (one, other) = (replayed(from_snapshot.path()).unwrap(), replayed(from_log.path()).unwrap());
    assert_eq!(in_order(one.image()), in_order(other.image()));
    assert_eq!(one.image().topics().len(), 2);
}

/// The image with the features of each node by name: Apache Kafka writes them as they come.
fn in_order(image: &ClusterImage) -> ClusterImage {
    let mut image = image.clone();
    let brokers = image.brokers.values_mut().map(|broker| &mut Arc::make_mut(broker).features);
    let controllers =
        image.controllers.values_mut().map(|controller| &mut Arc::make_mut(controller).features);
    brokers.chain(controllers).for_each(|features| features.sort_by(|a, b| a.name.cmp(&b.name)));
    image
}

#[test]
fn the_voters_stay_where_they_were() {
    for (name, has_static_voters) in [("static-voters", true), ("dynamic-voters", false)] {
        let dir = copy_of(name);
        replayed(dir.path()).unwrap();
        let state = QuorumState::read(&dir.path().join("__cluster_metadata-0")).unwrap().unwrap().unwrap();
        assert_eq!(state.voters.is_some(), has_static_voters, "{name}");
        assert_eq!(state.leader_epoch, 2);
    }
}

#[test]
fn each_start_begins_an_epoch_that_was_never_there() {
    let dir = tempfile::tempdir().unwrap();
    for expected in 1..4 {
        let logs = manager(dir.path());
        let mut log = open(&logs).unwrap();
        let appended = log.announce_leader(NOW).unwrap();
        assert_eq!((appended.base_offset, epoch_in(dir.path())), (i64::from(expected) - 1, expected));
    }
    // Also when the file is lost: the log knows.
    std::fs::remove_file(dir.path().join("__cluster_metadata-0/quorum-state")).unwrap();
    open(&manager(dir.path())).unwrap();
    assert_eq!(epoch_in(dir.path()), 4);
}

#[test]
fn what_was_appended_is_replayed() {
    let dir = tempfile::tempdir().unwrap();
    {
        let logs = manager(dir.path());
        let mut log = open(&logs).unwrap();
        log.announce_leader(NOW).unwrap();
        let bootstrap = log.bootstrap(NOW).unwrap();
        assert_eq!(log.append(&bootstrap, NOW).unwrap().base_offset, 1);
        let versions = crate::cluster::features::FeatureLevels::default().record_versions();
        for (name, id) in [("a", 1), ("b", 2)] {
            let topic = TopicRecord { name: name.into(), topic_id: Uuid::from_u128(id) };
            log.append(&[MetadataRecord::from(topic).encode(versions)], NOW).unwrap();
        }
        assert_eq!(log.end_offset(), 5);
    }
    assert!(dir.path().join("bootstrap.checkpoint").is_file());
    let controller = replayed(dir.path()).unwrap();
    assert_eq!(controller.image().topics().map(|topic| &*topic.name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(controller.image().last_offset(), 4);
    assert_eq!(controller.image().features().check_supported(), Ok(()));
}

#[test]
fn a_formatted_folder_begins_with_what_it_was_formatted_with() {
    let dir = copy_of("static-voters");
    for entry in std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            std::fs::remove_dir_all(entry).unwrap();
        }
    }
    let logs = manager(dir.path());
    assert_eq!(open(&logs).unwrap().bootstrap(NOW).unwrap().len(), 6);
}

#[test]
fn logs_without_metadata_are_refused_and_left_alone() {
    let dir = copy_of("static-voters");
    std::fs::remove_dir_all(dir.path().join("__cluster_metadata-0")).unwrap();
    let clean = dir.path().join(".kafka_cleanshutdown");
    assert!(clean.exists());
    let error = open(&manager(dir.path())).unwrap_err().to_string();
    assert!(error.contains("__cluster_metadata-0 is missing") && error.contains("log.dirs"), "{error}");
    assert!(clean.exists() && dir.path().join("orders-0").is_dir());
    assert!(!dir.path().join("__cluster_metadata-0").exists());
}

#[test]
fn a_folder_of_several_voters_is_refused() {
    let dir = copy_of("static-voters");
    let file = dir.path().join("__cluster_metadata-0/quorum-state");
    let several = std::fs::read_to_string(&file)
        .unwrap()
        .replace("[{\"voterId\":1}]", "[{\"voterId\":1},{\"voterId\":2}]");
    std::fs::write(&file, several).unwrap();
    let error = replayed(dir.path()).unwrap_err().to_string();
    assert!(error.contains("belongs to a quorum of nodes 1, 2, and Kestrel runs alone"), "{error}");
}

#[test]
fn damage_is_named_with_its_file() {
    let damage = |name: &str, file: &str, change: fn(Vec<u8>) -> Vec<u8>| {
        let dir = copy_of(name);
        let path = dir.path().join("__cluster_metadata-0").join(file);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, change(bytes)).unwrap();
        replayed(dir.path()).unwrap_err().to_string()
    };
    let error = damage("static-voters", "quorum-state", |_| b"{}".to_vec());
    assert!(error.contains("quorum-state is damaged: it names no leaderEpoch"), "{error}");
    let error =
        damage("dynamic-voters", "00000000000000000022-0000000001.checkpoint", |bytes| bytes[..900].to_vec());
    assert!(error.contains("00000000000000000022-0000000001.checkpoint is damaged"), "{error}");
    let flip = |mut bytes: Vec<u8>| {
        bytes[1000] ^= 1;
        bytes
    };
    let error = damage("static-voters", "00000000000000000000.log", flip);
    assert!(error.contains("__cluster_metadata-0 is damaged"), "{error}");
}
