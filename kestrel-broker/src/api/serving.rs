//! The leader and replicas of a partition as clients see them: those of the metadata, without brokers that are fenced and
//! without logs that are not open.
//!
//! Used by the answers that describe topics, Metadata and DescribeTopicPartitions. Pure.

use kestrel_protocol::{ErrorCode, LeaderEpoch, NodeId, TopicId};

use crate::cluster::{ClusterImage, PartitionImage, TopicImage};
use crate::partition::OfflinePartitions;

/// The leader and replicas of a partition, as clients see them.
///
/// One that is offline has no leader and nobody in sync, and its replica is what could lead it again: as Apache Kafka says it
/// of a failed data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Serving {
    /// The partition's number.
    pub(super) number: i32,
    /// `LEADER_NOT_AVAILABLE` without a leader.
    pub(super) error_code: ErrorCode,
    /// The leader; [`NodeId::NONE`] when there is none.
    pub(super) leader: NodeId,
    /// The epoch in which it leads.
    pub(super) leader_epoch: LeaderEpoch,
    /// All replicas.
    pub(super) replicas: Vec<NodeId>,
    /// The replicas that have everything and serve.
    pub(super) isr: Vec<NodeId>,
    /// The replicas that do not serve.
    pub(super) offline_replicas: Vec<NodeId>,
    /// Those of them that may lead again (KIP-966).
    pub(super) eligible_leader_replicas: Vec<NodeId>,
    /// The last that was in sync (KIP-966).
    pub(super) last_known_elr: Vec<NodeId>,
}

impl Serving {
    /// The partitions of a topic, by number.
    pub(super) fn of_topic<'a>(
        image: &'a ClusterImage,
        offline: &'a OfflinePartitions,
        topic: &'a TopicImage,
    ) -> impl Iterator<Item = Self> + 'a {
        topic.numbered().map(|(number, partition)| Self::of(image, offline, (topic.id, number), partition))
    }

    fn of(
        image: &ClusterImage,
        offline: &OfflinePartitions,
        (topic_id, number): (TopicId, i32),
        partition: &PartitionImage,
    ) -> Self {
        let is_offline = offline.contains(topic_id, number);
        let is_served =
            |node: &NodeId| !is_offline && image.broker(*node).is_some_and(|broker| !broker.fenced);
        let leader = Some(partition.leader).filter(is_served);
        let or_replicas =
            |online: &Vec<NodeId>| if is_offline { &partition.replicas } else { online }.clone();
        Self {
            number,
            error_code: leader.map_or(ErrorCode::LeaderNotAvailable, |_| ErrorCode::None),
            leader: leader.unwrap_or(NodeId::NONE),
            leader_epoch: partition.leader_epoch,
            replicas: partition.replicas.clone(),
            isr: if is_offline { Vec::new() } else { partition.isr.clone() },
            offline_replicas: partition.replicas.iter().copied().filter(|node| !is_served(node)).collect(),
            eligible_leader_replicas: or_replicas(&partition.eligible_leader_replicas),
            last_known_elr: or_replicas(&partition.last_known_elr),
        }
    }
}
