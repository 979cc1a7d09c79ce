//! Which transactions of a log were aborted: from its transaction indexes, from its markers, and after a crash.

use std::fs;
use std::ops::ControlFlow;

use kestrel_protocol::record::control::{
    ControlPlace, EndTransactionMarker, TransactionOutcome, end_transaction_batch,
};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatch, RecordBatchBuilder};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId};

use super::*;
use crate::log::check::{CheckedFolder, Meter, Walked};
use crate::log::{AbortedTransaction, AppendContext, AppendOrigin, FirstBatch, Log, LogConfig, ReadRequest};
use TransactionOutcome::{Abort, Commit};

fn data(producer: i64, base_sequence: i32) -> RecordBatch {
    let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let mut builder = RecordBatchBuilder::new(options, 1 << 16);
    builder.append(NOW.as_millis(), Some(b"key"), Some(b"value"), []).unwrap();
    let stamp =
        ProducerStamp { producer_id: ProducerId(producer), producer_epoch: ProducerEpoch(0), base_sequence };
    builder.build(stamp)
}

fn marker(producer: i64, outcome: TransactionOutcome) -> RecordBatch {
    end_transaction_batch(
        ControlPlace { base_offset: 0, leader_epoch: LeaderEpoch(0), timestamp: NOW.as_millis() },
        ProducerId(producer),
        ProducerEpoch(0),
        EndTransactionMarker { outcome, coordinator_epoch: 0 },
    )
}

/// The transactions of 1 and 2 are in each other's; that of 2 ends last, and 3 never ends.
fn batches() -> Vec<RecordBatch> {
    vec![
        data(1, 0),
        data(2, 0),
        data(1, 1),
        marker(1, Abort),
        data(1, 2),
        marker(1, Commit),
        data(1, 3),
        marker(1, Abort),
        marker(2, Abort),
        data(3, 0),
        data(1, 4),
        marker(1, Commit),
    ]
}

fn aborted(
    producer: i64,
    first_offset: i64,
    last_offset: i64,
    last_stable_offset: i64,
) -> AbortedTransaction {
    AbortedTransaction { producer_id: ProducerId(producer), first_offset, last_offset, last_stable_offset }
}

fn all() -> Vec<AbortedTransaction> {
    vec![aborted(1, 0, 3, 1), aborted(1, 6, 7, 1), aborted(2, 1, 8, 9)]
}

/// A folder with those batches, each in a segment of its own or all in one.
fn written(segment_bytes: u32) -> (Folder, OpenFolder) {
    let folder = Folder::new(LogConfig { segment_bytes, ..LogConfig::default() });
    let open = folder.open();
    for batch in batches() {
        let context = AppendContext { origin: AppendOrigin::Coordinator, ..client() };
        open.log.append(batch.bytes().clone(), context).unwrap();
    }
    (folder, open)
}

fn request(fetch_offset: i64, max_bytes: usize, file_run_min_bytes: usize) -> ReadRequest {
    let first_batch = FirstBatch::Always;
    ReadRequest { fetch_offset, max_bytes, up_to_offset: i64::MAX, first_batch, file_run_min_bytes }
}

fn within(log: &Log, request: ReadRequest) -> Vec<AbortedTransaction> {
    log.aborted_within(request.fetch_offset, &log.read(request).unwrap()).unwrap()
}

fn assert_known(log: &Log) {
    assert_eq!(log.position().first_unstable, Some(9));
    assert_eq!(log.open_transactions(), [(9, ProducerId(3))]);
    for min in [0, usize::MAX] {
        let found = |fetch_offset| within(log, request(fetch_offset, 1 << 20, min));
        // In one segment or many: what begins within the batches that were read.
        assert!(found(0).starts_with(&[aborted(1, 0, 3, 1)]));
        assert_eq!(found(4).last(), Some(&aborted(2, 1, 8, 9)));
        assert_eq!(found(8), [aborted(2, 1, 8, 9)]);
        assert_eq!(found(9), []);
        // One batch at a time.
        let one = |fetch_offset| within(log, request(fetch_offset, 1, min));
        assert_eq!(one(0), [aborted(1, 0, 3, 1)]);
        assert_eq!(one(4), [aborted(2, 1, 8, 9)]);
        assert_eq!(one(6), [aborted(1, 6, 7, 1), aborted(2, 1, 8, 9)]);
    }
}

#[test]
fn aborted_transactions_are_known_while_they_are_written_and_after_every_start() {
    for segment_bytes in [1 << 20, 100] {
        let (folder, open) = written(segment_bytes);
        assert_known(&open.log);
        open.close();
        for _ in 0..2 {
            let open = folder.open();
            assert_known(&open.log);
            // A crash: what had not been flushed is walked.
            drop(open);
        }
        let recovery_point = folder.path().join("recovery-point-offset-checkpoint");
        fs::write(&recovery_point, "0\n1\nt 0 0\n").unwrap();
        assert_known(&folder.open().log);
        // Without the index the markers tell, where the log is walked.
        for name in folder.files(".txnindex") {
            fs::remove_file(folder.file(&name)).unwrap();
        }
        fs::write(&recovery_point, "0\n1\nt 0 0\n").unwrap();
        assert_known(&folder.open().log);
    }
}

#[test]
fn a_damaged_transaction_index_is_made_anew() {
    for segment_bytes in [1 << 20, 100] {
        let (folder, open) = written(segment_bytes);
        open.close();
        let names = folder.files(".txnindex");
        let contents: Vec<Vec<u8>> = names.iter().map(|name| fs::read(folder.file(name)).unwrap()).collect();
        assert_eq!(contents.concat().len(), 3 * 34);
        for damage in [&b"short"[..], &[0xff; 34]] {
            fs::write(folder.file(&names[0]), damage).unwrap();
            let (mut found, mut go_on) = (Vec::new(), |_| ControlFlow::Continue(()));
            let checked = CheckedFolder::read(folder.path(), &mut |_| {}).unwrap();
            let (mut walked, mut meter) = (Walked::default(), Meter::new(&mut go_on));
            checked
                .check(&checked.partitions[0], &mut walked, &mut meter, &mut |one| found.push(one))
                .unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].to_string().contains("the transaction index is damaged"), "{found:?}");
            let open = folder.open();
            assert_known(&open.log);
            open.close();
            let again: Vec<Vec<u8>> = names.iter().map(|name| fs::read(folder.file(name)).unwrap()).collect();
            assert_eq!(again, contents);
        }
    }
}

#[test]
fn the_entries_are_apache_kafkas() {
    let (folder, open) = written(1 << 20);
    open.close();
    let [name] = &*folder.files(".txnindex") else { panic!("one segment, one index") };
    let mut expected = Vec::new();
    for transaction in all() {
        expected.extend_from_slice(&0_i16.to_be_bytes());
        for number in [
            transaction.producer_id.0,
            transaction.first_offset,
            transaction.last_offset,
            transaction.last_stable_offset,
        ] {
            expected.extend_from_slice(&number.to_be_bytes());
        }
    }
    assert_eq!(fs::read(folder.file(name)).unwrap(), expected);
}

#[test]
fn a_torn_end_takes_its_entries_with_it() {
    let (folder, open) = written(1 << 20);
    drop(open);
    let log = folder.file("00000000000000000000.log");
    let bytes = fs::read(&log).unwrap();
    // Up to within the marker at offset 7.
    let cut: usize = batches()[..7].iter().map(|batch| batch.bytes().len()).sum();
    fs::write(&log, &bytes[..cut + 10]).unwrap();
    let open = folder.open();
    assert_eq!(open.log.log_end_offset(), 7);
    assert_eq!(within(&open.log, request(0, 1 << 20, usize::MAX)), [aborted(1, 0, 3, 1)]);
    assert_eq!(fs::read(folder.file("00000000000000000000.txnindex")).unwrap().len(), 34);
}

/// Four transactions of two producers were aborted; one of them lay across the others.
#[test]
fn what_the_markers_tell_is_what_apache_kafka_wrote_into_its_index() {
    const TESTDATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/transactions");
    let index = fs::read(format!("{TESTDATA}/00000000000000000000.txnindex")).unwrap();
    let folder = Folder::new(LogConfig::default());
    folder.open().close();
    fs::copy(format!("{TESTDATA}/00000000000000000000.log"), folder.file("00000000000000000000.log"))
        .unwrap();
    // Walked, as after a crash; then trusted, as after a clean stop.
    fs::remove_file(folder.path().join(".kafka_cleanshutdown")).unwrap();
    for _ in 0..2 {
        let open = folder.open();
        assert_eq!(fs::read(folder.file("00000000000000000000.txnindex")).unwrap(), index);
        let found = within(&open.log, request(0, 1 << 20, usize::MAX));
        assert_eq!(found.len() * 34, index.len());
        assert_eq!(open.log.position().first_unstable, None);
        open.close();
    }
}
