//! Transactions that hang: open in a partition, and their coordinator knows nothing of them (KIP-664).
//!
//! [`find`] asks leaders and coordinators as Apache Kafka's `kafka-transactions find-hanging` does; [`AbortTransaction`]
//! writes the marker that the coordinator will not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerPartitionResult, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId, ProducerEpoch, ProducerId};

use super::{TransactionFilter, TransactionListing};
use crate::admin::leaders::{at_leaders, is_passing_at_leader};
use crate::admin::settle::{Call, Round};
use crate::admin::{Admin, TopicDescription};
use crate::client::{Client, Target};
use crate::environment;
use crate::error::{Error, Result};
use crate::partitions::{Answers, by_partition};
use crate::record::{Timestamp, TopicPartition};

/// A transaction that is open in a partition: readers of committed records get no further than its first one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenTransaction {
    /// The partition.
    pub partition: TopicPartition,
    /// The id of the producer that began it.
    pub producer_id: ProducerId,
    /// The epoch of the producer that began it.
    pub producer_epoch: ProducerEpoch,
    /// The epoch of the coordinator that ended the producer's transaction before it here; `None` when there was none.
    pub coordinator_epoch: Option<i32>,
    /// The offset of its first record.
    pub start_offset: i64,
    /// When its producer wrote last, as the records say.
    pub last_timestamp: Timestamp,
}

/// The transactions in partitions of `topics` that are open, were not written to for longer than `idle_for`, and are not
/// known to a coordinator.
pub(super) async fn find(
    admin: &Admin,
    topics: Vec<Arc<str>>,
    idle_for: Duration,
) -> Result<Vec<OpenTransaction>> {
    let mut open = open_transactions(admin, topics).await?;
    let now = environment::wall().as_millis();
    let idle_ms = i64::try_from(idle_for.as_millis()).unwrap_or(i64::MAX);
    open.retain(|open| now.saturating_sub(open.last_timestamp.as_millis()) > idle_ms);
    if open.is_empty() {
        return Ok(open);
    }
    let known = known_to_coordinators(admin, &open).await?;
    open.retain(|open| !known.contains(&(open.producer_id, open.partition.clone())));
    Ok(open)
}

async fn open_transactions(admin: &Admin, topics: Vec<Arc<str>>) -> Result<Vec<OpenTransaction>> {
    let topics = admin.describe_topics(topics).await.into_result()?;
    let numbers = |topic: &TopicDescription| -> Vec<i32> {
        topic.partitions.iter().map(|partition| partition.partition).collect()
    };
    let partitions = topics.iter().flat_map(|(name, topic)| {
        numbers(topic).into_iter().map(|number| TopicPartition::new(Arc::clone(name), number))
    });
    let mut open = Vec::new();
    for (partition, producers) in admin.describe_producers(partitions).await {
        open.extend(producers?.iter().filter_map(|producer| producer.open_transaction(partition.clone())));
    }
    Ok(open)
}

/// The partitions that coordinators will still write markers to, by producer.
async fn known_to_coordinators(
    admin: &Admin,
    open: &[OpenTransaction],
) -> Result<HashSet<(ProducerId, TopicPartition)>> {
    let producer_ids: HashSet<_> = open.iter().map(|open| open.producer_id).collect();
    let listed = admin.list_transactions(TransactionFilter::all().producer_ids(producer_ids)).await?;
    let producer_of: HashMap<_, _> = listed
        .iter()
        .map(|TransactionListing { transactional_id, producer_id, .. }| (transactional_id, *producer_id))
        .collect();
    let mut known = HashSet::new();
    for (id, described) in admin.describe_transactions(producer_of.keys().copied()).await {
        match described {
            Ok(described) => {
                let Some(&producer_id) = producer_of.get(&id) else { continue };
                known.extend(described.partitions.into_iter().map(|partition| (producer_id, partition)));
            }
            // It was forgotten meanwhile.
            Err(error) if error.code() == Some(ErrorCode::TransactionalIdNotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(known)
}

/// Writes abort markers at the leaders of partitions.
#[derive(Debug)]
pub(super) struct AbortTransaction;

impl Call for AbortTransaction {
    type Item = OpenTransaction;
    type Output = ();
    const OPERATION: &'static str = "aborting a transaction";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_leader;

    async fn round(&self, client: &Client, items: &[OpenTransaction], _: Instant) -> Round<Self> {
        let ask = |node, open| abort_at(client, node, open);
        let read = |answer: &WritableTxnMarkerPartitionResult| (answer.error_code, ());
        at_leaders(client, ApiKey::WriteTxnMarkers, items, |open| &open.partition, ask, read).await
    }
}

async fn abort_at(
    client: &Client,
    node: NodeId,
    open: Vec<(&OpenTransaction, LeaderEpoch)>,
) -> Result<Answers<WritableTxnMarkerPartitionResult>> {
    let markers = open.into_iter().map(|(open, _)| abort_marker(open)).collect();
    let response = client.send(Target::Node(node), &WriteTxnMarkersRequest { markers }).await?;
    let topics = response.markers.into_iter().flat_map(|marker| marker.topics);
    Ok(topics.flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index)).collect())
}

fn abort_marker(open: &OpenTransaction) -> WritableTxnMarker {
    WritableTxnMarker {
        producer_id: open.producer_id,
        producer_epoch: open.producer_epoch,
        transaction_result: false,
        topics: vec![WritableTxnMarkerTopic {
            name: ByteString::from(&*open.partition.topic),
            partition_indexes: vec![open.partition.partition],
        }],
        // The least that any coordinator has: one that did end a transaction of this producer is not fenced off.
        coordinator_epoch: open.coordinator_epoch.unwrap_or(0),
        // A marker of version 2 would need an epoch above the producer's.
        transaction_version: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abort_carries_the_epochs_of_the_transaction() {
        let open = OpenTransaction {
            partition: ("t", 3).into(),
            producer_id: ProducerId(7),
            producer_epoch: ProducerEpoch(2),
            coordinator_epoch: Some(5),
            start_offset: 40,
            last_timestamp: Timestamp::NONE,
        };
        let marker = abort_marker(&open);
        assert!(!marker.transaction_result);
        assert_eq!((marker.producer_id, marker.producer_epoch), (ProducerId(7), ProducerEpoch(2)));
        assert_eq!((marker.coordinator_epoch, marker.transaction_version), (5, 0));
        let first = abort_marker(&OpenTransaction { coordinator_epoch: None, ..open });
        assert_eq!(first.coordinator_epoch, 0, "-1 is no epoch of a coordinator");
    }
}
