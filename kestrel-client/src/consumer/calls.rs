//! The calls of a consumer beside reading: they do what its handle's do.

use std::collections::HashMap;
use std::time::Duration;

use super::group::{Commit, GroupMetadata, OffsetAndMetadata};
use super::handle::OffsetAndTimestamp;
use super::source::Source;
use super::{AssignedConsumer, Consumer, ConsumerHandle};
use crate::environment::{self, after};
use crate::error::{Error, Result};
use crate::record::{Timestamp, TopicPartition};

/// The patience of a `close` without a limit.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

impl<K, V> AssignedConsumer<K, V> {
    /// Replaces the assignment. Partitions that stay assigned keep their position, their fetched records and their pause;
    /// new ones begin where `auto.offset.reset` says, unless [`Self::seek`] says otherwise first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a negative partition number or an empty name; the assignment is then as it was. Whether the
    /// partitions exist shows in the stream.
    pub fn assign(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.handle.assign(partitions)
    }

    /// Ends the assignment: fetched records that were not handed out are dropped, and the stream ends.
    pub fn unassign(&self) {
        self.handle.unassign();
    }
}

impl<K, V, S: Source> Consumer<K, V, S> {
    /// A handle with which other tasks ask and steer this consumer while it reads; see [`ConsumerHandle`].
    #[must_use]
    pub fn handle(&self) -> ConsumerHandle<S> {
        self.handle.clone()
    }

    /// The assigned partitions, in the order in which they were assigned.
    #[must_use]
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.handle.assignment()
    }

    /// Sets the position: the record at `offset`, or the first after it, is handed out next. Fetched records of the
    /// partition are dropped.
    ///
    /// An offset that the log does not hold is treated as `auto.offset.reset` says.
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not assigned; [`Error::InvalidArgument`] for a negative offset.
    pub fn seek(&self, partition: impl Into<TopicPartition>, offset: i64) -> Result<()> {
        self.handle.seek(partition, offset)
    }

    /// Goes on at the first record that the log of each partition holds; the offset is looked up in the background.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been moved.
    pub fn seek_to_beginning(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<()> {
        self.handle.seek_to_beginning(partitions)
    }

    /// Goes on after the last record of each partition; the offset is looked up in the background. With `read_committed`
    /// it is the last stable offset.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been moved.
    pub fn seek_to_end(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.handle.seek_to_end(partitions)
    }

    /// Hands out no records of these partitions, and fetches none, until [`Self::resume`]. Fetched ones are kept.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been paused.
    pub fn pause(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.handle.pause(partitions)
    }

    /// Ends the pause of these partitions: they go on where they were.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been resumed.
    pub fn resume(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.handle.resume(partitions)
    }

    /// The partitions that are paused.
    #[must_use]
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.handle.paused()
    }

    /// Stops the consumer: its tasks end and its connections close. A member of a group commits what is done, as its
    /// [`CommitPolicy`](crate::CommitPolicy) says, and leaves, so that others take over at once; a static one
    /// (`group.instance.id`) only commits. That may take 30 s; see [`Self::close_within`].
    ///
    /// The record or batch that was handed out last is not done by closing, since the work on it may have failed: it comes
    /// again, unless the next one was asked for, it was acknowledged, or [`commit`](Consumer::commit) was called before.
    ///
    /// Dropping the consumer stops it without waiting or committing: what was not committed is read again. It leaves its group
    /// in the background, see [`leave_group_on_drop`](crate::ConsumerConfig::leave_group_on_drop).
    ///
    /// # Errors
    /// [`Error::Timeout`] when the group could not be left in time; [`Error::CommitFailed`], or what the coordinator refused,
    /// when what was done is not committed. The consumer is stopped all the same.
    ///
    /// # Cancel safety
    /// When the future is dropped, the consumer is.
    pub async fn close(self) -> Result<()> {
        self.close_within(CLOSE_PATIENCE).await
    }

    /// As [`Self::close`], waiting at most `patience`.
    ///
    /// # Errors
    /// As [`Self::close`].
    ///
    /// # Cancel safety
    /// As [`Self::close`].
    pub async fn close_within(mut self, patience: Duration) -> Result<()> {
        self.handle.base.shared.let_go();
        self.hand.clear();
        let ends_at = after(environment::now(), patience);
        let timed_out = |operation| Error::out_of_patience(operation, patience);
        let left = tokio::time::timeout_at(ends_at.into(), self.handle.source.leave()).await;
        let left = left.unwrap_or_else(|_| Err(timed_out("leaving the group")));
        let shared = self.handle.base.shared.clone();
        drop(self);
        let ended = async {
            loop {
                let mut changed = std::pin::pin!(shared.changed_by_driver().notified());
                changed.as_mut().enable();
                if shared.look(|engine| engine.is_closed()) {
                    return;
                }
                changed.await;
            }
        };
        // The tasks end by themselves, in the background too; how soon is the runtime's business.
        match tokio::time::timeout_at(ends_at.into(), ended).await {
            Ok(()) => left.and_then(|()| shared.look(|engine| engine.loss())),
            Err(_) => left.and(Err(timed_out("stopping the consumer's tasks"))),
        }
    }

    /// The position of a partition: the offset that is handed out next. Waits until it is known, at most
    /// `default.api.timeout.ms`.
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not assigned, [`Error::Timeout`] when the position does not become known.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn position(&self, partition: impl Into<TopicPartition>) -> Result<i64> {
        self.handle.position(partition).await
    }

    /// The number of records of a partition that are yet to be handed out, as its last fetch said; `None` before the first one.
    ///
    /// Offsets are counted, so records that compaction removed, and transaction markers, count too.
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not assigned.
    pub fn lag(&self, partition: impl Into<TopicPartition>) -> Result<Option<i64>> {
        self.handle.lag(partition)
    }

    /// For each partition, the first record whose timestamp is the given one or later; `None` when there is none. Times before
    /// 1970 are errors, and so is [`Timestamp::NONE`].
    ///
    /// Partitions need not be assigned.
    ///
    /// ```no_run
    /// # async fn f(mut consumer: kestrel_client::AssignedConsumer<String, u64>) -> Result<(), kestrel_client::Error> {
    /// use std::time::{Duration, SystemTime};
    ///
    /// let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    /// let times = consumer.assignment().into_iter().map(|partition| (partition, an_hour_ago.into()));
    /// for (partition, found) in consumer.offsets_for_times(times).await? {
    ///     match found {
    ///         Some(found) => consumer.seek(partition, found.offset)?,
    ///         None => consumer.seek_to_end([partition])?,
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a negative time; the first partition's error that does not go away within
    /// `default.api.timeout.ms`.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn offsets_for_times(
        &self,
        times: impl IntoIterator<Item = (impl Into<TopicPartition>, Timestamp)>,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndTimestamp>>> {
        self.handle.offsets_for_times(times).await
    }

    /// The first offset that the log of each partition holds. Partitions need not be assigned.
    ///
    /// # Errors
    /// The first partition's error that does not go away within `default.api.timeout.ms`.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn beginning_offsets(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.handle.beginning_offsets(partitions).await
    }

    /// The offset after the last record of each partition that can be read: the high watermark, or with `read_committed`
    /// the last stable offset. Partitions need not be assigned.
    ///
    /// # Errors
    /// The first partition's error that does not go away within `default.api.timeout.ms`.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn end_offsets(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.handle.end_offsets(partitions).await
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
    /// [`Error::CommitFailed`] when a partition was lost before what was handed out of it was
    /// committed: the records will be read again, perhaps by another member; all further calls say so too until something new
    /// was handed out. [`Error::Timeout`] after `default.api.timeout.ms`.
    /// [`Error::Broker`] for what the coordinator refuses for good. Reading goes on in any case.
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
    /// [`Error::Position`] for a partition that is not assigned: nothing is committed then.
    /// [`Error::CommitFailed`] for one that is lost before the group has the offset; what else
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

    /// Takes all partitions back to what the group has committed, or to where `auto.offset.reset` says: what was fetched from
    /// there on is dropped, and handed out again. Offsets that a transaction is about to commit are waited for.
    ///
    /// After a transaction with offsets of this consumer was aborted: the work is done again. Does not wait for the offsets to
    /// be there; the next record comes when they are.
    ///
    /// # Errors
    /// [`Error::Closed`] when the consumer is.
    pub fn seek_to_committed(&self) -> Result<()> {
        self.handle.seek_to_committed()
    }

    /// The group, and as whom this consumer commits in it now, for
    /// [`Transaction::send_offsets_of`](crate::Transaction::send_offsets_of). Waits until it has joined, at most
    /// `default.api.timeout.ms`.
    ///
    /// # Errors
    /// [`Error::Timeout`]; [`Error::Closed`] when the consumer is.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn group_metadata(&self) -> Result<GroupMetadata> {
        self.handle.group_metadata().await
    }

    /// The group's committed offset of each partition; `None` where there is none. Partitions need not be assigned.
    ///
    /// An offset that a transaction is about to commit is waited for.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `default.api.timeout.ms`; [`Error::Broker`] for
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
