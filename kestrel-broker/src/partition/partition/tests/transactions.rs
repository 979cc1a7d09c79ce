//! Transactions in one partition: how far readers of committed records see, and who may begin one.

use futures::FutureExt;
use kestrel_protocol::record::control::{EndTransactionMarker, TransactionOutcome};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_protocol::{ProducerEpoch, ProducerId};

use super::*;
use crate::log::{Transaction, Verifying};

const TWO: Transaction = Transaction { producer_id: ProducerId(2), producer_epoch: ProducerEpoch(0) };

fn transactional(transaction: Transaction, base_sequence: i32) -> Bytes {
    transactional_at(transaction, base_sequence, NOW)
}

fn transactional_at(transaction: Transaction, base_sequence: i32, time: Timestamp) -> Bytes {
    let Transaction { producer_id, producer_epoch } = transaction;
    let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    let mut builder = RecordBatchBuilder::new(options, 1 << 10);
    builder.append(time.as_millis(), None, Some(b"v"), []).unwrap();
    builder.build(ProducerStamp { producer_id, producer_epoch, base_sequence }).into_bytes()
}

/// Begins a transaction of version 2 in a partition, as Produce does.
fn begin(partition: &Partition, transaction: Transaction) {
    let verifying = Verifying { transaction, first_sequence: 0, bumps_epoch: true };
    let guard = partition.begin_verification(verifying, NOW);
    let records = transactional(transaction, 0);
    partition.append_verified(records, AppendOrigin::Client, guard, NOW).unwrap();
}

/// Ends one, with the next epoch.
fn end(partition: &Partition, transaction: Transaction, outcome: TransactionOutcome) {
    let producer_epoch = ProducerEpoch(transaction.producer_epoch.0 + 1);
    let marker = EndTransactionMarker { outcome, coordinator_epoch: 0 };
    partition.append_marker(Transaction { producer_epoch, ..transaction }, marker, 2, NOW).unwrap();
}

#[test]
fn committed_readers_wait_at_an_open_transaction_and_go_on_when_it_ends() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    let one = Transaction { producer_id: ProducerId(1), ..TWO };
    append(&partition, &["a"]);
    begin(&partition, one);
    end(&partition, one, TransactionOutcome::Abort);
    append(&partition, &["b"]);
    begin(&partition, TWO);
    append(&partition, &["c"]);
    let committed =
        |offset| partition.read(FetchRead { isolation: Isolation::ReadCommitted, ..fetch(offset) }).unwrap();
    let read = committed(0);
    assert_eq!((read.watermarks.stable, read.watermarks.high), (4, 6));
    let aborted: Vec<_> = read.aborted.iter().map(|one| (one.producer_id.0, one.first_offset)).collect();
    assert_eq!(aborted, [(1, 1)]);
    assert!(committed(3).aborted.is_empty());
    assert!(partition.read(fetch(0)).unwrap().aborted.is_empty(), "who reads everything needs no list");
    for offset in [4, 5] {
        assert!(committed(offset).records.is_empty());
        assert!(!partition.read(fetch(offset)).unwrap().records.is_empty());
    }
    let waiting = any_news([partition.watch(Isolation::ReadCommitted, read.watermarks)]);
    let mut waiting = std::pin::pin!(waiting);
    append(&partition, &["d"]);
    assert!(waiting.as_mut().now_or_never().is_none());
    end(&partition, TWO, TransactionOutcome::Commit);
    assert!(waiting.as_mut().now_or_never().is_some());
    assert_eq!(partition.watermarks().stable, 8);
}

#[test]
fn offsets_are_those_that_the_isolation_lets_one_see() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    append(&partition, &["a", "b"]);
    begin(&partition, TWO);
    let found = |spec, isolation| {
        let found = partition.offset_for(spec, isolation, LeaderEpoch::NONE).unwrap();
        found.map(|found| found.offset)
    };
    let both = |spec| [Isolation::ReadUncommitted, Isolation::ReadCommitted].map(|level| found(spec, level));
    assert_eq!(both(OffsetSpec::Latest), [Some(3), Some(2)]);
    let later = |millis| NOW.saturating_add(std::time::Duration::from_millis(millis));
    assert_eq!(both(OffsetSpec::At(later(1))), [Some(1); 2]);
    // The open transaction has the latest record of all; to who may not see it, none is named, as by Apache Kafka.
    partition.append(transactional_at(TWO, 1, later(2)), AppendOrigin::Client, NOW).unwrap();
    assert_eq!(both(OffsetSpec::MaxTimestamp), [Some(3), None]);
    assert_eq!(both(OffsetSpec::At(later(2))), [Some(3), None]);
    end(&partition, TWO, TransactionOutcome::Commit);
    assert_eq!(both(OffsetSpec::MaxTimestamp), [Some(3); 2]);
    assert_eq!(both(OffsetSpec::Latest), [Some(5); 2]);
}

#[test]
fn an_open_transaction_that_was_deleted_holds_nobody() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    begin(&partition, TWO);
    append(&partition, &["c"]);
    assert_eq!(partition.watermarks().stable, 0);
    partition.log.delete_records_before(2).unwrap();
    partition.advance();
    assert_eq!(partition.watermarks().stable, 2);
}

#[test]
fn a_transaction_is_stable_once_its_marker_is_flushed() {
    let folder = Folder::new(Durability::Group);
    let partition = folder.lead("t", EPOCH);
    begin(&partition, TWO);
    partition.log.flush().unwrap();
    assert_eq!((partition.watermarks().stable, partition.watermarks().high), (0, 1));
    end(&partition, TWO, TransactionOutcome::Commit);
    partition.log.flush().unwrap();
    assert_eq!((partition.watermarks().stable, partition.watermarks().high), (2, 2));
}

#[test]
fn a_marker_overtakes_a_verification() {
    let folder = Folder::new(Durability::Os);
    let partition = folder.lead("t", EPOCH);
    let verifying = Verifying { transaction: TWO, first_sequence: 0, bumps_epoch: true };
    let guard = partition.begin_verification(verifying, NOW);
    assert_eq!(partition.begin_verification(verifying, NOW), guard, "a retry joins it");
    // The coordinator has said yes; then it aborts the transaction, before the records are there.
    end(&partition, TWO, TransactionOutcome::Abort);
    let late = Transaction { producer_epoch: ProducerEpoch(1), ..TWO };
    for transaction in [TWO, late] {
        let records = transactional(transaction, 0);
        let error = partition.append_verified(records, AppendOrigin::Client, guard, NOW).unwrap_err();
        let expected =
            if transaction == TWO { ErrorCode::InvalidProducerEpoch } else { ErrorCode::InvalidTxnState };
        assert_eq!(ErrorCode::from(&error), expected, "{error}");
    }
    assert_eq!(partition.watermarks().stable, partition.watermarks().end, "nothing hangs");
    // The next one begins a verification of its own.
    begin(&partition, late);
    assert!(partition.has_open_transaction(late));
    assert_eq!(partition.begin_verification(Verifying { transaction: late, ..verifying }, NOW), None);
}
