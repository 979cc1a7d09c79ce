//! The producer: records in, receipts out.
//!
//! [`Producer`] is the handle that user tasks hold; any number of typed topic handles share its engine. A record goes
//! through these rooms, each calling only the next:
//!
//! ```text
//!   Producer::send ──▶ accumulator ──▶ sender ⇄ dispatcher ──▶ net::Connection ──▶ broker
//!        │                 │  batches, memory      │ order, retries, sequences       │
//!        ▼                 ▼                       ▼                                 │
//!    Delivery ◀────────── batch state ◀────── outcome ◀──────────────────────────────┘
//! ```

pub(crate) mod accumulator;
mod batch;
mod builder;
mod building;
mod delivery;
mod dispatcher;
mod memory;
pub mod partitioner;
mod request;
mod sender;
mod shared_sender;
mod transaction_manager;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::Client;
use crate::config::ProducerSettings;
use crate::environment;
use crate::error::Error;
use crate::into::IntoName;
use crate::metadata::{FoundTopic, Wanted};
use crate::record::Record;
use crate::typed::TypedProducerBuilder;

use accumulator::{Accumulator, Appended, Attempt, RecordParts, TopicQueue};
pub use builder::ProducerBuilder;
pub use delivery::Delivery;
use memory::Patience;
use sender::Command;

/// Writes records to a cluster.
///
/// Cheap to clone: clones and typed topic handles share one engine, with its memory, its connections and its identity.
/// When the last of them is dropped, what was accepted is still delivered in the background; dropping never blocks.
///
/// ```no_run
/// # async fn example(client: kestrel_client::Client) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::Record;
///
/// let producer = client.producer().build().await?;
/// let delivery = producer.send(Record::to("orders").key("customer-7").value("{}")).await?;
/// let receipt = delivery.await?;
/// println!("stored at offset {:?} of partition {}", receipt.offset, receipt.partition);
/// producer.close(std::time::Duration::from_secs(30)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Producer {
    engine: Arc<Engine>,
}

/// What clones and topic handles share.
pub(crate) struct Engine {
    client: Client,
    settings: ProducerSettings,
    accumulator: Arc<Accumulator>,
    commands: mpsc::Sender<Command>,
    /// Ends the sender task, once what was accepted is settled.
    released: CancellationToken,
    _on_drop: DropGuard,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("settings", self.accumulator.settings()).finish_non_exhaustive()
    }
}

/// A record that [`Producer::try_send`] did not take.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrySendError {
    /// The record, handed back.
    pub record: Box<Record>,
    /// Why it was not taken: [`Error::BufferFull`] when there is no memory at the moment.
    pub error: Error,
}

impl fmt::Display for TrySendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for TrySendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The error's text is this one's.
        std::error::Error::source(&self.error)
    }
}

impl From<TrySendError> for Error {
    fn from(refused: TrySendError) -> Self {
        refused.error
    }
}

impl Client {
    /// Begins a producer. Settings that came to the client as properties are its defaults.
    pub fn producer(&self) -> ProducerBuilder {
        ProducerBuilder::new(self.clone())
    }
}

impl Producer {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine: Arc::new(engine) }
    }

    /// Hands a record to the producer. The first await ends when it is accepted; the [`Delivery`] is the second one,
    /// which ends when it is stored.
    ///
    /// Waits while the producer's memory is used up, for the metadata of a topic that is used for the first time, and for a
    /// partition that is not known, as it may just have been added: `max.block.ms` in all. A topic that does not exist is
    /// created if the broker allows that.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::UnknownTopic`], [`Error::UnknownPartition`], [`Error::RecordTooLarge`],
    /// [`Error::Closed`], [`Error::ProducerFailed`]. The record was not accepted then.
    ///
    /// # Cancel safety
    /// Cancel-safe: when the future is dropped before it is ready, the record was not accepted.
    pub async fn send(&self, record: Record) -> Result<Delivery, Error> {
        let topic = match self.engine.accumulator.known_topic(&record.topic) {
            Some(topic) => topic,
            None => self.engine.open_topic(&record.topic).await?,
        };
        let parts = parts_of(&record);
        let mut attempt = Attempt::default();
        if let Some(delivery) = self.engine.try_append(&topic, &parts, &mut attempt)? {
            return Ok(delivery);
        }
        self.engine.append_waiting(&topic, &parts, attempt).await
    }

    /// As [`send`](Self::send), at once or not at all: the record comes back when there is no memory for it.
    ///
    /// The topic must have been used before; see [`prepare_topic`](Self::prepare_topic).
    ///
    /// # Errors
    /// The error and the record: [`Error::BufferFull`] when memory is out, [`Error::UnknownTopic`] for a topic that was
    /// not used before, and the errors of `send`.
    pub fn try_send(&self, record: Record) -> Result<Delivery, TrySendError> {
        match self.try_send_borrowed(&record) {
            Ok(delivery) => Ok(delivery),
            Err(error) => Err(TrySendError { record: Box::new(record), error }),
        }
    }

    fn try_send_borrowed(&self, record: &Record) -> Result<Delivery, Error> {
        let unknown = || Error::UnknownTopic { topic: Arc::clone(&record.topic) };
        let topic = self.engine.accumulator.known_topic(&record.topic).ok_or_else(unknown)?;
        self.engine.append_now(&topic, &parts_of(record))
    }

    /// Fetches the metadata of a topic, so that the first `send` to it does not wait and `try_send` knows it.
    ///
    /// # Errors
    /// As [`send`](Self::send). Cancel-safe.
    pub async fn prepare_topic(&self, topic: impl IntoName) -> Result<(), Error> {
        self.engine.open_topic(&topic.into_name()).await.map(drop)
    }

    /// Begins a typed handle on a topic, for keys of type `K` and values of type `V`.
    ///
    /// ```no_run
    /// # async fn example(producer: kestrel_client::Producer) -> Result<(), kestrel_client::Error> {
    /// use kestrel_serde::{Json, Utf8};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Click { url: String }
    ///
    /// let clicks = producer.topic::<str, Click>("clicks").key(Utf8).value(Json).open().await?;
    /// let receipt = clicks.send("user-7", &Click { url: "/".into() }).await?.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn topic<K: ?Sized, V: ?Sized>(&self, topic: impl IntoName) -> TypedProducerBuilder<K, V> {
        TypedProducerBuilder::new(Arc::clone(&self.engine), topic.into_name())
    }

    /// Sends everything that was accepted before this call without lingering, and waits until each record has its outcome.
    ///
    /// What the outcome is, the deliveries tell: a flush does not fail because a record did.
    ///
    /// # Errors
    /// [`Error::Closed`] when the producer has ended.
    ///
    /// # Cancel safety
    /// Cancel-safe: the records are sent all the same.
    pub async fn flush(&self) -> Result<(), Error> {
        self.engine.flush().await
    }

    /// Flushes for at most `patience`, then takes no more records and ends.
    ///
    /// Clones and topic handles are closed too. Records that are not stored by then go on being sent in the background
    /// until `delivery.timeout.ms`, as long as the runtime lives.
    ///
    /// # Errors
    /// [`Error::Timeout`] when not everything had its outcome in time; [`Error::Ended`] when the runtime of the client has
    /// shut down before. The producer is closed in any case.
    ///
    /// # Cancel safety
    /// Cancel-safe: the producer is closed even if the future is dropped once it was polled.
    pub async fn close(&self, patience: Duration) -> Result<(), Error> {
        self.engine.accumulator.end(Error::closed("producer"));
        let flushed = tokio::time::timeout(patience, self.engine.flush()).await;
        self.engine.released.cancel();
        match flushed {
            // Its task is gone, and with it what was not stored.
            Ok(Err(error @ Error::Ended { .. })) => Err(error),
            // A producer that was closed before has nothing to flush.
            Ok(_) => Ok(()),
            Err(_) => Err(Error::out_of_patience("closing the producer", patience)),
        }
    }
}

impl Engine {
    pub(crate) fn new(
        client: Client,
        settings: ProducerSettings,
        accumulator: Arc<Accumulator>,
        commands: mpsc::Sender<Command>,
        released: CancellationToken,
    ) -> Self {
        let on_drop = released.clone().drop_guard();
        Self { client, settings, accumulator, commands, released, _on_drop: on_drop }
    }

    /// The queue of a topic, whose metadata is fetched if it is not known.
    pub(crate) async fn open_topic(&self, topic: &Arc<str>) -> Result<Arc<TopicQueue>, Error> {
        self.open_topic_within(topic, self.settings.max_block).await
    }

    async fn open_topic_within(
        &self,
        topic: &Arc<str>,
        patience: Duration,
    ) -> Result<Arc<TopicQueue>, Error> {
        self.accumulator.check_open()?;
        let looked_up = self.client.metadata().topic(topic, Wanted::Created, patience, "max.block.ms").await;
        let FoundTopic { view, version, topic_use } = looked_up?;
        let topic = self.accumulator.topic(&view, version, Some(topic_use));
        // A producer that was closed meanwhile has forgotten its topics already.
        self.accumulator.check_open().inspect_err(|_| topic.forget())?;
        Ok(topic)
    }

    /// Appends a record if nothing has to be waited for; `None` when something has.
    #[inline]
    pub(crate) fn try_append<'h, H>(
        &self,
        topic: &TopicQueue,
        record: &RecordParts<'_, H>,
        attempt: &mut Attempt,
    ) -> Result<Option<Delivery>, Error>
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
    {
        match self.accumulator.append(topic, &*self.settings.partitioner, record, attempt)? {
            Appended::Accepted(delivery) => Ok(Some(delivery)),
            _ => Ok(None),
        }
    }

    /// Appends a record at once or not at all.
    pub(crate) fn append_now<'h, H>(
        &self,
        topic: &TopicQueue,
        record: &RecordParts<'_, H>,
    ) -> Result<Delivery, Error>
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
    {
        let partitioner = &*self.settings.partitioner;
        let mut attempt = Attempt::default();
        // Who is told that there is no memory sends the record again: it takes its turn then, and not now too.
        if record.partition.is_none() && !partitioner.is_pure() {
            attempt.reservation =
                Some(self.accumulator.set_aside(record)?.ok_or_else(|| self.buffer_full())?);
        }
        match self.accumulator.append(topic, partitioner, record, &mut attempt)? {
            Appended::Accepted(delivery) => Ok(delivery),
            Appended::NeedsMemory(_) => Err(self.buffer_full()),
            Appended::NeedsTopic => Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) }),
            Appended::NeedsPartition(partition) => {
                // It may have been added since: the next try knows.
                self.client.metadata().request_refresh();
                Err(topic.unknown_partition(partition, topic.layout().queues.len()))
            }
        }
    }

    /// Appends a record as soon as there is all that it needs: memory, its topic, its partition.
    pub(crate) async fn append_waiting<'h, H>(
        &self,
        topic: &TopicQueue,
        record: &RecordParts<'_, H>,
        mut attempt: Attempt,
    ) -> Result<Delivery, Error>
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone> + Clone,
    {
        let patience = Patience::new(self.settings.max_block, environment::now());
        let partitioner = &*self.settings.partitioner;
        loop {
            match self.accumulator.append(topic, partitioner, record, &mut attempt)? {
                Appended::Accepted(delivery) => return Ok(delivery),
                Appended::NeedsMemory(bytes) => {
                    drop(attempt.reservation.take());
                    let memory = self.accumulator.memory().reserve(bytes, patience).await;
                    // A closed memory says so because the producer ended, and that error says why.
                    self.accumulator.check_open()?;
                    attempt.reservation = Some(memory?);
                }
                Appended::NeedsTopic => {
                    let left = patience.ends_at.saturating_duration_since(environment::now());
                    self.open_topic_within(topic.name(), left).await?;
                }
                Appended::NeedsPartition(partition) => {
                    self.await_partition(topic, partition, patience).await?;
                }
            }
        }
    }

    /// Looks at the cluster until the topic has a partition of this number, which someone may just have added.
    async fn await_partition(
        &self,
        topic: &TopicQueue,
        partition: i32,
        patience: Patience,
    ) -> Result<(), Error> {
        let metadata = self.client.metadata();
        let mut backoff = self.client.retry_backoff();
        let appears = async {
            for failures in 1.. {
                let known = metadata.current().version;
                metadata.request_refresh();
                let snapshot = metadata.refreshed_since(known).await?;
                let Some(view) = snapshot.topic(topic.name()) else { break };
                self.accumulator.update_topic(topic, view, snapshot.version);
                if view.partition(partition).is_some() {
                    return Ok(());
                }
                self.accumulator.check_open()?;
                tokio::time::sleep(backoff.delay(failures)).await;
            }
            Err(Error::UnknownTopic { topic: Arc::clone(topic.name()) })
        };
        let looked = tokio::time::timeout_at(patience.ends_at.into(), appears).await;
        looked.unwrap_or_else(|_| Err(topic.unknown_partition(partition, topic.layout().queues.len())))
    }

    fn buffer_full(&self) -> Error {
        Error::BufferFull { limit_bytes: self.accumulator.memory().limit_bytes() }
    }

    /// Why the producer's task is gone.
    fn ended(&self) -> Error {
        self.client
            .tasks()
            .check()
            .and_then(|()| self.accumulator.check_open())
            .err()
            .unwrap_or_else(|| Error::closed("producer"))
    }

    async fn flush(&self) -> Result<(), Error> {
        let ended = || self.ended();
        let (reply, unsettled) = oneshot::channel();
        self.commands.send(Command::Flush(reply)).await.map_err(|_| ended())?;
        for batch in unsettled.await.map_err(|_| ended())? {
            delivery::settled(batch).await;
        }
        Ok(())
    }
}

/// A record's parts, borrowed.
fn parts_of(record: &Record) -> RecordParts<'_, HeaderSlices<'_>> {
    RecordParts {
        partition: record.partition,
        timestamp: record.timestamp.unwrap_or_else(environment::wall),
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: HeaderSlices(record.headers.as_slice()),
    }
}

/// Headers as the batch builder takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeaderSlices<'a>(pub(crate) &'a [crate::Header]);

impl<'a> IntoIterator for HeaderSlices<'a> {
    type Item = (&'a str, Option<&'a [u8]>);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, crate::Header>, fn(&'a crate::Header) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|header| (&*header.key, header.value.as_deref()))
    }
}
