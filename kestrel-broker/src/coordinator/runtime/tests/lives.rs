//! Machines one after the other: loaded from what is stored, dropped when they have gone ahead of it, gone with their topic.

use kestrel_protocol::record::control::{EndTransactionMarker, TransactionOutcome};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_protocol::{ProducerEpoch, ProducerId, Timestamp};
use rustix::io::Errno;

use super::super::slot::Slot;
use super::super::{Effects, LogRecord};
use super::tally::TallyRecord;
use super::*;
use crate::log::tap::{Call, Fault};
use crate::log::{AppendOrigin, Transaction, VerificationGuard, Verifying};

fn slot_of(coordinator: &Coordinator<Tally>, world: &World, name: &str) -> Arc<Slot<Tally>> {
    let index = usize::try_from(world.partition(name).index()).unwrap();
    Arc::clone(&coordinator.slots_in_service()[index])
}

fn transaction(producer_id: i64, epoch: i16) -> Transaction {
    Transaction { producer_id: ProducerId(producer_id), producer_epoch: ProducerEpoch(epoch) }
}

fn verify(coordinator: &Coordinator<Tally>, transaction: Transaction) -> Option<VerificationGuard> {
    let asked = Verifying { transaction, first_sequence: -1, bumps_epoch: false };
    coordinator.partition("tea").unwrap().begin_verification(asked, coordinator.clock().wall())
}

/// Sets the count of tea as part of a transaction.
fn count_within(
    coordinator: &Coordinator<Tally>,
    transaction: Transaction,
    guard: Option<VerificationGuard>,
    count: i64,
) -> Pending<()> {
    let effects = Effects::from(vec![TallyRecord::Count("tea".into(), Some(count))]).within(transaction);
    coordinator.handle_in_transaction("tea", transaction, guard, |_, _| ((), effects))
}

/// Appends a record as Apache Kafka might have, of a later version.
fn append(partition: &Partition, key: &[u8], value: &[u8]) {
    let mut batch = RecordBatchBuilder::new(BuilderOptions::default(), 1 << 10);
    batch.append(0, Some(key), Some(value), []).unwrap();
    let bytes = batch.build(ProducerStamp::NONE).into_bytes();
    partition.append(bytes, AppendOrigin::Coordinator, Timestamp::from_millis(0)).unwrap();
}

#[tokio::test]
async fn the_next_machine_is_what_the_log_says() {
    let world = World::new(Durability::Os).await;
    let (coordinator, stop) = world.serve(Closed).await;
    for by in 1..=100 {
        drop(add(&coordinator, "tea", by));
    }
    drop(buy(&coordinator, "tea"));
    let book = coordinator.read("tea", |tally| tally.book.clone()).outcome().await.unwrap();
    stop.cancel();
    append(&world.partition("tea"), b"? of tomorrow", b"");
    let (next, _) = world.serve(Closed).await;
    assert_eq!(add(&next, "tea", 1).outcome().await, Err(ErrorCode::CoordinatorLoadInProgress));
    assert_eq!(loaded(|| next.read("tea", |tally| tally.book.clone())).await, Ok(book));
}

#[tokio::test]
async fn a_stop_sends_away_who_waits_and_who_comes() {
    let world = World::new(Durability::Os).await;
    let (coordinator, stop) = world.serve(Closed).await;
    let waiting = wait_for(&coordinator, "tea", 9);
    stop.cancel();
    assert_eq!(waiting.outcome().await, Err(ErrorCode::NotCoordinator));
    assert_eq!(add(&coordinator, "tea", 9).outcome().await, Err(ErrorCode::NotCoordinator));
}

#[tokio::test]
async fn a_transaction_counts_from_its_end_on_live_and_loaded_alike() {
    let world = World::new(Durability::Os).await;
    let (coordinator, stop) = world.serve(Closed).await;
    let slot = slot_of(&coordinator, &world, "tea");
    let within = |producer: i64, count: i64| {
        let transaction = transaction(producer, 2);
        let guard = verify(&coordinator, transaction).expect("it has no record yet");
        drop(count_within(&coordinator, transaction, Some(guard), count));
        transaction
    };
    let end = |transaction, outcome| {
        slot.end_transaction(transaction, EndTransactionMarker { outcome, coordinator_epoch: 0 }, 1).unwrap();
    };
    let committed = within(7, 5);
    let aborted = within(8, 6);
    assert_eq!(count(&coordinator, "tea").outcome().await, Ok(0));
    end(aborted, TransactionOutcome::Abort);
    assert_eq!(count(&coordinator, "tea").outcome().await, Ok(0));
    end(committed, TransactionOutcome::Commit);
    assert_eq!(count(&coordinator, "tea").outcome().await, Ok(5));
    let open = within(9, 7);
    let book = coordinator.read("tea", |tally| tally.book.clone()).outcome().await.unwrap();
    assert_eq!(world.partition("tea").watermarks().stable, 4, "the last one has not ended");
    stop.cancel();
    let (next, _) = world.serve(Closed).await;
    assert_eq!(loaded(|| next.read("tea", |tally| tally.book.clone())).await, Ok(book));
    let slot = slot_of(&next, &world, "tea");
    let marker = EndTransactionMarker { outcome: TransactionOutcome::Commit, coordinator_epoch: 0 };
    slot.end_transaction(open, marker, 1).unwrap();
    assert_eq!(count(&next, "tea").outcome().await, Ok(7));
}

#[tokio::test]
async fn a_transaction_that_has_ended_takes_nothing_more_and_nobody_is_sent_away_for_it() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    let slot = slot_of(&coordinator, &world, "tea");
    let waiting = wait_for(&coordinator, "tea", 9);
    let end = |transaction, coordinator_epoch, version| {
        let marker = EndTransactionMarker { outcome: TransactionOutcome::Abort, coordinator_epoch };
        slot.end_transaction(transaction, marker, version).map(|_| ())
    };
    // An abort between the answer of the transaction coordinator and the first record.
    let first = transaction(7, 2);
    let guard = verify(&coordinator, first);
    assert_eq!(end(first, 3, 1), Ok(()));
    let late = count_within(&coordinator, first, guard, 5);
    assert_eq!(late.outcome().await, Err(ErrorCode::InvalidTxnState));
    assert_eq!(count_within(&coordinator, first, None, 5).outcome().await, Err(ErrorCode::InvalidTxnState));
    // The next one asks anew, and then nobody needs to be asked; its predecessor is fenced.
    let second = transaction(7, 3);
    let guard = verify(&coordinator, second);
    assert_eq!(count_within(&coordinator, second, guard, 5).outcome().await, Ok(()));
    assert_eq!(verify(&coordinator, second), None);
    assert_eq!(count_within(&coordinator, second, None, 6).outcome().await, Ok(()));
    let guard = verify(&coordinator, first);
    let fenced = count_within(&coordinator, first, guard, 5);
    assert_eq!(fenced.outcome().await, Err(ErrorCode::InvalidProducerEpoch));
    // Nor does a late marker end it, or one of a coordinator that is none any more.
    assert_eq!(end(first, 3, 1), Err(ErrorCode::InvalidProducerEpoch));
    assert_eq!(end(second, 2, 1), Err(ErrorCode::TransactionCoordinatorFenced));
    assert_eq!(end(second, 3, 1), Ok(()));
    assert_eq!(world.partition("tea").watermarks().stable, 4);
    add(&coordinator, "tea", 9).outcome().await.unwrap();
    assert_eq!(waiting.outcome().await, Ok(9));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_has_gone_ahead_of_its_log_is_dropped() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(1));
    let waiting = wait_for(&coordinator, "tea", 9);
    world.recorder.fail(Fault { times: usize::MAX, ..Fault::of(Call::Write, "__tally", Errno::NOSPC) });
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Err(ErrorCode::NotCoordinator));
    assert_eq!(waiting.outcome().await, Err(ErrorCode::NotCoordinator));
    // It serves what is stored while nothing can be appended, and goes on when there is room again.
    assert_eq!(count(&coordinator, "tea").outcome().await, Err(ErrorCode::CoordinatorLoadInProgress));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(loaded(|| count(&coordinator, "tea")).await, Ok(1));
    world.recorder.heal();
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(2));
}

#[tokio::test]
async fn a_damaged_log_is_out_of_service_and_the_others_are_not() {
    let world = World::new(Durability::Os).await;
    let (coordinator, stop) = world.serve(Closed).await;
    assert_eq!(add(&coordinator, "milk", 1).outcome().await, Ok(1));
    stop.cancel();
    assert_ne!(world.partition("tea").index(), world.partition("milk").index());
    let (key, _) = TallyRecord::Count("tea".into(), None).encode();
    append(&world.partition("tea"), &key, b"no number");
    let (next, _) = world.serve(Closed).await;
    assert_eq!(loaded(|| count(&next, "tea")).await, Err(ErrorCode::CoordinatorNotAvailable));
    assert_eq!(loaded(|| count(&next, "milk")).await, Ok(1));
    assert_eq!(next.read_all(|_| ()).await, Err(ErrorCode::CoordinatorNotAvailable));
}

#[tokio::test]
async fn a_topic_that_is_deleted_takes_its_machines_along() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(1));
    let waiting = wait_for(&coordinator, "tea", 9);
    world.delete_topic(TOPIC).await;
    assert_eq!(waiting.outcome().await, Err(ErrorCode::NotCoordinator));
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Err(ErrorCode::NotCoordinator));
    coordinator.ensure().await.unwrap();
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(1));
}

#[tokio::test]
async fn machines_hear_that_topics_are_gone() {
    let world = World::new(Durability::Os).await;
    let (coordinator, _) = world.serve(Closed).await;
    world
        .create_topic(NewTopic { num_partitions: 1, replication_factor: 1, ..NewTopic::with_defaults("t") })
        .await;
    assert_eq!(coordinator.read("tea", |tally| tally.topics).outcome().await, Ok(None));
    world.delete_topic("t").await;
    while coordinator.read("tea", |tally| tally.topics).outcome().await != Ok(Some(1)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_partition_that_comes_online_is_opened() {
    let world = World::new(Durability::Os).await;
    world.create_topic(World::topic()).await;
    let coordinator = world.coordinator();
    assert_eq!(coordinator.slots_in_service().len(), 2);
    assert_eq!(add(&coordinator, "tea", 1).outcome().await, Ok(1));
}
