//! ElectLeaders: elections of leaders that somebody asks for (KIP-183, KIP-460). Only this broker can win one: it is alone.

use std::collections::BTreeSet;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId};

use super::registration::elect;
use super::{Controller, Effects, MAX_RECORDS_PER_REQUEST, too_many_records};
use crate::cluster::error::ApiError;
use crate::cluster::image::PartitionImage;
use crate::cluster::records::PartitionChangeRecord;
use crate::log::LogOrigin;

/// Who may win an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElectionType {
    /// The first of the replicas, if it has everything.
    Preferred,
    /// Of a partition that nobody leads, any replica that is there: what it lacks is lost.
    Unclean,
}

impl ElectionType {
    /// The type that a request names.
    pub(crate) const fn from_wire(number: i8) -> Option<Self> {
        match number {
            0 => Some(Self::Preferred),
            1 => Some(Self::Unclean),
            _ => None,
        }
    }
}

impl Controller {
    /// Elects leaders of partitions, each by itself.
    pub(crate) fn elect_leaders(
        &self,
        kind: ElectionType,
        partitions: &[(ByteString, i32)],
    ) -> Effects<Vec<Result<(), ApiError>>> {
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(partitions.len()) };
        let mut elected = BTreeSet::new();
        for asked in partitions {
            let outcome = if elected.contains(asked) {
                Err(ErrorCode::ElectionNotNeeded.into())
            } else if effects.records.len() == MAX_RECORDS_PER_REQUEST {
                Err(too_many_records())
            } else {
                self.election(kind, &asked.0, asked.1)
            };
            effects.reply.push(outcome.map(|record| {
                elected.insert(asked);
                effects.records.push(record.into());
            }));
        }
        effects
    }

    fn election(
        &self,
        kind: ElectionType,
        topic: &str,
        partition_id: i32,
    ) -> Result<PartitionChangeRecord, ApiError> {
        let unknown = |what| ApiError::new(ErrorCode::UnknownTopicOrPartition, what);
        let found = self.image().topic(topic).ok_or_else(|| unknown(format!("No such topic as {topic}")))?;
        let partition = found.partition(partition_id);
        let partition =
            partition.ok_or_else(|| unknown(format!("No such partition as {topic}-{partition_id}")))?;
        let id = self.config.node_id;
        match kind {
            ElectionType::Preferred if partition.replicas.first() != Some(&id) => {
                return Err(ErrorCode::PreferredLeaderNotAvailable.into());
            }
            _ if partition.leader == id => return Err(ErrorCode::ElectionNotNeeded.into()),
            ElectionType::Preferred if !(partition.has_everything(id) && self.is_here(partition)) => {
                return Err(ErrorCode::PreferredLeaderNotAvailable.into());
            }
            ElectionType::Unclean if !(partition.replicas.contains(&id) && self.is_here(partition)) => {
                return Err(ErrorCode::EligibleLeadersNotAvailable.into());
            }
            ElectionType::Preferred | ElectionType::Unclean => {}
        }
        Ok(PartitionChangeRecord { partition_id, topic_id: found.id, ..elect(partition, id) })
    }

    /// Whether this broker's replica is in its data folder and not in one that it does not have.
    pub(super) fn is_here(&self, partition: &PartitionImage) -> bool {
        let id = self.config.node_id;
        let log_dir = self.image().broker(id).and_then(|broker| broker.log_dirs.first());
        log_dir.is_none_or(|log_dir| !LogOrigin::is_elsewhere(partition.directory_on(id), *log_dir))
    }
}

impl PartitionImage {
    /// Whether a replica has everything that was acknowledged.
    pub(super) fn has_everything(&self, id: NodeId) -> bool {
        let may_have = self.isr.contains(&id)
            || self.eligible_leader_replicas.contains(&id)
            || (self.isr.is_empty() && self.last_known_elr.contains(&id));
        may_have && self.replicas.contains(&id)
    }
}
