//! Group commit, flush limits, and what a failed disk does.

use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::log::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn listen(log: &Log) -> mpsc::Receiver<i64> {
    let (sender, receiver) = mpsc::sync_channel(1000);
    log.on_flushed(Box::new(move |end| sender.send(end).unwrap()));
    receiver
}

/// The flushed ends that come, up to `end`.
fn wait_for(receiver: &mpsc::Receiver<i64>, end: i64) -> Vec<i64> {
    let mut seen = Vec::new();
    while seen.last() != Some(&end) {
        seen.push(receiver.recv_timeout(PATIENCE).expect("the flush comes"));
    }
    seen
}

#[test]
fn one_flush_answers_all_that_wait() {
    let folder = Folder::new(LogConfig::default()).with_durability(Durability::Group);
    let open = folder.open();
    let flushed = listen(&open.log);
    for n in 0..200 {
        append(&open.log, &keyed(1, 0, n, 1)).unwrap();
    }
    let ends = wait_for(&flushed, 200);
    assert!(ends.is_sorted(), "{ends:?}");
    assert_eq!(open.log.flushed_end_offset(), 200);
}

#[test]
fn flush_messages_and_flush_ms_ask_for_a_flush() {
    let config = LogConfig {
        flush_messages: Some(3),
        flush_interval: Some(Duration::from_secs(5)),
        ..LogConfig::default()
    };
    let folder = Folder::new(config).with_durability(Durability::Interval);
    let open = folder.open();
    let flushed = listen(&open.log);
    append(&open.log, &keyed(1, 0, 0, 2)).unwrap();
    assert_eq!(open.log.flushed_end_offset(), 0);
    append(&open.log, &keyed(1, 0, 2, 1)).unwrap();
    assert_eq!(wait_for(&flushed, 3), [3]);

    append(&open.log, &keyed(1, 0, 3, 1)).unwrap();
    open.manager.tick(NOW.saturating_add(Duration::from_millis(4999)));
    assert_eq!(open.log.flushed_end_offset(), 3);
    open.manager.tick(NOW.saturating_add(Duration::from_secs(5)));
    assert_eq!(wait_for(&flushed, 4), [4]);
}

#[test]
fn a_finished_segment_is_flushed_in_every_mode() {
    let folder = Folder::new(LogConfig { segment_bytes: 100, ..LogConfig::default() });
    let open = folder.open();
    let flushed = listen(&open.log);
    append(&open.log, &keyed(1, 0, 0, 1)).unwrap();
    append(&open.log, &keyed(1, 0, 1, 1)).unwrap();
    wait_for(&flushed, 2);
}

#[test]
fn a_failed_write_ends_the_data_folder() {
    let folder = Folder::new(LogConfig { segment_bytes: 100, ..LogConfig::default() });
    let open = folder.open();
    append(&open.log, &keyed(1, 0, 0, 1)).unwrap();
    // The next segment can't be created: a folder has its name.
    std::fs::create_dir(folder.file("00000000000000000001.log")).unwrap();
    let error = append(&open.log, &keyed(1, 0, 1, 1)).unwrap_err();
    assert!(matches!(error, AppendError::Log(LogError::Io { .. })), "{error}");
    let error = append(&open.log, &keyed(1, 0, 1, 1)).unwrap_err();
    assert!(matches!(error, AppendError::Log(LogError::Poisoned { .. })), "{error}");
    assert!(matches!(open.log.flush(), Err(LogError::Poisoned { .. })));
    assert!(matches!(open.manager.close(-1), Err(LogError::Poisoned { .. })));
    assert!(open.manager.poisoned().unwrap().contains("00000000000000000001.log"));
    assert_eq!(values_of(read_all(&open.log)).len(), 1, "what was read may be read on");
    assert!(!folder.path().join(".kafka_cleanshutdown").exists());
}
