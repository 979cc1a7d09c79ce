//! The cleaner and others at work on the same log: nothing is swapped in that should not be, and readers go on.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::model::batches_of;
use super::swap::Swap;
use super::*;
use crate::log::segment::CleanedSegment;
use crate::log::{FirstBatch, LogError, ReadRequest};

fn put(key: &str, value: &str) -> RecordBatch {
    records(NOBODY, NOW.as_millis(), &[(Some(key), Some(value))])
}

/// A swap of the first two segments by an empty one, which `meanwhile` comes before; whether it was done.
fn swapped_after(meanwhile: impl FnOnce(&crate::log::tests::OpenFolder)) -> (bool, Folder) {
    let (folder, open) = filled(&["a", "b", "c", "d"].map(|key| put(key, "1")));
    let originals = open.log.view().segments[..2].to_vec();
    let mut cleaned = CleanedSegment::create(open.log.dir(), 0, 0).unwrap();
    cleaned.finish(&originals[1]).unwrap();
    meanwhile(&open);
    let swap = Swap { cleaned: &cleaned, placeholders: &[], originals: &originals };
    let swapped = open.log.swap_in(&swap).unwrap();
    assert!(open.manager.poisoned().is_none());
    (swapped, folder)
}

#[test]
fn a_swap_is_done_only_when_it_may_be() {
    assert!(swapped_after(|_| {}).0);
    assert!(
        swapped_after(|open| open
            .log
            .set_config(LogConfig { file_delete_delay: Duration::ZERO, ..config(9) }))
        .0
    );
    let refused: [fn(&crate::log::tests::OpenFolder); 5] = [
        |open| _ = open.log.delete_records_before(1).unwrap(),
        |open| open.log.set_config(LogConfig { compact: false, ..config(1 << 20) }),
        |open| open.manager.delete_log("t", 0).unwrap(),
        |open| open.manager.close(1).unwrap(),
        |open| _ = clean(&open.log, NOW.as_millis()),
    ];
    for meanwhile in refused {
        assert!(!swapped_after(meanwhile).0);
    }
}

#[test]
fn a_deleted_log_is_not_cleaned_on() {
    let (folder, open) = filled(&["a", "b", "a"].map(|key| put(key, "1")));
    struct Deletes<'a>(&'a crate::log::LogManager, Hand);
    impl CleanerHost for Deletes<'_> {
        fn wall(&self) -> Timestamp {
            self.1.wall()
        }
        fn now(&self) -> Instant {
            self.1.now()
        }
        fn rest(&self, _: Duration) {}
        fn is_stopping(&self) -> bool {
            let is_stopping = self.1.is_stopping();
            if is_stopping {
                self.0.delete_log("t", 0).unwrap();
            }
            false
        }
    }
    let host = Deletes(&open.manager, Hand::at(NOW.as_millis()).with_patience(9));
    assert_eq!(open.manager.clean_next(&SETTINGS, &host), Cleaned::One);
    assert!(open.manager.poisoned().is_none());
    let checkpoint = fs::read_to_string(folder.path().join("cleaner-offset-checkpoint")).unwrap();
    assert_eq!(checkpoint, "0\n0\n");
    assert_eq!(open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis())), Cleaned::None);
}

#[test]
fn a_reader_that_began_before_a_swap_goes_on() {
    let (_folder, open) = filled(&["a", "b", "a", "c"].map(|key| put(key, "1")));
    let view = open.log.view();
    let mut walk = view.segments[0].walk(0).unwrap();
    clean(&open.log, NOW.as_millis());
    assert_eq!(walk.next().unwrap().unwrap().1.base_offset, 0, "on the file that it had open");
    let gone = view.segments[0].walk(0).unwrap_err();
    assert!(gone.is_gone(), "not the new file of the same name");
    assert_eq!(batches_of(&open.log).len(), 3);
}

/// Writers, readers, retention and the cleaner at once: each reader sees offsets ascend and the last value of each key.
#[test]
fn everyone_at_once() {
    const KEYS: usize = 7;
    const ROUNDS: usize = 150;
    let folder = Folder::new(LogConfig { file_delete_delay: Duration::ZERO, ..config(900) });
    let open = folder.open();
    let done = AtomicBool::new(false);
    let (log, done) = (&*open.log, &done);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                for key in 0..KEYS {
                    append(log, &put(&key.to_string(), &format!("{round:05}")));
                }
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            let mut clean_offset = 0;
            while !done.load(Ordering::Acquire) {
                clean_offset = match clean_from(log, clean_offset, &SETTINGS, &Hand::at(NOW.as_millis())) {
                    Ok((_, clean_offset, _)) => clean_offset,
                    Err(Ended::Early) => clean_offset,
                    Err(Ended::Failed(error)) => panic!("{error}"),
                };
                open.manager.tick(NOW);
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                log.flush().unwrap();
                log.delete_old_segments(NOW).unwrap();
                let start = log.log_start_offset();
                if start + 300 < log.log_end_offset() {
                    log.delete_records_before(start + 1).unwrap();
                }
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    read_through(log);
                }
            });
        }
    });
    let left = batches_of(log);
    for key in 0..KEYS {
        let key = key.to_string().into_bytes();
        let last =
            left.iter().flat_map(|batch| &batch.records).rfind(|record| record.key.as_ref() == Some(&key));
        assert_eq!(last.unwrap().value.as_deref(), Some(format!("{:05}", ROUNDS - 1).as_bytes()));
    }
}

/// Reads from the log start to the end: offsets ascend, and so does the value of each key.
fn read_through(log: &Log) {
    let (mut offset, end) = (log.log_start_offset(), log.log_end_offset());
    let mut values = std::collections::HashMap::new();
    while offset < end {
        let read = log.read(ReadRequest {
            fetch_offset: offset,
            max_bytes: 200,
            up_to_offset: i64::MAX,
            first_batch: FirstBatch::Always,
            file_run_min_bytes: usize::MAX,
        });
        let read = match read {
            Err(LogError::OffsetOutOfRange { log_start_offset, .. }) if offset < log_start_offset => {
                offset = log_start_offset;
                continue;
            }
            read => read.unwrap().into_bytes().unwrap(),
        };
        assert!(!read.is_empty());
        for batch in kestrel_protocol::record::RecordBatches::new(read) {
            let batch = model::batch_of(&batch.unwrap());
            assert!(batch.last >= offset);
            for record in batch.records.iter().filter(|record| record.offset >= offset) {
                let before = values.insert(record.key.clone(), record.value.clone());
                assert!(before < Some(record.value.clone()));
            }
            offset = batch.last + 1;
        }
    }
}
