//! Producers by scripts, and their snapshot against Apache Kafka's.

use bytes::Bytes;

use kestrel_protocol::record::control::{EndTransactionMarker, TransactionOutcome};

use super::*;
use crate::log::disk::FileSync;
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use proptest::prelude::*;

const DAY: Duration = Duration::from_secs(86_400);
/// When batches arrive: long after what their records tell of.
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The stored header of a batch of `count` records.
fn batch(base_offset: i64, epoch: i16, base_sequence: i32, count: i32) -> RecordBatchHeader {
    header(base_offset, epoch, base_sequence, count, BuilderOptions::default())
}

fn header(
    base_offset: i64,
    epoch: i16,
    sequence: i32,
    count: i32,
    options: BuilderOptions,
) -> RecordBatchHeader {
    let mut builder = RecordBatchBuilder::new(BuilderOptions { base_offset, ..options }, 1 << 16);
    for _ in 0..count {
        builder.append(1000 + base_offset, None, Some(b"v"), []).unwrap();
    }
    let stamp = ProducerStamp {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
    };
    *builder.build(stamp).header()
}

fn state(batches: &[RecordBatchHeader]) -> ProducerState {
    let mut state = ProducerState::default();
    for header in batches {
        let guard = header.is_transactional().then(|| verified(&mut state, header, false)).flatten();
        assert_eq!(state.check(header, guard).unwrap(), Verdict::New);
        state.replay(header, None, NOW);
    }
    state
}

/// The guard with which the batch may begin a transaction.
fn verified(
    state: &mut ProducerState,
    header: &RecordBatchHeader,
    bumps_epoch: bool,
) -> Option<VerificationGuard> {
    let ProducerStamp { producer_id, producer_epoch, base_sequence } = header.producer();
    let transaction = Transaction { producer_id, producer_epoch };
    state.begin_verification(Verifying { transaction, first_sequence: base_sequence, bumps_epoch }, NOW)
}

fn check(state: &ProducerState, epoch: i16, sequence: i32, count: i32) -> String {
    match state.check(&batch(99, epoch, sequence, count), None) {
        Ok(Verdict::New) => "new".into(),
        Ok(Verdict::Duplicate(batch)) => format!("{}..={}", batch.base_offset(), batch.last_offset()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_of_the_last_five_batches_is_recognised() {
    let batches: Vec<_> = (0..7).map(|n| batch(100 + 2 * n, 0, 2 * i32::try_from(n).unwrap(), 2)).collect();
    let state = state(&batches);
    assert_eq!(check(&state, 0, 14, 1), "new");
    for n in 2..7 {
        let first = 100 + 2 * i64::from(n);
        assert_eq!(check(&state, 0, 2 * n, 2), format!("{first}..={}", first + 1));
    }
    let refused = "producer 7 sent sequence 2 where 14 was expected";
    assert_eq!(check(&state, 0, 2, 2), refused, "the sixth from the end is forgotten");
    assert_eq!(check(&state, 0, 2, 3), refused, "same start, other end: not the same batch");
    assert_eq!(check(&state, 0, 15, 1), "producer 7 sent sequence 15 where 14 was expected");
}

#[test]
fn a_newer_epoch_begins_at_zero_and_fences_the_older() {
    let mut state = state(&[batch(0, 3, 0, 2)]);
    assert_eq!(check(&state, 4, 2, 1), "producer 7 sent sequence 2 where 0 was expected");
    assert_eq!(check(&state, 4, 0, 1), "new");
    state.replay(&batch(2, 4, 0, 1), None, NOW);
    assert_eq!(check(&state, 3, 2, 1), "producer 7 has epoch 3, but epoch 4 exists");
    assert_eq!(check(&state, 4, 1, 1), "new");
}

#[test]
fn an_unknown_producer_may_begin_anywhere() {
    let mut state = ProducerState::default();
    assert_eq!(check(&state, 0, 5, 1), "new");
    state.replay(&batch(0, 0, 5, 1), None, NOW);
    assert_eq!(check(&state, 0, 6, 1), "new");
    state.remove_expired(NOW.saturating_add(DAY), DAY);
    assert_eq!(state.len(), 0);
    assert_eq!(check(&state, 0, 9, 1), "new");
}

#[test]
fn sequences_wrap() {
    let state = state(&[batch(0, 0, i32::MAX - 1, 3)]);
    assert_eq!(check(&state, 0, i32::MAX - 1, 3), "0..=2");
    assert_eq!(check(&state, 0, 1, 1), "new");
}

#[test]
fn an_open_transaction_holds_the_stable_offset() {
    let transactional = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let control = BuilderOptions { control: true, ..transactional };
    let mut state =
        state(&[batch(0, 0, 0, 1), header(1, 0, 1, 2, transactional), header(3, 0, 3, 2, transactional)]);
    assert_eq!(state.first_unstable_offset(), Some(1));
    state.remove_expired(Timestamp::from_millis(i64::MAX), DAY);
    assert_eq!(state.first_unstable_offset(), Some(1), "an open transaction does not expire");
    let marker = |outcome| Some(EndTransactionMarker { outcome, coordinator_epoch: 9 });
    let mut aborted = state.clone();
    let ended = |aborted| Some(EndedTransaction { first_offset: 1, last_offset: 5, aborted });
    let commit = state.replay(&header(5, 1, -1, 1, control), marker(TransactionOutcome::Commit), NOW);
    assert_eq!(commit, ended(None));
    assert_eq!(state.first_unstable_offset(), None);
    let abort = aborted.replay(&header(5, 1, -1, 1, control), marker(TransactionOutcome::Abort), NOW);
    let (producer_id, first_offset, last_offset) = (ProducerId(7), 1, 5);
    let expected = AbortedTransaction { producer_id, first_offset, last_offset, last_stable_offset: 6 };
    assert_eq!(abort, ended(Some(expected)));
    // A marker of a transaction that wrote nothing here.
    assert_eq!(aborted.replay(&header(6, 1, -1, 1, control), marker(TransactionOutcome::Abort), NOW), None);
    assert_eq!(check(&state, 1, 0, 1), "new", "the marker raised the epoch");
}

/// What becomes of a marker of this epoch and coordinator epoch: with version 1 and with version 2 of transactions.
fn marked(state: &ProducerState, epoch: i16, coordinator_epoch: i32) -> [&'static str; 2] {
    let transaction = Transaction { producer_id: ProducerId(7), producer_epoch: ProducerEpoch(epoch) };
    [1, 2].map(|version| match state.check_marker(transaction, coordinator_epoch, version) {
        Ok(()) => "taken",
        Err(AppendError::InvalidProducerEpoch { .. }) => "late",
        Err(AppendError::TransactionCoordinatorFenced { .. }) => "fenced",
        Err(other) => panic!("{other}"),
    })
}

#[test]
fn markers_are_fenced_by_both_epochs() {
    let transactional = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let control = BuilderOptions { control: true, ..transactional };
    let mut state = ProducerState::default();
    assert_eq!(marked(&state, 0, 0), ["taken", "taken"], "of a producer that was never seen");
    state.replay(&header(0, 4, 0, 1, transactional), None, NOW);
    assert_eq!(marked(&state, 3, 0), ["late", "late"]);
    assert_eq!(
        marked(&state, 4, 0),
        ["taken", "late"],
        "from version 2 on each transaction ends in the next epoch"
    );
    assert_eq!(marked(&state, 5, 0), ["taken", "taken"]);
    let marker = EndTransactionMarker { outcome: TransactionOutcome::Abort, coordinator_epoch: 9 };
    state.replay(&header(1, 5, -1, 1, control), Some(marker), NOW);
    assert_eq!(marked(&state, 5, 9), ["taken", "taken"], "the same again: its transaction has ended");
    assert_eq!(marked(&state, 5, 8), ["fenced", "fenced"]);
    assert_eq!(marked(&state, 6, 10), ["taken", "taken"]);
    assert_eq!(marked(&state, 4, 8), ["late", "late"]);
}

#[test]
fn a_batch_begins_a_transaction_only_with_the_guard_of_its_verification() {
    let transactional = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let outcome = |state: &ProducerState, header: &RecordBatchHeader, guard| match state.check(header, guard)
    {
        Ok(verdict) => format!("{verdict:?}"),
        Err(error) => error.to_string(),
    };
    let unknown = "producer 7: its records are not part of a transaction that its coordinator knows here";
    let mut state = ProducerState::default();
    let first = header(0, 0, 0, 1, transactional);
    assert_eq!(outcome(&state, &first, None), unknown);
    // With version 1 an unknown producer may begin anywhere, but not behind a batch that has asked before.
    let third = header(0, 0, 2, 1, transactional);
    let guard = verified(&mut state, &third, false);
    assert_eq!(outcome(&state, &third, guard), "New");
    assert_eq!(verified(&mut state, &first, false), guard);
    assert_eq!(outcome(&state, &third, guard), "producer 7 sent sequence 2 where 0 was expected");
    state.replay(&first, None, NOW);
    assert_eq!(outcome(&state, &header(1, 0, 1, 1, transactional), None), "New", "it is open");
    let outside = "producer 7: its records are outside of its transaction, which is open here";
    for epoch in 0..2 {
        assert_eq!(outcome(&state, &batch(1, epoch, 1 - i32::from(epoch), 1), None), outside);
    }
    let next_epoch = header(1, 1, 0, 1, transactional);
    assert_eq!(outcome(&state, &next_epoch, guard), unknown, "the guard has gone with the first batch");
    // With version 2 every transaction begins at 0.
    let mut state = ProducerState::default();
    let guard = verified(&mut state, &third, true);
    assert_eq!(outcome(&state, &third, guard), "producer 7 sent sequence 2 where 0 was expected");
    state.remove_expired(NOW.saturating_add(DAY), DAY);
    assert_eq!(outcome(&state, &first, guard), unknown, "nobody waits for an answer that long");
}

#[test]
fn a_verification_ends_when_it_is_refused_and_when_it_is_old() {
    let transactional = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let of = |epoch| Transaction { producer_id: ProducerId(7), producer_epoch: ProducerEpoch(epoch) };
    let (first, second) = (header(0, 1, 0, 1, transactional), header(0, 2, 0, 1, transactional));
    let mut state = ProducerState::default();
    let guard = verified(&mut state, &first, true).unwrap();
    assert_eq!(verified(&mut state, &second, true), Some(guard), "the next epoch joins it");
    state.refuse_verification(of(1), guard);
    state.check(&second, Some(guard)).unwrap();
    state.refuse_verification(of(2), guard);
    state.check(&second, Some(guard)).unwrap_err();
    let next = verified(&mut state, &second, true).unwrap();
    state.refuse_verification(of(2), guard);
    state.check(&second, Some(next)).unwrap();
    state.remove_expired(NOW.saturating_add(Duration::from_secs(15 * 60)), DAY);
    state.check(&second, Some(next)).unwrap_err();
}

#[test]
fn a_verification_says_nothing_of_batches_outside_of_transactions() {
    let transactional = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let mut state = state(&[batch(0, 0, 0, 2)]);
    verified(&mut state, &header(2, 0, 0, 1, transactional), true).unwrap();
    assert_eq!(check(&state, 0, 2, 1), "new");
}

#[test]
fn a_snapshot_is_apache_kafkas() {
    // Taken from a folder written by Apache Kafka 4.3.1: one idempotent producer of 29,952 records in batches of 78.
    const KAFKA: [u8; 56] = [
        0, 1, 0x0a, 0x68, 0x40, 0x1c, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x74, 0xff, 0, 0, 0, 0,
        0, 0, 0x74, 0xff, 0, 0, 0, 0x4d, 0, 0, 0x01, 0xa1, 0xfd, 0xca, 0xb8, 0x6b, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("00000000000000029952.snapshot");
    std::fs::write(&path, KAFKA).unwrap();
    let state = ProducerState::read_snapshot(&path, Timestamp::from_millis(0), DAY).unwrap().unwrap();
    let last = *state.producers[&ProducerId(0)].batches.back().unwrap();
    assert_eq!((last.base_offset(), last.last_offset(), last.last_sequence), (29_874, 29_951, 29_951));
    state.write_snapshot(&path, FileSync::No).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), KAFKA);

    for at in 0..KAFKA.len() {
        let mut damaged = KAFKA;
        damaged[at] ^= 0x10;
        assert_eq!(ProducerState::decode(&Bytes::copy_from_slice(&damaged)), None, "byte {at}");
        assert_eq!(ProducerState::decode(&Bytes::copy_from_slice(&KAFKA[..at])), None, "{at} bytes");
    }
}

/// A state with one batch per producer: all that a snapshot keeps.
fn last_batches(mut state: ProducerState) -> ProducerState {
    for producer in state.producers.values_mut() {
        producer.batches.drain(..producer.batches.len().saturating_sub(1));
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_snapshot_keeps_the_last_batch_of_each_producer(
        batches in prop::collection::vec((0i64..4, 0i16..3, 1i32..4, any::<bool>()), 0..20),
    ) {
        let mut state = ProducerState::default();
        let mut offset = 0;
        for (producer, epoch, count, transactional) in batches {
            let options = BuilderOptions { transactional, ..BuilderOptions::default() };
            let mut header = header(offset, epoch, 0, count, options);
            header.producer_id = ProducerId(producer);
            state.replay(&header, None, Timestamp::from_millis(header.max_timestamp));
            offset += i64::from(count);
        }
        let decoded = ProducerState::decode(&state.encode().into()).unwrap();
        prop_assert_eq!(decoded, last_batches(state));
    }
}
