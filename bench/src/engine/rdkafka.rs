//! rdkafka, used as fast as it goes: a base producer with delivery callbacks on its own thread, a base consumer without a group.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use super::LATENCY_SAMPLE;
use crate::args::{Acks, Codec, Common, Consume, EndToEnd, Produce, Tuning};
use crate::meter::{self, Meter};
use crate::payload::Payload;
use crate::report::{Latencies, Report};

const NAME: &str = "rdkafka";
/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The opaque of a record whose latency is not measured.
const UNSAMPLED: usize = usize::MAX;

/// Counts acknowledgements; the opaque of a sampled record is when it was sent, in microseconds since the start.
struct Acknowledged {
    started: Instant,
    acked: AtomicU64,
    errors: AtomicU64,
    latencies: Mutex<Latencies>,
}

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, sent_at_us: usize) {
        if result.is_err() {
            self.errors.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.acked.fetch_add(1, Ordering::Relaxed);
        if sent_at_us != UNSAMPLED {
            let latency = self.started.elapsed().saturating_sub(Duration::from_micros(sent_at_us as u64));
            self.latencies.lock().expect("no panic while it is held").record(latency);
        }
    }
}

impl Acknowledged {
    fn new() -> Self {
        Self {
            started: meter::now(),
            acked: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            latencies: Mutex::new(Latencies::default()),
        }
    }

    fn elapsed_us(&self) -> usize {
        usize::try_from(self.started.elapsed().as_micros()).unwrap_or(usize::MAX)
    }
}

pub(super) fn produce(work: &Produce) -> Result<Report, String> {
    create_topic(&work.common)?;
    let producer = open_producer(&work.common, &work.tuning)?;
    let payload = Payload::new(work.tuning.size);
    let meter = Meter::start();
    for index in 0..work.records {
        let sent_at_us =
            if index % LATENCY_SAMPLE == 0 { producer.context().elapsed_us() } else { UNSAMPLED };
        send(&producer, &work.common.topic, payload.value(index), sent_at_us)?;
    }
    producer.flush(PATIENCE).map_err(text)?;
    let cost = meter.cost();
    let seen = producer.context();
    let latencies = std::mem::take(&mut *seen.latencies.lock().expect("the run is over"));
    Ok(Report {
        client: NAME,
        work: "produce",
        records: work.records,
        bytes: work.records * work.tuning.size as u64,
        acked: seen.acked.load(Ordering::Relaxed),
        errors: seen.errors.load(Ordering::Relaxed),
        cost,
        latencies: Some(latencies),
    })
}

pub(super) fn consume(work: &Consume) -> Result<Report, String> {
    let consumer = open_consumer(&work.common, Offset::Beginning)?;
    let meter = Meter::start();
    let (mut records, mut bytes) = (0, 0);
    while records < work.records {
        let message = next(&consumer)?;
        bytes += message.payload().map_or(0, <[u8]>::len) as u64;
        records += 1;
    }
    let cost = meter.cost();
    Ok(Report {
        client: NAME,
        work: "consume",
        records,
        bytes,
        acked: records,
        errors: 0,
        cost,
        latencies: None,
    })
}

pub(super) fn e2e(work: &EndToEnd) -> Result<Report, String> {
    create_topic(&work.common)?;
    let producer = open_producer(&work.common, &work.tuning)?;
    let consumer = open_consumer(&work.common, Offset::End)?;
    let records = u64::from(work.rate) * work.seconds;
    let started = meter::now();
    let meter = Meter::start();
    let failed = AtomicBool::new(false);
    let mut latencies = Latencies::default();
    let outcome = std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut value = vec![0u8; work.tuning.size.max(8)];
            for index in 0..records {
                let due = Duration::from_micros(index * 1_000_000 / u64::from(work.rate));
                std::thread::sleep(due.saturating_sub(started.elapsed()));
                let sent_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
                value[..8].copy_from_slice(&sent_us.to_be_bytes());
                send(&producer, &work.common.topic, &value, UNSAMPLED)
                    .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
            }
            producer.flush(PATIENCE).map_err(text)
        });
        for _ in 0..records {
            if failed.load(Ordering::Relaxed) {
                break;
            }
            let message = next(&consumer)?;
            let sent =
                message.payload().and_then(|p| p.first_chunk()).map_or(0, |sent| u64::from_be_bytes(*sent));
            latencies.record(started.elapsed().saturating_sub(Duration::from_micros(sent)));
        }
        sender.join().map_err(|_| "the sending thread panicked".to_owned())?
    });
    outcome?;
    let seen = producer.context();
    Ok(Report {
        client: NAME,
        work: "e2e",
        records,
        bytes: records * work.tuning.size.max(8) as u64,
        acked: seen.acked.load(Ordering::Relaxed),
        errors: seen.errors.load(Ordering::Relaxed),
        cost: meter.cost(),
        latencies: Some(latencies),
    })
}

/// Sends one record, waiting while the queue is full.
fn send(
    producer: &ThreadedProducer<Acknowledged>,
    topic: &str,
    value: &[u8],
    sent_at_us: usize,
) -> Result<(), String> {
    let mut record = BaseRecord::<(), [u8], usize>::with_opaque_to(topic, sent_at_us).payload(value);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                record = refused;
                std::thread::sleep(Duration::from_micros(200));
            }
            Err((error, _)) => return Err(text(error)),
        }
    }
}

fn next(consumer: &BaseConsumer) -> Result<rdkafka::message::BorrowedMessage<'_>, String> {
    match consumer.poll(PATIENCE) {
        Some(message) => message.map_err(text),
        None => Err(format!("no record came for {} s", PATIENCE.as_secs())),
    }
}

fn config(common: &Common) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &common.bootstrap);
    config
}

fn open_producer(common: &Common, tuning: &Tuning) -> Result<ThreadedProducer<Acknowledged>, String> {
    let acks = match tuning.acks {
        Acks::All => "all",
        Acks::Leader => "1",
        Acks::None => "0",
    };
    let codec = match tuning.compression {
        Codec::None => "none",
        Codec::Gzip => "gzip",
        Codec::Snappy => "snappy",
        Codec::Lz4 => "lz4",
        Codec::Zstd => "zstd",
    };
    config(common)
        .set("acks", acks)
        .set("compression.type", codec)
        .set("enable.idempotence", tuning.idempotent.to_string())
        .set("linger.ms", tuning.linger_ms.to_string())
        .set("batch.size", tuning.batch_bytes.to_string())
        .set("max.in.flight.requests.per.connection", tuning.inflight.to_string())
        .set("queue.buffering.max.messages", "1000000")
        .create_with_context(Acknowledged::new())
        .map_err(text)
}

/// A consumer of every partition, from `from`, without a group's coordination.
fn open_consumer(common: &Common, from: Offset) -> Result<BaseConsumer, String> {
    let consumer: BaseConsumer = config(common)
        .set("group.id", "kestrel-bench")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "500")
        .create()
        .map_err(text)?;
    let metadata = consumer.fetch_metadata(Some(&common.topic), PATIENCE).map_err(text)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    let mut assignment = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions).unwrap_or(i32::MAX) {
        assignment.add_partition_offset(&common.topic, partition, from).map_err(text)?;
    }
    consumer.assign(&assignment).map_err(text)?;
    Ok(consumer)
}

fn create_topic(common: &Common) -> Result<(), String> {
    let admin: AdminClient<_> = config(common).create().map_err(text)?;
    let topic = NewTopic::new(&common.topic, common.partitions, TopicReplication::Fixed(-1));
    let created = admin.create_topics([&topic], &AdminOptions::new().operation_timeout(Some(PATIENCE)));
    match futures::executor::block_on(created).map_err(text)?.pop() {
        Some(Err((name, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
            Err(format!("cannot create topic {name}: {code}"))
        }
        _ => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn text(error: KafkaError) -> String {
    error.to_string()
}
