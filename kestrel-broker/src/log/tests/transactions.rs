//! Which transactions of a log were aborted: from its transaction indexes, from its markers, and after a crash.

use std::collections::HashSet;
use std::fs;
use std::ops::ControlFlow;

use kestrel_protocol::record::control::{
    ControlPlace, EndTransactionMarker, TransactionOutcome, end_transaction_batch,
};
use kestrel_protocol::record::{
    BuilderOptions, Compression, ProducerStamp, RecordBatch, RecordBatchBuilder, RecordBatches,
};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId};
use proptest::prelude::*;

use super::*;
use crate::log::check::{CheckedFolder, Meter, Walked};
use crate::log::{
    AbortedTransaction, AppendContext, AppendOrigin, FirstBatch, Log, LogConfig, ReadRequest, Transaction,
    Verifying,
};
use TransactionOutcome::{Abort, Commit};

fn data(producer: i64, base_sequence: i32) -> RecordBatch {
    stamped(producer, 0, base_sequence)
}

fn stamped(producer: i64, epoch: i16, base_sequence: i32) -> RecordBatch {
    let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let mut builder = RecordBatchBuilder::new(options, 1 << 16);
    builder.append(NOW.as_millis(), Some(b"key"), Some(b"value"), []).unwrap();
    let stamp = ProducerStamp {
        producer_id: ProducerId(producer),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence,
    };
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
        assert_eq!(found(4).first(), Some(&aborted(2, 1, 8, 9)));
        assert_eq!(found(8), [aborted(2, 1, 8, 9)]);
        assert_eq!(found(9), []);
        // One batch at a time.
        let one = |fetch_offset| within(log, request(fetch_offset, 1, min));
        assert_eq!(one(0), [aborted(1, 0, 3, 1)]);
        assert_eq!(one(4), [aborted(2, 1, 8, 9)]);
        assert_eq!(one(6), [aborted(2, 1, 8, 9), aborted(1, 6, 7, 1)]);
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

/// A step of the random interleaving.
#[derive(Debug, Clone)]
enum Step {
    /// This producer writes, in its open transaction or in a new one.
    Write(i64),
    /// Its transaction ends.
    End(i64, bool),
    /// Somebody writes outside of any transaction.
    Plain,
    /// A clean stop and a start, or a crash and a start.
    Restart(bool),
}

/// What happened to the record at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open(i64),
    Shown,
    Hidden,
}

/// The transactions of a log as they should be.
#[derive(Debug, Default)]
struct Expected {
    /// By offset; markers are hidden.
    fates: Vec<Fate>,
    /// The epoch and the next sequence of each producer.
    producers: [(i16, i32); 3],
}

impl Expected {
    fn is_open(&self, producer: i64) -> bool {
        self.fates.contains(&Fate::Open(producer))
    }

    fn stable(&self) -> usize {
        let open = self.fates.iter().position(|fate| matches!(fate, Fate::Open(_)));
        open.unwrap_or(self.fates.len())
    }

    fn write(&mut self, producer: i64, version: i16, log: &Log) {
        let (epoch, sequence) = self.producers[usize::try_from(producer).unwrap()];
        let transaction =
            Transaction { producer_id: ProducerId(producer), producer_epoch: ProducerEpoch(epoch) };
        let verifying = Verifying { transaction, first_sequence: sequence, bumps_epoch: version >= 2 };
        let guard = log.begin_verification(verifying, NOW);
        assert_eq!(guard.is_none(), self.is_open(producer));
        let records = stamped(producer, epoch, sequence).into_bytes();
        log.append(records, AppendContext { guard, ..client() }).unwrap();
        self.producers[usize::try_from(producer).unwrap()].1 += 1;
        self.fates.push(Fate::Open(producer));
    }

    fn end(&mut self, producer: i64, version: i16, commits: bool, log: &Log) {
        let (epoch, sequence) = &mut self.producers[usize::try_from(producer).unwrap()];
        if version >= 2 {
            (*epoch, *sequence) = (*epoch + 1, 0);
        }
        let transaction =
            Transaction { producer_id: ProducerId(producer), producer_epoch: ProducerEpoch(*epoch) };
        let outcome = if commits { Commit } else { Abort };
        let marker = EndTransactionMarker { outcome, coordinator_epoch: 0 };
        log.append_marker(transaction, marker, version, client()).unwrap();
        let fate = if commits { Fate::Shown } else { Fate::Hidden };
        self.fates.iter_mut().filter(|is| **is == Fate::Open(producer)).for_each(|is| *is = fate);
        self.fates.push(Fate::Hidden);
    }

    /// The offsets that a reader of committed records is shown.
    fn shown(&self) -> Vec<i64> {
        let stable = self.fates[..self.stable()].iter();
        (0..).zip(stable).filter(|(_, fate)| **fate == Fate::Shown).map(|(offset, _)| offset).collect()
    }
}

/// The offsets that a consumer of committed records shows, which reads so many bytes at a time: by the aborted transactions that
/// come with the records, as Java's consumer does it.
fn consumed(log: &Log, max_bytes: usize) -> Vec<i64> {
    let position = log.position();
    let up_to_offset = position.first_unstable.unwrap_or(position.end);
    let (mut offset, mut shown) = (0, Vec::new());
    while offset < up_to_offset {
        let request = ReadRequest { up_to_offset, ..request(offset, max_bytes, usize::MAX) };
        let records = log.read(request).unwrap();
        let aborted = log.aborted_within(offset, &records).unwrap();
        assert!(aborted.is_sorted_by_key(|one| one.first_offset), "{aborted:?}");
        let mut aborted = aborted.into_iter().peekable();
        let mut skipped = HashSet::new();
        for batch in RecordBatches::new(records.into_bytes().unwrap()) {
            let header = *batch.unwrap().header();
            while let Some(one) = aborted.next_if(|one| one.first_offset <= header.last_offset()) {
                skipped.insert(one.producer_id);
            }
            if header.is_control() {
                skipped.remove(&header.producer_id);
            } else if !(header.is_transactional() && skipped.contains(&header.producer_id)) {
                shown.push(header.base_offset);
            }
            offset = header.next_offset();
        }
    }
    shown
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_i64).prop_map(Step::Write),
        4 => (0..3_i64, any::<bool>()).prop_map(|(producer, commits)| Step::End(producer, commits)),
        2 => Just(Step::Plain),
        1 => any::<bool>().prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_reader_of_committed_records_sees_the_ended_transactions_that_were_not_aborted(
        steps in steps(), version in 1..=2_i16, segment_bytes in prop_oneof![Just(1 << 20), Just(250_u32)],
    ) {
        let folder = Folder::new(LogConfig { segment_bytes, ..LogConfig::default() });
        let mut open = folder.open();
        let mut expected = Expected::default();
        let mut last_stable = 0;
        for step in steps {
            match step {
                Step::Write(producer) => expected.write(producer, version, &open.log),
                Step::End(producer, commits) => expected.end(producer, version, commits, &open.log),
                Step::Plain => {
                    let plain = batch(&[(NOW.as_millis(), "v")], Compression::None, ProducerStamp::NONE);
                    append(&open.log, &plain).unwrap();
                    expected.fates.push(Fate::Shown);
                }
                Step::Restart(clean) => {
                    if clean { open.close() } else { drop(open) }
                    open = folder.open();
                }
            }
            let position = open.log.position();
            let stable = position.first_unstable.unwrap_or(position.end);
            prop_assert_eq!(stable, i64::try_from(expected.stable()).unwrap());
            prop_assert!(stable >= last_stable);
            last_stable = stable;
        }
        for max_bytes in [1, 300, 1 << 20] {
            prop_assert_eq!(consumed(&open.log, max_bytes), expected.shown());
        }
    }
}
