//! What a consumer reads, and from where: assignment, seek, pause.
//!
//! None of these calls waits or sends anything itself. They hold for the very next record that is handed out. What the consumer's
//! own methods do is what its handle's do.

use std::ops::Range;
use std::time::Duration;

use super::engine::Engine;
use super::source::Assigned;
use super::{AssignedConsumer, Consumer, ConsumerHandle, Source};
use crate::config::argument_fits;
use crate::consumer::position::ResetTo;
use crate::environment::{self, after};
use crate::error::{Error, Result};
use crate::metadata::Reason;
use crate::record::TopicPartition;

/// How long closing may take when nothing else is said.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

impl ConsumerHandle<Assigned> {
    /// As [`AssignedConsumer::assign`].
    ///
    /// # Errors
    /// As [`AssignedConsumer::assign`], and [`Error::Closed`].
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

    /// As [`AssignedConsumer::unassign`].
    pub fn unassign(&self) {
        self.base.topics.replace(Reason::Assigned, []);
        self.base.shared.change_by_group(|engine| engine.assign(&[]));
    }
}

impl<S: Source> ConsumerHandle<S> {
    /// As [`Consumer::assignment`]; empty when the consumer is closed.
    #[must_use]
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.base.shared.look(|engine| engine.assignment())
    }

    /// As [`Consumer::seek`].
    ///
    /// # Errors
    /// As [`Consumer::seek`], and [`Error::Closed`].
    pub fn seek(&self, partition: impl Into<TopicPartition>, offset: i64) -> Result<()> {
        let partition = partition.into();
        if offset < 0 {
            return Err(Error::invalid_argument(
                "offset",
                format!("{offset} is negative: offsets begin at 0"),
            ));
        }
        self.change(|engine| engine.seek(&partition, offset))
    }

    /// As [`Consumer::seek_to_beginning`].
    ///
    /// # Errors
    /// As [`Consumer::seek_to_beginning`], and [`Error::Closed`].
    pub fn seek_to_beginning(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.reset(partition, ResetTo::Earliest))
    }

    /// As [`Consumer::seek_to_end`].
    ///
    /// # Errors
    /// As [`Consumer::seek_to_end`], and [`Error::Closed`].
    pub fn seek_to_end(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.reset(partition, ResetTo::Latest))
    }

    /// As [`Consumer::pause`].
    ///
    /// # Errors
    /// As [`Consumer::pause`], and [`Error::Closed`].
    pub fn pause(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.set_paused(partition, true))
    }

    /// As [`Consumer::resume`].
    ///
    /// # Errors
    /// As [`Consumer::resume`], and [`Error::Closed`].
    pub fn resume(&self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        self.for_each(partitions, |engine, partition| engine.set_paused(partition, false))
    }

    /// As [`Consumer::paused`].
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

    /// What is in the caller's hands of a partition that changes is looked at again before it is handed out.
    fn change(&self, change: impl FnOnce(&mut Engine) -> Result<()>) -> Result<()> {
        self.base.shared.change_by_group(|engine| {
            engine.check_open()?;
            change(engine)
        })
    }
}

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
    /// What was handed out last, a record or a batch, is not done by closing, since the work on it may have failed: it comes
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
        self.hand.put_back();
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
}

/// The partitions, each once, if their names and numbers are possible.
pub(super) fn checked(
    partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
) -> Result<Vec<TopicPartition>> {
    let mut checked: Vec<TopicPartition> = Vec::new();
    let mut seen = std::collections::HashSet::new();
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
