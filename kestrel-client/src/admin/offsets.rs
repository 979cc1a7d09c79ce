//! Calls that go to the leaders of partitions: listing offsets (KIP-396) and deleting records (KIP-107).

use std::time::{Duration, Instant};

use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use kestrel_protocol::{ApiKey, ErrorCode, LeaderEpoch, NodeId};

use super::leaders::{at_leaders, is_passing_at_leader};
use super::settle::{Call, Round, at_least, settle, timeout_ms};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::config::IsolationLevel;
use crate::error::{Error, Result};
use crate::partitions::{Answers, by_partition, by_topic};
use crate::record::{Timestamp, TopicPartition};

/// The first version of ListOffsets that knows [`OffsetSpec::MaxTimestamp`] (KIP-734).
const MAX_TIMESTAMP_VERSION: i16 = 7;

/// The offset of a partition to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OffsetSpec {
    /// The first offset that the log holds.
    Earliest,
    /// The offset after the last record that can be read.
    Latest,
    /// The offset of the record with the largest timestamp (KIP-734).
    MaxTimestamp,
    /// The offset of the first record whose timestamp is this one or later. Times before 1970 are errors, and so is
    /// [`Timestamp::NONE`]: the protocol has other meanings for such numbers.
    Timestamp(Timestamp),
}

impl OffsetSpec {
    const fn wire_timestamp(self) -> i64 {
        match self {
            Self::Latest => -1,
            Self::Earliest => -2,
            Self::MaxTimestamp => -3,
            Self::Timestamp(timestamp) => timestamp.as_millis(),
        }
    }

    /// Refuses a time that the protocol would take for something else.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Self::Timestamp(timestamp) => at_least("timestamp", timestamp.as_millis(), 0),
            Self::Earliest | Self::Latest | Self::MaxTimestamp => Ok(()),
        }
    }
}

/// An offset that was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedOffset {
    /// The offset; `None` when there is no such record.
    pub offset: Option<i64>,
    /// The record's timestamp; [`Timestamp::NONE`] for the ends of the log.
    pub timestamp: Timestamp,
    /// The epoch of the leader that appended the record, if the broker sent it.
    pub leader_epoch: Option<LeaderEpoch>,
}

/// The end of the records to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeleteRecordsTo {
    /// All records before this offset, 0 or more.
    Offset(i64),
    /// All records that can be read: up to the high watermark.
    HighWatermark,
}

impl Admin {
    /// Looks up offsets, each at its partition's leader. With [`IsolationLevel::ReadCommitted`], `Latest` is the last
    /// stable offset.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::OffsetSpec;
    /// use kestrel_client::{IsolationLevel, TopicPartition};
    ///
    /// let ends = [(TopicPartition::new("clicks", 0), OffsetSpec::Latest)];
    /// let ends = admin.list_offsets(ends, IsolationLevel::ReadUncommitted).await.into_result()?;
    /// println!("{:?}", ends[0].1.offset);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per partition: [`Error::InvalidArgument`] for a time before 1970, [`Error::UnknownTopic`], [`Error::UnknownPartition`], what the
    /// leader said, [`Error::Timeout`].
    pub async fn list_offsets(
        &self,
        specs: impl IntoIterator<Item = (impl Into<TopicPartition>, OffsetSpec)>,
        isolation_level: IsolationLevel,
    ) -> AdminResults<TopicPartition, ListedOffset> {
        let specs = specs.into_iter().map(|(partition, spec)| (partition.into(), spec)).collect();
        AdminResults(list_offsets(&self.client, specs, isolation_level, self.timeout).await)
    }

    /// Deletes the oldest records of partitions; gives the first offset that each log holds afterwards.
    ///
    /// # Errors
    /// Per partition: [`Error::InvalidArgument`] for a negative offset, `OFFSET_OUT_OF_RANGE` for an offset beyond the high watermark, `POLICY_VIOLATION` for a topic that is
    /// only compacted, [`Error::UnknownTopic`], [`Error::UnknownPartition`], [`Error::Timeout`].
    pub async fn delete_records(
        &self,
        records: impl IntoIterator<Item = (impl Into<TopicPartition>, DeleteRecordsTo)>,
    ) -> AdminResults<TopicPartition, i64> {
        let items = records.into_iter().map(|(partition, to)| (partition.into(), to)).collect();
        self.settle(&DeleteRecords, items).await.keyed(|(partition, _)| partition)
    }
}

/// Looks up offsets, each at its partition's leader, within `timeout`.
pub(crate) async fn list_offsets(
    client: &Client,
    specs: Vec<(TopicPartition, OffsetSpec)>,
    isolation_level: IsolationLevel,
    timeout: Duration,
) -> Vec<(TopicPartition, Result<ListedOffset>)> {
    let settled = settle(client, &ListOffsets { isolation_level }, specs, timeout).await;
    settled.into_iter().map(|((partition, _), result)| (partition, result)).collect()
}

#[derive(Debug)]
struct ListOffsets {
    isolation_level: IsolationLevel,
}

impl Call for ListOffsets {
    type Item = (TopicPartition, OffsetSpec);
    type Output = ListedOffset;
    const OPERATION: &'static str = "listing offsets";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_leader;

    fn check(&self, (_, spec): &Self::Item) -> Result<()> {
        spec.check()
    }

    async fn round(&self, client: &Client, items: &[Self::Item], deadline: Instant) -> Round<Self> {
        let ask = |node, wanted| self.ask(client, node, wanted, deadline);
        at_leaders(client, ApiKey::ListOffsets, items, |(partition, _)| partition, ask, listed_offset).await
    }
}

impl ListOffsets {
    async fn ask(
        &self,
        client: &Client,
        node: NodeId,
        wanted: Vec<(&(TopicPartition, OffsetSpec), LeaderEpoch)>,
        deadline: Instant,
    ) -> Result<Answers<ListOffsetsPartitionResponse>> {
        let asks_max_timestamp = wanted.iter().any(|((_, spec), _)| *spec == OffsetSpec::MaxTimestamp);
        let partitions = wanted.into_iter().map(|((partition, spec), current_leader_epoch)| {
            let (partition_index, timestamp) = (partition.partition, spec.wire_timestamp());
            (&partition.topic, ListOffsetsPartition { partition_index, current_leader_epoch, timestamp })
        });
        let topics = by_topic(partitions).map(|(name, partitions)| ListOffsetsTopic { name, partitions });
        let request = ListOffsetsRequest {
            replica_id: NodeId::NONE,
            isolation_level: self.isolation_level.id(),
            topics: topics.collect(),
            timeout_ms: timeout_ms(client, deadline),
        };
        let since = if asks_max_timestamp { MAX_TIMESTAMP_VERSION } else { 0 };
        let topics = client.send_since(Target::Node(node), &request, since).await?.topics.into_iter();
        Ok(topics
            .flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index))
            .collect())
    }
}

fn listed_offset(answer: &ListOffsetsPartitionResponse) -> (ErrorCode, ListedOffset) {
    let listed = ListedOffset {
        offset: (answer.offset >= 0).then_some(answer.offset),
        timestamp: Timestamp::from_millis(answer.timestamp),
        leader_epoch: (answer.leader_epoch != LeaderEpoch::NONE).then_some(answer.leader_epoch),
    };
    (answer.error_code, listed)
}

#[derive(Debug)]
struct DeleteRecords;

impl Call for DeleteRecords {
    type Item = (TopicPartition, DeleteRecordsTo);
    type Output = i64;
    const OPERATION: &'static str = "deleting records";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_leader;

    fn check(&self, (_, to): &Self::Item) -> Result<()> {
        match to {
            // -1 would be all records.
            DeleteRecordsTo::Offset(offset) => at_least("offset", *offset, 0),
            DeleteRecordsTo::HighWatermark => Ok(()),
        }
    }

    async fn round(&self, client: &Client, items: &[Self::Item], deadline: Instant) -> Round<Self> {
        let ask = |node, wanted| delete_at(client, node, wanted, deadline);
        let read = |answer: &DeleteRecordsPartitionResult| (answer.error_code, answer.low_watermark);
        at_leaders(client, ApiKey::DeleteRecords, items, |(partition, _)| partition, ask, read).await
    }
}

async fn delete_at(
    client: &Client,
    node: NodeId,
    wanted: Vec<(&(TopicPartition, DeleteRecordsTo), LeaderEpoch)>,
    deadline: Instant,
) -> Result<Answers<DeleteRecordsPartitionResult>> {
    let partitions = wanted.into_iter().map(|((partition, to), _)| {
        let offset = match to {
            DeleteRecordsTo::Offset(offset) => *offset,
            DeleteRecordsTo::HighWatermark => -1,
        };
        (&partition.topic, DeleteRecordsPartition { partition_index: partition.partition, offset })
    });
    let topics = by_topic(partitions).map(|(name, partitions)| DeleteRecordsTopic { name, partitions });
    let request = DeleteRecordsRequest { topics: topics.collect(), timeout_ms: timeout_ms(client, deadline) };
    let topics = client.send(Target::Node(node), &request).await?.topics.into_iter();
    Ok(topics.flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index)).collect())
}
