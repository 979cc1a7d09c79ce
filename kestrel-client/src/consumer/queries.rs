//! Questions about offsets: positions, lag, the ends of partitions, offsets for times.

use std::collections::HashMap;
use std::pin::pin;

use kestrel_protocol::LeaderEpoch;

use super::{Consumer, Source};
use crate::admin::{OffsetSpec, list_offsets};
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
        let partition = partition.into();
        let becomes_known = async {
            loop {
                let mut changed = pin!(self.handle.base.shared.changed_by_driver().notified());
                changed.as_mut().enable();
                if let Some(position) = self.known_position(&partition)? {
                    return Ok(position);
                }
                changed.await;
            }
        };
        let timeout = self.api_timeout();
        let timed_out = |_| Error::timeout("finding a position", timeout, "default.api.timeout.ms");
        tokio::time::timeout(timeout, becomes_known).await.map_err(timed_out)?
    }

    /// How many records of a partition are yet to be handed out, as its last fetch said; `None` before the first one.
    ///
    /// Offsets are counted, so records that compaction removed, and transaction markers, count too.
    ///
    /// # Errors
    /// [`Error::Position`] when the partition is not assigned.
    pub fn lag(&self, partition: impl Into<TopicPartition>) -> Result<Option<i64>> {
        let partition = partition.into();
        let position = self.known_position(&partition)?;
        let end = self.handle.base.shared.look(|engine| engine.readable_end(&partition))?;
        Ok(position.zip(end).map(|(position, end)| (end - position).max(0)))
    }

    pub(super) fn known_position(&self, partition: &TopicPartition) -> Result<Option<i64>> {
        let waiting = self.handle.base.shared.look(|engine| engine.position(partition))?;
        let current = self.current.as_ref().filter(|_| self.is_current(partition));
        Ok(current.map(|fetch| fetch.next_offset()).or(waiting))
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
        let specs =
            times.into_iter().map(|(partition, time)| (partition.into(), OffsetSpec::Timestamp(time)));
        let specs: Vec<_> = specs.collect();
        let mut found = HashMap::with_capacity(specs.len());
        for (partition, result) in list_offsets(
            &self.handle.base.client,
            specs,
            self.handle.base.settings.isolation_level,
            self.api_timeout(),
        )
        .await
        {
            let listed = result?;
            let offset = listed.offset.map(|offset| OffsetAndTimestamp {
                offset,
                timestamp: listed.timestamp,
                leader_epoch: listed.leader_epoch,
            });
            found.insert(partition, offset);
        }
        Ok(found)
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
        self.ends(partitions, OffsetSpec::Earliest).await
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
        self.ends(partitions, OffsetSpec::Latest).await
    }

    async fn ends(
        &self,
        partitions: impl IntoIterator<Item = impl Into<TopicPartition>>,
        spec: OffsetSpec,
    ) -> Result<HashMap<TopicPartition, i64>> {
        let specs: Vec<_> = partitions.into_iter().map(|partition| (partition.into(), spec)).collect();
        let listed = list_offsets(
            &self.handle.base.client,
            specs,
            self.handle.base.settings.isolation_level,
            self.api_timeout(),
        )
        .await;
        listed
            .into_iter()
            .map(|(partition, result)| Ok((partition, result?.offset.unwrap_or_default())))
            .collect()
    }
}
