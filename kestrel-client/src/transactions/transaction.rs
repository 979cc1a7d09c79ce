//! Transaction: the guard of an open transaction. What cannot be done outside of one is a method of it.

use std::mem;

use parking_lot::Mutex;

use super::topic::TransactionalTopic;
use super::{CommitError, TransactionalProducer, commit};
use crate::consumer::{Consumer, GroupMetadata, HandedOut, OffsetAndMetadata};
use crate::error::{Error, Result};
use crate::producer::EndFailure;
use crate::record::{Record, TopicPartition};
use crate::typed::TypedRecord;

/// An open transaction: records are sent in it, and offsets; then it is committed or aborted.
///
/// Made by [`TransactionalProducer::begin`]. Its calls take `&self`, so that several may be under way at once; all of them have
/// come to their end before it can be committed, or it does not compile:
///
/// ```compile_fail,E0505
/// # use kestrel_client::{Error, Transaction, TransactionalTopic};
/// async fn f(transaction: Transaction<'_>, topic: TransactionalTopic<str, str>) -> Result<(), Error> {
///     let sending = transaction.send(&topic, "customer-7", "3 apples");
///     transaction.commit().await?;
///     sending.await.map(drop)
/// }
/// ```
///
/// Nor does sending after the end:
///
/// ```compile_fail,E0382
/// # use kestrel_client::{Error, Transaction, TransactionalTopic};
/// async fn f(transaction: Transaction<'_>, topic: TransactionalTopic<str, str>) -> Result<(), Error> {
///     transaction.commit().await?;
///     transaction.send(&topic, "customer-7", "3 apples").await
/// }
/// ```
///
/// # Dropping it
/// A transaction that is dropped is aborted, in the background: also by `?`, and when the future that owns it is dropped. The
/// next [`begin`](TransactionalProducer::begin) waits for that. It is never committed.
///
/// # When a record fails
/// A record that was accepted and cannot be stored makes the transaction one that can only be aborted: what is sent after it is
/// refused with [`Error::TransactionFailed`], and [`commit`](Self::commit) gives [`CommitError::Abortable`]. A record that was
/// not accepted (it is too large, or was not serialized) changes nothing: the caller has heard of it.
#[derive(Debug)]
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p> {
    /// Borrowed mutably by `begin`: as long as this lives, there is no other.
    producer: &'p TransactionalProducer,
    /// The offsets of consumers in it, which they hear of when it is committed.
    offsets: Mutex<Vec<HandedOut>>,
    is_open: bool,
}

impl<'p> Transaction<'p> {
    pub(super) fn new(producer: &'p TransactionalProducer) -> Self {
        Self { producer, offsets: Mutex::default(), is_open: true }
    }

    /// Hands a record to the producer, as part of the transaction; returns when it is accepted. That it is stored is awaited by
    /// [`commit`](Self::commit), for all records at once; the [`Delivery`](crate::Delivery) of a single one is what
    /// [`record(..).send()`](Self::record) gives.
    ///
    /// A record that is stored is there for consumers that read uncommitted; the others get it when the transaction is committed.
    ///
    /// # Errors
    /// As [`TypedProducer::send`](crate::TypedProducer::send); [`Error::TransactionFailed`] when something before it has failed;
    /// [`Error::InvalidArgument`] for a topic that another producer has opened. The record was not accepted then.
    ///
    /// # Cancel safety
    /// Cancel-safe: when the future is dropped before it is ready, the record was not accepted.
    pub async fn send<K: ?Sized + 'static, V: ?Sized + 'static>(
        &self,
        topic: &TransactionalTopic<K, V>,
        key: &K,
        value: &V,
    ) -> Result<()> {
        self.record(topic, key, value).send().await.map(drop)
    }

    /// As [`send`](Self::send), with a null key.
    ///
    /// # Errors
    /// As `send`. Cancel-safe.
    pub async fn send_unkeyed<K: ?Sized + 'static, V: ?Sized + 'static>(
        &self,
        topic: &TransactionalTopic<K, V>,
        value: &V,
    ) -> Result<()> {
        self.unkeyed(topic, value).send().await.map(drop)
    }

    /// As [`send`](Self::send), with a null value: on a compacted topic, the key's end.
    ///
    /// # Errors
    /// As `send`. Cancel-safe.
    pub async fn tombstone<K: ?Sized + 'static, V: ?Sized + 'static>(
        &self,
        topic: &TransactionalTopic<K, V>,
        key: &K,
    ) -> Result<()> {
        self.tombstone_record(topic, key).send().await.map(drop)
    }

    /// Begins a record with headers, a timestamp or a partition of its own.
    ///
    /// ```no_run
    /// # use kestrel_client::{Error, Transaction, TransactionalTopic};
    /// # async fn f(transaction: &Transaction<'_>, alerts: &TransactionalTopic<str, str>) -> Result<(), Error> {
    /// let delivery = transaction.record(alerts, "card-7", "too fast").header("rule", "velocity").send().await?;
    /// println!("stored at {:?}, if it will be committed", delivery.await?.offset);
    /// # Ok(())
    /// # }
    /// ```
    pub fn record<'a, K: ?Sized + 'static, V: ?Sized + 'static>(
        &'a self,
        topic: &'a TransactionalTopic<K, V>,
        key: &'a K,
        value: &'a V,
    ) -> TypedRecord<'a, K, V> {
        topic.typed().record(key, value).in_transaction(&self.producer.control)
    }

    /// As [`record`](Self::record), with a null key.
    pub fn unkeyed<'a, K: ?Sized + 'static, V: ?Sized + 'static>(
        &'a self,
        topic: &'a TransactionalTopic<K, V>,
        value: &'a V,
    ) -> TypedRecord<'a, K, V> {
        topic.typed().unkeyed(value).in_transaction(&self.producer.control)
    }

    /// As [`record`](Self::record), with a null value.
    pub fn tombstone_record<'a, K: ?Sized + 'static, V: ?Sized + 'static>(
        &'a self,
        topic: &'a TransactionalTopic<K, V>,
        key: &'a K,
    ) -> TypedRecord<'a, K, V> {
        topic.typed().tombstone_record(key).in_transaction(&self.producer.control)
    }

    /// As [`send`](Self::send), for bytes and any topic: [`Producer::send`](crate::Producer::send).
    ///
    /// # Errors
    /// As `send`, and [`Error::UnknownTopic`]. Cancel-safe.
    pub async fn send_record(&self, record: Record) -> Result<()> {
        self.producer.control.check_open()?;
        self.producer.producer.send(record).await.map(drop)
    }

    /// As [`Self::send_record`], for a record that stays in the trace that its headers say: a dead letter.
    pub(crate) async fn send_on(&self, record: Record) -> Result<()> {
        self.producer.control.check_open()?;
        self.producer.producer.send_on(record).await.map(drop)
    }

    /// Makes what `consumer` has handed out part of the transaction: its group goes on behind it if, and only if, the
    /// transaction is committed (KIP-447). As [`Consumer::commit`], it says of the last record too that it is done.
    ///
    /// The consumer's own commits have to be off: [`CommitPolicy::Manual`](crate::CommitPolicy::Manual).
    ///
    /// ```no_run
    /// # use kestrel_client::{Consumer, Error, TransactionalProducer, TransactionalTopic};
    /// # async fn f(mut consumer: Consumer<String, String>, mut producer: TransactionalProducer,
    /// #     upper: TransactionalTopic<str, str>) -> Result<(), Error> {
    /// while let Some(batch) = consumer.next_batch().await? {
    ///     let transaction = producer.begin().await?;
    ///     for record in &batch {
    ///         let text = record.value()?.unwrap_or_default();
    ///         transaction.send_unkeyed(&upper, &*text.to_uppercase()).await?;
    ///     }
    ///     transaction.send_offsets(&consumer).await?;
    ///     transaction.commit().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Here the first error ends the loop; what goes on after one, and reads again what was aborted, is
    /// [`Client::exactly_once`](crate::Client::exactly_once).
    ///
    /// # Errors
    /// [`Error::CommitFailed`] when the group has given partitions to others, of which records were handed out;
    /// [`Error::Broker`] when the group refuses it. The transaction can only be aborted then.
    /// [`Error::TransactionFailed`] when something before it has failed. [`Error::InvalidArgument`] when the consumer commits by
    /// itself.
    ///
    /// # Cancel safety
    /// Not cancel-safe: when the future is dropped, the transaction can only be aborted.
    pub async fn send_offsets<K, V>(&self, consumer: &Consumer<K, V>) -> Result<()> {
        let unfinished = self.producer.control.unfinished();
        let handed_out = consumer.handed_out().await;
        let handed_out = handed_out.inspect_err(|error| self.producer.control.fail(error))?;
        self.producer.control.send_offsets(handed_out.group().clone(), handed_out.offsets()).await?;
        self.offsets.lock().push(handed_out);
        unfinished.finish();
        Ok(())
    }

    /// Makes these offsets part of the transaction: of each partition, the offset of the record that is to be read next.
    /// `group` is whose they are, as [`Consumer::group_metadata`] gives it: a member that the group goes on without is refused.
    ///
    /// ```no_run
    /// # use kestrel_client::{Consumer, Error, Transaction};
    /// # async fn f(transaction: &Transaction<'_>, consumer: &Consumer<String, u64>) -> Result<(), Error> {
    /// let group = consumer.group_metadata().await?;
    /// transaction.send_offsets_of(&group, [(("clicks", 0), 42)]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send_offsets`](Self::send_offsets); [`Error::InvalidArgument`] for a negative offset.
    ///
    /// # Cancel safety
    /// Not cancel-safe: when the future is dropped, the transaction can only be aborted.
    pub async fn send_offsets_of(
        &self,
        group: &GroupMetadata,
        offsets: impl IntoIterator<Item = (impl Into<TopicPartition>, impl Into<OffsetAndMetadata>)>,
    ) -> Result<()> {
        let offsets = offsets.into_iter().map(|(partition, offset)| (partition.into(), offset.into()));
        let offsets: Vec<(TopicPartition, OffsetAndMetadata)> = offsets.collect();
        offsets.iter().try_for_each(|(_, offset)| Error::check_offset("offset", offset.offset))?;
        self.producer.control.send_offsets(group.clone(), offsets).await
    }

    /// Sends what was accepted without lingering, waits until all of it is stored, and commits: then consumers that read
    /// committed get the records, and the groups have the offsets. Waits at most `max.block.ms`.
    ///
    /// A transaction without records and offsets needs no broker.
    ///
    /// # Errors
    /// [`CommitError::Abortable`] gives the transaction back for [`abort`](Self::abort); [`CommitError::Undecided`] when there
    /// was no answer in time; [`CommitError::Fatal`] when the producer is finished.
    ///
    /// # Cancel safety
    /// Dropping the future, once it was polled, does not take the commit back, and leaves open whether it happens: the next
    /// [`begin`](TransactionalProducer::begin) waits until it is decided.
    pub async fn commit(self) -> Result<(), CommitError<'p>> {
        let (producer, offsets) = self.end();
        let ended = producer.control.commit().await;
        commit::close(producer, offsets, ended)
    }

    /// Aborts: what was not sent is dropped, and consumers that read committed get nothing of what was. Waits at most
    /// `max.block.ms`.
    ///
    /// Consumers whose offsets were in it stand where they stood: [`Consumer::seek_to_committed`] takes them back.
    ///
    /// # Errors
    /// [`Error::Timeout`] when there was no answer in time: it goes on, and the next [`begin`](TransactionalProducer::begin) waits
    /// for it. [`Error::ProducerFenced`] and [`Error::ProducerFailed`] when the producer is finished.
    ///
    /// # Cancel safety
    /// Cancel-safe: however it ends, the transaction is aborted.
    pub async fn abort(self) -> Result<()> {
        let (producer, _) = self.end();
        producer.control.abort().await.map_err(EndFailure::into_error)
    }

    /// The parts of a transaction whose end is being asked for.
    fn end(mut self) -> (&'p TransactionalProducer, Vec<HandedOut>) {
        self.is_open = false;
        (self.producer, mem::take(self.offsets.get_mut()))
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.producer.control.abandon();
        }
    }
}
