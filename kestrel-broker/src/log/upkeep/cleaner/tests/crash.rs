//! A crash at each step of a swap: a copy of the folder, as it is after each change, is opened and read.

use std::fs;
use std::path::Path;

use super::model::{Batch, batches_of};
use super::*;
use crate::log::disk::tap::{Call, Change, Fault, Initial, Recorder};
use crate::log::tests::{Random, write_all, write_image};

/// What a start finds in the folder after each change that `work` makes; each is loaded twice, as after a crash of the start.
pub(super) fn found_after_each_change(folder: &Folder, work: impl FnOnce()) -> Vec<Vec<Batch>> {
    let (initial, changes) = changes_of(folder, work);
    let find = |count| {
        let disk = tempfile::tempdir().unwrap();
        write_all(disk.path(), &initial, &changes[..count]);
        load(disk.path(), folder)
    };
    (0..=changes.len()).map(find).collect()
}

fn changes_of(folder: &Folder, work: impl FnOnce()) -> (Initial, Vec<Change>) {
    let recorder = Recorder::start(folder.path());
    work();
    recorder.history()
}

fn load(disk: &Path, original: &Folder) -> Vec<Batch> {
    let folder = Folder::at(disk, original.config.clone());
    let found = batches_of(&folder.open().log);
    assert_eq!(batches_of(&folder.open().log), found, "the second start finds the same");
    for ending in [".cleaned", ".swap", ".deleted"] {
        assert_eq!(folder.files(ending), [""; 0]);
    }
    found
}

/// Old up to some step, new from the next one on.
fn assert_old_then_new(found: &[Vec<Batch>], old: &[Batch], new: &[Batch]) {
    assert_ne!(old, new);
    let switch = found.iter().position(|batches| *batches != old).unwrap();
    for (step, batches) in found.iter().enumerate() {
        assert_eq!(
            batches,
            if step < switch { old } else { new },
            "after change {step} of {}",
            found.len() - 1
        );
    }
    assert!(switch > 0);
}

fn put(key: &str, value: &str) -> RecordBatch {
    records(NOBODY, NOW.as_millis(), &[(Some(key), Some(value))])
}

#[test]
fn a_start_finds_the_old_log_or_the_new_one() {
    let mut batches: Vec<RecordBatch> = ["a", "b", "a", "c", "b"].iter().map(|key| put(key, "1")).collect();
    let writer = Writer { transactional: true, ..producer(1, 0, 0) };
    batches.push(records(writer, NOW.as_millis(), &[(Some("c"), Some("2"))]));
    batches.push(marker(1, 0, TransactionOutcome::Abort));
    let (folder, open) = filled(&batches);
    let old = batches_of(&open.log);
    let found = found_after_each_change(&folder, || _ = clean(&open.log, NOW.as_millis()));
    assert!(found.len() > 20, "{}", found.len());
    assert_old_then_new(&found, &old, &batches_of(&open.log));
}

/// The last segments have nothing left: what replaces them ends before they begin.
#[test]
fn segments_without_anything_left_go_with_the_others() {
    let mut batches: Vec<RecordBatch> = ["a", "b", "c", "d", "d"].iter().map(|key| put(key, "1")).collect();
    batches.push(records(NOBODY, NOW.as_millis(), &[(Some("d"), Some(&"2".repeat(1000)))]));
    let (folder, open) = filled(&batches);
    // The last one is too large for the group of the others.
    open.log.set_config(config(1000));
    let old = batches_of(&open.log);
    let found = found_after_each_change(&folder, || _ = clean(&open.log, NOW.as_millis()));
    let new = batches_of(&open.log);
    assert_eq!(new.iter().map(|batch| batch.base).collect::<Vec<_>>(), [0, 1, 2, 5]);
    assert_old_then_new(&found, &old, &new);
}

/// What was not synced may be there or not, in any order.
#[test]
fn the_power_may_go_at_any_moment() {
    let mut batches: Vec<RecordBatch> = ["a", "b", "c", "d", "d"].iter().map(|key| put(key, "1")).collect();
    batches.push(records(NOBODY, NOW.as_millis(), &[(Some("d"), Some(&"2".repeat(1000)))]));
    let (folder, open) = filled(&batches);
    open.log.set_config(config(1000));
    let old = batches_of(&open.log);
    let (initial, changes) = changes_of(&folder, || _ = clean(&open.log, NOW.as_millis()));
    let new = batches_of(&open.log);
    let mut random = Random::new(5);
    let mut found = [0, 0];
    for count in 0..=changes.len() {
        for _ in 0..2 {
            let disk = tempfile::tempdir().unwrap();
            write_image(disk.path(), &initial, &changes[..count], &mut random);
            let left = load(disk.path(), &folder);
            assert!(left == old || left == new, "after change {count} of {}: {left:?}", changes.len());
            found[usize::from(left == new)] += 1;
        }
    }
    assert!(found[0] > 10 && found[1] > 10, "{found:?}");
}

/// A full disk refuses a rename: what was done is undone, and tried again later. Once readers see the new segments, it is final.
#[test]
fn a_swap_that_the_disk_refuses_is_undone_or_final() {
    for (path, renames, is_final) in [(".cleaned", 3, false), (".swap", 3, true)] {
        for after in 0..renames {
            let (folder, open) = filled(&["a", "b", "a", "c", "b"].map(|key| put(key, "1")));
            let old = batches_of(&open.log);
            let recorder = Recorder::start(folder.path());
            let full = Fault::of(Call::Rename, path, rustix::io::Errno::NOSPC);
            recorder.fail(Fault { after, times: 1, ..full });
            let ended = clean_from(&open.log, 0, &SETTINGS, &Hand::at(NOW.as_millis()));
            assert!(matches!(ended, Err(Ended::Failed(_))), "{path} {after}");
            assert_eq!(open.manager.poisoned().is_some(), is_final, "{path} {after}");
            if is_final {
                continue;
            }
            assert_eq!(batches_of(&open.log), old);
            for ending in [".cleaned", ".swap"] {
                assert_eq!(folder.files(ending), [""; 0]);
            }
            clean(&open.log, NOW.as_millis());
            assert_eq!(batches_of(&open.log).len(), 3);
        }
    }
}

#[test]
fn what_an_unfinished_cleaning_wrote_is_dropped() {
    let (folder, open) = filled(&["a", "b", "a", "c", "b"].map(|key| put(key, "1")));
    let old = batches_of(&open.log);
    drop(open);
    for name in ["00000000000000000000.log.cleaned", "00000000000000000000.index.cleaned"] {
        fs::write(folder.file(name), b"half").unwrap();
    }
    assert_eq!(batches_of(&folder.open().log), old);
    assert_eq!(folder.files(".cleaned"), [""; 0]);
}

#[test]
fn a_cleaning_that_is_told_to_stop_leaves_nothing_behind() {
    let (folder, open) = filled(&["a", "b", "a", "c", "b"].map(|key| put(key, "1")));
    let old = batches_of(&open.log);
    let new = {
        let (_other, open) = filled(&["a", "b", "a", "c", "b"].map(|key| put(key, "1")));
        clean(&open.log, NOW.as_millis());
        batches_of(&open.log)
    };
    for patience in 0.. {
        let ended = clean_from(&open.log, 0, &SETTINGS, &Hand::at(NOW.as_millis()).with_patience(patience));
        for ending in [".cleaned", ".swap"] {
            assert_eq!(folder.files(ending), [""; 0]);
        }
        if ended.is_ok() {
            assert!(patience > 5);
            break;
        }
        assert!(matches!(ended, Err(Ended::Early)));
        assert_eq!(batches_of(&open.log), old);
    }
    assert_eq!(batches_of(&open.log), new);
}
