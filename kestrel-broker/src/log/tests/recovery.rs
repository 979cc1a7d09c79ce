//! What a start makes of a folder that was not left cleanly.

use std::fs;
use std::path::Path;

use kestrel_protocol::LeaderEpoch;
use proptest::prelude::*;

use super::*;
use crate::log::*;

/// Small segments: three batches of two records in each.
fn config() -> LogConfig {
    let three = 3 * keyed(1, 0, 0, 2).bytes().len();
    LogConfig {
        segment_bytes: u32::try_from(three).unwrap(),
        index_interval_bytes: 1,
        ..LogConfig::default()
    }
}

/// A folder with `batches` batches of two records each; nothing is known to be flushed.
fn crashed(batches: i32) -> Folder {
    let folder = Folder::new(config());
    let open = folder.open();
    for n in 0..batches {
        append(&open.log, &keyed(1, 0, 2 * n, 2)).unwrap();
    }
    drop(open);
    folder
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn set_recovery_point(folder: &Folder, offset: i64) {
    fs::write(folder.path().join("recovery-point-offset-checkpoint"), format!("0\n1\nt 0 {offset}\n"))
        .unwrap();
}

fn log_file(base_offset: i64) -> String {
    format!("{base_offset:020}.log")
}

#[test]
fn a_torn_end_is_cut_off() {
    let folder = crashed(5).with_durability(Durability::Group);
    damage(&folder.file(&log_file(6)), |bytes| bytes.truncate(bytes.len() - 1));
    let open = folder.open();
    assert_eq!(open.log.log_end_offset(), 8);
    assert_eq!(open.log.flushed_end_offset(), 8);
    let appended = append(&open.log, &keyed(1, 0, 8, 2)).unwrap();
    assert_eq!(
        (appended.base_offset, appended.duplicate),
        (8, false),
        "the torn batch was never acknowledged"
    );
    assert_eq!(values_of(read_all(&open.log)).len(), 10);
}

#[test]
fn segments_behind_the_damage_go() {
    let folder = crashed(9);
    damage(&folder.file(&log_file(6)), |bytes| bytes[80] ^= 1);
    let open = folder.open();
    assert_eq!(open.log.log_end_offset(), 6);
    assert_eq!(folder.files(".log"), [log_file(0), log_file(6)]);
    assert_eq!(folder.files(".snapshot"), ["00000000000000000006.snapshot"]);
    assert_eq!(open.log.end_offset_for_epoch(LeaderEpoch(0)).end_offset, 6);
}

#[test]
fn damage_below_the_recovery_point_is_reported_and_left_alone() {
    for cut in [false, true] {
        let folder = crashed(9);
        set_recovery_point(&folder, 10);
        let path = folder.file(&log_file(6));
        damage(&path, |bytes| if cut { bytes.truncate(20) } else { bytes[100] ^= 1 });
        let before = (fs::read(&path).unwrap(), fs::read(folder.file(&log_file(12))).unwrap());
        for _ in 0..2 {
            let error = folder.try_open().unwrap_err();
            assert!(matches!(&error, LogError::Corrupt { file, .. } if *file == path), "{error}");
            assert_eq!((fs::read(&path).unwrap(), fs::read(folder.file(&log_file(12))).unwrap()), before);
        }
    }
}

#[test]
fn data_that_vanished_below_the_recovery_point_is_reported() {
    let folder = crashed(5);
    set_recovery_point(&folder, 10);
    let whole = fs::read(folder.file(&log_file(6))).unwrap();
    damage(&folder.file(&log_file(6)), |bytes| bytes.truncate(whole.len() / 2));
    assert!(matches!(folder.try_open(), Err(LogError::Corrupt { .. })));
    fs::remove_file(folder.file(&log_file(6))).unwrap();
    assert!(matches!(folder.try_open(), Err(LogError::Corrupt { .. })));
    fs::remove_file(folder.file(&log_file(0))).unwrap();
    assert!(matches!(folder.try_open(), Err(LogError::Corrupt { .. })));
}

#[test]
fn indexes_are_made_again_when_they_cannot_be_right() {
    let folder = crashed(9);
    folder.open().close();
    let whole: Vec<Vec<u8>> = [".index", ".timeindex"]
        .iter()
        .map(|suffix| fs::read(folder.file(&format!("{:020}{suffix}", 6))).unwrap())
        .collect();
    assert!(whole.iter().all(|bytes| !bytes.is_empty()));
    let breakages: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| damage(path, |bytes| bytes.truncate(bytes.len() - 1)),
        // As Apache Kafka leaves it when it dies: preallocated.
        |path| damage(path, |bytes| bytes.resize(4800, 0)),
        |path| damage(path, |bytes| bytes.extend([0xff; 24])),
    ];
    for breakage in breakages {
        for suffix in [".index", ".timeindex"] {
            breakage(&folder.file(&format!("{:020}{suffix}", 6)));
        }
        let open = folder.open();
        assert!(open.manager.was_clean_shutdown());
        assert_eq!(values_of(read_all(&open.log)).len(), 18);
        open.close();
        let again: Vec<Vec<u8>> = [".index", ".timeindex"]
            .iter()
            .map(|suffix| fs::read(folder.file(&format!("{:020}{suffix}", 6))).unwrap())
            .collect();
        assert_eq!(again, whole);
    }
}

#[test]
fn producers_are_known_again() {
    for clean in [true, false] {
        let folder = crashed(7);
        if clean {
            folder.open().close();
        }
        let open = folder.open();
        assert_eq!(open.manager.was_clean_shutdown(), clean);
        let again = append(&open.log, &keyed(1, 0, 12, 2)).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (12, true));
        assert!(matches!(
            append(&open.log, &keyed(1, 0, 20, 2)),
            Err(AppendError::OutOfOrderSequence { .. })
        ));
        append(&open.log, &keyed(1, 0, 14, 2)).unwrap();
    }
}

#[test]
fn damaged_snapshots_are_made_again() {
    for clean in [true, false] {
        let folder = crashed(7);
        if clean {
            folder.open().close();
        }
        for name in folder.files(".snapshot") {
            damage(&folder.file(&name), |bytes| bytes.truncate(9));
        }
        let open = folder.open();
        let again = append(&open.log, &keyed(1, 0, 12, 2)).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (12, true));
    }
}

#[test]
fn epochs_are_known_again_without_their_file() {
    for clean in [true, false] {
        let folder = Folder::new(config());
        let open = folder.open();
        for (epoch, n) in [(3, 0), (3, 1), (5, 2), (8, 3)] {
            let context = AppendContext { leader_epoch: LeaderEpoch(epoch), ..client() };
            open.log.append(keyed(1, 0, 2 * n, 2).into_bytes(), context).unwrap();
        }
        if clean {
            open.close();
        } else {
            drop(open);
        }
        fs::remove_file(folder.file("leader-epoch-checkpoint")).unwrap();
        let open = folder.open();
        let end = |epoch| open.log.end_offset_for_epoch(LeaderEpoch(epoch)).end_offset;
        assert_eq!((end(3), end(5), end(8)), (4, 6, 8));
    }
}

#[test]
fn what_is_not_the_logs_is_left_alone() {
    let folder = crashed(4);
    let foreign = [
        "notes.txt",
        "123.log",
        "00000000000000000000.txt",
        "00000000000000000512-0000000001.checkpoint",
        "quorum-state",
    ];
    for name in foreign {
        fs::write(folder.file(name), b"garbage").unwrap();
    }
    fs::write(folder.file("00000000000000000099.index"), b"an index without a log").unwrap();
    let open = folder.open();
    assert_eq!(open.log.log_end_offset(), 8);
    assert!(foreign.iter().all(|name| folder.file(name).exists()));
    assert!(!folder.file("00000000000000000099.index").exists());
}

#[test]
fn a_cleaning_that_did_not_end_is_undone() {
    let folder = crashed(9);
    for name in [
        "00000000000000000000.log.cleaned",
        "00000000000000000000.index.cleaned",
        "00000000000000000000.log.swap",
        "00000000000000000006.log.deleted",
    ] {
        fs::write(folder.file(name), b"half a cleaning").unwrap();
    }
    let open = folder.open();
    assert_eq!(values_of(read_all(&open.log)).len(), 18);
    for suffix in [".cleaned", ".swap", ".deleted"] {
        assert!(folder.files(suffix).is_empty(), "{suffix}");
    }
}

#[test]
fn a_cleaning_that_was_to_be_swapped_in_is_finished() {
    let folder = crashed(9);
    // Segments 0 and 6 became one, of which the first batch was cleaned away.
    let first = fs::read(folder.file(&log_file(0))).unwrap();
    let cleaned = [&first[first.len() / 3..], &fs::read(folder.file(&log_file(6))).unwrap()].concat();
    fs::write(folder.file("00000000000000000000.log.swap"), cleaned).unwrap();
    fs::write(folder.file("00000000000000000000.index.swap"), b"").unwrap();
    fs::write(folder.file("00000000000000000000.timeindex.swap"), b"").unwrap();
    // The crash came when the first original was gone.
    for suffix in ["log", "index", "timeindex"] {
        fs::remove_file(folder.file(&format!("{:020}.{suffix}", 0))).unwrap();
    }
    let open = folder.open();
    assert_eq!(folder.files(".log"), [log_file(0), log_file(12)]);
    let offsets: Vec<i64> = values_of(read_all(&open.log)).into_iter().map(|(offset, _)| offset).collect();
    assert_eq!(offsets, (2..18).collect::<Vec<i64>>());
    let request = ReadRequest {
        fetch_offset: 0,
        max_bytes: 1,
        up_to_offset: 18,
        first_batch: FirstBatch::Always,
        file_run_min_bytes: usize::MAX,
    };
    assert_eq!(offsets_of(read_both(&open.log, request).unwrap()), [(2, 3)], "the next batch that is left");
}

#[test]
fn records_that_were_deleted_before_they_were_flushed_stay_deleted() {
    let folder = crashed(5);
    let open = folder.open();
    open.log.delete_records_before(10).unwrap();
    drop(open);
    set_recovery_point(&folder, 6);
    damage(&folder.file(&log_file(6)), |bytes| bytes.truncate(0));
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (10, 10));
    assert_eq!(append(&open.log, &keyed(2, 0, 0, 1)).unwrap().base_offset, 10);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cut or flipped anywhere: the log is the whole batches before, if nothing that was flushed is missing.
    #[test]
    fn a_damaged_log_is_a_prefix_or_refused(
        batches in 1i32..9, segment in 0usize..3, at in 0usize..1000, flip in prop::option::of(0u8..8), recovery_point in 0i64..19,
    ) {
        let folder = crashed(batches);
        let end = 2 * i64::from(batches);
        let recovery_point = recovery_point.min(end);
        set_recovery_point(&folder, recovery_point);
        let names = folder.files(".log");
        let path = folder.file(&names[segment.min(names.len() - 1)]);
        let size = fs::read(&path).unwrap().len();
        prop_assume!(size > 0);
        let at = at % size;
        let batch_bytes = keyed(1, 0, 0, 2).bytes().len();
        let in_batch = at % batch_bytes;
        // The leader epoch is not covered by the checksum; a base offset may grow unseen.
        prop_assume!(flip.is_none() || in_batch >= 16 || (8..12).contains(&in_batch));
        damage(&path, |bytes| match flip {
            None => bytes.truncate(at),
            Some(bit) => bytes[at] ^= 1 << bit,
        });
        let base = 6 * i64::try_from(segment.min(names.len() - 1)).unwrap();
        let last_segment = base + 6 >= end;
        let mut expected = base + 2 * i64::try_from(at / batch_bytes).unwrap();
        if flip.is_none() && at.is_multiple_of(batch_bytes) && !last_segment {
            // A cut between batches shows only as a gap, as cleaning leaves them too: what follows stays.
            expected = end;
        }
        match folder.try_open() {
            Ok(open) => {
                // Segments before the one with the recovery point are not walked.
                let last_base = 6 * ((end - 1) / 6);
                let trusted = base < (6 * (recovery_point / 6)).min(last_base);
                if !trusted {
                    prop_assert_eq!(open.log.log_end_offset(), expected);
                    prop_assert!(expected >= recovery_point || expected == end);
                }
                prop_assert!(open.log.log_end_offset() >= recovery_point);
            }
            Err(error) => {
                prop_assert!(matches!(error, LogError::Corrupt { .. }), "{}", error);
                prop_assert!(expected < recovery_point, "{}", error);
            }
        }
    }
}
