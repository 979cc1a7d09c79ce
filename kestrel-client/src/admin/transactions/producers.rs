//! The producers of partitions, as the partitions' leaders know them (KIP-664).

use std::time::Instant;

use kestrel_protocol::messages::describe_producers::{
    DescribeProducersRequest, PartitionResponse, ProducerState, TopicRequest,
};
use kestrel_protocol::{ApiKey, ErrorCode, LeaderEpoch, NodeId, ProducerEpoch, ProducerId};

use super::OpenTransaction;
use crate::admin::leaders::{at_leaders, is_passing_at_leader};
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::error::{Error, Result};
use crate::partitions::{Answers, by_partition, by_topic};
use crate::record::{Timestamp, TopicPartition};

/// A producer that has written to a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerDescription {
    /// The producer id.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of its last record; `None` when the partition has none of this epoch.
    pub last_sequence: Option<i32>,
    /// When it wrote last, as its records say.
    pub last_timestamp: Timestamp,
    /// The epoch of the coordinator that ended its last transaction here; `None` when none was ended.
    pub coordinator_epoch: Option<i32>,
    /// The offset of the first record of its open transaction; `None` when it has none open.
    pub current_transaction_start_offset: Option<i64>,
}

impl ProducerDescription {
    /// The producer's open transaction in `partition`, which is the one that it was described for.
    #[must_use]
    pub fn open_transaction(&self, partition: impl Into<TopicPartition>) -> Option<OpenTransaction> {
        self.current_transaction_start_offset.map(|start_offset| OpenTransaction {
            partition: partition.into(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            coordinator_epoch: self.coordinator_epoch,
            start_offset,
            last_timestamp: self.last_timestamp,
        })
    }

    fn read(producer: &ProducerState) -> Self {
        let start_offset = producer.current_txn_start_offset;
        Self {
            producer_id: producer.producer_id,
            producer_epoch: ProducerEpoch(producer.producer_epoch.try_into().unwrap_or(i16::MAX)),
            last_sequence: (producer.last_sequence >= 0).then_some(producer.last_sequence),
            last_timestamp: Timestamp::from_millis(producer.last_timestamp),
            coordinator_epoch: (producer.coordinator_epoch >= 0).then_some(producer.coordinator_epoch),
            current_transaction_start_offset: (start_offset >= 0).then_some(start_offset),
        }
    }
}

/// Asks leaders for the producers of their partitions.
#[derive(Debug)]
pub(super) struct DescribeProducers;

impl Call for DescribeProducers {
    type Item = TopicPartition;
    type Output = Vec<ProducerDescription>;
    const OPERATION: &'static str = "describing producers";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_leader;

    async fn round(&self, client: &Client, items: &[TopicPartition], _: Instant) -> Round<Self> {
        let ask = |node, wanted| describe_at(client, node, wanted);
        at_leaders(client, ApiKey::DescribeProducers, items, |partition| partition, ask, described).await
    }
}

async fn describe_at(
    client: &Client,
    node: NodeId,
    wanted: Vec<(&TopicPartition, LeaderEpoch)>,
) -> Result<Answers<PartitionResponse>> {
    let topics = by_topic(wanted.into_iter().map(|(partition, _)| (&partition.topic, partition.partition)))
        .map(|(name, partition_indexes)| TopicRequest { name, partition_indexes });
    let request = DescribeProducersRequest { topics: topics.collect() };
    let topics = client.send(Target::Node(node), &request).await?.topics.into_iter();
    Ok(topics.flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index)).collect())
}

fn described(answer: &PartitionResponse) -> (ErrorCode, Vec<ProducerDescription>) {
    let mut producers: Vec<_> = answer.active_producers.iter().map(ProducerDescription::read).collect();
    producers.sort_by_key(|producer| producer.producer_id);
    (answer.error_code, producers)
}
