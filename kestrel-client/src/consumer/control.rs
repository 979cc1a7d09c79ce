//! What a consumer reads, and from where: assignment, seek, pause.
//!
//! None of these calls waits or sends anything itself. They hold for the very next record that is handed out.

use std::time::Duration;

use super::engine::Engine;
use super::partition::ResetTo;
use super::{AssignedConsumer, Consumer, Source};
use crate::config::argument_fits;
use crate::environment;
use crate::error::{Error, Result};
use crate::record::TopicPartition;

/// How long closing may take when nothing else is said.
const CLOSE_PATIENCE: Duration = Duration::from_secs(30);

impl<K, V> AssignedConsumer<K, V> {
    /// Replaces the assignment. Partitions that stay assigned keep their position, their fetched records and their pause;
    /// new ones begin where `auto.offset.reset` says, unless [`Self::seek`] says otherwise first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a negative partition number or an empty name; the assignment is then as it was. Whether the partitions exist shows in the stream.
    pub fn assign(&mut self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        let partitions = checked(partitions)?;
        for partition in &partitions {
            self.handle.base.client.metadata().want_topic(&partition.topic);
        }
        let snapshot = self.handle.base.client.metadata().current();
        self.handle.base.shared.change(|engine| {
            engine.assign(&partitions);
            // Topics that are in the picture already bring no new one.
            engine.handle_metadata(&snapshot, environment::now());
        });
        self.return_run();
        Ok(())
    }

    /// Ends the assignment: fetched records that were not handed out are dropped, and the stream ends.
    pub fn unassign(&mut self) {
        self.handle.base.shared.change(|engine| engine.assign(&[]));
        self.return_run();
    }
}

impl<K, V, S: Source> Consumer<K, V, S> {
    /// The assigned partitions, in the order in which they were assigned.
    #[must_use]
    pub fn assignment(&self) -> Vec<TopicPartition> {
        self.handle.base.shared.look(|engine| engine.assignment())
    }

    /// Sets the position: the record at `offset`, or the first after it, is handed out next. Fetched records of the
    /// partition are dropped.
    ///
    /// An offset that the log does not hold is treated as `auto.offset.reset` says.
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not assigned; [`Error::InvalidArgument`] for a negative offset.
    pub fn seek(&mut self, partition: impl Into<TopicPartition>, offset: i64) -> Result<()> {
        let partition = partition.into();
        if offset < 0 {
            return Err(Error::invalid_argument(
                "offset",
                format!("{offset} is negative: offsets begin at 0"),
            ));
        }
        self.move_to(&partition, |engine| engine.seek(&partition, offset))
    }

    /// Goes on at the first record that the log of each partition holds; the offset is looked up in the background.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been moved.
    pub fn seek_to_beginning(
        &mut self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<()> {
        self.reset_all(partitions, ResetTo::Earliest)
    }

    /// Goes on after the last record of each partition; the offset is looked up in the background. With `read_committed`
    /// it is the last stable offset.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been moved.
    pub fn seek_to_end(
        &mut self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<()> {
        self.reset_all(partitions, ResetTo::Latest)
    }

    /// Hands out no records of these partitions, and fetches none, until [`Self::resume`]. Fetched ones are kept.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been paused.
    pub fn pause(&mut self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        for partition in partitions {
            let partition = partition.into();
            self.handle.base.shared.change(|engine| engine.set_paused(&partition, true))?;
            if self.is_current(&partition) {
                self.return_run();
            }
        }
        Ok(())
    }

    /// Ends the pause of these partitions: they go on where they were.
    ///
    /// # Errors
    /// [`Error::Position`] when a partition is not assigned; those before it in order have been resumed.
    pub fn resume(&mut self, partitions: impl IntoIterator<Item = impl Into<TopicPartition>>) -> Result<()> {
        partitions.into_iter().try_for_each(|partition| {
            self.handle.base.shared.change(|engine| engine.set_paused(&partition.into(), false))
        })
    }

    /// The partitions that are paused.
    #[must_use]
    pub fn paused(&self) -> Vec<TopicPartition> {
        self.handle.base.shared.look(|engine| engine.paused())
    }

    /// Stops the consumer: its tasks end and its connections close. A member of a group commits what was handed out, as its
    /// [`CommitPolicy`](crate::CommitPolicy) says, and leaves, so that others take over at once; a static one
    /// (`group.instance.id`) only commits. That may take 30 s; see [`Self::close_within`].
    ///
    /// Dropping the consumer stops it without waiting, committing or leaving: the group misses it after
    /// `session.timeout.ms`, and what was not committed is read again.
    ///
    /// # Errors
    /// [`Error::Timeout`] when the group could not be left in time. The consumer is stopped all the same.
    ///
    /// # Cancel safety
    /// The consumer stops also when the future is dropped, then without leaving.
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
        self.note_ask();
        self.return_run();
        let left = tokio::time::timeout(patience, self.handle.source.leave())
            .await
            .map_err(|_| Error::out_of_patience("leaving the group", patience));
        let shared = self.handle.base.shared.clone();
        drop(self);
        loop {
            let mut changed = std::pin::pin!(shared.changed_by_driver().notified());
            changed.as_mut().enable();
            if shared.look(|engine| engine.is_closed()) {
                return left?;
            }
            changed.await;
        }
    }

    fn reset_all(
        &mut self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
        to: ResetTo,
    ) -> Result<()> {
        for partition in partitions {
            let partition = partition.into();
            self.move_to(&partition, |engine| engine.reset(&partition, to))?;
        }
        Ok(())
    }

    /// Changes a position; what is in our hands of the partition belongs to the old one and is dropped.
    fn move_to(
        &mut self,
        partition: &TopicPartition,
        change: impl FnOnce(&mut Engine) -> Result<()>,
    ) -> Result<()> {
        self.handle.base.shared.change(change)?;
        if self.is_current(partition) {
            self.return_run();
        }
        Ok(())
    }

    pub(super) fn is_current(&self, partition: &TopicPartition) -> bool {
        let current = self.current.as_ref();
        current.is_some_and(|fetch| fetch.topic == partition.topic && fetch.partition == partition.partition)
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
