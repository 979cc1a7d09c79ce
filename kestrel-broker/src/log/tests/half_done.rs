//! The process dies after each single change that a roll, a deletion, a stop, a recovery or the end of a cleaning makes: the
//! next start finishes it or undoes it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::rooms::{OpenFolder, TOPIC_ID, options};
use super::*;
use crate::log::disk::tap::Recorder;
use crate::log::*;

/// Segments of three batches of two records.
fn config() -> LogConfig {
    let three = 3 * keyed(1, 0, 0, 2).bytes().len();
    LogConfig {
        segment_bytes: u32::try_from(three).unwrap(),
        index_interval_bytes: 1,
        file_delete_delay: std::time::Duration::ZERO,
        ..LogConfig::default()
    }
}

fn folder_with(batches: i32) -> Folder {
    let folder = Folder::new(config());
    let open = folder.open();
    for n in 0..batches {
        append(&open.log, &keyed(1, 0, 2 * n, 2)).unwrap();
    }
    open.log.note_high_watermark(i64::from(2 * batches));
    open.close();
    folder
}

/// Does `work` on the folder, then opens it as it was after each change; says after how many.
fn after_each_change(
    folder: &Folder,
    work: impl FnOnce(&Folder),
    check: impl Fn(&Path, &OpenFolder, usize),
) -> usize {
    let recorder = Recorder::start(folder.path());
    work(folder);
    let (initial, changes) = recorder.history();
    for count in 0..=changes.len() {
        let disk = tempfile::tempdir().unwrap();
        write_all(disk.path(), &initial, &changes[..count]);
        for _ in 0..2 {
            check(disk.path(), &open(disk.path()), count);
            assert_tidy(disk.path());
        }
    }
    changes.len()
}

fn open(path: &Path) -> OpenFolder {
    let manager = LogManager::open(path, options(Durability::Os)).unwrap();
    let open = OpenLog {
        topic: "t",
        partition: 0,
        topic_id: TOPIC_ID,
        config: config(),
        now: NOW,
        origin: LogOrigin::HERE,
    };
    let log = manager.open_log(open).unwrap();
    OpenFolder { manager, log }
}

/// Nothing is left of what was under way, and each index has its log.
fn assert_tidy(root: &Path) {
    let names: Vec<String> = fs::read_dir(root.join("t-0"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in &names {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        assert!(!matches!(ending, Some("deleted" | "cleaned" | "swap")), "{name} is left");
        if let Some(base) = name.strip_suffix(".index").or_else(|| name.strip_suffix(".timeindex")) {
            assert!(names.contains(&format!("{base}.log")), "{name} has no log");
        }
    }
    let gone = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(gone.into_iter().all(|name| !name.ends_with("-delete")));
}

fn offsets(log: &Arc<Log>) -> Vec<i64> {
    let values = values_of(read_all(log));
    let start = log.log_start_offset();
    values.into_iter().map(|(offset, _)| offset).filter(|offset| *offset >= start).collect()
}

#[test]
fn a_roll() {
    let folder = folder_with(3);
    let work = |folder: &Folder| {
        let open = folder.open();
        append(&open.log, &keyed(1, 0, 6, 2)).unwrap();
        assert_eq!(folder.files(".log").len(), 2);
    };
    let changes = after_each_change(&folder, work, |_, open, count| {
        let end = open.log.log_end_offset();
        assert!(end == 6 || end == 8 || end == 10, "{count}");
        assert_eq!(offsets(&open.log), (0..end).collect::<Vec<i64>>(), "{count}");
        let next = i32::try_from(end).unwrap();
        if next < 10 {
            append(&open.log, &keyed(1, 0, next, 2)).unwrap();
        }
        let again = append(&open.log, &keyed(1, 0, i32::try_from(open.log.log_end_offset() - 2).unwrap(), 2));
        assert!(again.unwrap().duplicate, "{count}");
    });
    assert!(changes > 10);
}

#[test]
fn a_deletion_of_records() {
    let folder = folder_with(9);
    let work = |folder: &Folder| {
        let open = folder.open();
        open.log.delete_records_before(13).unwrap();
        open.manager.tick(NOW);
    };
    after_each_change(&folder, work, |_, open, count| {
        let start = open.log.log_start_offset();
        assert!(start == 0 || start == 13, "{count}: {start}");
        assert_eq!(offsets(&open.log), (start..18).collect::<Vec<i64>>(), "{count}");
    });
}

#[test]
fn retention_of_everything() {
    let folder = folder_with(9);
    let work = |folder: &Folder| {
        let open = folder.open();
        open.log.note_high_watermark(18);
        let now = NOW.saturating_add(std::time::Duration::from_secs(30 * 86_400));
        assert_eq!(open.log.delete_old_segments(now).unwrap(), 3);
        open.manager.tick(now);
    };
    after_each_change(&folder, work, |_, open, count| {
        let start = open.log.log_start_offset();
        assert!(start == 0 || start == 18, "{count}: {start}");
        assert_eq!(offsets(&open.log), (start..18).collect::<Vec<i64>>(), "{count}");
        assert!(append(&open.log, &keyed(1, 0, 16, 2)).unwrap().duplicate, "{count}");
    });
}

#[test]
fn a_deletion_of_the_partition() {
    let folder = folder_with(9);
    let work = |folder: &Folder| {
        let open = folder.open();
        open.manager.delete_log("t", 0).unwrap();
        open.manager.purge_deleted().unwrap();
    };
    after_each_change(&folder, work, |_, open, count| {
        let end = open.log.log_end_offset();
        assert!(end == 18 || end == 0, "{count}: half of it came back, up to {end}");
        assert_eq!(offsets(&open.log), (0..end).collect::<Vec<i64>>(), "{count}");
    });
}

#[test]
fn a_start_and_a_clean_stop() {
    let folder = folder_with(5);
    let work = |folder: &Folder| {
        let open = folder.open();
        append(&open.log, &keyed(1, 0, 10, 2)).unwrap();
        open.close();
    };
    after_each_change(&folder, work, |_, open, count| {
        let end = open.log.log_end_offset();
        assert!(end == 10 || end == 12, "{count}");
        assert_eq!(offsets(&open.log), (0..end).collect::<Vec<i64>>(), "{count}");
    });
}

#[test]
fn a_new_folder() {
    let folder = Folder::new(config());
    let work = |folder: &Folder| folder.open().close();
    after_each_change(&folder, work, |_, open, _| assert_eq!(open.log.log_end_offset(), 0));
}

/// The recovery of a log that is damaged in its first segment of three: what is behind goes, whenever it is interrupted.
#[test]
fn a_recovery() {
    let folder = folder_with(9);
    fs::remove_file(folder.path().join(".kafka_cleanshutdown")).unwrap();
    fs::write(folder.path().join("recovery-point-offset-checkpoint"), "0\n0\n").unwrap();
    let first = folder.file("00000000000000000000.log");
    let mut bytes = fs::read(&first).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&first, bytes).unwrap();
    let work = |folder: &Folder| assert_eq!(folder.open().log.log_end_offset(), 4);
    after_each_change(&folder, work, |_, open, count| {
        assert_eq!(offsets(&open.log), (0..4).collect::<Vec<i64>>(), "{count}");
        let again = append(&open.log, &keyed(1, 0, 2, 2)).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (2, true), "{count}");
    });
}

/// The end of a cleaning that made one segment of two: its swap files replace the originals.
#[test]
fn a_swap() {
    let folder = folder_with(9);
    let first = fs::read(folder.file("00000000000000000000.log")).unwrap();
    let second = fs::read(folder.file("00000000000000000006.log")).unwrap();
    let cleaned = [&first[first.len() / 3..], &second[..]].concat();
    fs::write(folder.file("00000000000000000000.log.swap"), cleaned).unwrap();
    fs::write(folder.file("00000000000000000000.index.swap"), b"").unwrap();
    fs::write(folder.file("00000000000000000000.timeindex.swap"), b"").unwrap();
    let work = |folder: &Folder| drop(folder.open());
    let changes = after_each_change(&folder, work, |_, open, count| {
        assert_eq!(offsets(&open.log), (2..18).collect::<Vec<i64>>(), "{count}");
    });
    assert!(changes > 8);
}

/// As [`a_swap`], with the power gone in the middle: what had not been synced may be there or not.
#[test]
fn a_swap_without_power() {
    let folder = folder_with(9);
    let first = fs::read(folder.file("00000000000000000000.log")).unwrap();
    let second = fs::read(folder.file("00000000000000000006.log")).unwrap();
    let cleaned = [&first[first.len() / 3..], &second[..]].concat();
    fs::write(folder.file("00000000000000000000.log.swap"), cleaned).unwrap();
    let recorder = Recorder::start(folder.path());
    drop(folder.open());
    let (initial, changes) = recorder.history();
    let mut random = Random::new(1);
    for count in (0..=changes.len()).cycle().take(150) {
        let disk = tempfile::tempdir().unwrap();
        write_image(disk.path(), &initial, &changes[..count], &mut random);
        let open = open(disk.path());
        assert_eq!(offsets(&open.log), (2..18).collect::<Vec<i64>>(), "{count}");
        assert_tidy(disk.path());
        let original = disk.path().join("t-0/00000000000000000006.log");
        assert!(!original.exists(), "{count}: an original came back");
    }
}
