//! Leader: who leads a partition, as the cluster's metadata have it.

use std::sync::Arc;

use kestrel_protocol::{ApiKey, ErrorClass, ErrorCode, LeaderEpoch, NodeId, TopicId};

use crate::error::{BrokerError, Error};
use crate::metadata::MetadataSnapshot;
use crate::record::TopicPartition;

/// The leader of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) node: NodeId,
    /// [`LeaderEpoch::NONE`] from brokers that do not say it.
    pub(crate) epoch: LeaderEpoch,
}

/// The leader of a partition as the metadata have it.
#[derive(Debug)]
pub(crate) enum LeaderView {
    /// The topic or the partition is not there (yet, or any more).
    Missing(Error),
    /// The topic may not be read, or has an impossible name.
    Refused(Error),
    /// The topic is there; between two leaders, there is none.
    Known { topic_id: TopicId, leader: Option<Leader> },
}

/// The leader of a partition as the metadata have it; `None` when they have not been asked for it yet.
pub(crate) fn leader_view(snapshot: &MetadataSnapshot, partition: &TopicPartition) -> Option<LeaderView> {
    let TopicPartition { topic, partition } = partition;
    if let Some(view) = snapshot.topic(topic) {
        if view.partition(*partition).is_none() {
            return Some(LeaderView::Missing(Error::UnknownPartition {
                topic: topic.clone(),
                partition: *partition,
                partition_count: view.partitions.len(),
            }));
        }
        let leader = snapshot.leader(topic, *partition).map(|(node, epoch)| Leader { node, epoch });
        return Some(LeaderView::Known { topic_id: view.id, leader });
    }
    topic_view(snapshot, topic)
}

/// The reason why a topic is not in the metadata; `None` when there is none.
pub(crate) fn topic_view(snapshot: &MetadataSnapshot, topic: &Arc<str>) -> Option<LeaderView> {
    let code = snapshot.error(topic).filter(|_| snapshot.topic(topic).is_none())?;
    let refusal = || BrokerError::new(ApiKey::Metadata, code).topic(topic.clone()).into();
    Some(match code.class() {
        _ if code == ErrorCode::UnknownTopicOrPartition => {
            LeaderView::Missing(Error::UnknownTopic { topic: topic.clone() })
        }
        ErrorClass::Retriable | ErrorClass::RefreshMetadata => LeaderView::Missing(refusal()),
        _ => LeaderView::Refused(refusal()),
    })
}
