//! Commits: how a member of a group says where it stands, and asks where the group does.
//!
//! Part of [`Consumer`]. The calls hand offsets to the group's driver, in the order in which they are made.

use std::collections::HashMap;

use kestrel_protocol::TopicId;

use super::group::committed::OffsetQuestion;
use super::group::{Commit, OffsetAndMetadata};
use super::{Consumer, ConsumerHandle};
use crate::error::Result;
use crate::record::TopicPartition;

impl ConsumerHandle {
    /// Commits what is done and waits until the group has it: all records before the one that the consumer handed out last, or
    /// those that were acknowledged, in tasks of partitions those that they have gone past.
    ///
    /// [`Consumer::commit`] says of the last record too that it is done; from another task nobody knows.
    ///
    /// # Errors
    /// As [`Consumer::commit`].
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit(&self) -> Result<()> {
        self.commit_async().await
    }

    /// As [`Self::commit`], without waiting; see [`Consumer::commit_async`].
    pub fn commit_async(&self) -> Commit {
        self.source.group.submit_done(self.api_timeout())
    }

    /// As [`Consumer::commit_offsets`].
    ///
    /// # Errors
    /// As [`Consumer::commit_offsets`].
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (impl Into<TopicPartition>, impl Into<OffsetAndMetadata>)>,
    ) -> Result<()> {
        let offsets = offsets.into_iter().map(|(partition, offset)| (partition.into(), offset.into()));
        let offsets = offsets.collect();
        self.base.shared.look(|engine| engine.check_open())?;
        self.source.group.commit(offsets).await
    }

    /// As [`Consumer::committed`].
    ///
    /// # Errors
    /// As [`Consumer::committed`].
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn committed(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        let partitions = partitions.into_iter().map(|partition| (partition.into(), TopicId::NIL));
        let partitions: Vec<_> = partitions.collect();
        let question = OffsetQuestion { group_id: self.source.group.group_id.clone(), partitions };
        question.ask_until_answered(&self.base.client, self.api_timeout()).await
    }
}

impl<K, V> Consumer<K, V> {
    /// Commits everything that was handed out, the last record included, and waits until the group has it.
    ///
    /// With [`CommitPolicy::OnAck`](crate::CommitPolicy::OnAck) it commits what was acknowledged instead. During a rebalance
    /// it waits until the member has joined again. It does not count as asking for records: neither
    /// `max.poll.interval.ms` nor a rebalance that waits for this member begins anew.
    ///
    /// `Ok` means that the group has all of it.
    ///
    /// # Errors
    /// [`Error::CommitFailed`](crate::Error::CommitFailed) when a partition was lost before what was handed out of it was
    /// committed: the records will be read again, perhaps by another member; all further calls say so too until something new
    /// was handed out. [`Error::Timeout`](crate::Error::Timeout) after `default.api.timeout.ms`.
    /// [`Error::Broker`](crate::Error::Broker) for what the coordinator refuses for good. Reading goes on in any case.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit(&self) -> Result<()> {
        self.commit_async().await
    }

    /// As [`Self::commit`], without waiting: await what it gives, or drop it.
    ///
    /// Commits are sent one after the other in the order of the calls. When 64 of them wait, a further one waits with its
    /// future, and is given up with it.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// while let Some(batch) = consumer.next_batch().await? {
    ///     // ... work on the batch ...
    ///     drop(consumer.commit_async());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit_async(&self) -> Commit {
        self.hand.note_done();
        self.handle.commit_async()
    }

    /// Commits these offsets: of each partition, the offset of the record that is to be read next.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::OffsetAndMetadata;
    ///
    /// let next = OffsetAndMetadata::new(42).metadata("checked by hand");
    /// consumer.commit_offsets([(("clicks", 0), next)]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Position`](crate::Error::Position) for a partition that is not assigned: nothing is committed then.
    /// [`Error::CommitFailed`](crate::Error::CommitFailed) for one that is lost before the group has the offset; what else
    /// there is is committed. The others are those of [`Self::commit`].
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (impl Into<TopicPartition>, impl Into<OffsetAndMetadata>)>,
    ) -> Result<()> {
        self.handle.commit_offsets(offsets).await
    }

    /// What the group has committed for each partition; `None` is nothing. Partitions need not be assigned.
    ///
    /// An offset that a transaction is about to commit is waited for.
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout) after `default.api.timeout.ms`; [`Error::Broker`](crate::Error::Broker) for
    /// what the coordinator refuses for good.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn committed(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        self.handle.committed(partitions).await
    }
}
