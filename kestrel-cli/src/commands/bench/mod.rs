//! `kestrel bench`: how fast records go into a topic, and out of it.

mod latencies;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use kestrel_client::{AssignedConsumer, Bytes, CancellationToken, Delivery, Place, Producer, Record};

use self::latencies::Latencies;
use crate::failure::Failure;
use crate::guard::Permit;
use crate::output::{Cell, Page};
use crate::session::Session;

/// How many records may be under way: latencies are those of a producer that is busy and not drowned.
const MAX_UNDER_WAY: usize = 10_000;
/// How many records a batch has at most.
const BATCH_RECORDS: usize = 10_000;
/// How long what is under way may take at the end.
const PATIENCE: Duration = Duration::from_secs(120);

/// How fast records go into a topic, and out of it.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Write records of one size, and measure rate and latencies
    Produce(BenchProduce),
    /// Read records, and measure the rate
    Consume(BenchConsume),
}

/// Writes records of one size into a topic.
#[derive(Debug, Args)]
pub(crate) struct BenchProduce {
    /// The topic: what is written stays in it
    topic: String,
    /// How many records
    #[arg(long, short = 'n', default_value_t = 1_000_000)]
    records: u64,
    /// The bytes of each value
    #[arg(long, default_value_t = 100)]
    size: usize,
    /// At most so many records in a second [default: as many as there can be]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rate: Option<u64>,
}

/// Reads records of a topic from its beginning.
#[derive(Debug, Args)]
pub(crate) struct BenchConsume {
    /// The topic
    topic: String,
    /// At most so many records [default: all that are there]
    #[arg(long, short = 'n')]
    records: Option<u64>,
}

impl BenchCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Produce(command) => command.run(session).await,
            Self::Consume(command) => command.run(session).await,
        }
    }
}

impl BenchProduce {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { topic, records, size, .. } = &self;
        let what = format!("write {records} records of {size} bytes to {topic}");
        if session.permit(&what).await? == Permit::DryRun {
            session.output().note(&format!("would {what}"));
            return Ok(());
        }
        let producer = session.client().await?.producer().build().await?;
        producer.prepare_topic(topic.as_str()).await?;
        let began = now();
        let mut latencies = Latencies::default();
        let sent = self.send(session, &producer, &mut latencies).await?;
        let took = began.elapsed();
        producer.close(PATIENCE).await?;
        let page = rates(latencies.count(), latencies.count() * *size as u64, took);
        let page = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p99_9", 0.999), ("max", 1.0)]
            .into_iter()
            .fold(page, |page, (name, rank)| page.field(name, latencies.at(rank).map(Cell::Span)));
        session.output().pages(&[page])?;
        if sent < *records { Err(Failure::interrupted()) } else { Ok(()) }
    }

    /// Sends all, or what a signal lets it, and waits until it is stored.
    async fn send(
        &self,
        session: &Session,
        producer: &Producer,
        latencies: &mut Latencies,
    ) -> Result<u64, Failure> {
        let value = Bytes::from(payload(self.size));
        let (stop, began) = (session.stop().listen(), now());
        let mut under_way: VecDeque<(Instant, Delivery)> = VecDeque::with_capacity(MAX_UNDER_WAY);
        let mut sent = 0;
        while sent < self.records && !stop.is_cancelled() {
            self.keep_pace(began, sent, &stop).await;
            let mut record = Record::to(self.topic.as_str());
            record.value = Some(value.clone());
            under_way.push_back((now(), producer.send(record).await?));
            sent += 1;
            if under_way.len() == MAX_UNDER_WAY {
                settle(&mut under_way, MAX_UNDER_WAY / 2, latencies).await?;
            }
        }
        producer.flush().await?;
        settle(&mut under_way, 0, latencies).await?;
        Ok(sent)
    }

    /// Waits until the next record is due.
    async fn keep_pace(&self, began: Instant, sent: u64, stop: &CancellationToken) {
        let Some(rate) = self.rate else { return };
        let due = Duration::from_secs_f64(sent as f64 / rate as f64);
        if let Some(early) =
            due.checked_sub(began.elapsed()).filter(|early| *early > Duration::from_millis(1))
        {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(early) => {}
            }
        }
    }
}

/// Waits for what became of the oldest, until so many are left.
async fn settle(
    under_way: &mut VecDeque<(Instant, Delivery)>,
    left: usize,
    latencies: &mut Latencies,
) -> Result<(), Failure> {
    while under_way.len() > left {
        let Some((began, delivery)) = under_way.pop_front() else { break };
        delivery.await?;
        latencies.add(began.elapsed());
    }
    Ok(())
}

impl BenchConsume {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let consumer = session.client().await?.assigned_consumer::<Bytes, Bytes>();
        let consumer = consumer.assign_topics([self.topic.as_str()]).between(Place::Beginning, Place::End);
        let mut consumer: AssignedConsumer<Bytes, Bytes> =
            consumer.max_poll_records(BATCH_RECORDS).build().await?;
        let (stop, began) = (session.stop().listen(), now());
        let wanted = self.records.unwrap_or(u64::MAX);
        let (mut records, mut bytes) = (0, 0);
        while records < wanted {
            let batch = tokio::select! {
                () = stop.cancelled() => break,
                batch = consumer.next_batch() => batch?,
            };
            let Some(batch) = batch else { break };
            records += batch.len() as u64;
            let parts = batch.records().flat_map(|record| [record.key_bytes(), record.value_bytes()]);
            bytes += parts.flatten().map(|part| part.len() as u64).sum::<u64>();
        }
        let took = began.elapsed();
        consumer.close().await?;
        session.output().pages(&[rates(records, bytes, took)])?;
        if stop.is_cancelled() { Err(Failure::interrupted()) } else { Ok(()) }
    }
}

fn rates(records: u64, bytes: u64, took: Duration) -> Page {
    let seconds = took.as_secs_f64().max(1e-9);
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Page::new()
        .field("records", whole(records))
        .field("took", took)
        .field("records_per_second", (records as f64 / seconds).round())
        .field("mib_per_second", (bytes as f64 / seconds / f64::from(1 << 20) * 10.0).round() / 10.0)
}

/// Letters and digits that no codec makes nothing of.
fn payload(size: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        LETTERS[usize::try_from(state >> 58).unwrap_or_default()]
    };
    (0..size).map(next).collect()
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "it is what is measured")]
    Instant::now()
}
