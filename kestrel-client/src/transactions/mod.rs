//! Transactions: records of several topics, and the offsets of a group, that are committed together or not at all (KIP-98).
//!
//! The handles that user tasks hold. What a transaction has come to is decided by the producer's
//! [`TransactionManager`](crate::producer); nothing here knows the protocol.
//!
//! ```text
//!   TransactionalProducer ── begin ──▶ Transaction<'_> ── commit ──▶ ()  or CommitError ── a handle with what is legal next
//!        │ topic                         │ send, send_offsets          abort, drop
//!        ▼                               ▼
//!   TransactionalTopic              producer::Control ──▶ sender ⇄ dispatcher ⇄ TransactionManager
//! ```

mod builder;
mod commit;
mod exactly_once;
mod topic;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::into::IntoName;
use crate::producer::{Producer, TransactionControl};

pub use builder::TransactionalProducerBuilder;
pub use commit::{CommitError, UndecidedCommit};
pub use exactly_once::ExactlyOnce;
pub use topic::{TransactionalTopic, TransactionalTopicBuilder};
pub use transaction::Transaction;

/// Writes records in transactions: consumers that read committed get all records of a transaction, or none.
///
/// Made by [`Client::transactional_producer`](crate::Client::transactional_producer). It is one owned handle: a producer has one
/// transaction at a time, which [`begin`](Self::begin) borrows it for. Topics are opened first, with the types of their keys
/// and values; one transaction writes to as many of them as it likes.
///
/// ```no_run
/// # async fn example(client: kestrel_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use kestrel_client::{CommitError, Int64, Utf8};
///
/// let mut producer = client.transactional_producer("billing-1").build().await?;
/// let invoices = producer.topic::<str, str>("invoices").key(Utf8).value(Utf8).open().await?;
/// let balances = producer.topic::<str, i64>("balances").key(Utf8).value(Int64).open().await?;
///
/// let transaction = producer.begin().await?;
/// transaction.send(&invoices, "customer-7", "3 apples").await?;
/// transaction.send(&balances, "customer-7", &-300).await?;
/// match transaction.commit().await {
///     Ok(()) => {}
///     Err(CommitError::Abortable { transaction, source, .. }) => {
///         eprintln!("not committed: {source:#}");
///         transaction.abort().await?; // and then the same work again
///     }
///     Err(other) => return Err(kestrel_client::Error::from(other).into()),
/// }
/// # Ok(())
/// # }
/// ```
///
/// # The transactional id
/// It names the work, not the process: the next run of the same work has the same id, and [`build`](TransactionalProducerBuilder::build)
/// ends what an earlier run has left open and fences it. Two producers that run at the same time need two ids. One that was
/// fenced fails with [`Error::ProducerFenced`](crate::Error::ProducerFenced), and stays so.
///
/// # What does not compile
/// Sending without a transaction: a topic of this producer has no `send`.
///
/// ```compile_fail,E0599
/// # async fn f(producer: kestrel_client::TransactionalProducer) -> Result<(), kestrel_client::Error> {
/// # use kestrel_client::Utf8;
/// let topic = producer.topic::<str, str>("invoices").key(Utf8).value(Utf8).open().await?;
/// topic.send("customer-7", "3 apples").await?;
/// # Ok(())
/// # }
/// ```
///
/// Two transactions at once:
///
/// ```compile_fail,E0499
/// # async fn f(mut producer: kestrel_client::TransactionalProducer) -> Result<(), kestrel_client::Error> {
/// let first = producer.begin().await?;
/// let second = producer.begin().await?;
/// first.abort().await
/// # }
/// ```
///
/// Offsets outside of a transaction:
///
/// ```compile_fail,E0599
/// # async fn f(producer: kestrel_client::TransactionalProducer, consumer: kestrel_client::Consumer<String, u64>)
/// # -> Result<(), kestrel_client::Error> {
/// producer.send_offsets(&consumer).await
/// # }
/// ```
#[derive(Debug)]
pub struct TransactionalProducer {
    producer: Producer,
    control: TransactionControl,
}

impl TransactionalProducer {
    fn new(producer: Producer, control: TransactionControl) -> Self {
        Self { producer, control }
    }

    /// The id that the producer was made with.
    #[must_use]
    pub fn transactional_id(&self) -> &Arc<str> {
        self.control.transactional_id()
    }

    /// Begins a typed handle on a topic, for keys of type `K` and values of type `V`: what [`Transaction::send`] writes to.
    pub fn topic<K: ?Sized, V: ?Sized>(&self, topic: impl IntoName) -> TransactionalTopicBuilder<K, V> {
        TransactionalTopicBuilder::new(self.producer.topic(topic))
    }

    /// Begins a transaction, which lasts until it is committed, aborted or dropped.
    ///
    /// Waits, at most `max.block.ms`, until the transaction before has ended: it does at once unless that was dropped, or its
    /// end was not waited for. One that was dropped is aborted.
    ///
    /// The broker aborts a transaction that is open for longer than `transaction.timeout.ms`, counted from its first record.
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout) when the one before has not ended by then: it goes on ending, and the call may be
    /// repeated. [`Error::ProducerFenced`](crate::Error::ProducerFenced) and [`Error::ProducerFailed`](crate::Error::ProducerFailed)
    /// when the producer has failed for good.
    ///
    /// # Cancel safety
    /// Cancel-safe: no transaction is begun when the future is dropped.
    pub async fn begin(&mut self) -> Result<Transaction<'_>> {
        self.control.begin().await?;
        Ok(Transaction::new(self))
    }

    /// Takes no more transactions, and ends the producer: one that was dropped is aborted first. Waits for at most `patience`.
    ///
    /// Dropping the producer does the same in the background, as long as the runtime lives.
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout) when the last transaction has not ended in time: the broker aborts it after
    /// `transaction.timeout.ms`, and the next producer of the same id does before. [`Error::Ended`](crate::Error::Ended) when the
    /// runtime of the client has shut down before.
    ///
    /// # Cancel safety
    /// Cancel-safe: the producer is closed even if the future is dropped once it was polled.
    pub async fn close(self, patience: Duration) -> Result<()> {
        self.control.close(patience).await
    }
}
