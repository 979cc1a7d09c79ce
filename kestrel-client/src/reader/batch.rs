//! Batches: many records of one partition at once, borrowed from the fetched buffers and deserialized when asked.
//!
//! The fast way to read: no record is made until its parts are wanted.

use std::fmt;
use std::iter::Enumerate;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::LeaderEpoch;
use kestrel_protocol::record::{HeadersView, RecordView, RecordViews, TimestampType};
use kestrel_serde::{SerdeContext, SerdeError};

use super::decoded::Decoded;
use super::decoders::{Decode, Decoders};
use super::open_batch::OpenBatch;
use crate::acks::AckToken;
use crate::error::{DeserializeError, Error, Result};
use crate::format_headers::StoredHeaders;
use crate::record::{ConsumerRecord, Timestamp, TopicPartition};
use crate::trace_context::TraceContext;

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
    runs: Vec<BatchRun<K, V>>,
    len: usize,
    decoders: Decoders<K, V>,
    ack: Option<AckToken>,
    /// The records that no deserializer accepts and that nothing was done about yet: they are passed over.
    rejected: Vec<DeserializeError>,
}

/// A record batch of a [`Batch`].
pub(crate) struct BatchRun<K, V> {
    pub(crate) open: OpenBatch,
    /// What was read of it before, if it was.
    pub(crate) decoded: Option<Decoded<K, V>>,
}

impl<K, V> BatchRun<K, V> {
    /// The number of records to hand out.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}

impl<K, V> Batch<K, V> {
    pub(crate) fn new(
        partition: TopicPartition,
        runs: Vec<BatchRun<K, V>>,
        decoders: Decoders<K, V>,
        ack: Option<AckToken>,
    ) -> Self {
        let TopicPartition { topic, partition } = partition;
        let (len, rejected) = (runs.iter().map(BatchRun::len).sum(), Vec::new());
        Self { topic, partition, len, runs, decoders, ack, rejected }
    }

    /// The same, with these records passed over.
    pub(crate) fn without(self, rejected: Vec<DeserializeError>) -> Self {
        Self { rejected, ..self }
    }

    /// Takes out the records that were passed over, for whoever does something about them.
    pub(crate) fn take_rejected(&mut self) -> Vec<DeserializeError> {
        std::mem::take(&mut self.rejected)
    }

    /// Hands out a record that was passed over after all: its key or value is an error.
    pub(crate) fn restore(&mut self, offset: i64) {
        self.runs.iter_mut().for_each(|run| run.open.passed.retain(|&passed| passed != offset));
        self.len = self.runs.iter().map(BatchRun::len).sum();
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

    /// Whether there is no record: never so in a batch from [`Consumer::next_batch`](crate::Consumer::next_batch).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The partition, and the offset of the record that comes after the batch: what says that all of it is done, to
    /// [`Transaction::send_offsets_of`](crate::Transaction::send_offsets_of) and
    /// [`Consumer::commit_offsets`](crate::Consumer::commit_offsets).
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>, mut producer: kestrel_client::TransactionalProducer)
    /// # -> Result<(), kestrel_client::Error> {
    /// while let Some(batch) = consumer.next_batch().await? {
    ///     let group = consumer.group_metadata().await?;
    ///     let transaction = producer.begin().await?;
    ///     // ... send what comes of it, here or in a task that has the batch ...
    ///     transaction.send_offsets_of(&group, [batch.done()]).await?;
    ///     transaction.commit().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn done(&self) -> (TopicPartition, i64) {
        let end = self.runs.last().map_or(0, |run| run.open.end_offset.min(run.open.range_end));
        (TopicPartition::new(&self.topic, self.partition), end)
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
    runs: std::slice::Iter<'a, BatchRun<K, V>>,
    current: Option<(&'a BatchRun<K, V>, Enumerate<RecordViews<'a>>)>,
}

impl<'a, K, V> Iterator for BatchRecords<'a, K, V> {
    type Item = RecordRef<'a, K, V>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((run, views)) = &mut self.current {
                let mut views = views.map_while(|(index, view)| Some((index, view.ok()?)));
                if let Some((index, view)) = views.find(|(_, view)| run.open.has(view)) {
                    return Some(RecordRef { batch: self.batch, run, index, view });
                }
            }
            // A run was read to its end when the batch was made: it ends here too, and not by an error.
            let run = self.runs.next()?;
            self.current = Some((run, run.open.records.views().enumerate()));
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
    run: &'a BatchRun<K, V>,
    /// Which record of the run it is.
    index: usize,
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
        self.run.open.records.timestamp_type()
    }

    /// The epoch of the leader that appended the record, when the broker said it.
    #[must_use]
    pub const fn leader_epoch(&self) -> Option<LeaderEpoch> {
        self.run.open.leader_epoch
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

    /// The trace that the record was sent in; see [`ConsumerRecord::trace_context`].
    #[must_use]
    pub fn trace_context(&self) -> Option<TraceContext> {
        TraceContext::of(&StoredHeaders(self.view.headers))
    }

    /// The key, deserialized; `None` is null.
    ///
    /// # Errors
    /// [`Error::Deserialize`] with the record when the deserializer refuses the bytes.
    pub fn key(&self) -> Result<Option<K>> {
        if let Some(key) = self.run.decoded.as_ref().and_then(|decoded| decoded.take_key(self.index)) {
            return Ok(key);
        }
        self.decode(&*self.batch.decoders.key, SerdeContext::key(&self.batch.topic), self.view.key)
    }

    /// The value, deserialized; `None` is null: a tombstone on a compacted topic.
    ///
    /// # Errors
    /// [`Error::Deserialize`] with the record when the deserializer refuses the bytes.
    pub fn value(&self) -> Result<Option<V>> {
        if let Some(value) = self.run.decoded.as_ref().and_then(|decoded| decoded.take_value(self.index)) {
            return Ok(value);
        }
        self.decode(&*self.batch.decoders.value, SerdeContext::value(&self.batch.topic), self.view.value)
    }

    /// The record, deserialized and owned.
    ///
    /// # Errors
    /// As [`Self::key`] and [`Self::value`].
    pub fn to_record(&self) -> Result<ConsumerRecord<K, V>> {
        let (key, value) = (self.key()?, self.value()?);
        Ok(self.bare(None, None).with_parts(key, value))
    }

    fn decode<T>(
        &self,
        decoder: &dyn Decode<T>,
        ctx: SerdeContext<'_>,
        bytes: Option<&[u8]>,
    ) -> Result<Option<T>> {
        let Some(bytes) = bytes else { return Ok(None) };
        let headers = StoredHeaders(self.view.headers);
        let ctx = ctx.reading().with_headers(&headers);
        decoder.decode(&ctx, &self.share(bytes)).map(Some).map_err(|cause| self.poison(cause))
    }

    fn poison(&self, cause: SerdeError) -> Error {
        let share = |part| self.share(part);
        DeserializeError::into_error(self.bare(self.view.key.map(share), self.view.value.map(share)), cause)
    }

    /// The record as it was stored, with these bytes as key and value.
    fn bare(&self, key: Option<Bytes>, value: Option<Bytes>) -> ConsumerRecord {
        self.run.open.bare((&self.batch.topic, self.batch.partition), &self.view, (key, value))
    }

    fn share(&self, part: &[u8]) -> Bytes {
        self.run.open.records.data().slice_ref(part)
    }
}

impl<K, V> fmt::Debug for RecordRef<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRef").field("offset", &self.offset()).finish_non_exhaustive()
    }
}
