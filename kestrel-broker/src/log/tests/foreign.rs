//! Folders that Apache Kafka wrote, and ours for Apache Kafka's tools.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kestrel_protocol::record::{Compression, RecordBatches};
use kestrel_protocol::{LeaderEpoch, NodeId};

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
    manager.open_log(OpenLog { topic, partition: *partition, topic_id, config, now: NOW }).unwrap()
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
            let answer = log.offset_for_timestamp(Timestamp(target), i64::MAX).unwrap().unwrap();
            assert_eq!((answer.timestamp.0, answer.offset), *expected);
        }
        let largest = times.iter().map(|(timestamp, _)| *timestamp).max().unwrap();
        let expected = times.iter().find(|(timestamp, _)| *timestamp == largest).unwrap();
        let answer = log.max_timestamp_offset(i64::MAX).unwrap().unwrap();
        assert_eq!((answer.timestamp.0, answer.offset), *expected);
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
                .map(|i| (NOW.0 + (n * 7 + i * 3) as i64, "0123456789012345678901234567890123456789"))
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
