//! Observer: hears what a client does, for metrics and for a program's own log.
//!
//! Given to [`ClientBuilder::observer`](crate::ClientBuilder::observer). The rooms tell it through a seat for it, once
//! for a connection, request, batch, transaction, fetch, commit or rebalance and never for a record but one that was rejected. Without an observer an event is one
//! branch: it is not even put together. Nothing of the client depends on what an observer does. `metrics` is one that the client brings along.

use std::fmt;
use std::sync::Arc;

mod client;
mod connection;
mod consumer;
mod producer;

pub use client::{MetadataRefreshed, Retried, TaskLost};
pub use connection::{
    ConnectFailed, Connected, Disconnected, ObservedBroker, RequestEnded, RequestWritten, Throttled,
};
pub use consumer::{
    Fetched, OffsetsCommitted, PartitionLag, PartitionReleased, RebalanceEnded, RebalanceStarted,
    RecordRejected, RecordsPolled,
};
pub use producer::{BatchProduced, ProducerBuffer, ProducerFailed, TransactionEnded};

/// Hears what a client, its producers and its consumers do. Every method does nothing unless it is written.
///
/// Events are borrowed and small: take out of them what is to be kept. They come from the client's tasks and from the tasks
/// of its callers, several at a time, some of them under a lock. So a method returns at once, never panics, and never calls
/// the client, a producer or a consumer: counters and histograms are for it, a channel's `try_send`, not a file.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use kestrel_client::Client;
/// use kestrel_client::observer::{BatchProduced, Observer};
///
/// #[derive(Default)]
/// struct Stored {
///     records: AtomicU64,
/// }
///
/// impl Observer for Stored {
///     fn on_batch_produced(&self, event: &BatchProduced<'_>) {
///         if event.outcome.is_ok() {
///             self.records.fetch_add(event.records as u64, Ordering::Relaxed);
///         }
///     }
/// }
///
/// # async fn example() -> Result<(), kestrel_client::Error> {
/// let stored = Arc::new(Stored::default());
/// let client = Client::builder("localhost:9092").observer(stored.clone()).connect().await?;
/// # Ok(())
/// # }
/// ```
#[expect(unused_variables, reason = "what an event is called stands in the documentation")]
pub trait Observer: Send + Sync + 'static {
    /// A connection to a broker is ready for requests.
    fn on_connected(&self, event: &Connected<'_>) {}

    /// A broker could not be connected to.
    fn on_connect_failed(&self, event: &ConnectFailed<'_>) {}

    /// A connection has ended, for whatever reason.
    fn on_disconnected(&self, event: &Disconnected<'_>) {}

    /// A request goes out: its bytes are handed to the socket next.
    fn on_request_written(&self, event: &RequestWritten<'_>) {}

    /// A request that was written has its answer, or will never have one.
    fn on_request_ended(&self, event: &RequestEnded<'_>) {}

    /// A broker holds the client back, because a quota was exceeded (KIP-219).
    fn on_throttled(&self, event: &Throttled<'_>) {}

    /// The metadata of the cluster were fetched, or could not be.
    fn on_metadata_refreshed(&self, event: &MetadataRefreshed<'_>) {}

    /// A batch, a fetch, a commit or an administrative call has failed and is tried again by itself.
    fn on_retried(&self, event: &Retried<'_>) {}

    /// A background task has ended by mishap: the handle that it belongs to will not work again.
    fn on_task_lost(&self, event: &TaskLost<'_>) {}

    /// A batch of a producer is stored, or has failed for good.
    fn on_batch_produced(&self, event: &BatchProduced<'_>) {}

    /// The use of a producer's memory has changed: a batch was opened or settled, or a `send` waits; or the producer has ended.
    fn on_producer_buffer(&self, event: &ProducerBuffer) {}

    /// A transaction is committed, aborted, or lost with its producer.
    fn on_transaction_ended(&self, event: &TransactionEnded<'_>) {}

    /// A producer that writes in transactions is finished: another one has its id, or the broker refuses it for good.
    fn on_producer_failed(&self, event: &ProducerFailed<'_>) {}

    /// A broker has answered a fetch.
    fn on_fetched(&self, event: &Fetched) {}

    /// The application begins with the records of a batch.
    fn on_records_polled(&self, event: &RecordsPolled<'_>) {}

    /// A record could not be read or worked on, and something has become of it: it was handed out as an error, skipped, or is a dead
    /// letter that is stored. With [`exactly_once`](crate::Client::exactly_once), once for each transaction that it is in.
    ///
    /// What an application finds in a batch by itself, where the remedy is [`Fail`](crate::Remedy::Fail), it has heard of.
    fn on_record_rejected(&self, event: &RecordRejected<'_>) {}

    /// How far a consumer is behind the end of a partition: with each answer to a fetch, and where a batch ends.
    fn on_partition_lag(&self, event: &PartitionLag<'_>) {}

    /// A consumer reads a partition no more: it was given up or taken away, or the consumer has ended. Its lag is another's now.
    fn on_partition_released(&self, event: &PartitionReleased<'_>) {}

    /// A member's group rebalances.
    fn on_rebalance_started(&self, event: &RebalanceStarted<'_>) {}

    /// A rebalance is over: the member has its partitions, or has lost them.
    fn on_rebalance_ended(&self, event: &RebalanceEnded<'_>) {}

    /// The coordinator has taken offsets, or has not.
    fn on_offsets_committed(&self, event: &OffsetsCommitted<'_>) {}
}

/// The place for observers, empty or taken; clones share it.
#[derive(Clone, Default)]
pub(crate) struct ObserverSeat(Option<Arc<[Arc<dyn Observer>]>>);

impl ObserverSeat {
    #[cfg(test)]
    pub(crate) fn new(observer: Arc<dyn Observer>) -> Self {
        Self::default().and(observer)
    }

    /// The same with another observer, which hears of everything after those that are there.
    pub(crate) fn and(self, observer: Arc<dyn Observer>) -> Self {
        let seated = self.0.iter().flat_map(|seated| seated.iter().map(Arc::clone));
        Self(Some(seated.chain([observer]).collect()))
    }

    /// Runs `tell` on each observer, if there is one: what only an event needs is computed in there.
    pub(crate) fn tell(&self, tell: impl Fn(&dyn Observer)) {
        if let Some(observers) = &self.0 {
            observers.iter().for_each(|observer| tell(&**observer));
        }
    }

    /// Whether there is an observer: for what has to be remembered before there is an event, such as a time.
    pub(crate) fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for ObserverSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObserverSeat").field(&self.is_taken()).finish()
    }
}
