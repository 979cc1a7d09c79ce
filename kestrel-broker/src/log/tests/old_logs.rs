//! Logs of Apache Kafka long ago, which are healthy: formats 0 and 1, and segments whose offsets are far apart.

use std::fs;
use std::ops::ControlFlow;

use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatch, RecordBatchBuilder};
use kestrel_protocol::{LeaderEpoch, Timestamp};

use super::*;
use crate::log::check::{CheckedFolder, Finding, Meter, Severity, Walked};
use crate::log::upkeep::repair::LogRepair;
use crate::log::{LogConfig, LogError};

/// Three messages, three compressed into one, three more: as Apache Kafka's own classes write them.
const FORMATS: [(i8, &[u8]); 2] = [
    (0, include_bytes!("../../../testdata/old-formats/format-0.log")),
    (1, include_bytes!("../../../testdata/old-formats/format-1.log")),
];

/// A partition whose log begins with `first` and goes on with a batch at offset 9, stopped cleanly or not; with the recovery
/// point at the end or at 0.
fn folder(first: &[u8], clean: bool, recovery_point: i64) -> Folder {
    let folder = Folder::new(LogConfig::default());
    folder.open().close();
    for name in folder.files("") {
        if name.starts_with("0000") {
            fs::remove_file(folder.file(&name)).unwrap();
        }
    }
    fs::write(folder.file("00000000000000000000.log"), first).unwrap();
    fs::write(folder.file("00000000000000000000.index"), [7; 8]).unwrap();
    fs::write(folder.file("00000000000000000000.timeindex"), [7; 12]).unwrap();
    fs::write(folder.file("00000000000000000009.log"), record(9, "new").bytes()).unwrap();
    fs::write(folder.file("00000000000000000009.index"), []).unwrap();
    fs::write(folder.file("00000000000000000009.timeindex"), []).unwrap();
    let checkpoint = format!("0\n1\nt 0 {recovery_point}\n");
    fs::write(folder.path().join("recovery-point-offset-checkpoint"), checkpoint).unwrap();
    if !clean {
        fs::remove_file(folder.path().join(".kafka_cleanshutdown")).unwrap();
    }
    folder
}

fn record(offset: i64, value: &str) -> RecordBatch {
    let options = BuilderOptions {
        base_offset: offset,
        partition_leader_epoch: LeaderEpoch(0),
        ..BuilderOptions::default()
    };
    let mut builder = RecordBatchBuilder::new(options, 1 << 16);
    builder.append(NOW.as_millis() + offset, Some(b"key"), Some(value.as_bytes()), []).unwrap();
    builder.build(ProducerStamp::NONE)
}

fn contents(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), fs::read(folder.file(&name)).unwrap());
    folder.files("").into_iter().filter(|name| name.starts_with("0000")).map(read).collect()
}

fn findings(folder: &Folder) -> Vec<Finding> {
    let (mut found, mut go_on) = (Vec::new(), |_| ControlFlow::Continue(()));
    let mut meter = Meter::new(&mut go_on);
    let checked = CheckedFolder::read(folder.path(), &mut |_| {}).unwrap();
    let partition = &checked.partitions[0];
    checked.check(partition, &mut Walked::default(), &mut meter, &mut |finding| found.push(finding)).unwrap();
    found
}

#[test]
fn an_old_format_is_named_and_left_as_it_is() {
    for (magic, bytes) in FORMATS {
        for (clean, recovery_point) in [(true, 10), (false, 10), (false, 0)] {
            let folder = folder(bytes, clean, recovery_point);
            let before = contents(&folder);
            let severities: Vec<_> = findings(&folder).iter().map(|finding| finding.severity).collect();
            assert!(!severities.contains(&Severity::Damage), "{:#?}", findings(&folder));
            assert_eq!(severities.iter().filter(|severity| **severity == Severity::OldFormat).count(), 1);
            assert!(LogRepair::open(folder.path()).unwrap().find("t", 0).unwrap().is_none());
            let error = folder.try_open().unwrap_err();
            assert!(matches!(error, LogError::OldFormat { magic: found, .. } if found == magic), "{error}");
            assert!(error.to_string().contains("not damaged"), "{error}");
            assert_eq!(contents(&folder), before);
        }
    }
}

#[test]
fn damage_in_an_old_format_is_damage_and_is_not_cut_off() {
    for (_, bytes) in FORMATS {
        let mut damaged = bytes.to_vec();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        for (clean, recovery_point) in [(true, 10), (false, 10), (false, 0)] {
            let folder = folder(&damaged, clean, recovery_point);
            let before = contents(&folder);
            assert!(findings(&folder).iter().any(|finding| finding.severity == Severity::Damage));
            assert!(LogRepair::open(folder.path()).unwrap().find("t", 0).unwrap().is_none());
            assert!(matches!(folder.try_open(), Err(LogError::OldFormat { .. })));
            assert_eq!(contents(&folder), before);
        }
    }
}

#[test]
fn a_damaged_batch_is_not_taken_for_an_old_format() {
    let mut bytes = record(0, "value").bytes().to_vec();
    bytes[16] = 1;
    let folder = folder(&bytes, false, 10);
    assert!(findings(&folder).iter().any(|finding| finding.severity == Severity::Damage));
    assert!(matches!(folder.try_open(), Err(LogError::Corrupt { .. })));
}

/// A segment of offsets far apart; with the one behind it that vouches for them, or without.
fn far_apart(vouched: bool, clean: bool, is_flushed: bool) -> Folder {
    let batches = [record(0, "a"), record(1, "b"), record(FAR, "c"), record(FAR + 1, "d")];
    let bytes: Vec<u8> = batches.iter().flat_map(|batch| batch.bytes().to_vec()).collect();
    let end = if vouched { 2 * FAR + 1 } else { FAR + 2 };
    let mut folder = folder(&bytes, clean, if is_flushed { end } else { 0 });
    folder.config = LogConfig { index_interval_bytes: 1, ..LogConfig::default() };
    for name in folder.files("").iter().filter(|name| name.starts_with("00000000000000000009")) {
        fs::remove_file(folder.file(name)).unwrap();
    }
    // As a start that rebuilds them makes them.
    fs::remove_file(folder.file("00000000000000000000.index")).unwrap();
    fs::remove_file(folder.file("00000000000000000000.timeindex")).unwrap();
    if vouched {
        fs::write(folder.file(&format!("{:020}.log", 2 * FAR)), record(2 * FAR, "e").bytes()).unwrap();
    }
    folder
}

const FAR: i64 = i32::MAX as i64 + 10;

#[test]
fn offsets_in_a_segment_may_be_far_apart() {
    for (clean, is_flushed) in [(true, true), (false, true), (false, false)] {
        let folder = far_apart(true, clean, is_flushed);
        for restart in 0..2 {
            let open = folder.open();
            let read = values_of(read_all(&open.log));
            let offsets: Vec<i64> = read.iter().map(|(offset, _)| *offset).collect();
            assert_eq!(offsets[..5], [0, 1, FAR, FAR + 1, 2 * FAR]);
            for offset in [1, FAR, FAR + 1, 2 * FAR] {
                let found = open
                    .log
                    .offset_for_timestamp(Timestamp::from_millis(NOW.as_millis() + offset), i64::MAX)
                    .unwrap();
                assert_eq!(found.unwrap().offset, offset);
            }
            assert_eq!(append(&open.log, &record(0, "f")).unwrap().base_offset, 2 * FAR + 1 + restart);
            open.close();
            let damaged = findings(&folder).into_iter().find(|finding| finding.severity != Severity::Note);
            assert_eq!(damaged, None);
        }
    }
}

/// Nobody can tell whether the offset is damaged: nothing is cut off for it.
#[test]
fn a_last_offset_too_far_away_is_left_to_apache_kafka() {
    for is_flushed in [true, false] {
        let folder = far_apart(false, false, is_flushed);
        let log = fs::read(folder.file("00000000000000000000.log")).unwrap();
        let severities: Vec<_> = findings(&folder).iter().map(|finding| finding.severity).collect();
        assert!(severities.contains(&Severity::OldFormat) && !severities.contains(&Severity::Damage));
        assert!(LogRepair::open(folder.path()).unwrap().find("t", 0).unwrap().is_none());
        let error = folder.try_open().unwrap_err().to_string();
        assert!(error.contains("Apache Kafka 4 splits them"), "{error}");
        assert_eq!(fs::read(folder.file("00000000000000000000.log")).unwrap(), log);
    }
}
