//! The producer: records in, receipts out.
//!
//! [`Producer`] is the handle that user tasks hold; any number of typed topic handles share its [`Intake`]. The intake appends
//! to the accumulator, and wakes the sender or drives it; the sender draws from the accumulator and asks the dispatcher,
//! which calls nobody:
//!
//! ```text
//!   Producer::send ──▶ intake ──▶ accumulator ◀── sender ⇄ dispatcher     sender ──▶ net::Connection ──▶ broker
//!        │                │        batches, memory  ▲        order, retries, sequences                     │
//!        ▼                └─────────────────────────┘ a batch is due                                       │
//!    Delivery ◀────────── batch state ◀────── outcome ◀────────────────────────────────────────────────────┘
//! ```

pub(crate) mod accumulator;
mod batch;
mod buffer_watch;
mod builder;
mod delivery;
mod dispatcher;
mod identity;
mod intake;
mod memory;
mod partition_id;
pub mod partitioner;
mod sender;
mod sequences;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::environment;
use crate::error::Error;
use crate::into::IntoName;
use crate::record::Record;
use crate::trace_context::TraceHeaders;
use crate::typed::TypedProducerBuilder;

use accumulator::{Appended, Attempt, RecordParts};
pub use builder::ProducerBuilder;
pub(crate) use builder::start_transactional;
pub use delivery::Delivery;
pub(crate) use intake::Intake;
pub(crate) use transaction::{EndFailure, Ending, TransactionControl};

/// Writes records to a cluster.
///
/// Cheap to clone: clones and typed topic handles share its memory, its connections and its identity.
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
    intake: Arc<Intake>,
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
    pub(crate) fn new(intake: Intake) -> Self {
        Self { intake: Arc::new(intake) }
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
        self.send_in(&record, self.intake.trace_headers()).await
    }

    /// As [`Self::send`], for a record that stays in the trace that its headers say: a dead letter.
    pub(crate) async fn send_on(&self, record: Record) -> Result<Delivery, Error> {
        self.send_in(&record, None).await
    }

    async fn send_in(&self, record: &Record, trace: Option<TraceHeaders>) -> Result<Delivery, Error> {
        let topic = match self.intake.known_topic(&record.topic) {
            Some(topic) => topic,
            None => self.intake.open_topic(&record.topic).await?,
        };
        let parts = parts_of(record, trace.as_ref());
        let mut attempt = Attempt::default();
        if let Appended::Accepted(delivery) = self.intake.append(&topic, &parts, &mut attempt)? {
            return Ok(delivery);
        }
        self.intake.append_waiting(&topic, &parts, attempt).await
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
        let topic = self.intake.known_topic(&record.topic).ok_or_else(unknown)?;
        let trace = self.intake.trace_headers();
        self.intake.append_now(&topic, &parts_of(record, trace.as_ref()))
    }

    /// Fetches the metadata of a topic, so that the first `send` to it does not wait and `try_send` knows it.
    ///
    /// # Errors
    /// As [`send`](Self::send). Cancel-safe.
    pub async fn prepare_topic(&self, topic: impl IntoName) -> Result<(), Error> {
        self.intake.open_topic(&topic.into_name()).await.map(drop)
    }

    /// Begins a typed handle on a topic, for keys of type `K` and values of type `V`.
    ///
    /// ```no_run
    /// # async fn example(producer: kestrel_client::Producer) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::{Json, Utf8};
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
        TypedProducerBuilder::new(Arc::clone(&self.intake), topic.into_name())
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
        self.intake.flush().await
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
        self.intake.close(patience).await
    }
}

/// A record's parts, borrowed.
fn parts_of<'a>(record: &'a Record, trace: Option<&'a TraceHeaders>) -> RecordParts<'a> {
    RecordParts {
        partition: record.partition,
        timestamp: record.timestamp.unwrap_or_else(environment::wall),
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: record.headers.as_slice(),
        trace,
    }
}
