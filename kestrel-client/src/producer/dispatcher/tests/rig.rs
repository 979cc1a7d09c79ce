//! What scripts are written with: a dispatcher, an accumulator to draw from, a clock, and short words for inputs.
//!
//! The rig stands in for the sender: outcomes are kept as text, in the order in which the machine gave them, and delivered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use kestrel_protocol::messages::produce::PartitionProduceResponse;
use kestrel_protocol::record::{BuilderOptions, RecordBatch};
use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId, ProducerEpoch, ProducerId, TopicId};
use parking_lot::Mutex;

use super::super::{Dispatcher, DispatcherSettings, ProduceAnswer, Shipment};
use crate::environment;
use crate::error::Error;
use crate::metadata::{MetadataSnapshot, PartitionView, TopicView};
use crate::net::ExponentialBackoff;
use crate::producer::Delivery;
use crate::producer::accumulator::{
    Accumulator, AccumulatorSettings, Appended, Attempt, PartitionQueue, RecordParts, TopicQueue,
};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::identity::ProducerIdAndEpoch;
use crate::producer::partition_id::PartitionId;
use crate::producer::partitioner::Murmur2;
use crate::producer::transaction::{TransactionAnswer, TransactionRequest};
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
    queues: HashMap<PartitionId, Arc<PartitionQueue>>,
    outcomes: Vec<String>,
    pub(super) failures: Vec<Error>,
}

/// What varies between scripts.
pub(super) struct Options {
    pub(super) idempotent: bool,
    pub(super) transactional_id: Option<Arc<str>>,
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
            transactional_id: None,
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
            transactional_id: options.transactional_id.clone(),
        };
        let backoff = ExponentialBackoff::new(100 * MILLI, 1000 * MILLI, 1);
        let dispatcher = Dispatcher::new(settings, backoff);
        let view = topic_view(&vec![(0, 0); options.partitions]);
        let topic = accumulator.topic(&view, 0, None);
        let mut snapshot = MetadataSnapshot::default();
        snapshot.topics.insert(TOPIC.into(), Arc::new(view));
        let mut rig = Self {
            dispatcher,
            accumulator,
            topic,
            snapshot,
            now,
            clock,
            queues: HashMap::new(),
            outcomes: Vec::new(),
            failures: Vec::new(),
        };
        rig.dispatcher.handle_connected(NodeId(0));
        if options.idempotent && options.transactional_id.is_none() {
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
        self.seal_all();
        for shipment in self.shipments() {
            self.answer(shipment, ErrorCode::None, 0);
        }
        assert_eq!(offsets(primers).len(), self.topic.layout().queues.len());
        self.outcomes.clear();
    }

    pub(super) fn identity(&mut self, id: i64, epoch: i16) {
        self.dispatcher.handle_identity(identity(id, epoch), self.now);
    }

    /// The next request to a coordinator.
    pub(super) fn ask(&mut self) -> Option<TransactionRequest> {
        self.dispatcher.poll_transaction_request(self.now)
    }

    /// A coordinator answers.
    pub(super) fn coordinator(&mut self, answer: TransactionAnswer) {
        self.dispatcher.handle_transaction_answer(answer, self.now);
    }

    /// Drops what the open transaction does not take any more.
    pub(super) fn drop_refused(&mut self) {
        self.take_news();
        let queues = &self.queues;
        self.dispatcher.drop_refused(self.now, &mut |id| queues[&id].draw());
        self.deliver();
    }

    /// Appends a record to a partition.
    pub(super) fn send(&mut self, partition: i32, value: &str) -> Delivery {
        let record = RecordParts {
            partition: Some(partition),
            timestamp: Timestamp::from_millis(1),
            key: None,
            value: Some(value.as_bytes()),
            headers: &[],
            trace: None,
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

    /// Lets the dispatcher see what was appended, and what time it is.
    pub(super) fn take_news(&mut self) {
        let mut news = Vec::new();
        self.accumulator.signals().take(&mut news);
        for queue in news {
            self.dispatcher.handle_news(queue.key(), queue.look(), &self.snapshot, self.now);
            self.queues.insert(queue.key().id, queue);
        }
        let queues = &self.queues;
        self.dispatcher.handle_timeout(self.now, &mut |id| queues[&id].draw());
        self.deliver();
    }

    /// Ends the linger of all batches.
    pub(super) fn seal_all(&mut self) {
        for id in self.dispatcher.lingering() {
            let backlog = self.queues[&id].seal();
            self.dispatcher.handle_backlog(id, backlog, self.now);
        }
    }

    /// All requests that can go out now, built.
    pub(super) fn shipments(&mut self) -> Vec<Shipment> {
        self.take_news();
        let mut shipments = Vec::new();
        let queues = &self.queues;
        while let Some(mut shipment) = self.dispatcher.poll_shipment(self.now, &mut |id| queues[&id].draw()) {
            shipment.batches.iter_mut().for_each(ProducerBatch::build);
            shipments.push(shipment);
        }
        shipments
    }

    /// What goes out now, as `values@epoch:sequence` per batch, requests separated by bars.
    pub(super) fn sent(&mut self) -> (Vec<Shipment>, String) {
        let shipments = self.shipments();
        let text = shipments.iter().map(describe).collect::<Vec<_>>().join(" | ");
        (shipments, text)
    }

    pub(super) fn sleep(&mut self, duration: Duration) {
        self.now += duration;
        *self.clock.lock() = self.now;
        self.take_news();
    }

    /// The outcomes since the last call, in order: `partition stored offset`, `partition failed`, `partition split`.
    pub(super) fn outcomes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outcomes)
    }

    /// As the sender does it: what the machine has not drawn fails with the producer.
    pub(super) fn deliver(&mut self) {
        if let Some(cause) = self.dispatcher.poll_failure() {
            for queue in self.queues.values() {
                while let Some(batch) = queue.draw().batch {
                    batch.settled(Outcome::Failed(cause.clone())).deliver();
                }
            }
            self.failures.push(cause);
        }
        while let Some(settled) = self.dispatcher.poll_settled() {
            let partition = settled.state.partition();
            self.outcomes.push(match &settled.outcome {
                Outcome::Stored { base_offset: Some(offset), .. } => format!("{partition} stored {offset}"),
                Outcome::Stored { base_offset: None, .. } => format!("{partition} stored somewhere"),
                Outcome::Failed(error) if error.possibly_written() => format!("{partition} in doubt"),
                Outcome::Failed(_) => format!("{partition} failed"),
                Outcome::Split(parts) => format!("{partition} split in {}", parts.len()),
            });
            settled.deliver();
        }
    }

    /// The broker answers a request with one code for all of its batches.
    pub(super) fn answer(&mut self, shipment: Shipment, error_code: ErrorCode, base_offset: i64) {
        let response = PartitionProduceResponse { error_code, base_offset, ..Default::default() };
        self.reply(shipment, &ProduceAnswer::Response(response));
    }

    /// No answer comes.
    pub(super) fn lose(&mut self, shipment: Shipment) {
        let error = Error::disconnected("0", "gone", true);
        self.reply(shipment, &ProduceAnswer::Lost(error));
    }

    pub(super) fn reply(&mut self, shipment: Shipment, answer: &ProduceAnswer) {
        let answers = vec![answer.clone(); shipment.batches.len()];
        self.reply_each(shipment, answers);
    }

    /// Each batch of the request gets its own answer.
    pub(super) fn reply_each(&mut self, shipment: Shipment, answers: Vec<ProduceAnswer>) {
        let answers = shipment.batches.into_iter().zip(answers);
        self.dispatcher.handle_answers(shipment.node, answers, self.now);
        self.deliver();
    }

    /// Each partition's leader and leader epoch from now on.
    pub(super) fn leaders(&mut self, leaders: &[(i32, i32)]) {
        self.snapshot.version += 1;
        self.snapshot.topics.insert(TOPIC.into(), Arc::new(topic_view(leaders)));
        self.dispatcher.handle_metadata(&self.snapshot, self.now);
    }
}

pub(super) fn identity(id: i64, epoch: i16) -> ProducerIdAndEpoch {
    ProducerIdAndEpoch { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
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

pub(super) fn describe(shipment: &Shipment) -> String {
    let batches = shipment.batches.iter().map(|batch| {
        let (batch, _) = RecordBatch::parse(batch.bytes().expect("built").clone()).expect("valid");
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
