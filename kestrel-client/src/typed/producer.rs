//! A topic with the types of its keys and values: what most code that produces holds.
//!
//! Serializes into a buffer that is used again and appends to the batch at once. Shares the intake of the
//! [`Producer`](crate::Producer) that it was made from.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use kestrel_protocol::record::{Header, Headers};
use kestrel_serde::{Ready, SerdeContext, SerdeError, SerializeContext, Serializer};

use super::Unset;
use super::scratch::Scratch;
use crate::environment;
use crate::error::Error;
use crate::into::IntoField;
use crate::producer::accumulator::{Appended, Attempt, RecordParts, TopicQueue};
use crate::producer::{Delivery, Intake, TransactionControl};
use crate::record::Timestamp;
use crate::trace_context::TraceHeaders;

/// The key type of topics without keys. It has no values: such a handle has `send_unkeyed` and `unkeyed` only.
///
/// ```no_run
/// # async fn example(producer: kestrel_client::Producer) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::{NoKey, Utf8};
///
/// let lines = producer.topic::<NoKey, str>("lines").value(Utf8).open().await?;
/// lines.send_unkeyed("one line").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKey {}

impl Serializer<NoKey> for Unset {
    fn serialize(
        &self,
        _: &mut SerializeContext<'_>,
        key: &NoKey,
        _: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        match *key {}
    }
}

/// Configures and opens a [`TypedProducer`].
#[must_use = "a builder does nothing until `open`"]
pub struct TypedProducerBuilder<K: ?Sized, V: ?Sized, KS = Unset, VS = Unset> {
    intake: Arc<Intake>,
    topic: Arc<str>,
    key: KS,
    value: VS,
    types: PhantomData<fn(&K, &V)>,
}

impl<K: ?Sized, V: ?Sized> TypedProducerBuilder<K, V> {
    pub(crate) fn new(intake: Arc<Intake>, topic: Arc<str>) -> Self {
        Self { intake, topic, key: Unset, value: Unset, types: PhantomData }
    }
}

impl<K: ?Sized, V: ?Sized, KS, VS> TypedProducerBuilder<K, V, KS, VS> {
    /// Sets how keys become bytes.
    pub fn key<S: Serializer<K>>(self, key: S) -> TypedProducerBuilder<K, V, S, VS> {
        let Self { intake, topic, key: _, value, types } = self;
        TypedProducerBuilder { intake, topic, key, value, types }
    }

    /// Sets how values become bytes.
    pub fn value<S: Serializer<V>>(self, value: S) -> TypedProducerBuilder<K, V, KS, S> {
        let Self { intake, topic, key, value: _, types } = self;
        TypedProducerBuilder { intake, topic, key, value, types }
    }
}

impl<K: ?Sized, V: ?Sized, KS: Serializer<K>, VS: Serializer<V>> TypedProducerBuilder<K, V, KS, VS> {
    /// Makes the serializers ready and fetches the topic's metadata, both within `max.block.ms`. The topic is created if the broker
    /// allows that.
    ///
    /// # Errors
    /// [`Error::UnknownTopic`] and timeouts of `max.block.ms`; [`Error::Serialize`] when a serializer can't be made
    /// ready.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn open(self) -> Result<TypedProducer<K, V>, Error> {
        let Self { intake, topic, key, value, .. } = self;
        let (begun_at, max_block) = (environment::now(), intake.max_block());
        make_ready(&key, &value, &topic, max_block).await?;
        let left = max_block.saturating_sub(environment::now().saturating_duration_since(begun_at));
        let queue = intake.open_topic_within(&topic, left).await?;
        let may_wait = key.may_wait() || value.may_wait();
        let (key, value) = (Box::new(key), Box::new(value));
        let handle = Handle { intake, queue, key, value, may_wait, scratch: Scratch::default() };
        Ok(TypedProducer { handle: Arc::new(handle) })
    }
}

impl<K: ?Sized, V: ?Sized, KS, VS> fmt::Debug for TypedProducerBuilder<K, V, KS, VS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedProducerBuilder").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// A topic that records with keys of type `K` and values of type `V` are written to.
///
/// Cheap to clone; usable from any task. A missing key and a missing value are methods and not options:
/// [`send_unkeyed`](Self::send_unkeyed) and [`tombstone`](Self::tombstone).
///
/// ```no_run
/// # async fn example(producer: kestrel_client::Producer) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::{Int64, Utf8};
///
/// let balances = producer.topic::<str, i64>("balances").key(Utf8).value(Int64).open().await?;
/// balances.send("customer-7", &100).await?;                              // accepted
/// let receipt = balances.send("customer-7", &90).await?.await?;         // stored
/// balances.record("customer-7", &80).header("trace", "7f3a").partition(0).send().await?;
/// balances.tombstone("customer-7").await?.await?;
/// # Ok(())
/// # }
/// ```
///
/// How keys and values become bytes is no part of the type: a field is of `TypedProducer<str, Click>`, whatever the format.
///
/// ```no_run
/// # struct Click;
/// use kestrel_client::TypedProducer;
///
/// struct Shop {
///     clicks: TypedProducer<str, Click>,
/// }
/// ```
pub struct TypedProducer<K: ?Sized, V: ?Sized> {
    handle: Arc<Handle<K, V>>,
}

struct Handle<K: ?Sized, V: ?Sized> {
    intake: Arc<Intake>,
    queue: Arc<TopicQueue>,
    key: Box<dyn Serializer<K>>,
    value: Box<dyn Serializer<V>>,
    /// Whether the serializers have to be asked again whether they are ready.
    may_wait: bool,
    scratch: Scratch,
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> Handle<K, V> {
    /// Whether the serializers need not be waited for.
    fn is_ready(&self) -> bool {
        let topic = self.queue.name();
        let is_ready = |ready: Ready<'_>| matches!(ready.known(), Some(Ok(())));
        is_ready(self.key.ready(SerdeContext::key(topic)))
            && is_ready(self.value.ready(SerdeContext::value(topic)))
    }

    async fn make_ready(&self) -> Result<(), Error> {
        make_ready(&self.key, &self.value, self.queue.name(), self.intake.max_block()).await
    }
}

/// Waits for the serializers of a topic, at most so long.
async fn make_ready<K: ?Sized, V: ?Sized>(
    key: &impl Serializer<K>,
    value: &impl Serializer<V>,
    topic: &str,
    max_block: Duration,
) -> Result<(), Error> {
    let ready = async {
        key.ready(SerdeContext::key(topic)).await?;
        value.ready(SerdeContext::value(topic)).await
    };
    match tokio::time::timeout(max_block, ready).await {
        Ok(ready) => Ok(ready?),
        Err(_) => Err(Error::timeout("making the serializers ready", max_block, "max.block.ms")),
    }
}

impl<K: ?Sized + 'static, V: ?Sized + 'static> TypedProducer<K, V> {
    /// The topic's name.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.handle.queue.name()
    }

    /// Hands a record to the producer. The first await ends when it is accepted; the [`Delivery`] is the second one,
    /// which ends when it is stored.
    ///
    /// Waits while the producer's memory is used up, at most `max.block.ms`, and before that as long for serializers whose schema
    /// has grown old.
    ///
    /// # Errors
    /// [`Error::Serialize`], [`Error::Timeout`], [`Error::RecordTooLarge`], [`Error::Closed`],
    /// [`Error::ProducerFailed`]. The record was not accepted then.
    ///
    /// # Cancel safety
    /// Cancel-safe: when the future is dropped before it is ready, the record was not accepted.
    pub async fn send(&self, key: &K, value: &V) -> Result<Delivery, Error> {
        self.serializers_ready().await?;
        let sent = self.record(key, value).append();
        self.accepted(sent).await
    }

    /// As [`send`](Self::send), at once or not at all.
    ///
    /// # Errors
    /// [`Error::BufferFull`] when there is no memory at the moment; otherwise as `send`.
    pub fn try_send(&self, key: &K, value: &V) -> Result<Delivery, Error> {
        self.record(key, value).try_send()
    }

    /// As [`send`](Self::send), with a null key: the partitioner chooses the sticky partition unless told otherwise.
    ///
    /// # Errors
    /// As `send`. Cancel-safe.
    pub async fn send_unkeyed(&self, value: &V) -> Result<Delivery, Error> {
        self.serializers_ready().await?;
        let sent = self.unkeyed(value).append();
        self.accepted(sent).await
    }

    /// As [`send`](Self::send), with a null value: on a compacted topic, the key's end.
    ///
    /// # Errors
    /// As `send`. Cancel-safe.
    pub async fn tombstone(&self, key: &K) -> Result<Delivery, Error> {
        self.tombstone_record(key).send().await
    }

    /// Waits for serializers whose schema may have grown old.
    #[inline]
    async fn serializers_ready(&self) -> Result<(), Error> {
        if self.handle.may_wait && !self.handle.is_ready() {
            // In a box, because next to none of them has to wait, and each future of a record would have room for it.
            Box::pin(self.handle.make_ready()).await?;
        }
        Ok(())
    }

    /// Waits until a record is accepted that was not at once.
    #[inline]
    async fn accepted(&self, sent: Result<Sent, Error>) -> Result<Delivery, Error> {
        match sent? {
            Sent::Accepted(delivery) => Ok(delivery),
            Sent::Waits(waiting) => waiting.append(&self.handle).await,
        }
    }

    /// Begins a record with headers, a timestamp or a partition of its own.
    pub fn record<'a>(&'a self, key: &'a K, value: &'a V) -> TypedRecord<'a, K, V> {
        self.typed_record(Some(key), Some(value))
    }

    /// As [`record`](Self::record), with a null key.
    pub fn unkeyed<'a>(&'a self, value: &'a V) -> TypedRecord<'a, K, V> {
        self.typed_record(None, Some(value))
    }

    /// As [`record`](Self::record), with a null value: a tombstone that has headers, a timestamp or a partition.
    pub fn tombstone_record<'a>(&'a self, key: &'a K) -> TypedRecord<'a, K, V> {
        self.typed_record(Some(key), None)
    }

    fn typed_record<'a>(&'a self, key: Option<&'a K>, value: Option<&'a V>) -> TypedRecord<'a, K, V> {
        TypedRecord {
            producer: self,
            key,
            value,
            headers: Headers::new(),
            timestamp: None,
            partition: None,
            transaction: None,
        }
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedProducer<K, V> {
    fn clone(&self) -> Self {
        Self { handle: Arc::clone(&self.handle) }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedProducer<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedProducer").field("topic", self.handle.queue.name()).finish_non_exhaustive()
    }
}

/// A record under construction; [`send`](Self::send) hands it to the producer.
#[must_use = "a record goes nowhere until `send`"]
pub struct TypedRecord<'a, K: ?Sized, V: ?Sized> {
    producer: &'a TypedProducer<K, V>,
    key: Option<&'a K>,
    value: Option<&'a V>,
    headers: Headers,
    timestamp: Option<Timestamp>,
    partition: Option<i32>,
    /// The transaction that it is part of, as long as that is open.
    transaction: Option<&'a TransactionControl>,
}

impl<'a, K: ?Sized + 'static, V: ?Sized + 'static> TypedRecord<'a, K, V> {
    /// Makes it part of the open transaction.
    pub(crate) fn in_transaction(mut self, transaction: &'a TransactionControl) -> Self {
        self.transaction = Some(transaction);
        self
    }

    /// Whether the transaction takes it, if it is part of one.
    fn check_open(&self) -> Result<(), Error> {
        self.transaction.map_or(Ok(()), |open| open.check_open_for(&self.producer.handle.intake))
    }

    /// Adds a header after the others; keys may repeat, and a value of `None` is null.
    pub fn header(mut self, key: impl AsRef<str>, value: impl IntoField) -> Self {
        self.headers.push(key.as_ref(), value.into_field());
        self
    }

    /// Adds all of these headers after the others.
    pub fn headers(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets the timestamp instead of the current time.
    pub fn timestamp(mut self, timestamp: impl Into<Timestamp>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// Sets the partition instead of letting the partitioner choose.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// As [`TypedProducer::send`].
    ///
    /// # Errors
    /// As there, and [`Error::UnknownPartition`]. Cancel-safe.
    pub async fn send(self) -> Result<Delivery, Error> {
        self.producer.serializers_ready().await?;
        let sent = self.append();
        self.producer.accepted(sent).await
    }

    /// Appends the record if nothing has to be waited for.
    #[inline]
    fn append(&self) -> Result<Sent, Error> {
        self.check_open()?;
        let handle = &*self.producer.handle;
        let trace = handle.intake.trace_headers();
        self.serialized(|record| {
            let record = RecordParts { trace: trace.as_ref(), ..record };
            let mut attempt = Attempt::default();
            match handle.intake.append(&handle.queue, &record, &mut attempt)? {
                Appended::Accepted(delivery) => Ok(Sent::Accepted(delivery)),
                // The buffer is lent for this moment only: a record that has to wait takes a copy along.
                _ => Ok(Sent::Waits(Box::new(Waiting { record: OwnedParts::copy(&record), attempt }))),
            }
        })
    }

    /// As [`TypedProducer::try_send`].
    ///
    /// # Errors
    /// As there, and [`Error::UnknownPartition`].
    pub fn try_send(self) -> Result<Delivery, Error> {
        self.check_open()?;
        let handle = &*self.producer.handle;
        let trace = handle.intake.trace_headers();
        self.serialized(|record| {
            let record = RecordParts { trace: trace.as_ref(), ..record };
            handle.intake.append_now(&handle.queue, &record)
        })
    }

    /// Calls `work` with the record's bytes.
    #[inline]
    fn serialized<T>(&self, work: impl FnOnce(RecordParts<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let handle = &*self.producer.handle;
        let lent_key = self.key.and_then(|key| handle.key.as_bytes(key));
        let lent_value = self.value.and_then(|value| handle.value.as_bytes(value));
        if self.key.is_some() == lent_key.is_some() && self.value.is_some() == lent_value.is_some() {
            return work(self.parts(lent_key, lent_value));
        }
        self.serialized_into_buffer(lent_key, lent_value, work)
    }

    /// As [`Self::serialized`], when key or value are not there as bytes.
    fn serialized_into_buffer<T>(
        &self,
        lent_key: Option<&[u8]>,
        lent_value: Option<&[u8]>,
        work: impl FnOnce(RecordParts<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let handle = &*self.producer.handle;
        let topic = handle.queue.name();
        handle.scratch.with(|buffers| {
            let given = self.headers.as_slice();
            if let (Some(key), None) = (self.key, lent_key) {
                buffers.serialize(&*handle.key, SerdeContext::key(topic), key, given)?;
            }
            let key_bytes = buffers.len();
            if let (Some(value), None) = (self.value, lent_value) {
                buffers.serialize(&*handle.value, SerdeContext::value(topic), value, given)?;
            }
            let (bytes, headers) = buffers.finish(given);
            let (key, value) = bytes.split_at(key_bytes.min(bytes.len()));
            let key = self.key.map(|_| lent_key.unwrap_or(key));
            let value = self.value.map(|_| lent_value.unwrap_or(value));
            work(RecordParts { headers, ..self.parts(key, value) })
        })
    }

    fn parts<'b>(&'b self, key: Option<&'b [u8]>, value: Option<&'b [u8]>) -> RecordParts<'b> {
        RecordParts {
            partition: self.partition,
            timestamp: self.timestamp.unwrap_or_else(environment::wall),
            key,
            value,
            headers: self.headers.as_slice(),
            trace: None,
        }
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedRecord<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRecord")
            .field("topic", self.producer.handle.queue.name())
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// What became of a record that was to be appended at once.
enum Sent {
    Accepted(Delivery),
    Waits(Box<Waiting>),
}

/// A record that has to wait: for memory, or for its topic or partition.
struct Waiting {
    record: OwnedParts,
    attempt: Attempt,
}

impl Waiting {
    async fn append<K: ?Sized, V: ?Sized>(self, handle: &Handle<K, V>) -> Result<Delivery, Error> {
        handle.intake.append_waiting(&handle.queue, &self.record.borrow(), self.attempt).await
    }
}

/// The bytes of a record that waits, without the shared buffer.
struct OwnedParts {
    partition: Option<i32>,
    timestamp: Timestamp,
    key: Option<Box<[u8]>>,
    value: Option<Box<[u8]>>,
    headers: Box<[Header]>,
    trace: Option<TraceHeaders>,
}

impl OwnedParts {
    fn copy(record: &RecordParts<'_>) -> Self {
        Self {
            partition: record.partition,
            timestamp: record.timestamp,
            key: record.key.map(Into::into),
            value: record.value.map(Into::into),
            headers: record.headers.into(),
            trace: record.trace.cloned(),
        }
    }

    fn borrow(&self) -> RecordParts<'_> {
        RecordParts {
            partition: self.partition,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &self.headers,
            trace: self.trace.as_ref(),
        }
    }
}
