//! Folders that Apache Kafka wrote, and ours for Apache Kafka's tools.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kestrel_protocol::record::{Compression, RecordBatches};
use kestrel_protocol::{LeaderEpoch, NodeId, Timestamp};

use super::rooms::options;
use super::*;
use crate::log::*;

/// A data folder, opened as whoever wrote it left it.
fn open(dir: &Path) -> LogManager {
    let options = ManagerOptions { node_id: NodeId(1), ..options(Durability::Os) };
    LogManager::open(dir, options).unwrap()
}

fn open_found(manager: &LogManager, found: &FoundPartition, config: LogConfig) -> std::sync::Arc<Log> {
    let FoundPartition { topic, partition, topic_id } = found;
    let topic_id = topic_id.expect("each folder has its topic's id");
    manager
        .open_log(OpenLog {
            topic,
            partition: *partition,
            topic_id,
            config,
            now: NOW,
            origin: LogOrigin::HERE,
        })
        .unwrap()
}

/// The data folder named by the variable; these tests are run by hand.
fn folder_of(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names a data folder")).into()
}

fn index_files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.ends_with("index"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

/// A copy of the folder in `testdata`.
fn fixture() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log/testdata/apache-kafka-4.3.1");
    fs::create_dir(dir.path().join("fixture-0")).unwrap();
    for part in ["", "fixture-0"] {
        for entry in fs::read_dir(source.join(part)).unwrap().map(|entry| entry.unwrap()) {
            if entry.path().is_file() {
                fs::copy(entry.path(), dir.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    dir
}

/// The files of the partition with their content.
fn partition_files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir.join("fixture-0"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

#[test]
fn a_folder_of_apache_kafka_is_read_and_left_as_it_was() {
    let dir = fixture();
    let before = partition_files(dir.path());
    let manager = open(dir.path());
    assert!(manager.was_clean_shutdown());
    let found = manager.found_partitions()[0].clone();
    assert_eq!((found.topic.as_str(), found.partition), ("fixture", 0));
    let log = open_found(&manager, &found, LogConfig::default());
    let values: Vec<String> = values_of(read_all(&log)).into_iter().map(|(_, value)| value).collect();
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    let expected: Vec<String> =
        codecs.iter().flat_map(|codec| (1..4).map(move |n| format!("value {n} {codec}"))).collect();
    assert_eq!(values, expected);
    // Each producer sends its last batch again.
    for stored in RecordBatches::new(read_all(&log)) {
        let stored = stored.unwrap();
        let mut sent = stored.bytes().to_vec();
        sent[..8].fill(0);
        let context =
            AppendContext { now: Timestamp::from_millis(stored.header().max_timestamp), ..client() };
        let appended = log.append(sent.into(), context).unwrap();
        assert_eq!((appended.base_offset, appended.duplicate), (stored.header().base_offset, true));
    }
    manager.close(11).unwrap();
    assert_eq!(partition_files(dir.path()), before);
}

#[test]
fn a_folder_of_apache_kafka_is_recovered() {
    let dir = fixture();
    let before = partition_files(dir.path());
    fs::remove_file(dir.path().join(".kafka_cleanshutdown")).unwrap();
    fs::remove_file(dir.path().join("recovery-point-offset-checkpoint")).unwrap();
    let log = dir.path().join("fixture-0/00000000000000000000.log");
    let whole = fs::read(&log).unwrap();
    fs::write(&log, [&whole[..], &[0; 100]].concat()).unwrap();
    let manager = open(dir.path());
    let found = manager.found_partitions()[0].clone();
    assert_eq!(open_found(&manager, &found, LogConfig::default()).log_end_offset(), 15);
    manager.close(11).unwrap();
    assert_eq!(partition_files(dir.path()), before);
}

#[test]
#[ignore = "needs KESTREL_KAFKA_FOLDER, a folder that Apache Kafka left, cleanly or not; it is changed"]
fn a_folder_of_apache_kafka_is_read_and_continued() {
    let dir = folder_of("KESTREL_KAFKA_FOLDER");
    let manager = open(&dir);
    println!("clean: {}", manager.was_clean_shutdown());
    for found in manager.found_partitions().iter().filter(|found| found.topic.starts_with("t-")) {
        let config = LogConfig { segment_bytes: 1 << 20, timestamp_after_max: None, ..LogConfig::default() };
        let log = open_found(&manager, found, config);
        let records = read_all(&log);
        let mut next_offset = 0;
        let (mut times, mut codecs) = (Vec::new(), Vec::new());
        for batch in RecordBatches::new(records) {
            let batch = batch.unwrap();
            batch.verify_checksum().unwrap();
            assert_eq!(batch.header().base_offset, next_offset);
            codecs.push(batch.header().compression().unwrap());
            for record in batch.records(16 << 20).unwrap() {
                let record = record.unwrap();
                times.push((record.timestamp, record.offset));
            }
            next_offset = batch.header().next_offset();
        }
        assert_eq!(next_offset, log.log_end_offset());
        codecs.sort_by_key(|codec: &Compression| codec.id());
        codecs.dedup();
        println!("{} {}: {} records, {codecs:?}", found.topic, found.partition, times.len());
        for target in times.iter().map(|(timestamp, _)| *timestamp).step_by(997) {
            let expected = times.iter().find(|(timestamp, _)| *timestamp >= target).unwrap();
            let answer = log.offset_for_timestamp(Timestamp::from_millis(target), i64::MAX).unwrap().unwrap();
            assert_eq!((answer.timestamp.as_millis(), answer.offset), *expected);
        }
        let largest = times.iter().map(|(timestamp, _)| *timestamp).max().unwrap();
        let expected = times.iter().find(|(timestamp, _)| *timestamp == largest).unwrap();
        let answer = log.max_timestamp_offset(i64::MAX).unwrap().unwrap();
        assert_eq!((answer.timestamp.as_millis(), answer.offset), *expected);
        assert_eq!(log.epoch_at(0), Some(LeaderEpoch(0)));
        let values: Vec<(i64, &str)> = vec![(largest + 1, "0123456789012345678901234567890123456789"); 50];
        for n in 0..400usize {
            let stamp = keyed(9000 + next_offset, 0, i32::try_from(n * 50).unwrap(), 1).header().producer();
            append(&log, &batch(&values, Compression::ALL[n % 5], stamp)).unwrap();
        }
    }
    if std::env::var_os("KESTREL_CRASH").is_none() {
        manager.close(-1).unwrap();
    }
}

#[test]
#[ignore = "needs KESTREL_KAFKA_CRASHED, a folder that Apache Kafka was killed in in its first run; it is changed"]
fn the_indexes_made_by_recovery_are_apache_kafkas() {
    let dir = folder_of("KESTREL_KAFKA_CRASHED");
    let before = |found: &FoundPartition| dir.join(format!("{}-{}", found.topic, found.partition));
    let manager = open(&dir);
    assert!(!manager.was_clean_shutdown());
    for found in manager.found_partitions().iter().filter(|found| found.topic.starts_with("t-")) {
        let dir = before(found);
        let theirs = index_files(&dir);
        for name in theirs.keys() {
            fs::remove_file(dir.join(name)).unwrap();
        }
        let log = open_found(&manager, found, LogConfig::default());
        let ours = index_files(&dir);
        println!("{} {}: ends at {}", found.topic, found.partition, log.log_end_offset());
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        let last = ours.keys().next_back().unwrap().split_once('.').unwrap().0.to_owned();
        for (name, bytes) in ours.iter().filter(|(name, _)| !name.starts_with(&last)) {
            assert!(theirs[name] == *bytes, "{name} of {} differs", found.topic);
        }
    }
    manager.close(-1).unwrap();
}

#[test]
#[ignore = "needs KESTREL_NEW_FOLDER, where it writes a folder for Apache Kafka's tools to check"]
fn a_folder_for_apache_kafkas_tools_is_written() {
    let dir = folder_of("KESTREL_NEW_FOLDER");
    let manager = open(&dir);
    for (partition, compression) in Compression::ALL.into_iter().enumerate() {
        let found = FoundPartition {
            topic: "ours".into(),
            partition: i32::try_from(partition).unwrap(),
            topic_id: Some(kestrel_protocol::Uuid::from_u128(99)),
        };
        let config = LogConfig { segment_bytes: 1 << 20, ..LogConfig::default() };
        let log = open_found(&manager, &found, config);
        for n in 0..5000usize {
            let values: Vec<(i64, &str)> = (0..n % 40 + 1)
                .map(|i| {
                    (NOW.as_millis() + (n * 7 + i * 3) as i64, "0123456789012345678901234567890123456789")
                })
                .collect();
            let stamp = if n % 3 == 0 {
                keyed(n as i64 % 5, 0, 0, 1).header().producer()
            } else {
                kestrel_protocol::record::ProducerStamp::NONE
            };
            let stamp = kestrel_protocol::record::ProducerStamp {
                producer_epoch: kestrel_protocol::ProducerEpoch(if n % 3 == 0 {
                    i16::try_from(n).unwrap()
                } else {
                    -1
                }),
                ..stamp
            };
            append(&log, &batch(&values, compression, stamp)).unwrap();
        }
    }
    manager.close(-1).unwrap();
}
