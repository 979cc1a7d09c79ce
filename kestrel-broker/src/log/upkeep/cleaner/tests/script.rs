//! What is kept, case by case.

use std::fs;

use kestrel_protocol::record::TimestampType;

use super::model::{Batch, batches_of};
use super::*;
use crate::log::format::index::Entry as _;
use crate::log::format::time_index::TimestampOffset;
use crate::log::tests::{read_all, read_both};
use crate::log::{FirstBatch, ReadRequest};

use TransactionOutcome::{Abort, Commit};

/// Offset, key and value of all records, `-` standing for null; an empty batch is its range of offsets.
fn shown(log: &Log) -> Vec<String> {
    let text = |bytes: &Option<Vec<u8>>| match bytes {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => "-".to_owned(),
    };
    let show = |batch: &Batch| match (batch.control, batch.records.as_slice()) {
        (_, []) => vec![format!("{}..{}", batch.base, batch.last)],
        (Some(outcome), _) => vec![format!("{} {:?}", batch.base, outcome.unwrap())],
        (None, records) => records
            .iter()
            .map(|record| format!("{} {}={}", record.offset, text(&record.key), text(&record.value)))
            .collect(),
    };
    batches_of(log).iter().flat_map(show).collect()
}

fn put(key: &str, value: &str) -> RecordBatch {
    records(NOBODY, NOW.as_millis(), &[(Some(key), Some(value))])
}

fn delete(key: &str) -> RecordBatch {
    records(NOBODY, NOW.as_millis(), &[(Some(key), None)])
}

#[test]
fn the_last_value_of_each_key_is_kept() {
    let (folder, open) = filled(&[
        put("a", "1"),
        put("b", "2"),
        records(
            NOBODY,
            NOW.as_millis(),
            &[(Some("a"), Some("3")), (Some("c"), Some("4")), (Some("a"), Some("5"))],
        ),
        put("b", "6"),
    ]);
    let stats = clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["3 c=4", "4 a=5", "5 b=6"]);
    assert_eq!((stats.records_before, stats.records_after, stats.keys), (6, 3, 3));
    assert_eq!(folder.files(".log"), ["00000000000000000000.log", "00000000000000000006.log"]);
    assert_eq!(folder.files(".cleaned").len() + folder.files(".swap").len(), 0);
    let headers = batches_of(&open.log)
        .iter()
        .flat_map(|batch| &batch.records)
        .map(|record| record.headers)
        .sum::<usize>();
    assert_eq!(headers, 3);
}

#[test]
fn a_read_where_records_are_gone_begins_with_the_next_one() {
    let (_folder, open) = filled(&["a", "b", "a", "b", "c", "a"].map(|key| put(key, "1")));
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["3 b=1", "4 c=1", "5 a=1"]);
    for (fetch_offset, first) in [(0, 3), (2, 3), (3, 3), (4, 4), (5, 5)] {
        // So small that the read does not reach the segment's end.
        let request = ReadRequest {
            fetch_offset,
            max_bytes: 1,
            up_to_offset: 6,
            first_batch: FirstBatch::Always,
            file_run_min_bytes: usize::MAX,
        };
        let (batch, rest) = RecordBatch::parse(read_both(&open.log, request).unwrap()).unwrap();
        assert_eq!((batch.header().base_offset, rest.len()), (first, 0));
    }
}

#[test]
fn the_active_segment_and_what_is_not_committed_stay() {
    let (_folder, open) = filled(&[put("a", "1"), put("a", "2"), put("a", "3")]);
    append(&open.log, &put("a", "4"));
    open.log.note_high_watermark(2);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["1 a=2", "2 a=3", "3 a=4"]);
    open.log.note_high_watermark(4);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["2 a=3", "3 a=4"]);
}

#[test]
fn a_tombstone_stays_until_its_horizon_has_passed() {
    let (_folder, open) = filled(&[put("a", "1"), put("b", "2"), delete("a"), put("c", "3")]);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["1 b=2", "2 a=-", "3 c=3"]);
    let horizons: Vec<_> = batches_of(&open.log).iter().map(|batch| batch.horizon).collect();
    assert_eq!(horizons, [None, Some(NOW.as_millis() + RETENTION), None]);
    clean(&open.log, NOW.as_millis() + RETENTION - 1);
    assert_eq!(shown(&open.log), ["1 b=2", "2 a=-", "3 c=3"]);
    assert_eq!(batches_of(&open.log)[1].records[0].timestamp, NOW.as_millis());
    clean(&open.log, NOW.as_millis() + RETENTION);
    assert_eq!(shown(&open.log), ["1 b=2", "3 c=3"]);
}

#[test]
fn where_nothing_is_left_the_end_is_still_known() {
    let (folder, open) = filled(&[put("a", "1"), delete("a")]);
    clean(&open.log, NOW.as_millis());
    clean(&open.log, NOW.as_millis() + RETENTION);
    assert_eq!(shown(&open.log), ["1..1"]);
    open.close();
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (0, 2));
}

#[test]
fn what_is_untouched_keeps_its_bytes() {
    let zstd = Writer { compression: Compression::Zstd, ..NOBODY };
    let batches = [
        records(zstd, NOW.as_millis(), &[(Some("a"), Some("1")), (Some("b"), Some("2"))]),
        put("c", "3"),
        records(zstd, NOW.as_millis(), &[(Some("d"), Some("4")), (Some("e"), Some("5"))]),
    ];
    let (_folder, open) = filled(&batches);
    let before = read_all(&open.log);
    clean(&open.log, NOW.as_millis());
    assert_eq!(read_all(&open.log), before);
    append(&open.log, &put("e", "6"));
    roll(&open.log);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["0 a=1", "1 b=2", "2 c=3", "3 d=4", "5 e=6"]);
    let codecs: Vec<u8> = batches_of(&open.log).iter().map(|batch| batch.compression).collect();
    assert_eq!(codecs, [4, 0, 4, 0], "with the batch's own codec again");
}

#[test]
fn the_brokers_times_stay() {
    let folder = Folder::new(LogConfig { timestamp_type: TimestampType::LogAppend, ..config(1 << 20) });
    let open = folder.open();
    append(
        &open.log,
        &records(NOBODY, 5, &[(Some("a"), Some("1")), (Some("b"), None), (Some("c"), Some("3"))]),
    );
    append(&open.log, &put("a", "4"));
    roll(&open.log);
    clean(&open.log, NOW.as_millis() + 77);
    assert_eq!(shown(&open.log), ["1 b=-", "2 c=3", "3 a=4"]);
    let batches = batches_of(&open.log);
    assert!(
        batches.iter().flat_map(|batch| &batch.records).all(|record| record.timestamp == NOW.as_millis())
    );
    assert_eq!(batches[0].horizon, Some(NOW.as_millis() + 77 + RETENTION));
}

#[test]
fn records_without_a_key_are_dropped() {
    let folder = Folder::new(LogConfig { compact: false, ..config(1 << 20) });
    let open = folder.open();
    append(
        &open.log,
        &records(NOBODY, NOW.as_millis(), &[(None, Some("1")), (Some("a"), Some("2")), (None, None)]),
    );
    roll(&open.log);
    open.log.set_config(config(1 << 20));
    assert_eq!(clean(&open.log, NOW.as_millis()).without_key, 2);
    assert_eq!(shown(&open.log), ["1 a=2"]);
}

#[test]
fn the_last_batch_of_a_producer_stays_without_records() {
    let entry = [(Some("a"), Some("1"))];
    let (folder, open) = filled(&[
        records(producer(1, 0, 0), NOW.as_millis(), &entry),
        records(producer(1, 0, 1), NOW.as_millis(), &entry),
        records(producer(2, 3, 0), NOW.as_millis(), &entry),
        put("a", "2"),
    ]);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["1..1", "2..2", "3 a=2"]);
    let before = lock_state(&open.log);
    drop(open);
    for snapshot in folder.files(".snapshot") {
        fs::remove_file(folder.file(&snapshot)).unwrap();
    }
    let open = folder.open();
    assert_eq!(lock_state(&open.log), before);
    let again =
        crate::log::tests::append(&open.log, &records(producer(1, 0, 1), NOW.as_millis(), &entry)).unwrap();
    assert_eq!((again.duplicate, again.base_offset), (true, 1));
    assert!(
        crate::log::tests::append(&open.log, &records(producer(1, 0, 3), NOW.as_millis(), &entry)).is_err()
    );
    assert!(
        crate::log::tests::append(&open.log, &records(producer(2, 3, 1), NOW.as_millis(), &entry)).is_ok()
    );
}

#[test]
fn a_batch_without_records_has_no_time() {
    let late = records(producer(1, 0, 0), NOW.as_millis() + 5000, &[(Some("a"), Some("1"))]);
    let (folder, open) = filled(&[put("x", "0"), put("y", "0"), late, put("a", "2"), put("z", "0")]);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["0 x=0", "1 y=0", "2..2", "3 a=2", "4 z=0"]);
    let newest = open.log.max_timestamp_offset(5).unwrap().unwrap();
    assert_eq!((newest.timestamp, newest.offset), (NOW, 0));
    let index = fs::read(folder.file("00000000000000000000.timeindex")).unwrap();
    let entries: Vec<_> =
        index.as_chunks().0.iter().map(|entry| TimestampOffset::decode(0, *entry).timestamp).collect();
    assert_eq!(entries, [NOW], "kafka-dump-log compares an entry with the records of its batch");
    open.close();
    let open = folder.open();
    assert_eq!(open.log.offset_for_timestamp(Timestamp::from_millis(NOW.as_millis() + 1), 5).unwrap(), None);
}

pub(super) fn lock_state(
    log: &Log,
) -> std::collections::HashMap<ProducerId, crate::log::producer_state::LastBatch> {
    log.last_batches()
}

/// A transaction of one record.
fn transaction(id: i64, sequence: i32, entry: Entry<'_>, outcome: TransactionOutcome) -> [RecordBatch; 2] {
    let writer = Writer { transactional: true, ..producer(id, 0, sequence) };
    [records(writer, NOW.as_millis(), &[entry]), marker(id, 0, outcome)]
}

#[test]
fn what_was_aborted_goes_and_then_its_marker() {
    let mut batches = vec![put("a", "1")];
    batches.extend(transaction(1, 0, (Some("a"), Some("2")), Abort));
    batches.extend(transaction(1, 1, (Some("b"), Some("3")), Commit));
    batches.extend(transaction(1, 2, (Some("c"), Some("4")), Commit));
    let (folder, open) = filled(&batches);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["0 a=1", "2 Abort", "3 b=3", "4 Commit", "5 c=4", "6 Commit"]);
    let index = fs::read(folder.file("00000000000000000000.txnindex")).unwrap();
    let numbers: Vec<i64> =
        index[2..].chunks_exact(8).map(|bytes| i64::from_be_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!((index.len(), &*numbers), (34, &[1, 1, 2, 3][..]));
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["0 a=1", "2 Abort", "3 b=3", "4 Commit", "5 c=4", "6 Commit"]);
    assert_eq!(batches_of(&open.log)[1].horizon, Some(NOW.as_millis() + RETENTION));
    assert_eq!(folder.files(".txnindex"), [""; 0]);
    clean(&open.log, NOW.as_millis() + RETENTION);
    assert_eq!(shown(&open.log), ["0 a=1", "3 b=3", "4 Commit", "5 c=4", "6 Commit"]);
}

#[test]
fn an_open_transaction_keeps_its_segment_and_all_behind_it() {
    let open_one = Writer { transactional: true, ..producer(1, 0, 0) };
    let other = transaction(2, 0, (Some("a"), Some("9")), Abort);
    let (_folder, open) = filled(&[
        put("a", "1"),
        put("a", "2"),
        other[0].clone(),
        records(open_one, NOW.as_millis(), &[(Some("b"), Some("3"))]),
        other[1].clone(),
        put("a", "4"),
        put("b", "5"),
    ]);
    clean(&open.log, NOW.as_millis());
    // The marker of the aborted one lies behind the last stable offset, and counts all the same.
    assert_eq!(shown(&open.log), ["1 a=2", "2..2", "3 b=3", "4 Abort", "5 a=4", "6 b=5"]);
    append(&open.log, &marker(1, 0, Commit));
    roll(&open.log);
    clean(&open.log, NOW.as_millis());
    assert_eq!(shown(&open.log), ["2..2", "3..3", "4 Abort", "5 a=4", "6 b=5", "7 Commit"]);
}

#[test]
fn with_little_memory_a_log_is_cleaned_in_parts() {
    let batches: Vec<RecordBatch> = (0..40).map(|at| put(&(at % 20).to_string(), &at.to_string())).collect();
    let (_folder, open) = filled(&batches);
    let small = CleanerSettings { dedupe_buffer_bytes: 8 * 24, ..SETTINGS };
    let mut clean_offset = 0;
    let mut rounds = 0;
    while clean_offset < 40 {
        let (_, next, stats) =
            clean_from(&open.log, clean_offset, &small, &Hand::at(NOW.as_millis())).unwrap();
        assert!(next > clean_offset && stats.map_bytes < 300, "{stats:?}");
        (clean_offset, rounds) = (next, rounds + 1);
    }
    assert!(rounds >= 5, "{rounds}");
    let expected: Vec<String> = (20..40).map(|at| format!("{at} {}={at}", at % 20)).collect();
    assert_eq!(shown(&open.log), expected);
}

#[test]
fn a_batch_with_more_keys_than_there_is_memory_is_cleaned_all_the_same() {
    let keys: Vec<String> = (0..50).map(|key| key.to_string()).collect();
    let entries: Vec<Entry<'_>> = keys.iter().map(|key| (Some(key.as_str()), Some("v"))).collect();
    let batch = records(NOBODY, NOW.as_millis(), &entries);
    let (_folder, open) = filled(&[batch.clone(), batch]);
    let none = CleanerSettings { dedupe_buffer_bytes: 0, ..SETTINGS };
    let (_, clean_offset, _) = clean_from(&open.log, 0, &none, &Hand::at(NOW.as_millis())).unwrap();
    assert_eq!(clean_offset, 50);
    assert_eq!(clean_from(&open.log, 50, &none, &Hand::at(NOW.as_millis())).unwrap().1, 100);
    assert_eq!(shown(&open.log).len(), 50);
}

#[test]
fn cleaned_segments_are_no_larger_than_a_segment_may_be() {
    let (folder, open) = filled(&(0..9).map(|at| put(&at.to_string(), "v")).collect::<Vec<_>>());
    let bytes = u32::try_from(put("0", "v").bytes().len()).unwrap();
    open.log.set_config(config(4 * bytes));
    clean(&open.log, NOW.as_millis());
    let bases: Vec<i64> = folder.files(".log").iter().map(|name| name[..20].parse().unwrap()).collect();
    assert_eq!(bases, [0, 4, 8, 9]);
    assert_eq!(shown(&open.log).len(), 9);
}

#[test]
fn the_data_folder_knows_what_is_clean() {
    let (folder, open) = filled(&[put("a", "1"), put("a", "2")]);
    let checkpoint = || fs::read_to_string(folder.path().join("cleaner-offset-checkpoint")).unwrap();
    let clean_next =
        |open: &crate::log::tests::OpenFolder| open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis()));
    assert_eq!((clean_next(&open), checkpoint()), (Cleaned::One, "0\n1\nt 0 2\n".to_owned()));
    assert_eq!(clean_next(&open), Cleaned::None);
    open.close();
    let open = folder.open();
    open.log.note_high_watermark(2);
    assert_eq!(clean_next(&open), Cleaned::None, "also after a restart");
    append(&open.log, &put("a", "3"));
    roll(&open.log);
    assert_eq!((clean_next(&open), checkpoint()), (Cleaned::One, "0\n1\nt 0 3\n".to_owned()));
    assert_eq!(shown(&open.log), ["2 a=3"]);
    open.manager.delete_log("t", 0).unwrap();
    assert_eq!(checkpoint(), "0\n0\n");
    assert_eq!(clean_next(&open), Cleaned::None);
}

#[test]
fn a_damaged_log_is_left_alone_and_the_others_go_on() {
    let (folder, open) = filled(&[put("a", "1"), put("a", "2")]);
    let other = crate::log::OpenLog { topic: "other", ..folder.partition() };
    let other = open.manager.open_log(other).unwrap();
    for _ in 0..3 {
        append(&other, &put("a", "1"));
        roll(&other);
    }
    let path = folder.file("00000000000000000001.log");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut rounds = 0;
    while open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis())) == Cleaned::One {
        rounds += 1;
        assert!(rounds < 10);
    }
    assert_eq!(shown(&other), ["2 a=1"]);
    assert_eq!(folder.files(".log").len(), 3);
    assert_eq!(folder.files(".cleaned"), [""; 0]);
    assert!(open.manager.poisoned().is_none());
}

#[test]
fn the_dirtiest_log_comes_first() {
    let (folder, open) = filled(&[put("a", "1"), put("a", "2")]);
    while open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis())) == Cleaned::One {}
    append(&open.log, &put("a", "3"));
    roll(&open.log);
    let other = open.manager.open_log(crate::log::OpenLog { topic: "other", ..folder.partition() }).unwrap();
    append(&other, &put("a", "1"));
    append(&other, &put("a", "1"));
    roll(&other);
    assert_eq!(open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis())), Cleaned::One);
    assert_eq!((shown(&open.log).len(), shown(&other).len()), (2, 1));
    open.log.set_config(LogConfig { compact: false, ..config(1 << 20) });
    assert_eq!(open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis())), Cleaned::None);
    open.log.set_config(config(1 << 20));
    assert_eq!(open.manager.clean_next(&SETTINGS, &Hand::at(NOW.as_millis())), Cleaned::One);
    assert_eq!(shown(&open.log), ["2 a=3"]);
}

#[test]
fn with_both_policies_old_segments_go_and_the_others_are_compacted() {
    let retention = crate::log::Retention { time: Some(Duration::from_millis(100)), bytes: None };
    let folder = Folder::new(LogConfig { retention, ..config(1 << 20) });
    let open = folder.open();
    for (at, key) in (0..).zip(["a", "b", "a", "c", "a"]) {
        append(&open.log, &records(NOBODY, NOW.as_millis() + 100 * at, &[(Some(key), Some("v"))]));
        roll(&open.log);
    }
    // What retention takes was never compacted, and the checkpoint points below the log start afterwards.
    let host = |now| Hand::at(NOW.as_millis() + now);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(NOW.as_millis() + 101)).unwrap(), 1);
    assert_eq!(open.manager.clean_next(&SETTINGS, &host(101)), Cleaned::One);
    assert_eq!(shown(&open.log), ["1 b=v", "3 c=v", "4 a=v"]);
    // As one segment they are as young as the youngest of them.
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(NOW.as_millis() + 500)).unwrap(), 0);
    assert_eq!(open.log.delete_old_segments(Timestamp::from_millis(NOW.as_millis() + 501)).unwrap(), 1);
    assert_eq!((open.log.log_start_offset(), shown(&open.log).len()), (5, 0));
    append(&open.log, &put("a", "1"));
    roll(&open.log);
    assert_eq!(open.manager.clean_next(&SETTINGS, &host(501)), Cleaned::One);
    assert_eq!(shown(&open.log), ["5 a=1"]);
    open.close();
    assert_eq!(shown(&folder.open().log), ["5 a=1"]);
}
