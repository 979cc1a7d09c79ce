//! RebalanceListener: called with the partitions that a member gains, gives up and has lost.
//!
//! Called by the group's driver, one call at a time, while heartbeats go on. The consumer's own stream waits for none of it,
//! except that nothing comes from partitions that are being given up, and nothing yet from those that are being taken on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;

use super::handle::GroupHandle;
use super::offset::OffsetAndMetadata;
use crate::error::{Error, Result};
use crate::record::TopicPartition;

/// Hears of partitions that a group's consumer gains and loses.
///
/// Each call is awaited; a rebalance waits for it, at most `max.poll.interval.ms` since the application's last poll.
///
/// ```
/// use kestrel_client::{RebalanceListener, RevokedPartitions, TopicPartition};
///
/// struct Totals;
///
/// #[async_trait::async_trait]
/// impl RebalanceListener for Totals {
///     async fn revoked(&self, revoked: &RevokedPartitions) {
///         // Write out what belongs to the partitions, then say that it is done.
///         if let Err(error) = revoked.commit().await {
///             eprintln!("{error}");
///         }
///     }
///
///     async fn lost(&self, partitions: &[TopicPartition]) {
///         eprintln!("someone else may have {partitions:?} already");
///     }
/// }
/// ```
#[async_trait]
pub trait RebalanceListener: Send + Sync + 'static {
    /// Partitions come. Nothing has been read of them yet: this is where to say where they begin, or that they are paused.
    ///
    /// Also called when a rebalance brings nothing new.
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        let _ = assigned;
    }

    /// Partitions go, in good order: they are still this member's until the call ends, and nothing more of them is handed
    /// out. What the application was done with is committed already, unless commits are manual.
    async fn revoked(&self, revoked: &RevokedPartitions) {
        let _ = revoked;
    }

    /// Partitions are gone: the group went on without this member, and they may be someone else's already. There is no way to
    /// commit.
    async fn lost(&self, partitions: &[TopicPartition]) {
        let _ = partitions;
    }
}

/// Partitions that a member takes on.
#[derive(Debug)]
pub struct AssignedPartitions {
    partitions: BTreeSet<TopicPartition>,
    pub(super) starts: BTreeMap<TopicPartition, i64>,
    pub(super) paused: BTreeSet<TopicPartition>,
}

impl AssignedPartitions {
    pub(super) fn new(partitions: BTreeSet<TopicPartition>) -> Self {
        Self { partitions, starts: BTreeMap::new(), paused: BTreeSet::new() }
    }

    /// The partitions that are new.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = &TopicPartition> {
        self.partitions.iter()
    }

    /// Begins at `offset` instead of where the group has committed: for applications that keep their offsets elsewhere.
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not among the new ones; [`Error::InvalidArgument`] for a negative offset.
    pub fn seek(&mut self, partition: impl Into<TopicPartition>, offset: i64) -> Result<()> {
        let partition = self.known(partition.into())?;
        Error::check_offset("offset", offset)?;
        self.starts.insert(partition, offset);
        Ok(())
    }

    /// Begins paused, until [`Consumer::resume`](crate::Consumer::resume).
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not among the new ones.
    pub fn pause(&mut self, partition: impl Into<TopicPartition>) -> Result<()> {
        let partition = self.known(partition.into())?;
        self.paused.insert(partition);
        Ok(())
    }

    fn known(&self, partition: TopicPartition) -> Result<TopicPartition> {
        if self.partitions.contains(&partition) {
            return Ok(partition);
        }
        Err(crate::error::PositionError::not_assigned(&partition).into())
    }
}

/// Partitions that a member gives up, and a last chance to commit.
pub struct RevokedPartitions {
    pub(super) partitions: BTreeSet<TopicPartition>,
    pub(super) group: GroupHandle,
}

impl RevokedPartitions {
    /// The partitions that go.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = &TopicPartition> {
        self.partitions.iter()
    }

    /// With [`CommitPolicy::OnAck`](crate::CommitPolicy::OnAck), waits until all that was handed out of these partitions is
    /// acknowledged. At once with the other policies: the application has asked for more already.
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn drain(&self) {
        self.group.drain(&self.partitions).await;
    }

    /// Commits what the application is done with of these partitions.
    ///
    /// # Errors
    /// As [`Consumer::commit`](crate::Consumer::commit).
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit(&self) -> Result<()> {
        self.group.commit_done(&self.partitions).await
    }

    /// Commits these offsets of these partitions.
    ///
    /// # Errors
    /// As [`Consumer::commit_offsets`](crate::Consumer::commit_offsets).
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit_offsets(
        &self,
        offsets: impl IntoIterator<Item = (impl Into<TopicPartition>, impl Into<OffsetAndMetadata>)>,
    ) -> Result<()> {
        let offsets = offsets.into_iter().map(|(partition, offset)| (partition.into(), offset.into()));
        self.group.commit(offsets.collect()).await
    }
}

impl fmt::Debug for RevokedPartitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokedPartitions").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}
