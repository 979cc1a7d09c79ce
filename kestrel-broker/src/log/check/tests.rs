//! Folders that are good, that a crash left, and that somebody damaged: what the check says of each.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::log::LogConfig;
use crate::log::tests::{Folder, append, batch, client, keyed};
use crate::log::upkeep::repair::LogRepair;

/// How many bytes lie between two flipped bytes: no divisor of a batch's or an entry's size.
const STRIDE: usize = 7;

/// Segments of some batches, with an index entry for each batch but the first.
fn config() -> LogConfig {
    LogConfig { segment_bytes: 1000, index_interval_bytes: 1, ..LogConfig::default() }
}

/// A partition of several segments, stopped cleanly or not. Timestamps ascend from batch to batch.
fn written(clean: bool) -> Folder {
    let folder = Folder::new(config());
    let open = folder.open();
    for index in 0..30 {
        let stamp = kestrel_protocol::record::ProducerStamp::NONE;
        let time = 1_600_000_000_000 + 1000 * index;
        let records = [(time, "value"), (time + 1, "value")];
        append(&open.log, &batch(&records, kestrel_protocol::record::Compression::None, stamp)).unwrap();
    }
    open.log.append(keyed(1, 0, 0, 2).bytes().clone(), client()).unwrap();
    if clean {
        open.close();
    }
    folder
}

/// What is found in a data folder, beside the metadata.
fn findings(data_dir: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut go_on = |_| ControlFlow::Continue(());
    let mut meter = Meter::new(&mut go_on);
    let folder = CheckedFolder::read(data_dir, &mut |finding| found.push(finding)).unwrap();
    for partition in &folder.partitions {
        folder
            .check(partition, &mut Walked::default(), &mut meter, &mut |finding| found.push(finding))
            .unwrap();
    }
    found
}

fn damages(data_dir: &Path) -> Vec<Finding> {
    findings(data_dir).into_iter().filter(|finding| finding.severity == Severity::Damage).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn set_recovery_point(folder: &Folder, offset: i64) {
    fs::write(folder.path().join("recovery-point-offset-checkpoint"), format!("0\n1\nt 0 {offset}\n"))
        .unwrap();
}

#[test]
fn a_good_folder_is_good() {
    assert_eq!(findings(written(true).path()), []);
    assert_eq!(findings(written(false).path()), []);
}

#[test]
fn what_was_walked_is_counted() {
    let folder = written(true);
    let mut go_on = |_| ControlFlow::Continue(());
    let mut meter = Meter::new(&mut go_on);
    let checked = CheckedFolder::read(folder.path(), &mut |_| {}).unwrap();
    let mut walked = Walked::default();
    checked.check(&checked.partitions[0], &mut walked, &mut meter, &mut |_| {}).unwrap();
    assert_eq!((walked.batches, walked.records), (31, 62));
    assert_eq!(walked.segments, folder.files(".log").len() as u64);
    assert_eq!(meter.done_bytes(), checked.total_bytes);
}

#[test]
fn each_flipped_byte_of_a_log_is_found() {
    let folder = written(true);
    for name in folder.files(".log") {
        let path = folder.file(&name);
        let whole = fs::read(&path).unwrap();
        let starts: Vec<usize> = batch_starts(&whole);
        for at in (0..whole.len()).step_by(STRIDE) {
            flip(&path, at);
            let found = damages(folder.path());
            assert!(!found.is_empty(), "{name} at {at}");
            let start = *starts.iter().rev().find(|start| **start <= at).unwrap();
            // Offsets are outside of the checksum: they show where they contradict what comes next.
            if at - start >= 8 {
                let first = found.iter().find(|finding| finding.file == path).unwrap();
                let position = usize::try_from(first.position.unwrap()).unwrap();
                assert!((start..=at).contains(&position), "{name} at {at}: {first}");
            }
            fs::write(&path, &whole).unwrap();
        }
    }
}

fn batch_starts(log: &[u8]) -> Vec<usize> {
    let mut at = 0;
    kestrel_protocol::record::RecordBatches::new(log.to_vec().into())
        .map(|batch| {
            let start = at;
            at += batch.unwrap().bytes().len();
            start
        })
        .collect()
}

#[test]
fn each_flipped_byte_of_an_index_is_found() {
    let folder = written(true);
    for suffix in [".index", ".timeindex"] {
        for name in folder.files(suffix) {
            let path = folder.file(&name);
            let whole = fs::read(&path).unwrap();
            for at in (0..whole.len()).step_by(STRIDE) {
                flip(&path, at);
                let found = damages(folder.path());
                let [finding] = found.as_slice() else { panic!("{name} at {at}: {found:?}") };
                assert_eq!(finding.file, path);
                let entry = if suffix == ".index" { 8 } else { 12 };
                let expected = (at / entry * entry) as u64;
                // An entry that is too large makes the next one the first that does not ascend, or the same.
                let position = finding.position.unwrap();
                assert!(
                    (expected..=expected + entry as u64).contains(&position),
                    "{name} at {at}: {finding}"
                );
                fs::write(&path, &whole).unwrap();
            }
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    for suffix in [".log", ".index", ".timeindex"] {
        let folder = written(true);
        let name = &folder.files(suffix)[1];
        fs::remove_file(folder.file(name)).unwrap();
        let found = damages(folder.path());
        let stem = name.strip_suffix(suffix).unwrap();
        let text: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert!(text.iter().any(|line| line.contains(stem)), "{text:?}");
    }
    for name in ["partition.metadata", "../meta.properties", "../recovery-point-offset-checkpoint"] {
        let folder = written(true);
        fs::remove_file(folder.file(name)).unwrap();
        let found = damages(folder.path());
        let file = Path::new(name).file_name().unwrap();
        assert!(found.iter().any(|finding| finding.file.ends_with(file)), "{name}: {found:?}");
    }
}

#[test]
fn a_missing_segment_is_a_gap() {
    let folder = written(true);
    let name = &folder.files(".log")[1];
    for suffix in [".log", ".index", ".timeindex", ".snapshot"] {
        fs::remove_file(folder.file(&name.replace(".log", suffix))).unwrap();
    }
    let found = damages(folder.path());
    assert!(found[0].what.contains("are missing"), "{found:?}");
    assert_eq!(found[0].file, folder.file(&folder.files(".log")[1]));
}

#[test]
fn a_torn_end_is_told_apart_from_damage() {
    let folder = written(false);
    let last = folder.file(folder.files(".log").last().unwrap());
    let whole = fs::read(&last).unwrap();
    fs::write(&last, &whole[..whole.len() - 3]).unwrap();
    let found = findings(folder.path());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].severity, Severity::Note);
    assert!(found[0].what.starts_with("torn end"), "{found:?}");

    set_recovery_point(&folder, 62);
    let found = damages(folder.path());
    assert!(found[0].what.contains("up to offset 62 had been flushed"), "{found:?}");
    assert_eq!(found[0].position, Some(*batch_starts(&whole).last().unwrap() as u64));
}

#[test]
fn damage_before_whole_batches_is_no_torn_end() {
    let folder = written(false);
    let first = folder.file(&folder.files(".log")[0]);
    flip(&first, 70);
    let found = damages(folder.path());
    let later = folder.files(".log").len() - 1;
    assert!(found[0].what.contains(&format!("{later} segments follow it")), "{found:?}");
    assert!(found[0].what.contains("whole batches follow it"), "{found:?}");
}

#[test]
fn the_indexes_that_a_start_makes_anew_are_no_damage() {
    let folder = written(false);
    let last = folder.files(".index").pop().unwrap();
    fs::write(folder.file(&last), [1; 13]).unwrap();
    let found = findings(folder.path());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].severity, &found[0].file), (Severity::Note, &folder.file(&last)));
    // As Apache Kafka leaves one that it had preallocated.
    fs::write(folder.file(&last), [0; 80]).unwrap();
    assert_eq!(findings(folder.path()), []);
}

#[test]
fn what_did_not_end_is_named() {
    let folder = written(true);
    for name in [
        "00000000000000000000.log.cleaned",
        "00000000000000000000.log.swap",
        "00000000000000000000.log.deleted",
    ] {
        fs::write(folder.file(name), "").unwrap();
    }
    fs::create_dir(folder.path().join("gone-0.0123456789abcdef0123456789abcdef-delete")).unwrap();
    let found = findings(folder.path());
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().all(|finding| finding.severity == Severity::Note));
}

#[test]
fn damaged_snapshots_epochs_and_checkpoints_are_named() {
    let folder = written(true);
    let snapshot = folder.files(".snapshot").pop().unwrap();
    for name in [&snapshot, "leader-epoch-checkpoint", "../log-start-offset-checkpoint", "../meta.properties"]
    {
        let path = folder.file(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, "7\nnonsense").unwrap();
        let found = damages(folder.path());
        let file = Path::new(name).file_name().unwrap();
        assert!(found.iter().any(|finding| finding.file.ends_with(file)), "{name}: {found:?}");
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(findings(folder.path()), []);
}

#[test]
fn a_repair_keeps_what_is_before_the_first_bad_batch() {
    for (segment, clean) in [(0, true), (1, true), (1, false), (2, false)] {
        let folder = written(clean);
        let names = folder.files(".log");
        let path = folder.file(&names[segment]);
        let start = batch_starts(&fs::read(&path).unwrap())[1];
        flip(&path, start + 30);
        set_recovery_point(&folder, 62);
        let before = fs::read(&path).unwrap();

        let mut repair = LogRepair::open(folder.path()).unwrap();
        let damaged = repair.find("t", 0).unwrap().unwrap();
        assert_eq!((&damaged.file, damaged.bad.position), (&path, start as u64));
        let kept = repair.cut(&damaged).unwrap();
        assert!(repair.find("t", 0).unwrap().is_none());
        drop(repair);

        assert_eq!(fs::read(&path).unwrap(), before[..start]);
        assert_eq!(fs::read(&kept[0]).unwrap(), before[start..], "what was cut off is kept");
        assert_eq!(kept.len(), names.len() - segment);
        assert_eq!(damages(folder.path()), []);
        let open = folder.open();
        assert_eq!(open.log.log_end_offset(), damaged.bad.next_offset);
        append(&open.log, &keyed(2, 0, 0, 1)).unwrap();
        open.close();
        assert_eq!(damages(folder.path()), []);
    }
}

#[test]
fn a_log_that_ends_too_early_is_repaired_by_its_recovery_point() {
    let folder = written(false);
    set_recovery_point(&folder, 70);
    assert!(folder.try_open().is_err());
    let mut repair = LogRepair::open(folder.path()).unwrap();
    let damaged = repair.find("t", 0).unwrap().unwrap();
    assert_eq!((damaged.bad.next_offset, damaged.cut_bytes), (62, 0));
    assert!(repair.cut(&damaged).unwrap().is_empty());
    drop(repair);
    assert_eq!(folder.open().log.log_end_offset(), 62);
}

#[test]
fn a_torn_end_is_left_to_the_next_start() {
    let folder = written(false);
    let last = folder.file(folder.files(".log").last().unwrap());
    let whole = fs::read(&last).unwrap();
    fs::write(&last, &whole[..whole.len() - 3]).unwrap();
    assert!(LogRepair::open(folder.path()).unwrap().find("t", 0).unwrap().is_none());
}

#[test]
fn a_deletion_that_a_crash_cut_short_is_no_damage() {
    let folder = written(false);
    let names = folder.files(".log");
    fs::write(folder.path().join("log-start-offset-checkpoint"), "0\n1\nt 0 12\n").unwrap();
    let deleted = format!("{}.deleted", names[0]);
    fs::rename(folder.file(&names[0]), folder.file(&deleted)).unwrap();
    assert_eq!(damages(folder.path()), []);
    let found = findings(folder.path());
    assert!(found.iter().any(|finding| finding.file == folder.file(&deleted)), "{found:?}");
}
