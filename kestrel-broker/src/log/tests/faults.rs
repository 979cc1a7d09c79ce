//! A disk that refuses: what passes is undone and answered, what does not ends the data folder.

use std::sync::Arc;

use kestrel_protocol::record::{Compression, ProducerStamp};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId, Timestamp};
use proptest::prelude::*;
use rustix::io::Errno;

use super::rooms::OpenFolder;
use super::*;
use crate::log::data_dir::Shortage;
use crate::log::disk::tap::{Call, Fault, Recorder};
use crate::log::*;

/// Segments of a few batches, with an index entry for most.
fn config() -> LogConfig {
    LogConfig { segment_bytes: 400, index_interval_bytes: 60, ..LogConfig::default() }
}

fn recorded(durability: Durability) -> (Folder, OpenFolder, Arc<Recorder>) {
    let folder = Folder::new(config()).with_durability(durability);
    let recorder = Recorder::start(folder.path());
    let open = folder.open();
    open.manager.data_dir.flush_queue.stop();
    (folder, open, recorder)
}

fn is_short(error: &AppendError, expected: Shortage) -> bool {
    matches!(error, AppendError::Log(LogError::Short { shortage, .. }) if *shortage == expected)
}

fn size_of(folder: &Folder, name: &str) -> u64 {
    std::fs::metadata(folder.file(name)).unwrap().len()
}

#[test]
fn a_full_disk_refuses_a_batch_and_nothing_else() {
    let (folder, open, recorder) = recorded(Durability::Group);
    append(&open.log, &keyed(1, 0, 0, 2)).unwrap();
    let before = size_of(&folder, "00000000000000000000.log");
    let full = Fault { bytes: 70, ..Fault::of(Call::Write, ".log", Errno::NOSPC) };
    recorder.fail(full);
    for _ in 0..3 {
        let error = append(&open.log, &keyed(1, 0, 2, 2)).unwrap_err();
        assert!(is_short(&error, Shortage::Space), "{error}");
        assert_eq!(size_of(&folder, "00000000000000000000.log"), before);
    }
    assert_eq!((open.log.log_end_offset(), values_of(read_all(&open.log)).len()), (2, 2));
    assert!(open.manager.data_dir.shortages.lasts(Shortage::Space));
    assert_eq!(open.manager.poisoned(), None);
    recorder.heal();
    let appended = append(&open.log, &keyed(1, 0, 2, 2)).unwrap();
    assert_eq!((appended.base_offset, appended.duplicate), (2, false));
    open.log.flush().unwrap();
    open.close();
    assert_eq!(values_of(read_all(&folder.open().log)).len(), 4);
}

#[test]
fn a_roll_that_fails_leaves_the_old_segment_active() {
    for (call, path) in [
        (Call::Open, "0004.log"),
        (Call::Open, "0004.index"),
        (Call::Open, "0004.timeindex"),
        (Call::Write, ".snapshot"),
        (Call::Rename, ".snapshot"),
    ] {
        let (folder, open, recorder) = recorded(Durability::Group);
        let large = |n| keyed(1, 0, 4 * n, 4);
        append(&open.log, &large(0)).unwrap();
        recorder.fail(Fault::of(call, path, Errno::MFILE));
        let big = batch(&[(NOW.as_millis(), "v".repeat(300).leak())], Compression::None, ProducerStamp::NONE);
        let error = append(&open.log, &big).unwrap_err();
        assert!(is_short(&error, Shortage::Descriptors), "{path}: {error}");
        assert_eq!(folder.files(".log"), ["00000000000000000000.log"], "{path}");
        // What fits goes on into the old one.
        append(&open.log, &large(1)).unwrap();
        recorder.heal();
        append(&open.log, &big).unwrap();
        assert_eq!(folder.files(".log"), ["00000000000000000000.log", "00000000000000000008.log"]);
        drop(open);
        assert_eq!(values_of(read_all(&folder.open().log)).len(), 9, "{path}");
    }
}

#[test]
fn too_many_open_files_refuse_one_read() {
    let (_folder, open, recorder) = recorded(Durability::Group);
    for n in 0..10 {
        append(&open.log, &keyed(1, 0, 2 * n, 2)).unwrap();
    }
    let request = |fetch_offset| ReadRequest {
        fetch_offset,
        max_bytes: 1,
        up_to_offset: i64::MAX,
        first_batch: FirstBatch::Always,
        file_run_min_bytes: usize::MAX,
    };
    recorder.fail(Fault { times: 1, ..Fault::of(Call::Open, "00000000000000000000.log", Errno::MFILE) });
    let error = read_both(&open.log, request(0)).unwrap_err();
    assert_eq!(error.shortage(), Some(Shortage::Descriptors), "{error}");
    assert!(!read_both(&open.log, request(19)).unwrap().is_empty());
    assert!(!read_both(&open.log, request(0)).unwrap().is_empty());
    assert_eq!(open.manager.poisoned(), None);
}

#[test]
fn a_failed_sync_is_final() {
    let (folder, open, recorder) = recorded(Durability::Group);
    append(&open.log, &keyed(1, 0, 0, 2)).unwrap();
    recorder.fail(Fault { times: 1, ..Fault::of(Call::Sync, ".log", Errno::NOSPC) });
    assert!(matches!(open.log.flush(), Err(LogError::Io { .. })));
    assert!(matches!(open.log.flush(), Err(LogError::Poisoned { .. })), "it is not tried again");
    assert!(matches!(
        append(&open.log, &keyed(1, 0, 2, 2)),
        Err(AppendError::Log(LogError::Poisoned { .. }))
    ));
    assert_eq!(open.log.flushed_end_offset(), 0);
    assert!(open.manager.close(-1).is_err());
    drop(open);
    assert!(!folder.manager().was_clean_shutdown());
}

#[test]
fn what_cannot_be_undone_is_final() {
    let (_folder, open, recorder) = recorded(Durability::Group);
    append(&open.log, &keyed(1, 0, 0, 2)).unwrap();
    recorder.fail(Fault::of(Call::Write, ".log", Errno::NOSPC));
    recorder.fail(Fault::of(Call::SetLen, ".log", Errno::IO));
    let error = append(&open.log, &keyed(1, 0, 2, 2)).unwrap_err();
    assert!(matches!(error, AppendError::Log(LogError::Io { .. })), "{error}");
    assert!(open.manager.poisoned().is_some());
    assert_eq!(values_of(read_all(&open.log)).len(), 2);
}

#[test]
fn a_flush_that_cannot_be_begun_is_tried_again() {
    let (_folder, open, recorder) = recorded(Durability::Group);
    append(&open.log, &keyed(1, 0, 0, 2)).unwrap();
    recorder.fail(Fault { times: 1, ..Fault::of(Call::Open, "t-0", Errno::MFILE) });
    assert_eq!(open.log.flush().unwrap_err().shortage(), Some(Shortage::Descriptors));
    assert_eq!((open.manager.poisoned(), open.log.flushed_end_offset()), (None, 0));
    open.manager.tick(NOW);
    open.manager.data_dir.flush_queue.flush_all();
    assert_eq!(open.log.flushed_end_offset(), 2);
}

#[test]
fn a_full_disk_lets_go_of_what_is_deleted() {
    let (folder, open, recorder) = recorded(Durability::Group);
    for n in 0..10 {
        append(&open.log, &keyed(1, 0, 2 * n, 2)).unwrap();
    }
    open.log.flush().unwrap();
    open.log.note_high_watermark(20);
    open.log.set_config(LogConfig { retention: Retention { time: None, bytes: Some(300) }, ..config() });
    let segments = folder.files(".log").len();
    recorder.fail(Fault { times: 2, ..Fault::of(Call::Write, "log-start-offset-checkpoint", Errno::NOSPC) });
    assert!(open.log.delete_old_segments(NOW).is_err(), "the log start is not written down");
    assert!(folder.files(".log").len() < segments && folder.files(".deleted").is_empty());
    let log_start = open.log.log_start_offset();
    assert!(log_start > 0);
    recorder.heal();
    // A crash now: the files say where the log begins.
    drop(open);
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (log_start, 20));
    recorder.fail(Fault { times: 1, ..Fault::of(Call::Write, "recovery-point", Errno::NOSPC) });
    open.manager.delete_log("t", 0).unwrap();
    assert!(!folder.file("").exists());
    assert_eq!(open.manager.open_log(folder.partition()).unwrap().log_end_offset(), 0);
}

/// A call that fails once, after some that do not.
fn fault() -> impl Strategy<Value = Fault> {
    let calls = prop::sample::select(vec![Call::Open, Call::Write, Call::Rename]);
    let paths = prop::sample::select(vec!["", ".log", ".index", ".timeindex", ".snapshot", "leader-epoch"]);
    let errors =
        prop::sample::select(vec![Errno::NOSPC, Errno::DQUOT, Errno::FBIG, Errno::MFILE, Errno::NFILE]);
    (calls, paths, errors, 0usize..12, 1usize..4, 0usize..120)
        .prop_map(|(call, path, errno, after, times, bytes)| Fault { call, path, after, times, bytes, errno })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_was_answered_is_there_whatever_is_refused(
        faults in prop::collection::vec(fault(), 1..6),
        clean in any::<bool>(),
        group in any::<bool>(),
    ) {
        let (folder, open, recorder) = recorded(if group { Durability::Group } else { Durability::Os });
        faults.iter().for_each(|fault| recorder.fail(fault.clone()));
        let (mut stored, mut sequence) = (0, 0);
        for n in 0..40 {
            if n == 36 {
                recorder.heal();
            }
            let stamp = ProducerStamp {
                producer_id: ProducerId(1), producer_epoch: ProducerEpoch(0), base_sequence: sequence,
            };
            let sent = batch(&[(NOW.as_millis() + n, "v"), (NOW.as_millis() - n, "w")], Compression::None, stamp);
            let leader_epoch = LeaderEpoch(i32::try_from(n / 10).unwrap());
            let context = AppendContext { leader_epoch, ..client() };
            match open.log.append(sent.into_bytes(), context) {
                Ok(appended) => {
                    prop_assert_eq!((appended.base_offset, appended.duplicate), (stored, false));
                    (stored, sequence) = (stored + 2, sequence + 2);
                }
                Err(AppendError::Log(error)) => prop_assert!(error.shortage().is_some() && n < 36, "{}", error),
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            }
            if n % 7 == 0 && let Err(error) = open.log.flush() {
                prop_assert!(error.shortage().is_some(), "{}", error);
            }
            prop_assert_eq!(open.log.log_end_offset(), stored);
        }
        prop_assert_eq!(open.manager.poisoned(), None);
        let found = values_of(read_all(&open.log));
        prop_assert_eq!(i64::try_from(found.len()).unwrap(), stored);
        if clean {
            open.close();
        } else {
            drop(open);
        }
        let open = folder.open();
        prop_assert_eq!(open.manager.was_clean_shutdown(), clean);
        prop_assert_eq!(values_of(read_all(&open.log)), found);
        let newest = open.log.offset_for_timestamp(Timestamp::from_millis(NOW.as_millis() + 36), stored).unwrap();
        prop_assert_eq!(newest.map(|found| found.timestamp.as_millis()), Some(NOW.as_millis() + 36));
    }
}
