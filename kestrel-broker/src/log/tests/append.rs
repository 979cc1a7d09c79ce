//! Appending, rolling, deleting from the front.

use std::time::Duration;

use kestrel_protocol::record::control::{
    ControlPlace, ControlRecord, EndTransactionMarker, TransactionOutcome, control_batch,
};
use kestrel_protocol::record::{Compression, ProducerStamp, TimestampType};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId};

use super::*;
use crate::log::*;

fn plain(count: usize) -> kestrel_protocol::record::RecordBatch {
    batch(&vec![(NOW.as_millis(), "0123456789"); count], Compression::None, ProducerStamp::NONE)
}

fn read(
    log: &Log,
    fetch_offset: i64,
    up_to_offset: i64,
    max_bytes: usize,
    first_batch: FirstBatch,
) -> Vec<(i64, i64)> {
    let request =
        ReadRequest { fetch_offset, max_bytes, up_to_offset, first_batch, file_run_min_bytes: usize::MAX };
    offsets_of(read_both(log, request).unwrap())
}

#[test]
fn offsets_and_epoch_are_given_by_the_log() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    let first = append(&open.log, &plain(3)).unwrap();
    assert_eq!((first.base_offset, first.last_offset, first.duplicate), (0, 2, false));
    assert_eq!((first.log_append_time, first.log_start_offset), (None, 0));
    let context = AppendContext { leader_epoch: LeaderEpoch(4), ..client() };
    assert_eq!(open.log.append(plain(2).into_bytes(), context).unwrap().base_offset, 3);
    assert_eq!(open.log.log_end_offset(), 5);

    let stored = kestrel_protocol::RecordBatches::new(read_all(&open.log)).last().unwrap().unwrap();
    assert_eq!(stored.header().partition_leader_epoch, LeaderEpoch(4));
    assert_eq!(stored.bytes()[16..], plain(2).bytes()[16..], "nothing behind the epoch changes");
    let end = |epoch| open.log.end_offset_for_epoch(LeaderEpoch(epoch));
    assert_eq!(end(0), EpochEnd { epoch: LeaderEpoch(0), end_offset: 3 });
    assert_eq!(end(4), EpochEnd { epoch: LeaderEpoch(4), end_offset: 5 });
    assert_eq!(open.log.epoch_at(2), Some(LeaderEpoch(0)));
    let file = std::fs::read_to_string(folder.file("leader-epoch-checkpoint")).unwrap();
    assert_eq!(file, "0\n2\n0 0\n4 3\n");
}

#[test]
fn a_read_begins_with_the_batch_that_has_the_offset() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    for _ in 0..4 {
        append(&open.log, &plain(3)).unwrap();
    }
    let size = plain(3).bytes().len();
    let always = |fetch, up_to, max| read(&open.log, fetch, up_to, max, FirstBatch::Always);
    assert_eq!(always(4, 12, 10_000), [(3, 5), (6, 8), (9, 11)]);
    assert_eq!(always(4, 12, 2 * size), [(3, 5), (6, 8)]);
    assert_eq!(always(4, 12, 2 * size - 1), [(3, 5)], "whole batches only");
    assert_eq!(always(4, 12, 0), [(3, 5)], "the first one always");
    assert_eq!(read(&open.log, 4, 12, size - 1, FirstBatch::IfItFits), []);
    assert_eq!(always(4, 6, 10_000), [(3, 5)], "nothing beyond the bound");
    assert_eq!(always(4, 5, 10_000), []);
    assert_eq!(always(12, 99, 10_000), []);
    for offset in [-1, 13] {
        let request = ReadRequest {
            fetch_offset: offset,
            max_bytes: 1,
            up_to_offset: 12,
            first_batch: FirstBatch::Always,
            file_run_min_bytes: usize::MAX,
        };
        let error = read_both(&open.log, request).unwrap_err();
        assert!(matches!(error, LogError::OffsetOutOfRange { log_start_offset: 0, log_end_offset: 12, .. }));
    }
}

#[test]
fn a_large_batch_is_read_whole() {
    let folder = Folder::new(LogConfig { index_interval_bytes: 1 << 20, ..LogConfig::default() });
    let open = folder.open();
    let large = "x".repeat(40_000);
    for _ in 0..3 {
        append(&open.log, &plain(1)).unwrap();
        append(&open.log, &batch(&[(NOW.as_millis(), &large)], Compression::None, ProducerStamp::NONE))
            .unwrap();
    }
    for offset in 0..6 {
        assert_eq!(read(&open.log, offset, 6, 100, FirstBatch::Always), [(offset, offset)]);
    }
}

#[test]
fn segments_roll_by_size_with_a_snapshot_each() {
    let size = u32::try_from(plain(3).bytes().len()).unwrap();
    let folder = Folder::new(LogConfig { segment_bytes: 2 * size, ..LogConfig::default() });
    let open = folder.open();
    for n in 0..5 {
        append(&open.log, &keyed(1, 0, 3 * n, 3)).unwrap_or_else(|error| panic!("{error}"));
    }
    let names = |offsets: &[i64], suffix: &str| -> Vec<String> {
        offsets.iter().map(|offset| format!("{offset:020}{suffix}")).collect()
    };
    let first = keyed(1, 0, 0, 3).bytes().len();
    let per_segment = usize::try_from(2 * size).unwrap() / first;
    let bases: Vec<i64> = (0..5i64).map(|n| 3 * n).step_by(per_segment).collect();
    assert_eq!(folder.files(".log"), names(&bases, ".log"));
    assert_eq!(folder.files(".index"), names(&bases, ".index"));
    assert_eq!(folder.files(".timeindex"), names(&bases, ".timeindex"));
    assert_eq!(folder.files(".snapshot"), names(&bases[1..], ".snapshot"));
    let too_large = batch(&[(NOW.as_millis(), &"x".repeat(1000))], Compression::None, ProducerStamp::NONE);
    let error = append(&open.log, &too_large).unwrap_err();
    assert!(matches!(error, AppendError::RecordListTooLarge { .. }), "{error}");
}

#[test]
fn segments_roll_by_age_and_by_full_index() {
    let config = LogConfig { segment_roll: Duration::from_secs(10), ..LogConfig::default() };
    let folder = Folder::new(config.clone());
    let open = folder.open();
    let at = |timestamp| batch(&[(timestamp, "v")], Compression::None, ProducerStamp::NONE);
    append(&open.log, &at(NOW.as_millis())).unwrap();
    append(&open.log, &at(NOW.as_millis() + 10_000)).unwrap();
    assert_eq!(folder.files(".log").len(), 1);
    append(&open.log, &at(NOW.as_millis() + 10_001)).unwrap();
    assert_eq!(folder.files(".log").len(), 2);
    let context = AppendContext { now: NOW.saturating_add(Duration::from_secs(11)), ..client() };
    open.log.append(at(-1).into_bytes(), context).unwrap();
    assert_eq!(folder.files(".log").len(), 2, "the age is that of the records, where they have one");

    open.log.set_config(LogConfig { segment_index_bytes: 24, index_interval_bytes: 0, ..config });
    for _ in 0..6 {
        append(&open.log, &at(NOW.as_millis())).unwrap();
    }
    assert!(folder.files(".log").len() > 3, "the indexes hold two or three entries");
    assert_eq!(values_of(read_all(&open.log)).len(), 10);
}

#[test]
fn the_last_five_batches_are_appended_once() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    for n in 0..6 {
        append(&open.log, &keyed(9, 0, 2 * n, 2)).unwrap();
    }
    for n in 1..6 {
        let again = append(&open.log, &keyed(9, 0, 2 * n, 2)).unwrap();
        assert_eq!((again.base_offset, again.duplicate), (2 * i64::from(n), true));
        assert_eq!(again.log_append_time, Some(NOW));
    }
    assert_eq!(open.log.log_end_offset(), 12);
    let error = append(&open.log, &keyed(9, 0, 14, 1)).unwrap_err();
    assert!(matches!(error, AppendError::OutOfOrderSequence { expected: 12, received: 14, .. }), "{error}");
    append(&open.log, &keyed(9, 1, 0, 1)).unwrap();
    let error = append(&open.log, &keyed(9, 0, 12, 1)).unwrap_err();
    assert!(matches!(error, AppendError::InvalidProducerEpoch { .. }), "{error}");
    assert_eq!(open.log.log_end_offset(), 13, "what is refused writes nothing");

    open.close();
    let open = folder.open();
    let again = append(&open.log, &keyed(9, 1, 0, 1)).unwrap();
    assert_eq!((again.base_offset, again.duplicate), (12, true), "also after a restart");
}

#[test]
fn the_last_five_batches_are_known_after_restarts() {
    // Each batch fills a segment, so that each has a snapshot behind it.
    let folder = Folder::new(LogConfig { segment_bytes: 100, ..LogConfig::default() });
    let open = folder.open();
    for n in 0..6 {
        append(&open.log, &keyed(9, 0, 2 * n, 2)).unwrap();
    }
    open.close();
    for _ in 0..2 {
        let open = folder.open();
        for n in 1..6 {
            let again = append(&open.log, &keyed(9, 0, 2 * n, 2)).unwrap();
            assert_eq!((again.base_offset, again.duplicate), (2 * i64::from(n), true));
        }
        let error = append(&open.log, &keyed(9, 0, 0, 2)).unwrap_err();
        assert!(
            matches!(error, AppendError::OutOfOrderSequence { expected: 12, received: 0, .. }),
            "{error}"
        );
        open.close();
    }
}

#[test]
fn the_controller_appends_several_batches_and_markers() {
    let folder = Folder::new(LogConfig::default());
    let open = folder.open();
    let context = AppendContext { origin: AppendOrigin::Controller, ..client() };
    let two = [plain(2).into_bytes(), plain(1).into_bytes()].concat();
    let appended = open.log.append(two.into(), context).unwrap();
    assert_eq!((appended.base_offset, appended.last_offset), (0, 2));

    let options = kestrel_protocol::record::BuilderOptions { transactional: true, ..Default::default() };
    let mut builder = kestrel_protocol::RecordBatchBuilder::new(options, 1 << 10);
    builder.append(NOW.as_millis(), None, Some(b"v"), []).unwrap();
    let stamp =
        ProducerStamp { producer_id: ProducerId(5), producer_epoch: ProducerEpoch(0), base_sequence: 0 };
    open.log.append(builder.build(stamp).into_bytes(), context).unwrap();
    assert_eq!(open.log.position().first_unstable, Some(3));
    let marker = EndTransactionMarker { outcome: TransactionOutcome::Abort, coordinator_epoch: 2 };
    let transaction = Transaction { producer_id: ProducerId(5), producer_epoch: ProducerEpoch(0) };
    open.log.append_marker(transaction, marker, 1, context).unwrap();
    assert_eq!(open.log.position().first_unstable, None);

    let place = ControlPlace { base_offset: 0, leader_epoch: LeaderEpoch(0), timestamp: NOW.as_millis() };

    let footer = control_batch(place, &[ControlRecord::SnapshotFooter]);
    assert_eq!(open.log.append(footer.into_bytes(), context).unwrap().base_offset, 5);
}

#[test]
fn log_append_time_is_told() {
    let folder = Folder::new(LogConfig { timestamp_type: TimestampType::LogAppend, ..LogConfig::default() });
    let open = folder.open();
    assert_eq!(append(&open.log, &plain(2)).unwrap().log_append_time, Some(NOW));
    let found = open.log.max_timestamp_offset(2).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (0, NOW));
}

#[test]
fn the_log_start_moves_and_stays_moved() {
    let size = u32::try_from(plain(3).bytes().len()).unwrap();
    let folder = Folder::new(LogConfig { segment_bytes: size, ..LogConfig::default() });
    let open = folder.open();
    for _ in 0..4 {
        append(&open.log, &plain(3)).unwrap();
    }
    assert_eq!(open.log.delete_records_before(7).unwrap(), 7);
    assert_eq!(open.log.delete_records_before(4).unwrap(), 7, "never back");
    assert_eq!(folder.files(".log"), ["00000000000000000006.log", "00000000000000000009.log"]);
    assert!(matches!(open.log.delete_records_before(13), Err(LogError::OffsetOutOfRange { .. })));
    assert_eq!(read(&open.log, 7, 12, 1, FirstBatch::Always), [(6, 8)], "the batch that has the offset");
    let request = ReadRequest {
        fetch_offset: 6,
        max_bytes: 1,
        up_to_offset: 12,
        first_batch: FirstBatch::Always,
        file_run_min_bytes: usize::MAX,
    };
    assert!(matches!(read_both(&open.log, request), Err(LogError::OffsetOutOfRange { .. })));
    assert_eq!(open.log.end_offset_for_epoch(LeaderEpoch(0)).end_offset, 12);
    let first = open.log.offset_for_timestamp(NOW, 12).unwrap().unwrap();
    assert_eq!(first.offset, 7, "not one below the log start");

    drop(open);
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (7, 12));
    assert_eq!(open.log.delete_records_before(12).unwrap(), 12);
    assert_eq!(append(&open.log, &plain(1)).unwrap().base_offset, 12);
    open.close();
    let open = folder.open();
    assert_eq!((open.log.log_start_offset(), open.log.log_end_offset()), (12, 13));
}
