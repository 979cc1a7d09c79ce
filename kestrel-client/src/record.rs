//! Records as the client's users see them: to be produced, consumed, and the receipt of a stored one.
//!
//! Built by user code and by the consumer; the producer copies a [`Record`] into a batch once. Nothing here does I/O.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::LeaderEpoch;
pub use kestrel_protocol::Timestamp;
use kestrel_protocol::record::{Header, Headers, TimestampType};

use crate::acks::{AckToken, RecordAck};
use crate::format_headers::OwnHeaders;
use crate::into::{IntoField, IntoName};
use crate::trace_context::TraceContext;

/// A partition of a topic.
///
/// ```
/// use kestrel_client::TopicPartition;
/// assert_eq!(TopicPartition::new("orders", 3).to_string(), "orders-3");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number, 0 or greater.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition with number `partition` of `topic`.
    pub fn new(topic: impl IntoName, partition: i32) -> Self {
        Self { topic: topic.into_name(), partition }
    }
}

impl<T: IntoName> From<(T, i32)> for TopicPartition {
    fn from((topic, partition): (T, i32)) -> Self {
        Self::new(topic, partition)
    }
}

impl From<&Self> for TopicPartition {
    fn from(partition: &Self) -> Self {
        partition.clone()
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A record of bytes on its way to a topic. What is not set is null, chosen by the partitioner, or the current time.
///
/// ```
/// use kestrel_client::Record;
/// let record = Record::to("orders").key("customer-7").value("{}").header("trace", "7f3a");
/// assert_eq!(&*record.topic, "orders");
/// assert_eq!(record.headers.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition; `None` lets the partitioner choose.
    pub partition: Option<i32>,
    /// The timestamp; `None` is the time at which the producer accepts the record.
    pub timestamp: Option<Timestamp>,
    /// The key; `None` is null.
    pub key: Option<Bytes>,
    /// The value; `None` is null: a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in order; keys may repeat.
    pub headers: Headers,
}

impl Record {
    /// An empty record for `topic`: null key and null value until they are set.
    pub fn to(topic: impl IntoName) -> Self {
        Self {
            topic: topic.into_name(),
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Headers::new(),
        }
    }

    /// Sets the key.
    #[must_use]
    pub fn key(mut self, key: impl IntoField) -> Self {
        self.key = key.into_field();
        self
    }

    /// Sets the value.
    #[must_use]
    pub fn value(mut self, value: impl IntoField) -> Self {
        self.value = value.into_field();
        self
    }

    /// Adds a header after the others; a value of `None` is null.
    #[must_use]
    pub fn header(mut self, key: impl AsRef<str>, value: impl IntoField) -> Self {
        self.headers.push(key.as_ref(), value.into_field());
        self
    }

    /// Adds all of these headers after the others.
    #[must_use]
    pub fn headers(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets the timestamp instead of the current time.
    #[must_use]
    pub fn timestamp(mut self, timestamp: impl Into<Timestamp>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// Sets the partition instead of letting the partitioner choose.
    #[must_use]
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }
}

/// The receipt of a stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordMetadata {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// The record's offset; `None` with acks=0, and when the broker recognised a duplicate whose offset it has forgotten.
    pub offset: Option<i64>,
    /// The record's timestamp: the broker's when the topic has `message.timestamp.type=LogAppendTime`.
    pub timestamp: Timestamp,
}

impl RecordMetadata {
    /// A receipt as if a record had been stored: for unit tests of what handles receipts. See [`Delivery::settled`](crate::Delivery::settled).
    ///
    /// ```
    /// use kestrel_client::{RecordMetadata, Timestamp};
    ///
    /// let receipt = RecordMetadata::new(("orders", 3), Some(42), Timestamp::NONE);
    /// assert_eq!((receipt.partition, receipt.offset), (3, Some(42)));
    /// ```
    pub fn new(partition: impl Into<TopicPartition>, offset: Option<i64>, timestamp: Timestamp) -> Self {
        let TopicPartition { topic, partition } = partition.into();
        Self { topic, partition, offset, timestamp }
    }
}

/// A record that was read from a topic, with a typed key and value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConsumerRecord<K = Bytes, V = Bytes> {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// The record's offset in the partition.
    pub offset: i64,
    /// The record's timestamp; [`Timestamp::NONE`] when it has none.
    pub timestamp: Timestamp,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key; `None` is null.
    pub key: Option<K>,
    /// The value; `None` is null: a tombstone on a compacted topic.
    pub value: Option<V>,
    /// The headers in order; keys may repeat.
    pub headers: Headers,
    /// The epoch of the leader that appended the record, when the broker said it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// With `CommitPolicy::OnAck`, what says that the record is done.
    pub(crate) ack: RecordAck,
}

impl<K, V> ConsumerRecord<K, V> {
    /// A record as if it had been read: for unit tests of what handles records. Timestamp, headers and leader epoch are
    /// empty and can be set, as they are public fields.
    ///
    /// ```
    /// use kestrel_client::{ConsumerRecord, Timestamp};
    ///
    /// fn handle(record: &ConsumerRecord<String, u64>) -> u64 {
    ///     record.value.unwrap_or_default()
    /// }
    ///
    /// let mut record = ConsumerRecord::new(("orders", 0), 42, Some("ada".to_owned()), Some(1_250));
    /// record.timestamp = Timestamp::from_millis(1_700_000_000_000);
    /// record.headers.push("trace", Some("7f3a".into()));
    /// assert_eq!(handle(&record), 1_250);
    /// ```
    pub fn new(partition: impl Into<TopicPartition>, offset: i64, key: Option<K>, value: Option<V>) -> Self {
        let TopicPartition { topic, partition } = partition.into();
        Self {
            topic,
            partition,
            offset,
            timestamp: Timestamp::NONE,
            timestamp_type: TimestampType::Create,
            key,
            value,
            headers: Headers::new(),
            leader_epoch: None,
            ack: RecordAck::default(),
        }
    }

    /// The same record with another key and value.
    pub(crate) fn with_parts<A, B>(self, key: Option<A>, value: Option<B>) -> ConsumerRecord<A, B> {
        let Self { topic, partition, offset, timestamp, timestamp_type, headers, leader_epoch, ack, .. } =
            self;
        ConsumerRecord {
            topic,
            partition,
            offset,
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
            leader_epoch,
            ack,
        }
    }

    /// The record is done: with [`CommitPolicy::OnAck`](crate::CommitPolicy::OnAck), the offset of the first record of its
    /// partition that is not done is committed. May be called from any task, in any order, more than once.
    ///
    /// Does nothing with the other policies, without a group, and when the partition was given up meanwhile.
    ///
    /// ```no_run
    /// # async fn f(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{CommitPolicy, Utf8};
    ///
    /// let consumer = client.consumer::<String, String>("billing").topics(["clicks"]).key(Utf8).value(Utf8);
    /// let mut consumer = consumer.commit_policy(CommitPolicy::OnAck).build().await?;
    /// while let Some(record) = consumer.next().await {
    ///     let record = record?;
    ///     tokio::spawn(async move {
    ///         // ... work on the record ...
    ///         record.ack();
    ///     });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn ack(&self) {
        if let Some(token) = &self.ack.0 {
            token.ack();
        }
    }

    /// The partition, and the offset of the record that comes after this one: what says that all up to it is done, to
    /// [`Transaction::send_offsets_of`](crate::Transaction::send_offsets_of) and
    /// [`Consumer::commit_offsets`](crate::Consumer::commit_offsets). Of a batch: [`Batch::done`](crate::Batch::done).
    ///
    /// ```no_run
    /// # async fn f(consumer: kestrel_client::Consumer<String, u64>, record: kestrel_client::ConsumerRecord<String, u64>,
    /// #     mut producer: kestrel_client::TransactionalProducer) -> Result<(), kestrel_client::Error> {
    /// let group = consumer.group_metadata().await?;
    /// let transaction = producer.begin().await?;
    /// // ... send what comes of the record ...
    /// transaction.send_offsets_of(&group, [record.done()]).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn done(&self) -> (TopicPartition, i64) {
        let partition = TopicPartition::new(Arc::clone(&self.topic), self.partition);
        (partition, self.offset.saturating_add(1))
    }

    /// The trace that the record was sent in, as its headers `traceparent` and `tracestate` say; `None` where they say none. What is
    /// done with the record is a child of it, or linked to it.
    ///
    /// ```
    /// use kestrel_client::ConsumerRecord;
    ///
    /// let mut record = ConsumerRecord::new(("orders", 0), 42, Some("ada"), Some(1_250));
    /// assert_eq!(record.trace_context(), None);
    /// record.headers.push("traceparent", Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()));
    /// assert!(record.trace_context().expect("it has the form").is_sampled());
    /// ```
    ///
    /// With `tracing` and OpenTelemetry it becomes the parent of a span in some lines: `docs/client-metrics.md` has them.
    #[must_use]
    pub fn trace_context(&self) -> Option<TraceContext> {
        TraceContext::of(&OwnHeaders(self.headers.as_slice()))
    }

    /// What [`Self::ack`] uses, to be kept when the record itself goes elsewhere; `None` where `ack` does nothing.
    #[must_use]
    pub fn ack_token(&self) -> Option<AckToken> {
        self.ack.0.clone()
    }

    /// The record taken apart, so that its value can go one way and what acknowledges it another.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::RecordParts;
    ///
    /// # fn enqueue(_: Option<u64>, _: impl FnOnce() + Send + 'static) {}
    /// while let Some(record) = consumer.next().await {
    ///     let RecordParts { value, ack, .. } = record?.into_parts();
    ///     enqueue(value, move || {
    ///         if let Some(ack) = ack {
    ///             ack.ack();
    ///         }
    ///     });
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_parts(self) -> RecordParts<K, V> {
        let Self {
            topic,
            partition,
            offset,
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
            leader_epoch,
            ack,
        } = self;
        let ack = ack.0;
        RecordParts {
            topic,
            partition,
            offset,
            timestamp,
            timestamp_type,
            key,
            value,
            headers,
            leader_epoch,
            ack,
        }
    }
}

/// What a [`ConsumerRecord`] is made of; see [`ConsumerRecord::into_parts`].
///
/// ```
/// fn words<K>(record: kestrel_client::ConsumerRecord<K, String>) -> Option<String> {
///     record.into_parts().value
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct RecordParts<K, V> {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// The record's offset in the partition.
    pub offset: i64,
    /// The record's timestamp; [`Timestamp::NONE`] when it has none.
    pub timestamp: Timestamp,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key; `None` is null.
    pub key: Option<K>,
    /// The value; `None` is null: a tombstone on a compacted topic.
    pub value: Option<V>,
    /// The headers in order; keys may repeat.
    pub headers: Headers,
    /// The epoch of the leader that appended the record, when the broker said it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// What says that the record is done, where [`ConsumerRecord::ack`] does something.
    pub ack: Option<AckToken>,
}
