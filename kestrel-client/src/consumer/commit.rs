//! Commits: how a member of a group says where it stands, and asks where the group does.
//!
//! Part of [`Consumer`]. The calls hand offsets to the group's driver, in the order in which they are made.

use std::collections::HashMap;

use kestrel_protocol::TopicId;

use super::Consumer;
use super::engine::Engine;
use super::group::committed::OffsetQuestion;
use super::group::handle::{GroupHandle, done_entries};
use super::group::{Commit, OffsetAndMetadata};
use crate::error::Result;
use crate::record::TopicPartition;

impl<K, V> Consumer<K, V> {
    /// Commits everything that was handed out, the last record included, and waits until the group has it.
    ///
    /// With [`CommitPolicy::OnAck`](crate::CommitPolicy::OnAck) it commits what was acknowledged instead. During a rebalance
    /// it waits until the member has joined again.
    ///
    /// # Errors
    /// [`Error::Position`] when the group has taken a partition away meanwhile: its records will be read again by another
    /// member. [`Error::Timeout`] after `default.api.timeout.ms`. [`Error::Broker`] for what the coordinator refuses for
    /// good. Reading goes on in any case.
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
        self.note_ask();
        self.group()
            .submit_now(self.handle.base.shared.look(|engine: &mut Engine| done_entries(engine, None)))
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
    /// As [`Self::commit`], and [`Error::Position`] for a partition that is not assigned: nothing is committed then.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (impl Into<TopicPartition>, impl Into<OffsetAndMetadata>)>,
    ) -> Result<()> {
        let offsets = offsets.into_iter().map(|(partition, offset)| (partition.into(), offset.into()));
        let offsets = offsets.collect();
        self.group().commit(offsets).await
    }

    /// What the group has committed for each partition; `None` is nothing. Partitions need not be assigned.
    ///
    /// An offset that a transaction is about to commit is waited for.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `default.api.timeout.ms`; [`Error::Broker`] for what the coordinator refuses for good.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn committed(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        let partitions = partitions.into_iter().map(|partition| (partition.into(), TopicId::NIL));
        let partitions: Vec<_> = partitions.collect();
        let question = OffsetQuestion { group_id: self.group().group_id.clone(), partitions };
        question.ask_until_answered(&self.handle.base.client, self.api_timeout()).await
    }

    fn group(&self) -> &GroupHandle {
        &self.handle.source.group
    }
}
