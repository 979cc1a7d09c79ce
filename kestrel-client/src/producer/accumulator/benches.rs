//! What an append costs: `cargo test --release -p kestrel-client --lib -- --ignored --nocapture benches`.
//!
//! Among the unit tests because the accumulator is no one's business outside the crate: so nothing is made public, and no
//! feature exists, for the sake of measuring.

use divan::Bencher;
use divan::counter::ItemsCount;
use kestrel_protocol::{LeaderEpoch, NodeId, TopicId};

use super::*;
use crate::metadata::PartitionView;
use crate::producer::partitioner::Murmur2;
use crate::record::Timestamp;

const BATCH_BYTES: usize = 256 * 1024;
const BUFFER_BYTES: usize = 32 * 1024 * 1024;
const VALUE: [u8; 100] = [b'x'; 100];
/// Appends of one measured call: a few batches.
const APPENDS: usize = 10_000;

#[test]
#[ignore = "a benchmark: run it in release, alone"]
fn benches() {
    divan::Divan::default().run_benches();
}

#[divan::bench(args = [1, 6, 100], threads = [1, 2, 8])]
fn append_without_a_key(bencher: Bencher<'_, '_>, partitions: i32) {
    measure(bencher, partitions, |_| None);
}

#[divan::bench(args = [6, 100], threads = [1, 2, 8])]
fn append_with_a_key(bencher: Bencher<'_, '_>, partitions: i32) {
    let keys: Vec<_> = (0..1000_u32).map(u32::to_be_bytes).collect();
    measure(bencher, partitions, |index| keys.get(index % keys.len()).map(<[u8; 4]>::as_slice));
}

#[divan::bench(args = [4, 16, 64])]
fn partition_of_a_key(bencher: Bencher<'_, '_>, key_bytes: usize) {
    let key = vec![b'k'; key_bytes];
    bencher.counter(ItemsCount::new(1_usize)).bench(|| Murmur2::partition_of(divan::black_box(&key), 12));
}

/// Appends from as many threads as divan says. Who finds no memory takes the full batches out, as the sender does.
fn measure<'k>(
    bencher: Bencher<'_, '_>,
    partitions: i32,
    key: impl Fn(usize) -> Option<&'k [u8]> + Send + Sync,
) {
    let settings = AccumulatorSettings {
        batch_size: BATCH_BYTES,
        linger: Duration::from_millis(5),
        buffer_memory: BUFFER_BYTES,
        max_request_size: 1 << 20,
        builder: BuilderOptions::default(),
    };
    let start = environment::now();
    let accumulator = Accumulator::new(settings, Box::new(move || start), 7);
    let topic = accumulator.topic(&view(partitions), 0, None);
    bencher.counter(ItemsCount::new(APPENDS)).bench(|| {
        for index in 0..APPENDS {
            let record = RecordParts {
                partition: None,
                timestamp: Timestamp::from_millis(1),
                key: key(index),
                value: Some(&VALUE),
                headers: &[],
                trace: None,
            };
            while let Appended::NeedsMemory(_) =
                accumulator.append(&topic, &Murmur2, &record, &mut Attempt::default()).expect("it is open")
            {
                take_batches(&topic);
            }
        }
    });
}

fn take_batches(topic: &TopicQueue) {
    for queue in &topic.layout().queues {
        while let Some(batch) = queue.draw().batch {
            drop(batch);
        }
    }
}

fn view(partitions: i32) -> TopicView {
    let partition =
        || PartitionView { leader: NodeId(0), leader_epoch: LeaderEpoch(0), ..PartitionView::leaderless() };
    TopicView {
        name: "t".into(),
        wire_name: "t".into(),
        id: TopicId::from_u128(1),
        is_internal: false,
        partitions: (0..partitions).map(|_| partition()).collect(),
    }
}
