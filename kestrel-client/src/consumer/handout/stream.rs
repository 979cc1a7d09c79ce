//! The stream of records: what happens in the caller's task when it asks for the next record, or the next batch.
//!
//! Takes runs of batches from the engine, opens a batch when its first record is wanted, and reads it.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use super::gather::{Gathering, next_batch};
use super::hand::{Obstacle, Run, Step};
use crate::acks::{PartitionAcks, RecordAck};
use crate::config::ConsumerSettings;
use crate::consumer::fetch::OpenOptions;
use crate::consumer::{Consumer, Source};
use crate::error::{DeserializeError, Error, HeldError, Result};
use crate::reader::{Batch, Reading, RecordReader};
use crate::record::{ConsumerRecord, TopicPartition};
use crate::rejected::{Remedy, Settler};

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
    /// As the stream's items, except [`Error::Deserialize`], which comes from the records themselves. The next call goes
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
        let settler = Some(&self.settler);
        let polled = self.hand.poll(cx, |run| next_record(reader, run, options, settler));
        polled.map(|item| item.map(|item| item.and_then(|record| record)))
    }

    /// The next record for whoever settles what cannot be read: it comes as [`Error::Deserialize`] whatever becomes of it.
    pub(super) async fn next_unsettled(&mut self) -> Option<Result<ConsumerRecord<K, V>>> {
        let options = open_options(&self.handle.base.settings);
        let (hand, reader) = (&mut self.hand, &mut self.reader);
        let next = std::future::poll_fn(|cx| hand.poll(cx, |run| next_record(reader, run, options, None)));
        next.await.map(|item| item.and_then(|record| record))
    }

    /// The next record as it was stored.
    pub(super) async fn next_raw(&mut self, reader: &mut RawReader) -> Option<Result<ConsumerRecord>> {
        let options = open_options(&self.handle.base.settings);
        let hand = &mut self.hand;
        let next = std::future::poll_fn(|cx| hand.poll(cx, |run| next_record(reader, run, options, None)));
        next.await.map(|item| item.and_then(|record| record))
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Batch<K, V>>>> {
        let gathering = self.gathering(Some(&self.settler));
        self.hand.poll(cx, |run| next_batch(&self.reader, run, &gathering))
    }

    /// The next batch for whoever settles what cannot be read: it is [set aside](Batch::take_rejected).
    pub(crate) async fn next_batch_unsettled(&mut self) -> Result<Option<Batch<K, V>>> {
        let gathering = self.gathering(None);
        let (hand, reader) = (&mut self.hand, &self.reader);
        std::future::poll_fn(|cx| hand.poll(cx, |run| next_batch(reader, run, &gathering))).await.transpose()
    }

    /// As [`Self::next_batch_unsettled`], if there is one already; the caller still works on what it has.
    pub(crate) fn poll_batch_at_hand(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Batch<K, V>>>> {
        let gathering = self.gathering(None);
        self.hand.poll_at_hand(cx, |run| next_batch(&self.reader, run, &gathering))
    }

    fn gathering(&self, settler: Option<&Arc<Settler>>) -> Gathering {
        let settings = &self.handle.base.settings;
        Gathering {
            options: open_options(settings),
            max_records: settings.max_poll_records,
            looks_ahead: self.settler.looks_ahead(),
            settler: settler.map(Arc::clone),
        }
    }
}

/// A reader that leaves bytes as they are.
pub(super) type RawReader = RecordReader<Bytes, Bytes>;

fn open_options(settings: &ConsumerSettings) -> OpenOptions {
    OpenOptions {
        check_crcs: settings.check_crcs,
        max_decompressed_batch_bytes: settings.max_decompressed_batch_bytes,
    }
}

/// Reads the next record of the run; an error of its own is one that no deserializer accepts and that is to be handed out.
fn next_record<K, V>(
    reader: &mut RecordReader<K, V>,
    run: &mut Run,
    options: OpenOptions,
    settler: Option<&Arc<Settler>>,
) -> Result<Step<Result<ConsumerRecord<K, V>>>, Obstacle> {
    let Run { fetch, waits } = run;
    let (topic, partition, acks) = (fetch.topic.clone(), fetch.partition, fetch.acks.clone());
    if is_full(acks.as_ref()) {
        return Ok(Step::Full);
    }
    let Some(batch) = fetch.open_batch(options)? else { return Ok(Step::RunEnded) };
    let ack = |offset, epoch| acks.and_then(|acks| acks.hand_out(offset, epoch));
    match reader.read((topic, partition), batch, &mut waits.readiness, ack) {
        Ok(Reading::Record { offset, record }) => {
            fetch.hand_out(offset);
            Ok(Step::HandOut(Ok(record)))
        }
        Ok(Reading::Rejected(poison)) => pass_rejected(run, poison, settler),
        Ok(Reading::NotReady | Reading::End) => Ok(Step::Again),
        Err(cause) => Err(fetch.damage_in_open(cause).into()),
    }
}

/// Goes past the next record, which no deserializer accepts, once it is settled what becomes of it.
fn pass_rejected<T>(
    run: &mut Run,
    mut poison: DeserializeError,
    settler: Option<&Arc<Settler>>,
) -> Result<Step<Result<T>>, Obstacle> {
    let offset = poison.record.offset;
    if !poison.cause.is_poison() {
        return Err(Obstacle::Held(HeldError::not_ready(&poison.record, poison.cause)));
    }
    if let Some(settler) = settler {
        let settling = &mut run.waits.settling;
        match settling.remedy(offset).map_err(Obstacle::Held)? {
            None => {
                settling.begin(settler, vec![poison], offset.saturating_add(1));
                return Ok(Step::Again);
            }
            Some(Remedy::Fail) => {}
            Some(_) => {
                settling.forget_below(offset.saturating_add(1));
                run.fetch.pass_record(offset);
                return Ok(Step::Again);
            }
        }
    }
    let epoch = poison.record.leader_epoch;
    poison.record.ack = RecordAck(run.fetch.acks.clone().and_then(|acks| acks.hand_out(offset, epoch)));
    run.fetch.pass_record(offset);
    Ok(Step::HandOut(Err(Error::Deserialize(Arc::new(poison)))))
}

pub(super) fn is_full(acks: Option<&Arc<PartitionAcks>>) -> bool {
    acks.is_some_and(|acks| !acks.has_room())
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
