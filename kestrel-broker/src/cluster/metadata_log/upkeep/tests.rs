//! Snapshots on real folders: what they hold, what goes with them, and the power going at any moment.

use std::path::Path;
use std::sync::Arc;

use kestrel_protocol::record::control::ControlRecord;
use kestrel_protocol::{NodeId, Timestamp, Uuid};

use crate::cluster::controller::Controller;
use crate::cluster::image::ClusterImage;
use crate::cluster::metadata_log::snapshot::{SnapshotFile, newest_snapshot, read_snapshot, snapshots};
use crate::cluster::metadata_log::{MetadataError, MetadataLog};
use crate::cluster::records::{MetadataRecord, RemoveTopicRecord, TopicRecord};
use crate::cluster::tests::copy;
use crate::config::{BrokerConfig, RawSettings};
use crate::log::tap::Recorder;
use crate::log::{Durability, LogManager, ManagerOptions, Random, Validation, write_image};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/folders");

/// A metadata log with what was replayed from it.
struct World {
    logs: LogManager,
    log: MetadataLog,
    controller: Controller,
    topics: u128,
}

impl World {
    fn open(dir: &Path, settings: &[(&str, &str)]) -> Result<Self, MetadataError> {
        let mut said = RawSettings::default();
        settings.iter().for_each(|(key, value)| said.set(*key, *value));
        let config = BrokerConfig::new(&said).unwrap();
        let options = ManagerOptions {
            node_id: NodeId(1),
            cluster_id: None,
            durability: Durability::Group,
            producer_id_expiration: std::time::Duration::from_secs(60),
            validation: Validation::default(),
        };
        let logs = LogManager::open(dir, options).unwrap();
        let mut log = MetadataLog::open(&logs, &config, Durability::Group, NOW)?;
        let mut controller = Controller::new(ClusterImage::new("cluster", NodeId(1)), Arc::new(config));
        log.replay_into(&mut controller)?;
        log.announce_leader(NOW)?;
        Ok(Self { logs, log, controller, topics: 0 })
    }

    /// Creates a topic and deletes the one before; when this returns, both are stored.
    async fn change(&mut self) {
        self.topics += 1;
        let (new, old) = (self.topics, self.topics - 1);
        let name = format!("topic-{new:04}").into();
        self.append(&TopicRecord { name, topic_id: Uuid::from_u128(new) }.into());
        if self.controller.image().topic_by_id(Uuid::from_u128(old)).is_some() {
            self.append(&RemoveTopicRecord { topic_id: Uuid::from_u128(old) }.into());
        }
        self.log.committed().await.unwrap();
    }

    fn append(&mut self, record: &MetadataRecord) {
        let versions = self.controller.image().features().record_versions();
        let value = record.encode(versions);
        let offset = self.log.append(std::slice::from_ref(&value), NOW).unwrap().base_offset;
        self.controller.replay(MetadataRecord::decode(value).unwrap(), offset).unwrap();
    }

    async fn snapshot(&self) {
        self.log.take_snapshot(self.controller.image(), NOW).await.unwrap();
    }

    fn topics(&self) -> Vec<String> {
        self.controller.image().topics().map(|topic| topic.name.to_string()).collect()
    }
}

fn names(dir: &Path, suffix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("__cluster_metadata-0")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(suffix));
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_snapshot_stands_for_the_log_before_it() {
    for (folder, quorum) in [("static-voters", 0), ("dynamic-voters", 2)] {
        let dir = tempfile::tempdir().unwrap();
        copy(&Path::new(FOLDERS).join(folder), dir.path());
        let image = {
            let mut world = World::open(dir.path(), &[]).unwrap();
            world.change().await;
            world.snapshot().await;
            assert_eq!(names(dir.path(), ".checkpoint.part"), [""; 0]);
            let name = format!("{:020}-{:010}.checkpoint", world.log.end_offset(), 2);
            assert_eq!(names(dir.path(), ".checkpoint").last(), Some(&name), "{folder}");
            world.change().await;
            world.controller.image().clone()
        };
        let newest = newest_snapshot(&dir.path().join("__cluster_metadata-0")).unwrap().unwrap();
        let contents = read_snapshot(&newest.path).unwrap().unwrap();
        let is_voters = |record: &ControlRecord| matches!(record, ControlRecord::KRaftVoters(_));
        assert_eq!(contents.quorum.len(), quorum, "{folder}");
        assert_eq!(contents.quorum.iter().filter(|record| is_voters(record)).count(), quorum / 2);
        let again = World::open(dir.path(), &[]).unwrap();
        assert_eq!(again.controller.image(), &image, "{folder}");
        // The voters go from one snapshot to the next.
        again.snapshot().await;
        let newest = newest_snapshot(&dir.path().join("__cluster_metadata-0")).unwrap().unwrap();
        assert_eq!(read_snapshot(&newest.path).unwrap().unwrap().quorum, contents.quorum);
    }
}

#[tokio::test]
async fn what_is_superfluous_goes_and_the_rest_stays() {
    let dir = tempfile::tempdir().unwrap();
    let small = [
        ("metadata.log.max.record.bytes.between.snapshots", "500"),
        ("metadata.max.retention.bytes", "4000"),
    ];
    let mut world = World::open(dir.path(), &small).unwrap();
    for round in 0..40 {
        for _ in 0..5 {
            world.change().await;
        }
        world.snapshot().await;
        let all = snapshots(&dir.path().join("__cluster_metadata-0")).unwrap();
        let snapshot_bytes: u64 = all.iter().map(SnapshotFile::size_bytes).sum();
        let total = world.log.size_bytes() + snapshot_bytes;
        assert!(total < 4000 || all.len() == 1, "{total} bytes, {} snapshots in round {round}", all.len());
    }
    assert_eq!(world.topics(), ["topic-0200"]);
    let start = world.log.partition.watermarks().log_start;
    assert!(start > 300, "{start}");
    assert!(!names(dir.path(), ".log").contains(&"00000000000000000000.log".to_owned()));
    world.logs.close(-1).unwrap();
    drop(world);
    let again = World::open(dir.path(), &small).unwrap();
    assert_eq!(again.topics(), ["topic-0200"]);
}

#[tokio::test]
async fn with_the_defaults_nothing_goes_before_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), &[]).unwrap();
    for _ in 0..3 {
        world.change().await;
        world.snapshot().await;
    }
    assert_eq!(names(dir.path(), ".checkpoint").len(), 3);
    assert_eq!(world.log.partition.watermarks().log_start, 0);
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    world
        .log
        .take_snapshot(world.controller.image(), NOW.saturating_add(week).saturating_add(week))
        .await
        .unwrap();
    assert_eq!(names(dir.path(), ".checkpoint").len(), 1);
}

#[tokio::test]
async fn what_is_left_of_unfinished_snapshots_is_deleted_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    drop(World::open(dir.path(), &[]).unwrap());
    for suffix in ["part", "deleted"] {
        let name = format!("__cluster_metadata-0/00000000000000000003-0000000001.checkpoint.{suffix}");
        std::fs::write(dir.path().join(name), b"half").unwrap();
    }
    drop(World::open(dir.path(), &[]).unwrap());
    assert_eq!(names(dir.path(), ".part").len() + names(dir.path(), ".deleted").len(), 0);
}

#[tokio::test]
async fn a_log_that_no_snapshot_leads_to_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let small =
        [("metadata.log.max.record.bytes.between.snapshots", "1"), ("metadata.max.retention.bytes", "0")];
    {
        let mut world = World::open(dir.path(), &small).unwrap();
        for _ in 0..3 {
            world.change().await;
            world.snapshot().await;
        }
    }
    let [snapshot] = &*names(dir.path(), ".checkpoint") else { panic!("one is left") };
    std::fs::remove_file(dir.path().join("__cluster_metadata-0").join(snapshot)).unwrap();
    let error = World::open(dir.path(), &small).err().unwrap().to_string();
    assert!(error.contains("and no snapshot leads there"), "{error}");
}

/// What was stored is there, whatever was done for snapshots meanwhile.
#[tokio::test]
async fn the_power_may_go_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let small = [
        ("metadata.log.max.record.bytes.between.snapshots", "300"),
        ("metadata.max.retention.bytes", "1000"),
    ];
    drop(World::open(dir.path(), &small).unwrap());
    let recorder = Recorder::start(dir.path());
    let mut world = World::open(dir.path(), &small).unwrap();
    // How far the journal was when so many changes were stored.
    let mut stored = vec![recorder.len()];
    for number in 1..=24 {
        world.change().await;
        stored.push(recorder.len());
        if number % 3 == 0 {
            world.snapshot().await;
        }
        if number == 12 {
            // Deleted segments are unlinked.
            world.logs.tick(NOW);
            world.logs.tick(NOW.saturating_add(std::time::Duration::from_secs(3600)));
        }
    }
    let (initial, changes) = recorder.history();
    let mut random = Random::new(24);
    for count in (0..=changes.len()).step_by(2) {
        let disk = tempfile::tempdir().unwrap();
        write_image(disk.path(), &initial, &changes[..count], &mut random);
        let found = World::open(disk.path(), &small);
        let found =
            found.unwrap_or_else(|error| panic!("after change {count} of {}: {error}", changes.len()));
        let least = stored.iter().rposition(|&at| at <= count).unwrap_or(0);
        let last = found.topics().last().map_or(0, |name| name["topic-".len()..].parse::<usize>().unwrap());
        assert!((least..=least + 1).contains(&last), "{last} and not {least} after change {count}");
    }
    assert!(changes.len() > 100);
}
