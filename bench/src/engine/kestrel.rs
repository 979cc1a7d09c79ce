//! Kestrel, used as its documentation says: a typed topic handle, deliveries awaited in order, batches of borrowed views.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use kestrel_client::{
    Acks as ClientAcks, AutoOffsetReset, Client, Compression, Consumer, Delivery, Error, ErrorCode, NewTopic,
    NoKey, Producer, TypedProducer, Unset,
};
use kestrel_serde::Raw;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::LATENCY_SAMPLE;
use crate::args::{Acks, Codec, Common, Consume, EndToEnd, Produce, Tuning};
use crate::meter::{self, Meter};
use crate::payload::Payload;
use crate::report::{Latencies, Report};

const NAME: &str = "kestrel";
/// How long an answer may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Deliveries that are held before the older half of them is awaited.
const HELD_DELIVERIES: usize = 100_000;
/// Samples of latency under way at most.
const SAMPLES: usize = 10_000;

type Topic = TypedProducer<NoKey, [u8], Unset, Raw>;

pub(super) fn produce(work: &Produce) -> Result<Report, String> {
    block_on(async {
        let (producer, topic) = open_producer(&work.common, &work.tuning).await?;
        let payload = Payload::new(work.tuning.size);
        let meter = Meter::start();
        let mut seen = Acknowledged::default();
        let (samples, mut sampler) = spawn_sampler();
        for index in 0..work.records {
            let delivery = topic.send_unkeyed(payload.value(index)).await?;
            if index % LATENCY_SAMPLE == 0 {
                // The sampler sees the outcome of this one.
                let _ = samples.send((delivery, meter::now())).await;
            } else {
                seen.hold(delivery).await;
            }
        }
        producer.flush().await?;
        seen.drain(0).await;
        let cost = meter.cost();
        drop(samples);
        let sampled = sampler.join_next().await.and_then(Result::ok).unwrap_or_default();
        Ok(Report {
            client: NAME,
            work: "produce",
            records: work.records,
            bytes: work.records * work.tuning.size as u64,
            acked: seen.acked + sampled.acked,
            errors: seen.errors + sampled.errors,
            cost,
            latencies: Some(sampled.latencies),
        })
    })
}

pub(super) fn consume(work: &Consume) -> Result<Report, String> {
    block_on(async {
        let client = connect(&work.common).await?;
        let mut consumer = open_consumer(&client, &work.common, AutoOffsetReset::Earliest).await?;
        let meter = Meter::start();
        let (mut records, mut bytes) = (0, 0);
        while records < work.records {
            for record in &next_batch(&mut consumer).await? {
                records += 1;
                bytes += record.value_bytes().map_or(0, <[u8]>::len) as u64;
            }
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
    })
}

pub(super) fn e2e(work: &EndToEnd) -> Result<Report, String> {
    block_on(async {
        let (producer, topic) = open_producer(&work.common, &work.tuning).await?;
        let client = connect(&work.common).await?;
        let mut consumer = open_consumer(&client, &work.common, AutoOffsetReset::Latest).await?;
        for partition in consumer.assignment() {
            consumer.position(partition).await?;
        }
        let records = u64::from(work.rate) * work.seconds;
        let size = work.tuning.size.max(8);
        let started = meter::now();
        let meter = Meter::start();
        let mut sender = JoinSet::new();
        sender.spawn(send_at_rate(topic, work.rate, records, size, started));
        let mut latencies = Latencies::default();
        let mut read = 0;
        while read < records {
            for record in &next_batch(&mut consumer).await? {
                read += 1;
                let sent_us = record
                    .value_bytes()
                    .and_then(|v| v.first_chunk())
                    .map_or(0, |us| u64::from_be_bytes(*us));
                latencies.record(started.elapsed().saturating_sub(Duration::from_micros(sent_us)));
            }
        }
        let sent = sender.join_next().await.and_then(Result::ok);
        let seen = sent.unwrap_or_else(|| Err(Failure("the sending task panicked".to_owned())))?;
        let cost = meter.cost();
        producer.close(PATIENCE).await?;
        Ok(Report {
            client: NAME,
            work: "e2e",
            records,
            bytes: records * size as u64,
            acked: seen.acked,
            errors: seen.errors,
            cost,
            latencies: Some(latencies),
        })
    })
}

/// Sends records that hold the time of their sending, in microseconds since `started`.
async fn send_at_rate(
    topic: Topic,
    rate: u32,
    records: u64,
    size: usize,
    started: Instant,
) -> Result<Acknowledged, Failure> {
    let mut value = vec![0u8; size];
    let mut seen = Acknowledged::default();
    for index in 0..records {
        let due = Duration::from_micros(index * 1_000_000 / u64::from(rate));
        tokio::time::sleep_until((started + due).into()).await;
        let sent_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        value[..8].copy_from_slice(&sent_us.to_be_bytes());
        seen.hold(topic.send_unkeyed(&value[..]).await?).await;
    }
    seen.drain(0).await;
    Ok(seen)
}

/// Observes every delivery, and never holds more than a bounded number of them.
#[derive(Debug, Default)]
struct Acknowledged {
    held: VecDeque<Delivery>,
    acked: u64,
    errors: u64,
}

impl Acknowledged {
    async fn hold(&mut self, delivery: Delivery) {
        self.held.push_back(delivery);
        if self.held.len() >= HELD_DELIVERIES {
            self.drain(HELD_DELIVERIES / 2).await;
        }
    }

    /// Awaits the oldest deliveries until `left` are held.
    async fn drain(&mut self, left: usize) {
        while self.held.len() > left {
            let Some(delivery) = self.held.pop_front() else { return };
            self.count(delivery.await.is_ok());
        }
    }

    fn count(&mut self, acked: bool) {
        if acked { self.acked += 1 } else { self.errors += 1 }
    }
}

/// What became of the deliveries whose latency was measured.
#[derive(Debug, Default)]
struct Sampled {
    acked: u64,
    errors: u64,
    latencies: Latencies,
}

/// A task that awaits sampled deliveries as they come.
fn spawn_sampler() -> (mpsc::Sender<(Delivery, Instant)>, JoinSet<Sampled>) {
    let (samples, mut received) = mpsc::channel::<(Delivery, Instant)>(SAMPLES);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut sampled = Sampled::default();
        while let Some((delivery, sent_at)) = received.recv().await {
            match delivery.await {
                Ok(_) => sampled.acked += 1,
                Err(_) => sampled.errors += 1,
            }
            sampled.latencies.record(sent_at.elapsed());
        }
        sampled
    });
    (samples, task)
}

async fn next_batch(
    consumer: &mut Consumer<bytes::Bytes, bytes::Bytes>,
) -> Result<kestrel_client::Batch<bytes::Bytes, bytes::Bytes>, Failure> {
    match tokio::time::timeout(PATIENCE, consumer.next_batch()).await {
        Ok(Ok(Some(batch))) => Ok(batch),
        Ok(Ok(None)) => Err(Failure("the consumer has no partitions".to_owned())),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Failure(format!("no record came for {} s", PATIENCE.as_secs()))),
    }
}

async fn connect(common: &Common) -> Result<Client, Error> {
    Client::builder(common.bootstrap.as_str()).client_id("kestrel-bench").connect().await
}

async fn open_producer(common: &Common, tuning: &Tuning) -> Result<(Producer, Topic), Failure> {
    let client = connect(common).await?;
    let created = client
        .admin()
        .create_topics([NewTopic::new(common.topic.as_str()).partitions(common.partitions)])
        .await;
    match created.into_result() {
        Err(error) if error.code() != Some(ErrorCode::TopicAlreadyExists) => return Err(error.into()),
        _ => {}
    }
    let acks = match tuning.acks {
        Acks::All => ClientAcks::All,
        Acks::Leader => ClientAcks::Leader,
        Acks::None => ClientAcks::None,
    };
    let compression = match tuning.compression {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    };
    let producer = client
        .producer()
        .acks(acks)
        .enable_idempotence(tuning.idempotent)
        .compression(compression)
        .linger(tuning.linger())
        .batch_size(tuning.batch_bytes)
        .max_in_flight_requests_per_connection(tuning.inflight)
        .build()
        .await?;
    let topic = producer.topic::<NoKey, [u8]>(common.topic.as_str()).value(Raw).open().await?;
    Ok((producer, topic))
}

/// A consumer of every partition.
async fn open_consumer(
    client: &Client,
    common: &Common,
    from: AutoOffsetReset,
) -> Result<Consumer<bytes::Bytes, bytes::Bytes>, Failure> {
    let consumer =
        client.assigned_consumer::<bytes::Bytes, bytes::Bytes>().assign_topics([common.topic.as_str()]);
    Ok(consumer.key(Raw).value(Raw).auto_offset_reset(from).build().await?)
}

/// Why a run was given up.
#[derive(Debug)]
struct Failure(String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

fn block_on(work: impl Future<Output = Result<Report, Failure>>) -> Result<Report, String> {
    let runtime = Runtime::new().map_err(|e| format!("cannot start the runtime: {e}"))?;
    runtime.block_on(work).map_err(|Failure(message)| message)
}
