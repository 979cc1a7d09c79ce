//! Calls that go to the leaders of partitions: listing offsets (KIP-396) and deleting records (KIP-107).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId};

use super::leaders::{Route, assign_answers, at_leaders, by_partition, is_passing_at_leader};
use super::settle::{Call, at_least, settle, timeout_ms};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::config::IsolationLevel;
use crate::error::{Error, Result};
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
        let settled = settle(&self.client, &DeleteRecords, items, self.timeout).await;
        AdminResults(settled.into_iter().map(|((partition, _), result)| (partition, result)).collect())
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

    fn check(&self, (_, spec): &Self::Item) -> Result<()> {
        spec.check()
    }

    async fn round(
        &self,
        client: &Client,
        items: &[Self::Item],
        deadline: Instant,
    ) -> Vec<Result<ListedOffset>> {
        let ask = |node, routes: Vec<Route>| self.ask(client, node, items, routes, deadline);
        at_leaders(client, items, |(partition, _)| partition, ask).await
    }

    fn is_passing(&self, error: &Error) -> bool {
        is_passing_at_leader(error)
    }
}

impl ListOffsets {
    async fn ask(
        &self,
        client: &Client,
        node: NodeId,
        items: &[(TopicPartition, OffsetSpec)],
        routes: Vec<Route>,
        deadline: Instant,
    ) -> Vec<(usize, Result<ListedOffset>)> {
        let mut topics: BTreeMap<&Arc<str>, Vec<ListOffsetsPartition>> = BTreeMap::new();
        let mut asks_max_timestamp = false;
        for Route { index, leader_epoch } in &routes {
            let Some((partition, spec)) = items.get(*index) else { continue };
            asks_max_timestamp |= *spec == OffsetSpec::MaxTimestamp;
            topics.entry(&partition.topic).or_default().push(ListOffsetsPartition {
                partition_index: partition.partition,
                current_leader_epoch: *leader_epoch,
                timestamp: spec.wire_timestamp(),
            });
        }
        let topic = |(name, partitions): (&Arc<str>, _)| ListOffsetsTopic {
            name: ByteString::from(&**name),
            partitions,
        };
        let request = ListOffsetsRequest {
            replica_id: NodeId::NONE,
            isolation_level: self.isolation_level.id(),
            topics: topics.into_iter().map(topic).collect(),
            timeout_ms: timeout_ms(client, deadline),
        };
        let since = if asks_max_timestamp { MAX_TIMESTAMP_VERSION } else { 0 };
        let answers = client.send_since(Target::Node(node), &request, since).await.map(|response| {
            let topics = response.topics.into_iter();
            topics
                .flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index))
                .collect()
        });
        assign_answers(
            items,
            |(partition, _)| partition,
            &routes,
            &answers,
            ApiKey::ListOffsets,
            listed_offset,
        )
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

    fn check(&self, (_, to): &Self::Item) -> Result<()> {
        match to {
            // -1 would be all records.
            DeleteRecordsTo::Offset(offset) => at_least("offset", *offset, 0),
            DeleteRecordsTo::HighWatermark => Ok(()),
        }
    }

    async fn round(&self, client: &Client, items: &[Self::Item], deadline: Instant) -> Vec<Result<i64>> {
        let ask = |node, routes: Vec<Route>| delete_at(client, node, items, routes, deadline);
        at_leaders(client, items, |(partition, _)| partition, ask).await
    }

    fn is_passing(&self, error: &Error) -> bool {
        is_passing_at_leader(error)
    }
}

async fn delete_at(
    client: &Client,
    node: NodeId,
    items: &[(TopicPartition, DeleteRecordsTo)],
    routes: Vec<Route>,
    deadline: Instant,
) -> Vec<(usize, Result<i64>)> {
    let mut topics: BTreeMap<&Arc<str>, Vec<DeleteRecordsPartition>> = BTreeMap::new();
    for (partition, to) in routes.iter().filter_map(|route| items.get(route.index)) {
        let offset = match to {
            DeleteRecordsTo::Offset(offset) => *offset,
            DeleteRecordsTo::HighWatermark => -1,
        };
        let partition_index = partition.partition;
        topics.entry(&partition.topic).or_default().push(DeleteRecordsPartition { partition_index, offset });
    }
    let topic = |(name, partitions): (&Arc<str>, _)| DeleteRecordsTopic {
        name: ByteString::from(&**name),
        partitions,
    };
    let request = DeleteRecordsRequest {
        topics: topics.into_iter().map(topic).collect(),
        timeout_ms: timeout_ms(client, deadline),
    };
    let answers = client.send(Target::Node(node), &request).await.map(|response| {
        let topics = response.topics.into_iter();
        topics.flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index)).collect()
    });
    let low_watermark = |answer: &DeleteRecordsPartitionResult| (answer.error_code, answer.low_watermark);
    assign_answers(items, |(partition, _)| partition, &routes, &answers, ApiKey::DeleteRecords, low_watermark)
}
