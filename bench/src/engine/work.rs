//! Produce, consume and end to end, whoever the client is. Never knows a client's types: `Peer` hides them.

use std::time::Duration;

use futures::future::try_join_all;
use tokio::runtime::Handle;

use super::PATIENCE;
use crate::args::{Common, Consume, EndToEnd, Produce, Tuning};
use crate::meter::{self, Meter};
use crate::pace::Pace;
use crate::payload::Payload;
use crate::report::{Latencies, Report};
use crate::topic;

/// A client under measurement.
pub(super) trait Peer {
    type Sender: Sender;
    type Receiver: Receiver;

    /// A producer that is connected, or connects with its first record.
    fn sender(common: &Common, tuning: &Tuning)
    -> impl Future<Output = Result<Self::Sender, Failure>> + Send;

    /// A consumer of every partition from the beginning, without a group's coordination.
    fn receiver(common: &Common) -> impl Future<Output = Result<Self::Receiver, Failure>> + Send;
}

/// A producer. It observes the acknowledgement of every record.
pub(super) trait Sender: Send + 'static {
    /// Hands a record over, and waits when there is too much under way.
    fn send(&mut self, value: &[u8]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Waits for every acknowledgement.
    fn finish(self) -> impl Future<Output = Result<Outcome, Failure>> + Send;
}

/// A consumer.
pub(super) trait Receiver: Send {
    /// Waits for the next records, as many as this client hands out at a time, and gives their values to `each`.
    fn receive(&mut self, each: impl FnMut(&[u8]) + Send)
    -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How many records were acknowledged, and how many failed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    pub(super) acked: u64,
    pub(super) errors: u64,
}

/// Why a run was given up.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// The run identification and the due time at the head of each value of `e2e`.
const STAMP_BYTES: usize = 16;

/// A cache line: reading one byte of each brings the whole value to the processor.
const CACHE_LINE_BYTES: usize = 64;

pub(super) async fn produce<P: Peer>(work: &Produce) -> Result<Report, Failure> {
    create_topic(&work.common)?;
    let mut senders = Vec::new();
    for _ in 0..work.connections.max(1) {
        senders.push(P::sender(&work.common, &work.tuning).await?);
    }
    let payload = Payload::new(work.tuning.size);
    let meter = Meter::start();
    let mut outcome = Outcome::default();
    for (index, turn) in (0..work.records).zip((0..senders.len()).cycle()) {
        senders[turn].send(payload.value(index)).await?;
    }
    for finished in try_join_all(senders.into_iter().map(Sender::finish)).await? {
        outcome.acked += finished.acked;
        outcome.errors += finished.errors;
    }
    Ok(Report {
        client: work.common.client.name(),
        work: "produce",
        records: work.records,
        bytes: work.records * work.tuning.size as u64,
        acked: outcome.acked,
        errors: outcome.errors,
        cost: meter.cost(),
        start: None,
        latencies: None,
    })
}

pub(super) async fn consume<P: Peer>(work: &Consume) -> Result<Report, Failure> {
    let meter = Meter::start();
    let mut receiver = P::receiver(&work.common).await?;
    let (mut records, mut bytes, mut touched) = (0, 0, 0_u64);
    while records < work.records {
        let each = |value: &[u8]| {
            records += 1;
            bytes += value.len() as u64;
            touched += value.iter().step_by(CACHE_LINE_BYTES).map(|byte| u64::from(*byte)).sum::<u64>();
        };
        patiently(receiver.receive(each)).await?;
    }
    std::hint::black_box(touched);
    Ok(Report {
        client: work.common.client.name(),
        work: "consume",
        records,
        bytes,
        acked: records,
        errors: 0,
        cost: meter.cost(),
        start: None,
        latencies: None,
    })
}

pub(super) async fn e2e<P: Peer>(work: &EndToEnd) -> Result<Report, Failure> {
    create_topic(&work.common)?;
    let sender = P::sender(&work.common, &work.tuning).await?;
    let mut receiver = P::receiver(&work.common).await?;
    let warmup = u64::from(work.rate) * work.warmup_seconds;
    let records = warmup + u64::from(work.rate) * work.seconds;
    let size = work.tuning.size.max(STAMP_BYTES);
    let started = meter::now();
    let meter = Meter::start();
    let run = u64::from(std::process::id());
    let (handle, rate) = (Handle::current(), work.rate);
    // A thread of its own: a runtime's timers are late by up to a millisecond.
    let sending = std::thread::spawn(move || {
        let pace = Pace::new(started, rate);
        handle.block_on(send_in_turn(sender, &pace, run, records, size))
    });
    let mut latencies = Latencies::default();
    let mut read = 0;
    while read < records {
        let each = |value: &[u8]| {
            // Of an earlier run on the same topic.
            let Some(due) = due_time(value, run) else { return };
            read += 1;
            if read > warmup {
                latencies.record(started.elapsed().saturating_sub(due));
            }
        };
        patiently(receiver.receive(each)).await?;
    }
    let outcome = sending.join().map_err(|_| Failure("the sending thread panicked".to_owned()))??;
    Ok(Report {
        client: work.common.client.name(),
        work: "e2e",
        records,
        bytes: records * size as u64,
        acked: outcome.acked,
        errors: outcome.errors,
        cost: meter.cost(),
        start: None,
        latencies: Some(latencies),
    })
}

/// Sends records that hold the time when they were due.
async fn send_in_turn<S: Sender>(
    mut sender: S,
    pace: &Pace,
    run: u64,
    records: u64,
    size: usize,
) -> Result<Outcome, Failure> {
    let mut value = vec![0; size];
    value[..8].copy_from_slice(&run.to_be_bytes());
    for index in 0..records {
        let due = u64::try_from(pace.await_turn(index).as_nanos()).unwrap_or(u64::MAX);
        value[8..STAMP_BYTES].copy_from_slice(&due.to_be_bytes());
        sender.send(&value).await?;
    }
    sender.finish().await
}

/// When this record was due, if it is one of this run.
fn due_time(value: &[u8], run: u64) -> Option<Duration> {
    let (of_run, rest) = value.split_first_chunk()?;
    (u64::from_be_bytes(*of_run) == run).then_some(())?;
    Some(Duration::from_nanos(u64::from_be_bytes(*rest.first_chunk()?)))
}

pub(super) fn create_topic(common: &Common) -> Result<(), Failure> {
    if common.partitions == 0 {
        return Ok(());
    }
    topic::create_apart(&common.bootstrap, &common.topic, common.partitions).map_err(Failure)
}

async fn patiently<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure(format!("no record came for {} s", PATIENCE.as_secs()))),
    }
}
