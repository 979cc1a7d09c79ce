//! The stream of records: what happens in the caller's task when it asks for the next record, or the next batch.
//!
//! Takes runs of batches from the engine, opens a batch when its first record is wanted, and reads it.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use kestrel_protocol::LeaderEpoch;

use super::hand::{Run, Step};
use crate::acks::PartitionAcks;
use crate::config::ConsumerSettings;
use crate::consumer::fetch::{Damage, OpenOptions};
use crate::consumer::{Consumer, Source};
use crate::error::Result;
use crate::reader::{Batch, OpenBatch, Reading, RecordReader};
use crate::record::{ConsumerRecord, TopicPartition};

impl<K, V, S: Source> Consumer<K, V, S> {
    /// The next record, or what went wrong; see the type's documentation for which errors there are.
    ///
    /// Gives `None` only when nothing is assigned. While all partitions are paused or at their end, it waits.
    ///
    /// # Cancel safety
    /// Cancel-safe: a record is handed out only by the call that returns it.
    pub async fn next(&mut self) -> Option<Result<ConsumerRecord<K, V>>> {
        std::future::poll_fn(|cx| self.poll_record(cx)).await
    }

    /// The next records of one partition, up to `max_poll_records` of them; see [`Batch`].
    ///
    /// Waits until there is at least one record. Gives `Ok(None)` only when nothing is assigned. The position moves past
    /// the whole batch when it is handed out. May be mixed with [`Self::next`].
    ///
    /// # Errors
    /// As the stream's items, except [`Error::Deserialize`](crate::Error::Deserialize), which comes from the records themselves. The next call goes
    /// on.
    ///
    /// # Cancel safety
    /// Cancel-safe: a batch is handed out only by the call that returns it.
    pub async fn next_batch(&mut self) -> Result<Option<Batch<K, V>>> {
        std::future::poll_fn(|cx| self.poll_batch(cx)).await.transpose()
    }

    /// The next record, until every partition of `ends` has been read up to its offset; then `None`.
    ///
    /// For whoever needs the state of a compacted topic before its changes: read up to what [`Self::end_offsets`] says now,
    /// and go on with [`Self::next`]. While one partition is not there yet, records of others beyond their ends may come
    /// too. A partition that is not assigned, or not any more, is not waited for.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::AssignedConsumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// use std::collections::HashMap;
    ///
    /// let mut table = HashMap::new();
    /// let ends = consumer.end_offsets(consumer.assignment()).await?;
    /// while let Some(record) = consumer.next_until(&ends).await {
    ///     let record = record?;
    ///     table.insert(record.key, record.value);
    /// }
    /// // `table` has the state; what comes now are changes.
    /// while let Some(record) = consumer.next().await {
    ///     println!("{:?}", record?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::next`].
    ///
    /// # Cancel safety
    /// Cancel-safe: a record is handed out only by the call that returns it.
    pub async fn next_until(
        &mut self,
        ends: &HashMap<TopicPartition, i64>,
    ) -> Option<Result<ConsumerRecord<K, V>>> {
        let shared = self.handle.base.shared.clone();
        loop {
            // A position may become known, or a partition be taken away, without a record. What happens from here on is heard, also
            // before the first poll, which only a wait needs.
            let mut changed = pin!(shared.changed_by_driver().notified());
            let step = std::future::poll_fn(|cx| {
                if self.has_reached(ends) {
                    self.hand.ask();
                    return Poll::Ready(Some(None));
                }
                match self.poll_record(cx) {
                    Poll::Ready(record) => Poll::Ready(Some(record)),
                    // What was skipped meanwhile may have been the rest.
                    Poll::Pending if self.has_reached(ends) => Poll::Ready(Some(None)),
                    Poll::Pending => changed.as_mut().poll(cx).map(|()| None),
                }
            });
            if let Some(record) = step.await {
                return record;
            }
        }
    }

    fn has_reached(&self, ends: &HashMap<TopicPartition, i64>) -> bool {
        // The run in hand answers for most records.
        let position = self.hand.position();
        if position.is_some_and(|(partition, next)| ends.get(&partition).is_some_and(|&end| next < end)) {
            return false;
        }
        ends.iter().all(|(partition, &end)| match self.handle.known_position(partition) {
            Ok(position) => position.is_some_and(|position| position >= end),
            Err(_) => true,
        })
    }

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<ConsumerRecord<K, V>>>> {
        let (reader, options) = (&mut self.reader, open_options(&self.handle.base.settings));
        let polled = self.hand.poll(cx, |run| next_record(reader, run, options));
        polled.map(|item| item.map(|item| item.and_then(|record| record)))
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Batch<K, V>>>> {
        let settings = &self.handle.base.settings;
        let (reader, options) = (&self.reader, open_options(settings));
        self.hand.poll(cx, |run| next_batch(reader, run, options, settings.max_poll_records))
    }

    /// The next batch if there is one already; the caller still works on what it has.
    pub(crate) fn poll_batch_at_hand(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Batch<K, V>>>> {
        let settings = &self.handle.base.settings;
        let (reader, options) = (&self.reader, open_options(settings));
        self.hand.poll_at_hand(cx, |run| next_batch(reader, run, options, settings.max_poll_records))
    }
}

fn open_options(settings: &ConsumerSettings) -> OpenOptions {
    OpenOptions {
        check_crcs: settings.check_crcs,
        max_decompressed_batch_bytes: settings.max_decompressed_batch_bytes,
    }
}

/// Reads the next record of the run; an error of its own is one that no deserializer accepts.
fn next_record<K, V>(
    reader: &mut RecordReader<K, V>,
    Run { fetch, readiness }: &mut Run,
    options: OpenOptions,
) -> Result<Step<Result<ConsumerRecord<K, V>>>, Damage> {
    let (topic, partition, acks) = (fetch.topic.clone(), fetch.partition, fetch.acks.clone());
    if is_full(acks.as_ref()) {
        return Ok(Step::Full);
    }
    let Some(batch) = fetch.open_batch(options)? else { return Ok(Step::RunEnded) };
    let ack = |offset, epoch| acks.and_then(|acks| acks.hand_out(offset, epoch));
    match reader.read((topic, partition), batch, readiness, ack) {
        Ok(Reading::Record { offset, record }) => {
            fetch.hand_out(offset);
            Ok(Step::HandOut(record))
        }
        Ok(Reading::NotReady | Reading::End) => Ok(Step::Again),
        Err(cause) => Err(fetch.damage_in_open(cause)),
    }
}

/// Opens batches of the run until there are enough records.
fn next_batch<K, V>(
    reader: &RecordReader<K, V>,
    run: &mut Run,
    options: OpenOptions,
    max_records: usize,
) -> Result<Step<Batch<K, V>>, Damage> {
    let acks = run.fetch.acks.clone();
    if is_full(acks.as_ref()) {
        return Ok(Step::Full);
    }
    let runs = match gather(reader, run, options, max_records)? {
        Step::HandOut(runs) => runs,
        Step::Again => return Ok(Step::Again),
        Step::Full => return Ok(Step::Full),
        Step::RunEnded => return Ok(Step::RunEnded),
    };
    let fetch = &run.fetch;
    // The batch counts as one record, at the offset of its first.
    let token = |acks: Arc<PartitionAcks>| {
        acks.hand_out_batch(first_offset(&runs)?, fetch.next_offset(), last_epoch(&runs))
    };
    let ack = acks.and_then(token);
    let partition = TopicPartition { topic: fetch.topic.clone(), partition: fetch.partition };
    Ok(Step::HandOut(Batch::new(partition, runs, reader.decoders().clone(), ack)))
}

fn gather<K, V>(
    reader: &RecordReader<K, V>,
    Run { fetch, readiness }: &mut Run,
    options: OpenOptions,
    max_records: usize,
) -> Result<Step<Vec<OpenBatch>>, Damage> {
    let topic = fetch.topic.clone();
    let mut runs: Vec<OpenBatch> = Vec::new();
    let mut len = 0;
    while len < max_records {
        let batch = match fetch.open_batch(options) {
            Ok(Some(batch)) if len == 0 || len + batch.len() <= max_records => batch,
            // What was gathered comes first; the damage is met again by the next call.
            Err(damage) if runs.is_empty() => return Err(damage),
            Ok(_) | Err(_) => break,
        };
        if let Some(cause) = batch.records.views().find_map(Result::err) {
            let damage = fetch.damage_in_open(cause);
            return if runs.is_empty() { Err(damage) } else { Ok(Step::HandOut(runs)) };
        }
        if let Some(waiting) = reader.first_unready(&topic, &batch.records, readiness) {
            if runs.is_empty() {
                *readiness = waiting;
                return Ok(Step::Again);
            }
            break;
        }
        len += batch.len();
        runs.extend(fetch.take_open());
    }
    Ok(if runs.is_empty() { Step::RunEnded } else { Step::HandOut(runs) })
}

fn is_full(acks: Option<&Arc<PartitionAcks>>) -> bool {
    acks.is_some_and(|acks| !acks.has_room())
}

fn first_offset(runs: &[OpenBatch]) -> Option<i64> {
    let first = runs.iter().find_map(|run| run.records.views().next());
    first.and_then(Result::ok).map(|view| view.offset)
}

fn last_epoch(runs: &[OpenBatch]) -> Option<LeaderEpoch> {
    runs.last().and_then(|run| run.leader_epoch)
}

/// The items are those of [`Consumer::next`]. To poll the stream is to ask for the next record, so the one before it counts as
/// done: combinators that read ahead (`buffered`, `buffer_unordered`, `chunks`, `ready_chunks`, `for_each_concurrent`, `peekable`,
/// a `forward` into a channel) make records count as done that nobody has worked on. With the default
/// [`CommitPolicy`](crate::CommitPolicy) those are committed, and lost by a crash. With `CommitPolicy::OnAck` they are not: a record is
/// done when it is acknowledged. [`Consumer::for_each_concurrent`] acknowledges by itself.
///
/// ```no_run
/// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// # async fn work(_: &kestrel_client::ConsumerRecord) {}
/// use futures::{StreamExt, TryStreamExt};
/// use kestrel_client::CommitPolicy;
///
/// let consumer = client.consumer("billing").topics(["clicks"]).commit_policy(CommitPolicy::OnAck).build().await?;
/// consumer
///     .map_ok(|record| async move {
///         work(&record).await;
///         record.ack();
///         Ok(())
///     })
///     .try_buffer_unordered(16)
///     .try_collect::<()>()
///     .await
/// # }
/// ```
impl<K, V, S: Source> Stream for Consumer<K, V, S> {
    type Item = Result<ConsumerRecord<K, V>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_record(cx)
    }
}
