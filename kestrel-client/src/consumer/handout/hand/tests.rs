//! The loop of the caller's task against an engine: what is taken away is not handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::*;
use crate::config::ConsumerConfig;
use crate::consumer::engine::Engine;
use crate::consumer::fetch::OpenOptions;
use crate::consumer::testing::{BatchSpec, Clock, backoff, settings};

const OPTIONS: OpenOptions = OpenOptions { check_crcs: true, max_decompressed_batch_bytes: 1 << 20 };

/// A member of a group with one partition and one batch of three records.
fn member() -> (Hand, SharedEngine, BTreeSet<TopicPartition>) {
    let partitions = BTreeSet::from([TopicPartition::new("clicks", 0)]);
    let mut engine =
        Engine::new(Arc::new(settings(&ConsumerConfig::default())), Duration::from_secs(300), &backoff());
    engine.enter_group();
    engine.take_on(&partitions, &BTreeMap::from([(("clicks", 0).into(), 0)]), &BTreeSet::new());
    engine.serve(
        &BTreeMap::from([(("clicks", 0).into(), vec![BatchSpec::of(0, 3).build()])]),
        Clock::start().at(0),
    );
    let shared = SharedEngine::new(engine);
    (Hand::new(shared.clone(), ObserverSeat::default()), shared, partitions)
}

fn next_offset(run: &mut Run) -> Result<Step<i64>, Damage> {
    let Some(batch) = run.fetch.open_batch(OPTIONS)? else { return Ok(Step::RunEnded) };
    let offset = batch.records.next_view().unwrap().unwrap().offset;
    run.fetch.hand_out(offset);
    Ok(Step::HandOut(offset))
}

fn poll(hand: &mut Hand, step: impl FnMut(&mut Run) -> Result<Step<i64>, Damage>) -> Option<i64> {
    match hand.poll(&mut Context::from_waker(Waker::noop()), step) {
        Poll::Ready(Some(item)) => Some(item.unwrap()),
        Poll::Ready(None) => panic!("a group's stream has no end"),
        Poll::Pending => None,
    }
}

#[test]
fn a_partition_that_is_taken_away_while_a_record_is_read_hands_out_nothing() {
    let (mut hand, shared, partitions) = member();
    assert_eq!(poll(&mut hand, next_offset), Some(0));
    assert!(shared.look(|engine| engine.is_in_hand(&partitions)), "the driver waits for the caller");
    let taken_away = poll(&mut hand, |run| {
        shared.change_by_group(|engine| engine.begin_revoke(&partitions));
        next_offset(run)
    });
    assert_eq!(taken_away, None);
    assert!(!shared.look(|engine| engine.is_in_hand(&partitions)), "the driver need not wait");
    assert_eq!(shared.look(Engine::committable)[0].position.offset, 1, "what was handed out before is done");
}

#[test]
fn what_was_handed_out_before_the_partition_is_taken_away_is_waited_for() {
    let (mut hand, shared, partitions) = member();
    assert_eq!(poll(&mut hand, next_offset), Some(0));
    shared.change_by_group(|engine| engine.begin_revoke(&partitions));
    assert!(shared.look(|engine| engine.is_in_hand(&partitions)));
    assert_eq!(poll(&mut hand, next_offset), None);
    assert!(!shared.look(|engine| engine.is_in_hand(&partitions)));
}

/// What was handed out is on its way into a transaction when nothing more is there: it counts as worked on until that ends.
#[test]
fn who_looks_for_more_that_is_not_there_still_works_on_what_it_has() {
    let (mut hand, shared, partitions) = member();
    for offset in 0..3 {
        let at_hand = hand.poll_at_hand(&mut Context::from_waker(Waker::noop()), next_offset);
        assert!(matches!(at_hand, Poll::Ready(Some(Ok(found))) if found == offset));
        assert!(shared.look(|engine| engine.is_in_hand(&partitions)));
    }
    assert!(hand.poll_at_hand(&mut Context::from_waker(Waker::noop()), next_offset).is_pending());
    assert!(shared.look(|engine| engine.is_in_hand(&partitions)), "the driver waits");
    assert_eq!(shared.look(Engine::committable)[0].position.offset, 3, "a commit takes all of it");
    assert_eq!(poll(&mut hand, next_offset), None);
    assert!(!shared.look(|engine| engine.is_in_hand(&partitions)), "it has asked for more");
}

#[test]
fn what_is_put_back_is_handed_out_again() {
    let (mut hand, ..) = member();
    assert_eq!(poll(&mut hand, next_offset), Some(0));
    hand.put_back();
    assert_eq!(hand.position(), None);
    assert_eq!((poll(&mut hand, next_offset), poll(&mut hand, next_offset)), (Some(1), Some(2)));
    assert_eq!(poll(&mut hand, next_offset), None);
}

/// Writes down how many records each batch has that is begun, and each lag.
#[derive(Default)]
struct Notes(parking_lot::Mutex<Vec<(usize, i64)>>);

impl crate::observer::Observer for Notes {
    fn on_records_polled(&self, event: &crate::observer::RecordsPolled<'_>) {
        self.0.lock().push((event.records, 0));
    }

    fn on_partition_lag(&self, event: &crate::observer::PartitionLag<'_>) {
        self.0.lock().push((0, event.position));
    }
}

#[test]
fn an_observer_hears_of_batches_and_not_of_records() {
    let (_, shared, _) = member();
    let notes = Arc::new(Notes::default());
    let mut hand = Hand::new(shared, ObserverSeat::new(notes.clone()));
    assert_eq!(poll(&mut hand, next_offset), Some(0));
    assert_eq!(*notes.0.lock(), [(3, 0)]);
    hand.put_back();
    while poll(&mut hand, next_offset).is_some() {}
    assert_eq!(*notes.0.lock(), [(3, 0), (0, 3)], "taken again, it is the same batch");
}
