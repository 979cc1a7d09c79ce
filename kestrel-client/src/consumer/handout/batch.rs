//! Batches: many records of one partition at once, borrowed from the fetched buffers and deserialized when asked.
//!
//! The fast way to read: no record is made until its parts are wanted.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use kestrel_protocol::LeaderEpoch;
use kestrel_protocol::record::{HeadersView, RecordView, RecordViews, Records, TimestampType};
use kestrel_serde::{SerdeContext, SerdeError};
use parking_lot::Mutex;

use super::stream::RecordFrame;
use crate::acks::{AckToken, PartitionAcks};
use crate::consumer::fetch::{Damage, OpenBatch};
use crate::consumer::{Consumer, Source, Waiting};
use crate::error::{DeserializeError, Error, Result};
use crate::reader::{Decode, Decoders};
use crate::record::{ConsumerRecord, Timestamp, TopicPartition};

/// Consecutive records of one partition: whole record batches as they were fetched, checked and decompressed.
///
/// Owned, so it may be worked on in another task. Keys and values are deserialized when they are asked for, from slices
/// of the fetched buffer: a `Bytes` value that is kept keeps its buffer.
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// let mut sum = 0;
/// while let Some(batch) = consumer.next_batch().await? {
///     for record in batch.records() {
///         sum += record.value()?.unwrap_or_default();
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// A unit test makes one of records: [`testing::from_records(..).batch()`](crate::testing::RecordedConsumerBuilder::batch).
pub struct Batch<K, V> {
    topic: Arc<str>,
    partition: i32,
    runs: Vec<OpenBatch>,
    len: usize,
    decoders: Decoders<K, V>,
    ack: Option<AckToken>,
}

impl<K, V> Batch<K, V> {
    pub(crate) fn new(
        partition: TopicPartition,
        runs: Vec<OpenBatch>,
        decoders: Decoders<K, V>,
        ack: Option<AckToken>,
    ) -> Self {
        let TopicPartition { topic, partition } = partition;
        Self { topic, partition, len: runs.iter().map(OpenBatch::len).sum(), runs, decoders, ack }
    }

    /// All records of the batch are done; see [`ConsumerRecord::ack`](crate::ConsumerRecord::ack).
    pub fn ack(&self) {
        if let Some(token) = &self.ack {
            token.ack();
        }
    }

    /// The topic's name.
    #[must_use]
    pub const fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The partition's number.
    #[must_use]
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// How many records there are: one or more.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record: never so in a batch from [`Consumer::next_batch`].
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The records in the order of their offsets. May be called again.
    #[must_use]
    pub fn records(&self) -> BatchRecords<'_, K, V> {
        BatchRecords { batch: self, runs: self.runs.iter(), current: None }
    }
}

impl<'a, K, V> IntoIterator for &'a Batch<K, V> {
    type Item = RecordRef<'a, K, V>;
    type IntoIter = BatchRecords<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.records()
    }
}

impl<K, V> fmt::Debug for Batch<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// The records of a [`Batch`], in order.
pub struct BatchRecords<'a, K, V> {
    batch: &'a Batch<K, V>,
    runs: std::slice::Iter<'a, OpenBatch>,
    current: Option<(&'a OpenBatch, RecordViews<'a>)>,
}

impl<'a, K, V> Iterator for BatchRecords<'a, K, V> {
    type Item = RecordRef<'a, K, V>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((run, views)) = &mut self.current
                && let Some(Ok(view)) = views.next()
                && run.has(&view)
            {
                return Some(RecordRef { batch: self.batch, run, view });
            }
            // A run was read to its end when the batch was made: it ends here too, and not by an error.
            let run = self.runs.next()?;
            self.current = Some((run, run.records.views()));
        }
    }
}

impl<K, V> fmt::Debug for BatchRecords<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchRecords").finish_non_exhaustive()
    }
}

/// One record of a [`Batch`], borrowed.
pub struct RecordRef<'a, K, V> {
    batch: &'a Batch<K, V>,
    run: &'a OpenBatch,
    view: RecordView<'a>,
}

impl<'a, K, V> RecordRef<'a, K, V> {
    /// The record's offset in its partition.
    #[must_use]
    pub const fn offset(&self) -> i64 {
        self.view.offset
    }

    /// The record's timestamp; [`Timestamp::NONE`] when it has none.
    #[must_use]
    pub const fn timestamp(&self) -> Timestamp {
        Timestamp::from_millis(self.view.timestamp)
    }

    /// Who set the timestamp.
    #[must_use]
    pub const fn timestamp_type(&self) -> TimestampType {
        self.run.records.timestamp_type()
    }

    /// The epoch of the leader that appended the record, when the broker said it.
    #[must_use]
    pub const fn leader_epoch(&self) -> Option<LeaderEpoch> {
        self.run.leader_epoch
    }

    /// The key as it was stored; `None` is null.
    #[must_use]
    pub const fn key_bytes(&self) -> Option<&'a [u8]> {
        self.view.key
    }

    /// The value as it was stored; `None` is null: a tombstone on a compacted topic.
    #[must_use]
    pub const fn value_bytes(&self) -> Option<&'a [u8]> {
        self.view.value
    }

    /// The headers in order; keys may repeat.
    #[must_use]
    pub const fn headers(&self) -> HeadersView<'a> {
        self.view.headers
    }

    /// The key, deserialized; `None` is null.
    ///
    /// # Errors
    /// [`Error::Deserialize`] with the record when the deserializer refuses the bytes.
    pub fn key(&self) -> Result<Option<K>> {
        self.decode(&*self.batch.decoders.key, SerdeContext::key(&self.batch.topic), self.view.key)
    }

    /// The value, deserialized; `None` is null: a tombstone on a compacted topic.
    ///
    /// # Errors
    /// [`Error::Deserialize`] with the record when the deserializer refuses the bytes.
    pub fn value(&self) -> Result<Option<V>> {
        self.decode(&*self.batch.decoders.value, SerdeContext::value(&self.batch.topic), self.view.value)
    }

    /// The record, deserialized and owned.
    ///
    /// # Errors
    /// As [`Self::key`] and [`Self::value`].
    pub fn to_record(&self) -> Result<ConsumerRecord<K, V>> {
        Ok(self.frame().around(self.key()?, self.value()?))
    }

    fn decode<T>(
        &self,
        decoder: &dyn Decode<T>,
        ctx: SerdeContext<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<Option<T>> {
        let Some(bytes) = bytes else { return Ok(None) };
        decoder.decode(ctx, &self.share(bytes)).map(Some).map_err(|cause| self.poison(cause))
    }

    fn poison(&self, cause: SerdeError) -> Error {
        let share = |part| self.share(part);
        DeserializeError::into_error(
            self.frame().around(self.view.key.map(share), self.view.value.map(share)),
            cause,
        )
    }

    fn frame(&self) -> RecordFrame {
        let headers = self.view.headers;
        RecordFrame {
            topic: self.batch.topic.clone(),
            partition: self.batch.partition,
            offset: self.offset(),
            timestamp: self.timestamp(),
            timestamp_type: self.timestamp_type(),
            headers: headers
                .map(|header| (header.key().into_owned(), header.value.map(|value| self.share(value))))
                .collect(),
            leader_epoch: self.leader_epoch(),
            ack: None,
        }
    }

    fn share(&self, part: &[u8]) -> Bytes {
        self.run.records.data().slice_ref(part)
    }
}

impl<K, V> fmt::Debug for RecordRef<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRef").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

/// What could be gathered of the current run.
enum Gathered {
    Runs(Vec<OpenBatch>),
    /// Nothing: all of it was handed out.
    RunEnded,
    /// Nothing: too much of the partition is not done yet.
    Full,
    /// Nothing: a deserializer has to get ready first.
    Waiting,
}

impl<K, V, S: Source> Consumer<K, V, S> {
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

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Batch<K, V>>>> {
        self.note_ask();
        loop {
            match ready!(self.poll_run(cx)) {
                Some(Ok(())) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
            match self.gather() {
                Ok(Gathered::Runs(runs)) => {
                    let Some(fetch) = &self.current else { continue };
                    // The batch counts as one record, at the offset of its first.
                    let token = |acks: &Arc<PartitionAcks>| {
                        acks.hand_out_batch(first_offset(&runs)?, fetch.next_offset(), last_epoch(&runs))
                    };
                    let ack = fetch.acks.as_ref().and_then(token);
                    self.note_hand_out();
                    let partition = TopicPartition { topic: fetch.topic.clone(), partition: fetch.partition };
                    return Poll::Ready(Some(Ok(Batch::new(partition, runs, self.decoders.clone(), ack))));
                }
                Ok(Gathered::RunEnded) => self.end_run(),
                Ok(Gathered::Full) => self.return_run(),
                Ok(Gathered::Waiting) => {}
                Err(damage) => {
                    if let Some(error) = self.give_up(damage) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }

    /// Opens batches of the current run until there are enough records.
    fn gather(&mut self) -> Result<Gathered, Damage> {
        let (options, max_records) = (self.open_options(), self.handle.base.settings.max_poll_records);
        let Some(fetch) = &mut self.current else { return Ok(Gathered::RunEnded) };
        let (topic, position_id) = (fetch.topic.clone(), fetch.position_id);
        if fetch.acks.as_ref().is_some_and(|acks| !acks.has_room()) {
            return Ok(Gathered::Full);
        }
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
                return if runs.is_empty() { Err(damage) } else { Ok(Gathered::Runs(runs)) };
            }
            if self.decoders.may_wait() {
                let done = self
                    .prepared
                    .as_ref()
                    .filter(|done| done.position_id == position_id)
                    .map(|done| done.offset);
                if let Some((offset, future)) = first_unready(&self.decoders, &topic, &batch.records, done) {
                    if runs.is_empty() {
                        self.waiting = Some(Waiting { position_id, offset, future: Mutex::new(future) });
                        return Ok(Gathered::Waiting);
                    }
                    break;
                }
            }
            len += batch.len();
            runs.extend(fetch.take_open());
        }
        Ok(if runs.is_empty() { Gathered::RunEnded } else { Gathered::Runs(runs) })
    }
}

fn first_offset(runs: &[OpenBatch]) -> Option<i64> {
    let first = runs.iter().find_map(|run| run.records.views().next());
    first.and_then(Result::ok).map(|view| view.offset)
}

fn last_epoch(runs: &[OpenBatch]) -> Option<LeaderEpoch> {
    runs.last().and_then(|run| run.leader_epoch)
}

/// The first record for which a deserializer has to get ready, after the one at `done`; what it says to bytes that it
/// will never read comes from the record itself.
fn first_unready<K, V>(
    decoders: &Decoders<K, V>,
    topic: &Arc<str>,
    records: &Records,
    done: Option<i64>,
) -> Option<(i64, BoxFuture<'static, Result<(), SerdeError>>)> {
    let share = |part: &[u8]| records.data().slice_ref(part);
    for view in
        records.views().map_while(Result::ok).filter(|view| done.is_none_or(|done| view.offset > done))
    {
        let (key, value) = (view.key.map(share), view.value.map(share));
        let is_key_pending = |key| decoders.key.poll_ready(SerdeContext::key(topic), key).is_pending();
        let is_value_pending =
            |value| decoders.value.poll_ready(SerdeContext::value(topic), value).is_pending();
        if key.as_ref().is_some_and(is_key_pending) || value.as_ref().is_some_and(is_value_pending) {
            return Some((view.offset, decoders.ready(topic, key, value)));
        }
    }
    None
}
