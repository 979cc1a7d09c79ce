//! Questions about offsets: positions, lag, the ends of partitions, offsets for times.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use kestrel_protocol::LeaderEpoch;

use super::handle::Base;
use super::{Consumer, ConsumerHandle, Source};
use crate::admin::{ListedOffset, OffsetSpec, list_offsets};
use crate::error::{Error, Result};
use crate::record::{Timestamp, TopicPartition};

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

impl<S: Source> ConsumerHandle<S> {
    /// As [`Consumer::position`].
    ///
    /// # Errors
    /// As [`Consumer::position`], and [`Error::Closed`].
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

    /// As [`Consumer::lag`].
    ///
    /// # Errors
    /// As [`Consumer::lag`], and [`Error::Closed`].
    pub fn lag(&self, partition: impl Into<TopicPartition>) -> Result<Option<i64>> {
        let partition = partition.into();
        self.base.shared.look(|engine| {
            let position = engine.position(&partition)?;
            let end = engine.readable_end(&partition)?;
            Ok(position.zip(end).map(|(position, end)| (end - position).max(0)))
        })
    }

    pub(super) fn known_position(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        self.base.shared.look(|engine| engine.position(partition))
    }

    /// As [`Consumer::offsets_for_times`].
    ///
    /// # Errors
    /// As [`Consumer::offsets_for_times`].
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

    /// As [`Consumer::beginning_offsets`].
    ///
    /// # Errors
    /// As [`Consumer::beginning_offsets`].
    ///
    /// # Cancel safety
    /// Cancel-safe: it changes nothing.
    pub async fn beginning_offsets(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
    ) -> Result<HashMap<TopicPartition, i64>> {
        self.ends(partitions, OffsetSpec::Earliest).await
    }

    /// As [`Consumer::end_offsets`].
    ///
    /// # Errors
    /// As [`Consumer::end_offsets`].
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

impl<K, V, S: Source> Consumer<K, V, S> {
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

    /// How many records of a partition are yet to be handed out, as its last fetch said; `None` before the first one.
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

/// The protocol has other meanings for negative times: -1 is the end.
pub(super) fn check_time(time: Timestamp) -> Result<()> {
    OffsetSpec::Timestamp(time).check()
}
