//! The loop of the caller's task against an engine: what is taken away is not handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use kestrel_serde::{SerdeContext, SerdeError};

use super::*;
use crate::config::ConsumerConfig;
use crate::consumer::fetch::OpenOptions;
use crate::consumer::testing::{BatchSpec, Clock, backoff, settings};
use crate::error::DeserializeError;
use crate::record::ConsumerRecord;
use crate::rejected::{LetterBox, PoisonPolicy, Remedy, Settler};

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
    (Hand::new(shared.clone(), ObserverSeat::default(), None), shared, partitions)
}

fn next_offset(run: &mut Run) -> Result<Step<i64>, Obstacle> {
    let Some(batch) = run.fetch.open_batch(OPTIONS)? else { return Ok(Step::RunEnded) };
    let offset = batch.records.next_view().unwrap().unwrap().offset;
    run.fetch.hand_out(offset);
    Ok(Step::HandOut(offset))
}

fn poll(hand: &mut Hand, step: impl FnMut(&mut Run) -> Result<Step<i64>, Obstacle>) -> Option<i64> {
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
    let mut hand = Hand::new(shared, ObserverSeat::new(notes.clone()), None);
    assert_eq!(poll(&mut hand, next_offset), Some(0));
    assert_eq!(*notes.0.lock(), [(3, 0)]);
    hand.put_back();
    while poll(&mut hand, next_offset).is_some() {}
    assert_eq!(*notes.0.lock(), [(3, 0), (0, 3)], "taken again, it is the same batch");
}

/// A handler of poison that waits until it is let go.
fn waiting_settler() -> (Arc<Settler>, Arc<tokio::sync::Notify>) {
    let go = Arc::new(tokio::sync::Notify::new());
    let policy = PoisonPolicy::handler({
        let go = Arc::clone(&go);
        move |_| {
            let go = Arc::clone(&go);
            async move {
                go.notified().await;
                Ok(Remedy::Skip)
            }
        }
    });
    let settler = Settler::new(policy, LetterBox::Kept(Arc::default()), ObserverSeat::default(), None);
    (Arc::new(settler), go)
}

/// A member with two partitions of three records each.
fn member_of_two() -> (Hand, SharedEngine) {
    let partitions = [0, 1].map(|number| TopicPartition::new("clicks", number));
    let mut engine =
        Engine::new(Arc::new(settings(&ConsumerConfig::default())), Duration::from_secs(300), &backoff());
    engine.enter_group();
    let starts = partitions.clone().map(|partition| (partition, 0));
    engine.take_on(&BTreeSet::from(partitions.clone()), &BTreeMap::from(starts), &BTreeSet::new());
    let log = || vec![BatchSpec::of(0, 1).build(), BatchSpec::of(1, 1).build(), BatchSpec::of(2, 1).build()];
    engine.serve(&partitions.map(|partition| (partition, log())).into(), Clock::start().at(0));
    let shared = SharedEngine::new(engine);
    (Hand::new(shared.clone(), ObserverSeat::default(), None), shared)
}

/// Hands out records, of which offset 1 of partition 0 is poison.
fn next_place(run: &mut Run, settler: &Arc<Settler>) -> Result<Step<(i32, i64)>, Obstacle> {
    let (topic, partition) = (Arc::clone(&run.fetch.topic), run.fetch.partition);
    let Some(batch) = run.fetch.open_batch(OPTIONS)? else { return Ok(Step::RunEnded) };
    let offset = batch.records.views().next().unwrap().unwrap().offset;
    if (partition, offset) == (0, 1) {
        let settling = &mut run.waits.settling;
        if settling.remedy(offset).map_err(Obstacle::Held)?.is_none() {
            let record = ConsumerRecord::new((topic, partition), offset, None, None);
            let cause = SerdeError::decode(&SerdeContext::value("clicks"), "no number");
            settling.begin(settler, vec![DeserializeError { record, cause }], offset + 1);
            return Ok(Step::Again);
        }
        run.fetch.pass_record(offset);
        return Ok(Step::Again);
    }
    run.fetch.pass_record(offset);
    Ok(Step::HandOut((partition, offset)))
}

fn poll_places(hand: &mut Hand, settler: &Arc<Settler>) -> Vec<(i32, i64)> {
    let mut places = Vec::new();
    let cx = &mut Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(item)) = hand.poll(cx, |run| next_place(run, settler)) {
        places.push(item.unwrap());
    }
    places
}

#[test]
fn a_record_that_has_to_wait_holds_up_no_other_partition() {
    let ((mut hand, shared), (settler, go)) = (member_of_two(), waiting_settler());
    assert_eq!(poll_places(&mut hand, &settler), [(0, 0), (1, 0), (1, 1), (1, 2)]);
    assert_eq!(poll_places(&mut hand, &settler), []);
    let positions = shared.look(Engine::committable);
    let positions: Vec<_> = positions.iter().map(|done| done.position.offset).collect();
    assert_eq!(positions, [1, 3], "the position stands before what waits");
    go.notify_one();
    assert_eq!(poll_places(&mut hand, &settler), [(0, 2)], "in the order of the partition");
}

#[test]
fn what_is_under_way_for_a_record_goes_on_while_its_partition_is_paused() {
    let ((mut hand, shared), (settler, go)) = (member_of_two(), waiting_settler());
    poll_places(&mut hand, &settler);
    let partition = TopicPartition::new("clicks", 0);
    shared.change(|engine| engine.set_paused(&partition, true)).unwrap();
    assert_eq!(poll_places(&mut hand, &settler), []);
    go.notify_one();
    assert_eq!(poll_places(&mut hand, &settler), []);
    shared.change(|engine| engine.set_paused(&partition, false)).unwrap();
    assert_eq!(poll_places(&mut hand, &settler), [(0, 2)], "the handler was not asked again");
}

#[test]
fn nobody_waits_for_a_record_that_was_sought_past() {
    let ((mut hand, shared), (settler, go)) = (member_of_two(), waiting_settler());
    poll_places(&mut hand, &settler);
    shared.change(|engine| engine.seek(&TopicPartition::new("clicks", 0), 2)).unwrap();
    assert_eq!(poll_places(&mut hand, &settler), []);
    assert!(hand.put_back.is_empty(), "its handler is dropped");
    go.notify_one();
    assert_eq!(poll_places(&mut hand, &settler), []);
}
