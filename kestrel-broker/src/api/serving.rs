//! Who serves a partition, as clients are told: what the metadata says, without brokers that are fenced and without logs that
//! are not open.
//!
//! Used by the answers that describe topics. Pure.

use kestrel_protocol::{ErrorCode, NodeId, TopicId};

use crate::cluster::{ClusterImage, PartitionImage};
use crate::partition::OfflinePartitions;

/// Who serves a partition.
///
/// One that is offline has no leader and nobody in sync, and its replica is what could lead it again: as Apache Kafka says it
/// of a failed data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Serving {
    /// The leader; [`NodeId::NONE`] when there is none.
    pub(super) leader: NodeId,
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
    /// Who serves the partition of a topic, by its id and number.
    pub(super) fn of(
        image: &ClusterImage,
        offline: &OfflinePartitions,
        (topic_id, number): (TopicId, i32),
        partition: &PartitionImage,
    ) -> Self {
        if offline.contains(topic_id, number) {
            let replicas = || partition.replicas.clone();
            return Self {
                leader: NodeId::NONE,
                isr: Vec::new(),
                offline_replicas: replicas(),
                eligible_leader_replicas: replicas(),
                last_known_elr: replicas(),
            };
        }
        let is_served = |node: &NodeId| image.broker(*node).is_some_and(|broker| !broker.fenced);
        Self {
            leader: Some(partition.leader).filter(is_served).unwrap_or(NodeId::NONE),
            isr: partition.isr.clone(),
            offline_replicas: partition.replicas.iter().copied().filter(|node| !is_served(node)).collect(),
            eligible_leader_replicas: partition.eligible_leader_replicas.clone(),
            last_known_elr: partition.last_known_elr.clone(),
        }
    }

    /// `LEADER_NOT_AVAILABLE` without a leader.
    pub(super) fn error_code(&self) -> ErrorCode {
        if self.leader == NodeId::NONE { ErrorCode::LeaderNotAvailable } else { ErrorCode::None }
    }
}
