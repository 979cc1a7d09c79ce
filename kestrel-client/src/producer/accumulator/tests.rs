//! The accumulator: batches, memory, the sticky partition, and what an append costs.

use std::collections::HashSet;

use kestrel_protocol::{LeaderEpoch, NodeId, TopicId};
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::metadata::PartitionView;
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::partitioner::{Murmur2, RoundRobin};
use crate::record::Timestamp;

const BATCH: usize = 1000;

fn accumulator(buffer_memory: usize) -> Accumulator {
    let settings = AccumulatorSettings {
        batch_size: BATCH,
        linger: Duration::from_millis(5),
        buffer_memory,
        max_request_size: 20_000,
        builder: BuilderOptions::default(),
    };
    let start = environment::now();
    Accumulator::new(settings, Box::new(move || start), 7)
}

fn view(leaders: &[i32]) -> TopicView {
    let partition = |leader: &i32| PartitionView {
        leader: NodeId(*leader),
        leader_epoch: LeaderEpoch(0),
        ..PartitionView::leaderless()
    };
    TopicView {
        name: "t".into(),
        wire_name: "t".into(),
        id: TopicId::from_u128(1),
        is_internal: false,
        partitions: leaders.iter().map(partition).collect(),
    }
}

fn record(partition: Option<i32>, value: &[u8]) -> RecordParts<'_> {
    RecordParts {
        partition,
        timestamp: Timestamp::from_millis(1),
        key: None,
        value: Some(value),
        headers: &[],
        trace: None,
    }
}

fn append(accumulator: &Accumulator, topic: &TopicQueue, partition: Option<i32>, bytes: usize) -> Appended {
    accumulator
        .append(topic, &Murmur2, &record(partition, &vec![b'x'; bytes]), &mut Attempt::default())
        .unwrap()
}

fn accepted(appended: Appended) -> Delivery {
    match appended {
        Appended::Accepted(delivery) => delivery,
        missing => panic!("{missing:?}"),
    }
}

fn news(accumulator: &Accumulator) -> Vec<Arc<PartitionQueue>> {
    let mut news = Vec::new();
    accumulator.signals().take(&mut news);
    news
}

/// As the sender does when a batch has its outcome.
fn give_back(accumulator: &Accumulator, batch: ProducerBatch) {
    let settled = batch.settled(Outcome::Failed(Error::closed("test")));
    settled.deliver().unwrap().recycle(accumulator.memory());
}

#[test]
fn a_partition_gives_notice_once_until_the_sender_looks() {
    let accumulator = accumulator(100_000);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    for _ in 0..30 {
        drop(accepted(append(&accumulator, &topic, Some(0), 100)));
    }
    let queues = news(&accumulator);
    assert_eq!(queues.len(), 1);
    let seen = queues[0].look();
    assert!(seen.sealed >= 3 && seen.opened_at.is_some(), "{seen:?}");
    let batch = queues[0].draw().batch;
    assert!(batch.unwrap().size_bytes() <= BATCH);
    drop(accepted(append(&accumulator, &topic, Some(0), 900)));
    assert_eq!(news(&accumulator).len(), 1);
}

#[test]
fn an_append_says_when_the_sender_has_to_look() {
    let accumulator = accumulator(2 * BATCH);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    let is_due = |bytes: usize| {
        let mut attempt = Attempt::default();
        let value = vec![b'x'; bytes];
        accumulator.append(&topic, &Murmur2, &record(Some(0), &value), &mut attempt).unwrap();
        attempt.is_due
    };
    assert!(is_due(10), "a batch lingers, and the sender has no timer");
    assert!(!is_due(10), "it is in a batch that the sender knows of");
    assert!(is_due(900), "a batch is full");
    accumulator.signals().wake();
    assert!(!is_due(900), "it is awake already");
    accumulator.signals().begin_look();
    news(&accumulator)[0].draw();
    accumulator.signals().set_timer(Some(environment::now()));
    assert!(!is_due(900), "the timer fires before the linger ends");
}

#[test]
fn a_record_larger_than_a_batch_has_one_of_its_own() {
    let accumulator = accumulator(100_000);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    for bytes in [10, 5000, 10] {
        drop(accepted(append(&accumulator, &topic, Some(0), bytes)));
    }
    let queue = news(&accumulator).remove(0);
    let mut counts = Vec::new();
    while let Some(batch) = queue.draw().batch {
        counts.push(batch.record_count());
    }
    assert_eq!(counts, [1, 1, 1]);
}

#[test]
fn limits_are_named_in_the_refusal() {
    let accumulator = accumulator(5000);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    for (bytes, setting) in [(30_000, "max.request.size"), (6000, "buffer.memory")] {
        let value = vec![0; bytes];
        let refused =
            accumulator.append(&topic, &Murmur2, &record(None, &value), &mut Attempt::default()).unwrap_err();
        assert!(refused.to_string().contains(setting), "{refused}");
    }
    let refused =
        accumulator.append(&topic, &Murmur2, &record(Some(-1), b""), &mut Attempt::default()).unwrap_err();
    assert_eq!(refused.to_string(), "topic t has 1 partitions, so there is no partition -1");
}

#[test]
fn a_partitioner_is_asked_once_however_often_its_record_is_tried() {
    let accumulator = accumulator(2 * BATCH);
    let topic = accumulator.topic(&view(&[0, 0, 0]), 0, None);
    let _held = accumulator.memory().try_reserve(2 * BATCH).unwrap();
    let mut attempt = Attempt::default();
    let mut try_again =
        || accumulator.append(&topic, &RoundRobin, &record(None, b"v"), &mut attempt).unwrap();
    for _ in 0..5 {
        assert!(matches!(try_again(), Appended::NeedsMemory(BATCH)));
    }
    drop(_held);
    assert_eq!(accepted(try_again()).partition(), 0);
    assert_eq!(topic.counter().load(Ordering::Relaxed), 1);
}

#[test]
fn a_partition_that_is_not_there_yet_is_waited_for() {
    let accumulator = accumulator(100_000);
    let topic = accumulator.topic(&view(&[0]), 5, None);
    let mut attempt = Attempt::default();
    let mut try_again =
        || accumulator.append(&topic, &Murmur2, &record(Some(2), b"v"), &mut attempt).unwrap();
    assert!(matches!(try_again(), Appended::NeedsPartition(2)));
    accumulator.update_topic(&topic, &view(&[0, 0, 0]), 4);
    assert!(matches!(try_again(), Appended::NeedsPartition(2)), "older metadata changes nothing");
    accumulator.update_topic(&topic, &view(&[0, 0, 0]), 6);
    assert_eq!(accepted(try_again()).partition(), 2);
}

#[test]
fn a_topic_is_forgotten_only_when_it_is_empty_and_then_looked_up_again() {
    let accumulator = accumulator(100_000);
    let topic = accumulator.topic(&view(&[0]), 1, None);
    let _delivery = accepted(append(&accumulator, &topic, Some(0), 10));
    topic.forget();
    assert!(topic.is_kept());
    let batch = news(&accumulator)[0].draw().batch;
    topic.forget();
    assert!(!topic.is_kept());
    assert!(matches!(append(&accumulator, &topic, Some(0), 10), Appended::NeedsTopic));
    let again = accumulator.topic(&view(&[0]), 2, None);
    assert!(Arc::ptr_eq(&again, &topic));
    let _delivery = accepted(append(&accumulator, &topic, Some(0), 10));
    drop(batch);
}

#[test]
fn memory_is_reserved_by_the_batch_and_its_want_makes_pressure() {
    let accumulator = accumulator(2 * BATCH);
    let topic = accumulator.topic(&view(&[0, 0, 0]), 0, None);
    let first = accepted(append(&accumulator, &topic, Some(0), 10));
    let _second = accepted(append(&accumulator, &topic, Some(1), 10));
    assert!(matches!(append(&accumulator, &topic, Some(2), 10), Appended::NeedsMemory(BATCH)));
    assert!(accumulator.signals().take_pressure());
    let _fits = accepted(append(&accumulator, &topic, Some(1), 10));
    let batch = news(&accumulator)[0].draw().batch;
    give_back(&accumulator, batch.unwrap());
    drop(first);
    let _third = accepted(append(&accumulator, &topic, Some(2), 10));
}

#[test]
fn a_topic_that_grows_keeps_its_partitions() {
    let accumulator = accumulator(100_000);
    let topic = accumulator.topic(&view(&[0, 0]), 0, None);
    let ids = || topic.layout().queues.iter().map(|queue| queue.key().id.0).collect::<Vec<_>>();
    let before = ids();
    accumulator.update_topic(&topic, &view(&[0, 0, 0, 0]), 0);
    let after = ids();
    assert_eq!(after[..2], before);
    assert_eq!(HashSet::<u32>::from_iter(after).len(), 4);
    let choices: HashSet<i32> = (0..4)
        .map(|_| {
            accepted(
                accumulator
                    .append(&topic, &RoundRobin, &record(None, b"v"), &mut Attempt::default())
                    .unwrap(),
            )
        })
        .map(|delivery| delivery.partition())
        .collect();
    assert_eq!(choices.len(), 4);
}

#[test]
fn the_sticky_partition_has_a_leader() {
    let accumulator = accumulator(1_000_000);
    let topic = accumulator.topic(&view(&[-1, 0, -1, 0]), 0, None);
    let used: HashSet<i32> =
        (0..500).map(|_| accepted(append(&accumulator, &topic, None, 100)).partition()).collect();
    assert_eq!(used, HashSet::from([1, 3]));
}

#[test]
fn an_ended_producer_takes_nothing_and_says_why() {
    let accumulator = accumulator(100_000);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    let accepted = accepted(append(&accumulator, &topic, Some(0), 10));
    accumulator.end(Error::closed("producer"));
    let refused =
        accumulator.append(&topic, &Murmur2, &record(Some(0), b""), &mut Attempt::default()).unwrap_err();
    assert_eq!(refused.to_string(), "the producer is closed");
    accumulator.clear();
    let outcome = futures::FutureExt::now_or_never(accepted).expect("a dropped batch tells who waits");
    assert!(matches!(outcome, Err(Error::Closed { .. })));
}

#[test]
fn an_append_allocates_nothing() {
    let accumulator = accumulator(1_000_000);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    let deliver = |count: usize| {
        for _ in 0..count {
            let appended =
                accumulator.append(&topic, &Murmur2, &record(None, b"0123456789"), &mut Attempt::default());
            drop(accepted(appended.unwrap()));
        }
    };
    deliver(1);
    let within_a_batch = allocation_counter::measure(|| deliver(40));
    assert_eq!(within_a_batch.count_total, 0);

    // Batches come and go: what the sender gives back is used again, and a batch costs the state that deliveries share.
    let cycle = || {
        deliver(1000);
        let mut batches = 0;
        for queue in news(&accumulator) {
            queue.look();
            while let Some(mut batch) = queue.draw().batch {
                allocation_counter::opt_out(|| batch.build());
                give_back(&accumulator, batch);
                batches += 1;
            }
        }
        batches
    };
    cycle();
    let mut batches = 0;
    let steady = allocation_counter::measure(|| batches = cycle());
    assert!(batches > 10);
    assert!(steady.count_total <= 4 * batches, "{} allocations for {batches} batches", steady.count_total);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    /// KIP-794: each partition has had about as many bytes as the others, whatever the sizes and the pace of the sender.
    #[test]
    fn sticky_records_are_spread_evenly_by_bytes(
        sizes in prop::collection::vec(1usize..400, 50..100),
        drained_every in 1usize..50,
    ) {
        let accumulator = accumulator(10_000_000);
        let topic = accumulator.topic(&view(&[0; 4]), 0, None);
        let mut bytes = [0usize; 4];
        for (index, size) in sizes.iter().cycle().take(12_000).enumerate() {
            let delivery = accepted(append(&accumulator, &topic, None, *size));
            bytes[usize::try_from(delivery.partition()).unwrap()] += size;
            if index % drained_every == 0 {
                for queue in news(&accumulator) {
                    queue.look();
                    while let Some(batch) = queue.draw().batch {
                        give_back(&accumulator, batch);
                    }
                }
            }
        }
        let mean = bytes.iter().sum::<usize>() / 4;
        prop_assert!(bytes.iter().all(|bytes| bytes.abs_diff(mean) < mean / 4), "{bytes:?}");
    }
}

/// Every record that is appended from many threads is in exactly one batch, and each thread's records are in order.
#[test]
fn threads_that_append_to_one_partition_do_not_lose_records() {
    const THREADS: usize = 4;
    const RECORDS: usize = 2000;
    let accumulator = accumulator(50_000_000);
    let topic = accumulator.topic(&view(&[0]), 0, None);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (accumulator, topic) = (&accumulator, &topic);
            scope.spawn(move || {
                for index in 0..RECORDS {
                    let value = format!("{thread}:{index:05}");
                    let record = record(Some(0), value.as_bytes());
                    let appended =
                        accumulator.append(topic, &Murmur2, &record, &mut Attempt::default()).unwrap();
                    drop(accepted(appended));
                }
            });
        }
    });
    let seen = Mutex::new(vec![Vec::new(); THREADS]);
    let queue = news(&accumulator).remove(0);
    while let Some(mut batch) = queue.draw().batch {
        batch.build();
        let bytes = batch.bytes().unwrap().clone();
        let (batch, _) = kestrel_protocol::record::RecordBatch::parse(bytes).unwrap();
        for record in batch.records(1 << 20).unwrap() {
            let value = record.unwrap().value.unwrap();
            let (thread, index) = std::str::from_utf8(&value).unwrap().split_once(':').unwrap();
            seen.lock()[thread.parse::<usize>().unwrap()].push(index.parse::<usize>().unwrap());
        }
    }
    for indexes in seen.into_inner() {
        assert!(indexes.into_iter().eq(0..RECORDS));
    }
}
