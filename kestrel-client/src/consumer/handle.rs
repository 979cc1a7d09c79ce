//! ConsumerHandle: asks and steers one consumer from any task of an application: everything but its records.
//!
//! None of the calls about the assignment, positions and pauses waits or sends anything itself: they hold for the very next
//! record that is handed out. Commits go to the group's driver, in the order in which they are made.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::LeaderEpoch;

use super::engine::{Engine, Lag};
use super::group::committed::CommittedOffsets;
use super::group::{Commit, GroupMetadata, OffsetAndMetadata};
use super::position::StartAt;
use super::shared_engine::SharedEngine;
use super::source::{Assigned, Source, Subscribed};
use crate::admin::settle::settle;
use crate::admin::{ListedOffset, OffsetSpec, list_offsets};
use crate::client::Client;
use crate::config::{ConsumerSettings, argument_fits};
use crate::error::{Error, Result};
use crate::metadata::{Reason, TopicUses};
use crate::record::{Timestamp, TopicPartition};

/// Asks and steers a consumer from other tasks, while its own reads: positions, lag, pauses, seeks, the assignment, and in a
/// group, commits.
///
/// Made by [`Consumer::handle`](crate::Consumer::handle)(crate::Consumer::handle); clones are cheap and mean the same consumer. What is said holds for
/// the next record that is handed out: a call of [`next`](crate::Consumer::next) that is about to return one may still do so.
/// The tasks of [`for_each_partition`](crate::Consumer::for_each_partition) hear of pauses and seeks in the same way.
///
/// When the consumer is closed or dropped, calls fail with [`Error::Closed`].
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// use std::time::Duration;
///
/// let handle = consumer.handle();
/// let watch = async move {
///     loop {
///         tokio::time::sleep(Duration::from_secs(10)).await;
///         for partition in handle.assignment() {
///             println!("{partition}: {:?} records behind", handle.lag(&partition)?);
///         }
///     }
/// };
/// let work = consumer.for_each_partition(|mut partition| async move {
///     while let Some(record) = partition.next().await {
///         println!("{:?}", record?.value);
///     }
///     Ok::<(), kestrel_client::Error>(())
/// });
/// tokio::select! {
///     outcome = work => outcome,
///     failed = watch => failed,
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct ConsumerHandle<S: Source = Subscribed> {
    pub(super) base: Base,
    pub(super) source: S,
}

/// The parts that both kinds of consumer have.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) client: Client,
    pub(super) settings: Arc<ConsumerSettings>,
    pub(super) shared: SharedEngine,
    /// The topics that it keeps in the metadata.
    pub(super) topics: TopicUses,
}

/// The first record at or after a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffsetAndTimestamp {
    /// The record's offset.
    pub offset: i64,
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// The epoch of the leader that appended the record, when the broker said it.
    pub leader_epoch: Option<LeaderEpoch>,
}

impl ConsumerHandle<Assigned> {
    /// As [`AssignedConsumer::assign`](crate::AssignedConsumer::assign).
    ///
    /// # Errors
    /// As [`AssignedConsumer::assign`](crate::AssignedConsumer::assign), and [`Error::Closed`].
    pub fn assign(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.assign_ranges(&checked(partitions)?, Vec::new())
    }

    /// Replaces the assignment, and reads of some partitions only a range.
    pub(super) fn assign_ranges(
        &self,
        partitions: &[TopicPartition],
        ranges: Vec<(TopicPartition, Range<i64>)>,
    ) -> Result<()> {
        self.base
            .topics
            .replace(Reason::Assigned, partitions.iter().map(|partition| partition.topic.clone()));
        self.change(|engine| {
            engine.assign(partitions);
            ranges.into_iter().try_for_each(|(partition, range)| engine.set_range(&partition, range))
        })
    }

    /// As [`AssignedConsumer::unassign`](crate::AssignedConsumer::unassign).
    pub fn unassign(&self) {
        self.base.topics.replace(Reason::Assigned, []);
        self.base.shared.change_by_group(|engine| engine.assign(&[]));
    }
}

impl<S: Source> ConsumerHandle<S> {
    /// As [`Consumer::assignment`](crate::Consumer::assignment); empty when the consumer is closed.
    #[must_use]
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.base.shared.look(|engine| engine.assignment())
    }

    /// As [`Consumer::seek`](crate::Consumer::seek).
    ///
    /// # Errors
    /// As [`Consumer::seek`](crate::Consumer::seek), and [`Error::Closed`].
    pub fn seek(&self, partition: impl Into<TopicPartition>, offset: i64) -> Result<()> {
        let partition = partition.into();
        Error::check_offset("offset", offset)?;
        self.change(|engine| engine.seek(&partition, offset))
    }

    /// As [`Consumer::seek_to_beginning`](crate::Consumer::seek_to_beginning).
    ///
    /// # Errors
    /// As [`Consumer::seek_to_beginning`](crate::Consumer::seek_to_beginning), and [`Error::Closed`].
    pub fn seek_to_beginning(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.reset(partition, StartAt::Earliest))
    }

    /// As [`Consumer::seek_to_end`](crate::Consumer::seek_to_end).
    ///
    /// # Errors
    /// As [`Consumer::seek_to_end`](crate::Consumer::seek_to_end), and [`Error::Closed`].
    pub fn seek_to_end(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.reset(partition, StartAt::Latest))
    }

    /// As [`Consumer::pause`](crate::Consumer::pause).
    ///
    /// # Errors
    /// As [`Consumer::pause`](crate::Consumer::pause), and [`Error::Closed`].
    pub fn pause(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.set_paused(partition, true))
    }

    /// As [`Consumer::resume`](crate::Consumer::resume).
    ///
    /// # Errors
    /// As [`Consumer::resume`](crate::Consumer::resume), and [`Error::Closed`].
    pub fn resume(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.set_paused(partition, false))
    }

    /// As [`Consumer::paused`](crate::Consumer::paused).
    #[must_use]
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.base.shared.look(|engine| engine.paused())
    }

    fn for_each(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
        mut change: impl FnMut(&mut Engine, &TopicPartition) -> Result<()>,
    ) -> Result<()> {
        partitions.into_iter().try_for_each(|partition| {
            let partition = partition.into();
            self.change(|engine| change(engine, &partition))
        })
    }

    /// Changes the engine; what the caller has taken of a partition that changes is checked again before it is handed out.
    fn change(&self, change: impl FnOnce(&mut Engine) -> Result<()>) -> Result<()> {
        self.base.shared.change_by_group(|engine| {
            engine.check_open()?;
            change(engine)
        })
    }

    /// As [`Consumer::position`](crate::Consumer::position).
    ///
    /// # Errors
    /// As [`Consumer::position`](crate::Consumer::position), and [`Error::Closed`].
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn position(&self, partition: impl Into<TopicPartition>) -> Result<i64> {
        let partition = partition.into();
        let becomes_known = async {
            loop {
                let mut changed = pin!(self.base.shared.changed_by_driver().notified());
                changed.as_mut().enable();
                if let Some(position) = self.known_position(&partition)? {
                    return Ok(position);
                }
                self.base.shared.look(|engine| engine.check_open())?;
                changed.await;
            }
        };
        let timeout = self.api_timeout();
        let timed_out = |_| Error::timeout("finding a position", timeout, "default.api.timeout.ms");
        tokio::time::timeout(timeout, becomes_known).await.map_err(timed_out)?
    }

    /// As [`Consumer::lag`](crate::Consumer::lag).
    ///
    /// # Errors
    /// As [`Consumer::lag`](crate::Consumer::lag), and [`Error::Closed`].
    pub fn lag(&self, partition: impl Into<TopicPartition>) -> Result<Option<i64>> {
        let partition = partition.into();
        Ok(self.base.shared.look(|engine| engine.lag(&partition))?.map(Lag::records))
    }

    pub(super) fn known_position(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        self.base.shared.look(|engine| engine.position(partition))
    }

    /// As [`Consumer::offsets_for_times`](crate::Consumer::offsets_for_times).
    ///
    /// # Errors
    /// As [`Consumer::offsets_for_times`](crate::Consumer::offsets_for_times).
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn offsets_for_times(
        &self,
        times: impl IntoIterator<Item = (impl Into<TopicPartition>, Timestamp)>,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndTimestamp>>> {
        let specs = times.into_iter();
        let specs = specs.map(|(partition, time)| (partition.into(), OffsetSpec::Timestamp(time))).collect();
        let mut found = HashMap::new();
        for (partition, listed) in self.list(specs).await? {
            let offset = listed.offset.map(|offset| OffsetAndTimestamp {
                offset,
                timestamp: listed.timestamp,
                leader_epoch: listed.leader_epoch,
            });
            found.insert(partition, offset);
        }
        Ok(found)
    }

    /// As [`Consumer::beginning_offsets`](crate::Consumer::beginning_offsets).
    ///
    /// # Errors
    /// As [`Consumer::beginning_offsets`](crate::Consumer::beginning_offsets).
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn beginning_offsets(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.ends(partitions, OffsetSpec::Earliest).await
    }

    /// As [`Consumer::end_offsets`](crate::Consumer::end_offsets).
    ///
    /// # Errors
    /// As [`Consumer::end_offsets`](crate::Consumer::end_offsets).
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn end_offsets(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.ends(partitions, OffsetSpec::Latest).await
    }

    async fn ends(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
        spec: OffsetSpec,
    ) -> Result<HashMap<TopicPartition, i64>> {
        let specs = partitions.into_iter().map(|partition| (partition.into(), spec)).collect();
        let listed = self.list(specs).await?;
        Ok(listed
            .into_iter()
            .map(|(partition, found)| (partition, found.offset.unwrap_or_default()))
            .collect())
    }

    async fn list(
        &self,
        specs: Vec<(TopicPartition, OffsetSpec)>,
    ) -> Result<Vec<(TopicPartition, ListedOffset)>> {
        let Base { client, settings, .. } = &self.base;
        let listed = list_offsets(client, specs, settings.isolation_level, self.api_timeout()).await;
        listed.into_iter().map(|(partition, result)| Ok((partition, result?))).collect()
    }

    pub(super) fn api_timeout(&self) -> Duration {
        self.base.settings.default_api_timeout
    }
}

impl ConsumerHandle {
    /// As [`Consumer::seek_to_committed`](crate::Consumer::seek_to_committed).
    ///
    /// # Errors
    /// As [`Consumer::seek_to_committed`](crate::Consumer::seek_to_committed).
    pub fn seek_to_committed(&self) -> Result<()> {
        self.change(|engine| {
            engine.go_back_to_committed();
            Ok(())
        })
    }

    /// As [`Consumer::group_metadata`](crate::Consumer::group_metadata).
    ///
    /// # Errors
    /// As [`Consumer::group_metadata`](crate::Consumer::group_metadata).
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn group_metadata(&self) -> Result<GroupMetadata> {
        self.source.group.metadata(self.api_timeout()).await
    }

    /// Commits what is done and waits until the group has it: all records before the one that the consumer handed out last, or
    /// those that were acknowledged, in tasks of partitions those that they have gone past.
    ///
    /// [`Consumer::commit`](crate::Consumer::commit) says of the last record too that it is done; from another task nobody knows.
    ///
    /// # Errors
    /// As [`Consumer::commit`](crate::Consumer::commit).
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back.
    pub async fn commit(&self) -> Result<()> {
        self.commit_async().await
    }

    /// As [`Self::commit`], without waiting; see [`Consumer::commit_async`](crate::Consumer::commit_async).
    pub fn commit_async(&self) -> Commit {
        self.source.group.submit_done(self.api_timeout())
    }

    /// As [`Consumer::commit_offsets`](crate::Consumer::commit_offsets).
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
        let offsets = offsets.collect();
        self.base.shared.look(|engine| engine.check_open())?;
        self.source.group.commit(offsets).await
    }

    /// As [`Consumer::committed`](crate::Consumer::committed).
    ///
    /// # Errors
    /// As [`Consumer::committed`](crate::Consumer::committed).
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn committed(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, Option<OffsetAndMetadata>>> {
        let call = CommittedOffsets { group: Arc::from(&*self.source.group.group_id) };
        let partitions = partitions.into_iter().map(Into::into).collect();
        let settled = settle(&self.base.client, &call, partitions, self.api_timeout()).await;
        settled.into_iter().map(|(partition, committed)| Ok((partition, committed?))).collect()
    }
}

impl<S: Source> fmt::Debug for ConsumerHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerHandle").field("source", &self.source).finish_non_exhaustive()
    }
}

/// The partitions, each once, if their names and numbers are possible.
pub(super) fn checked(
    partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
) -> Result<Vec<TopicPartition>> {
    let mut checked: Vec<TopicPartition> = Vec::new();
    let mut seen = HashSet::new();
    for partition in partitions {
        let partition = partition.into();
        if partition.topic.is_empty() || partition.partition < 0 {
            let problem =
                format!("`{partition}` is not a partition: a topic has a name, and numbers begin at 0");
            return Err(Error::invalid_argument("partitions", problem));
        }
        argument_fits("partitions", &partition.topic)?;
        if seen.insert(partition.clone()) {
            checked.push(partition);
        }
    }
    Ok(checked)
}
