//! The window against a list that remembers everything; tokens from many threads; memory.

use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::window::Window;
use super::*;

#[derive(Debug, Clone)]
enum Step {
    HandOut { gap: i64, new_epoch: bool },
    Finish { at: prop::sample::Index },
    FinishFirst,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![4 => Just(1i64), 1 => 1i64..20];
    let step = prop_oneof![
        5 => (gap, prop::bool::weighted(0.1)).prop_map(|(gap, new_epoch)| Step::HandOut { gap, new_epoch }),
        3 => any::<prop::sample::Index>().prop_map(|at| Step::Finish { at }),
        2 => Just(Step::FinishFirst),
    ];
    prop::collection::vec(step, 1..400)
}

/// Every record that was ever handed out: offset, epoch, whether it is done.
#[derive(Debug, Default)]
struct Model {
    records: Vec<(i64, i32, bool)>,
}

impl Model {
    fn first_open(&self) -> Option<usize> {
        self.records.iter().position(|&(_, _, done)| !done)
    }

    fn window(&self) -> usize {
        self.records.len() - self.first_open().unwrap_or(self.records.len())
    }

    fn last_done_epoch(&self) -> Option<LeaderEpoch> {
        let first_open = self.first_open().unwrap_or(self.records.len());
        Some(LeaderEpoch(self.records.get(first_open.checked_sub(1)?)?.1))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_window_says_what_a_list_of_everything_says(max_records in 1usize..200, steps in steps()) {
        let mut window = Window::new(max_records);
        let mut model = Model::default();
        let (mut offset, mut epoch) = (-1, 0);
        for step in steps {
            match step {
                Step::HandOut { gap, new_epoch } => {
                    let (next_offset, next_epoch) = (offset + gap, epoch + i32::from(new_epoch));
                    let index = window.hand_out(next_offset, Some(LeaderEpoch(next_epoch)));
                    prop_assert_eq!(index.is_some(), model.window() < max_records);
                    if let Some(index) = index {
                        prop_assert_eq!(usize::try_from(index).unwrap(), model.records.len());
                        (offset, epoch) = (next_offset, next_epoch);
                        model.records.push((offset, epoch, false));
                    }
                }
                Step::Finish { at } if !model.records.is_empty() => {
                    let at = at.index(model.records.len());
                    let is_new = window.finish(at as u64);
                    prop_assert_eq!(is_new, !std::mem::replace(&mut model.records[at].2, true));
                }
                Step::FinishFirst => {
                    if let Some(at) = model.first_open() {
                        prop_assert!(window.finish(at as u64));
                        model.records[at].2 = true;
                    }
                }
                Step::Finish { .. } => prop_assert!(!window.finish(0)),
            }
            let first_open = model.first_open();
            prop_assert_eq!(window.first_open(), first_open.map(|at| model.records[at].0));
            prop_assert_eq!(window.last_done_epoch(), model.last_done_epoch());
            prop_assert_eq!(window.open_records(), model.records.iter().filter(|record| !record.2).count());
            let (words, runs) = window.size();
            prop_assert!(words <= model.window() / 64 + 2 && runs <= model.window() + 1);
        }
    }
}

fn acks(max_open_records: usize) -> Arc<PartitionAcks> {
    PartitionAcks::new(max_open_records, || {})
}

fn is_send<T: Send + Sync + 'static>(_: &T) {}

#[test]
fn what_is_committed_is_the_first_record_that_is_not_done() {
    let acks = acks(10);
    let tokens: Vec<_> = (5..8).map(|offset| acks.hand_out(offset, None).unwrap()).collect();
    is_send(&tokens[0]);
    tokens[2].ack();
    tokens[1].ack();
    assert_eq!(acks.committable(8).offset, 5);
    tokens[0].ack();
    tokens[0].ack();
    assert_eq!(acks.committable(8).offset, 8);
    // The position is past what is never handed out, such as transaction markers.
    assert_eq!(acks.committable(11).offset, 11);
    assert_eq!(acks.open_records(), 0);
}

#[test]
fn what_is_acknowledged_counts_before_the_next_record_is_asked_for() {
    let acks = acks(10);
    let position = 5;
    assert_eq!((acks.committable(position).offset, acks.done_end()), (5, None));
    let seventh = acks.hand_out(7, None).unwrap();
    assert_eq!((acks.committable(position).offset, acks.done_end()), (7, None));
    seventh.ack();
    assert_eq!((acks.committable(position).offset, acks.done_end()), (8, Some(8)));
    let batch = acks.hand_out_batch(10, 20, None).unwrap();
    assert_eq!((acks.committable(8).offset, acks.done_end()), (10, Some(10)));
    batch.ack();
    assert_eq!((acks.committable(8).offset, acks.done_end()), (20, Some(20)));
}

#[test]
fn a_dropped_token_holds_what_comes_after_it() {
    let acks = acks(10);
    drop(acks.hand_out(0, None));
    acks.hand_out(1, None).unwrap().ack();
    assert_eq!(acks.committable(2), AckedPosition { offset: 0, leader_epoch: None });
    assert_eq!(acks.open_records(), 1);
}

#[test]
fn tokens_of_an_old_assignment_do_nothing() {
    let old = acks(10);
    let token = old.hand_out(0, None).unwrap();
    old.close();
    let new = acks(10);
    let again = new.hand_out(0, None).unwrap();
    token.ack();
    assert_eq!((old.committable(1).offset, new.committable(1).offset), (0, 0));
    again.ack();
    assert_eq!((old.committable(1).offset, new.committable(1).offset), (0, 1));
}

#[test]
fn a_full_window_waits_for_its_first_record() {
    let acks = acks(2);
    let first = acks.hand_out(0, None).unwrap();
    acks.hand_out(1, None).unwrap().ack();
    assert!(!acks.has_room());
    assert!(acks.hand_out(2, None).is_none());
    first.ack();
    assert!(acks.has_room());
    assert!(acks.hand_out(2, None).is_some());
}

#[test]
fn who_waits_is_told() {
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    let acks = PartitionAcks::new(10, move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    acks.hand_out(0, None).unwrap().ack();
    acks.await_progress(true);
    let token = acks.hand_out(1, None).unwrap();
    token.ack();
    token.ack();
    acks.await_progress(false);
    acks.hand_out(2, None).unwrap().ack();
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[test]
fn tokens_may_be_used_from_many_threads() {
    let acks = acks(10_000);
    let mut piles: [Vec<AckToken>; 4] = Default::default();
    for offset in 0..10_000 {
        piles[offset % 4].push(acks.hand_out(offset as i64, None).unwrap());
    }
    std::thread::scope(|scope| {
        for pile in piles {
            scope.spawn(move || pile.iter().rev().for_each(AckToken::ack));
        }
    });
    assert_eq!(acks.committable(10_000).offset, 10_000);
}

#[test]
fn acks_in_order_take_no_memory() {
    let acks = acks(1000);
    for offset in 0..1000 {
        acks.hand_out(offset, None).unwrap().ack();
    }
    let memory = allocation_counter::measure(|| {
        for offset in 1000..100_000 {
            acks.hand_out(offset, None).unwrap().ack();
        }
    });
    assert_eq!(memory.count_total, 0);
}

#[test]
fn a_record_with_a_token_is_sent_and_compared_like_any_other() {
    is_send(&acks(1).hand_out(0, None).unwrap());
    assert_eq!(RecordAck(acks(1).hand_out(0, None)), RecordAck(None));
}
