//! What scripts are written with: a dispatcher, its accumulator, a clock, and short words for events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use kestrel_protocol::messages::produce::PartitionProduceResponse;
use kestrel_protocol::record::{BuilderOptions, RecordBatch};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId, ProducerEpoch, ProducerId, TopicId};
use parking_lot::Mutex;

use super::super::{Answer, Dispatcher, DispatcherSettings, Wave};
use crate::environment;
use crate::error::Error;
use crate::metadata::{MetadataSnapshot, PartitionView, TopicView};
use crate::net::ExponentialBackoff;
use crate::producer::Delivery;
use crate::producer::accumulator::{
    Accumulator, AccumulatorSettings, Appended, Attempt, RecordParts, TopicQueue,
};
use crate::producer::partitioner::Murmur2;
use crate::producer::transaction_manager::Identity;
use crate::record::{RecordMetadata, Timestamp};

pub(super) const TOPIC: &str = "t";
pub(super) const MILLI: Duration = Duration::from_millis(1);
pub(super) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
/// Longer than any backoff.
pub(super) const LONG_BACKOFF: Duration = Duration::from_secs(2);

/// A dispatcher under test.
pub(super) struct Rig {
    pub(super) dispatcher: Dispatcher,
    pub(super) accumulator: Arc<Accumulator>,
    pub(super) topic: Arc<TopicQueue>,
    pub(super) snapshot: MetadataSnapshot,
    pub(super) now: Instant,
    clock: Arc<Mutex<Instant>>,
}

/// What varies between scripts.
pub(super) struct Options {
    pub(super) idempotent: bool,
    pub(super) linger: Duration,
    pub(super) batch_size: usize,
    pub(super) max_in_flight: usize,
    pub(super) partitions: usize,
    pub(super) retries: u32,
    /// Whether each partition has had a batch with sequence number 0 before the script begins.
    pub(super) primed: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            idempotent: true,
            linger: Duration::ZERO,
            // One record per batch.
            batch_size: 1,
            max_in_flight: 5,
            partitions: 1,
            retries: u32::MAX,
            primed: true,
        }
    }
}

impl Rig {
    /// Connected to node 0, the leader of all partitions, with producer id 7 at epoch 0.
    pub(super) fn new(options: &Options) -> Self {
        let now = environment::now();
        let clock = Arc::new(Mutex::new(now));
        let read_clock = Arc::clone(&clock);
        let accumulator = Arc::new(Accumulator::new(
            AccumulatorSettings {
                batch_size: options.batch_size,
                linger: options.linger,
                buffer_memory: 1 << 20,
                max_request_size: 1 << 20,
                builder: BuilderOptions::default(),
            },
            Box::new(move || *read_clock.lock()),
            7,
        ));
        let settings = DispatcherSettings {
            linger: options.linger,
            delivery_timeout: DELIVERY_TIMEOUT,
            max_in_flight: options.max_in_flight,
            max_request_size: 1 << 20,
            retries: options.retries,
            idempotent: options.idempotent,
            builder: BuilderOptions::default(),
        };
        let backoff = ExponentialBackoff::new(100 * MILLI, 1000 * MILLI, 1);
        let dispatcher = Dispatcher::new(settings, Arc::clone(&accumulator), backoff);
        let view = topic_view(&vec![(0, 0); options.partitions]);
        let topic = accumulator.topic(&view, 0, None);
        let mut snapshot = MetadataSnapshot::default();
        snapshot.topics.insert(TOPIC.into(), Arc::new(view));
        let mut rig = Self { dispatcher, accumulator, topic, snapshot, now, clock };
        rig.dispatcher.handle_connected(NodeId(0));
        if options.idempotent {
            assert!(rig.dispatcher.poll_identity_request(rig.now));
            rig.identity(7, 0);
        }
        if options.idempotent && options.primed {
            rig.prime();
        }
        rig
    }

    /// Each partition gets a batch stored, with number 0, so that more than one may be on its way.
    pub(super) fn prime(&mut self) {
        let partitions = i32::try_from(self.topic.layout().queues.len()).unwrap();
        let primers: Vec<_> = (0..partitions).map(|partition| self.send(partition, "primer")).collect();
        self.take_news();
        self.dispatcher.handle_flush(self.now);
        for wave in self.waves() {
            self.answer(wave, ErrorCode::None, 0);
        }
        assert_eq!(offsets(primers).len(), self.topic.layout().queues.len());
    }

    pub(super) fn identity(&mut self, id: i64, epoch: i16) {
        self.dispatcher
            .handle_identity(Identity { id: ProducerId(id), epoch: ProducerEpoch(epoch) }, self.now);
    }

    /// Appends a record to a partition.
    pub(super) fn send(&mut self, partition: i32, value: &str) -> Delivery {
        let record = RecordParts {
            partition: Some(partition),
            timestamp: Timestamp::from_millis(1),
            key: None,
            value: Some(value.as_bytes()),
            headers: crate::producer::HeaderSlices(&[]),
        };
        match self.accumulator.append(&self.topic, &Murmur2, &record, &mut Attempt::default()) {
            Ok(Appended::Accepted(delivery)) => delivery,
            other => panic!("{other:?}"),
        }
    }

    /// Appends one record per value to partition 0, in batches of their own.
    pub(super) fn send_all(&mut self, values: &[&str]) -> Vec<Delivery> {
        values.iter().map(|value| self.send(0, value)).collect()
    }

    /// Lets the dispatcher see what was appended.
    pub(super) fn take_news(&mut self) {
        let mut news = Vec::new();
        self.accumulator.signals().take(&mut news);
        for queue in news {
            self.dispatcher.handle_news(&queue, &self.snapshot, self.now);
        }
        self.dispatcher.handle_timeout(self.now);
    }

    /// All requests that can go out now, built.
    pub(super) fn waves(&mut self) -> Vec<Wave> {
        self.take_news();
        let mut waves = Vec::new();
        while let Some(mut wave) = self.dispatcher.poll_wave(self.now) {
            wave.batches.iter_mut().for_each(|outbound| outbound.batch.build());
            waves.push(wave);
        }
        waves
    }

    /// What goes out now, as `values@epoch:sequence` per batch, requests separated by bars.
    pub(super) fn sent(&mut self) -> (Vec<Wave>, String) {
        let waves = self.waves();
        let text = waves.iter().map(describe).collect::<Vec<_>>().join(" | ");
        (waves, text)
    }

    pub(super) fn sleep(&mut self, duration: Duration) {
        self.now += duration;
        *self.clock.lock() = self.now;
        self.dispatcher.handle_timeout(self.now);
    }

    /// The broker answers a request with one code for all of its batches.
    pub(super) fn answer(&mut self, wave: Wave, error_code: ErrorCode, base_offset: i64) {
        let said = PartitionProduceResponse { error_code, base_offset, ..Default::default() };
        self.reply(wave, &Answer::Said(said));
    }

    /// No answer comes.
    pub(super) fn lose(&mut self, wave: Wave) {
        let error = Error::disconnected("0", "gone", true);
        self.reply(wave, &Answer::Lost(error));
    }

    pub(super) fn reply(&mut self, wave: Wave, answer: &Answer) {
        let answers = wave.batches.into_iter().map(|outbound| (outbound, answer.clone()));
        self.dispatcher.handle_answers(wave.node, answers, self.now);
    }

    /// Each partition's leader and leader epoch from now on.
    pub(super) fn leaders(&mut self, leaders: &[(i32, i32)]) {
        self.snapshot.version += 1;
        self.snapshot.topics.insert(TOPIC.into(), Arc::new(topic_view(leaders)));
        self.dispatcher.handle_metadata(&self.snapshot, self.now);
    }
}

/// The outcome, if there is one.
pub(super) fn outcome(delivery: Delivery) -> Option<Result<RecordMetadata, Error>> {
    delivery.now_or_never()
}

/// The offsets of deliveries that are all stored.
pub(super) fn offsets(deliveries: Vec<Delivery>) -> Vec<i64> {
    deliveries
        .into_iter()
        .map(|delivery| outcome(delivery).expect("settled").expect("stored").offset.expect("known"))
        .collect()
}

pub(super) fn describe(wave: &Wave) -> String {
    let batches = wave.batches.iter().map(|outbound| {
        let (batch, _) = RecordBatch::parse(outbound.batch.bytes().expect("built").clone()).expect("valid");
        batch.verify_checksum().expect("intact");
        let stamp = batch.header().producer();
        format!("{}@{}:{}", values(&batch).join("+"), stamp.producer_epoch, stamp.base_sequence)
    });
    batches.collect::<Vec<_>>().join(" ")
}

pub(super) fn values(batch: &RecordBatch) -> Vec<String> {
    let records = batch.records(1 << 20).expect("readable");
    let value = |record: kestrel_protocol::record::Record| record.value.expect("no tombstones here");
    records.map(|record| String::from_utf8(value(record.expect("whole")).to_vec()).expect("text")).collect()
}

fn topic_view(leaders: &[(i32, i32)]) -> TopicView {
    let partition = |(leader, epoch): &(i32, i32)| PartitionView {
        leader: NodeId(*leader),
        leader_epoch: LeaderEpoch(*epoch),
        ..PartitionView::leaderless()
    };
    TopicView {
        name: TOPIC.into(),
        wire_name: TOPIC.into(),
        id: TopicId::from_u128(1),
        is_internal: false,
        partitions: leaders.iter().map(partition).collect(),
    }
}

/// Sequence numbers and batches of a broker's partition, as strict as Apache Kafka's.
#[derive(Default)]
pub(super) struct ModelPartition {
    pub(super) log: Vec<String>,
    producers: HashMap<i64, Known>,
}

#[derive(Default)]
struct Known {
    epoch: i16,
    /// First sequence, record count and base offset of the last five batches.
    batches: Vec<(i32, i32, i64)>,
}

impl ModelPartition {
    /// Appends a batch, or says why not.
    pub(super) fn append(&mut self, batch: &RecordBatch) -> (ErrorCode, i64) {
        let header = batch.header();
        let base_offset = i64::try_from(self.log.len()).unwrap();
        if header.producer_id.0 >= 0 {
            let count = header.record_count;
            let first_time = !self.producers.contains_key(&header.producer_id.0);
            let known = self.producers.entry(header.producer_id.0).or_default();
            if header.producer_epoch.0 < known.epoch {
                return (ErrorCode::InvalidProducerEpoch, -1);
            }
            if header.producer_epoch.0 > known.epoch && !first_time {
                if header.base_sequence != 0 {
                    return (ErrorCode::OutOfOrderSequenceNumber, -1);
                }
                *known = Known { epoch: header.producer_epoch.0, batches: Vec::new() };
            }
            if let Some((_, _, offset)) =
                known.batches.iter().find(|(first, n, _)| (*first, *n) == (header.base_sequence, count))
            {
                return (ErrorCode::None, *offset);
            }
            // A broker that knows nothing of a producer takes any number from it.
            let expected = known.batches.last().map_or(0, |(first, n, _)| first + n);
            if header.base_sequence != expected && !first_time {
                return (ErrorCode::OutOfOrderSequenceNumber, -1);
            }
            known.epoch = header.producer_epoch.0;
            known.batches.push((header.base_sequence, count, base_offset));
            if known.batches.len() > 5 {
                known.batches.remove(0);
            }
        }
        self.log.extend(values(batch));
        (ErrorCode::None, base_offset)
    }
}
