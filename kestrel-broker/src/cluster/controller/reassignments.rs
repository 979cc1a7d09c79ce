//! AlterPartitionReassignments: says which brokers have the replicas of partitions, or calls off what was begun (KIP-455).
//!
//! No broker could take a replica that it does not have: this one is alone. So a change leaves replicas out or orders them
//! anew, and is over at once. That is how a folder of several brokers becomes one of this broker alone.

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId, Uuid};

use super::registration::elect;
use super::{Controller, Effects, MAX_RECORDS_PER_REQUEST, too_many_records};
use crate::cluster::error::ApiError;
use crate::cluster::image::PartitionImage;
use crate::cluster::records::{MetadataRecord, PartitionChangeRecord};

/// The brokers that shall have a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reassignment {
    /// The topic.
    pub(crate) topic: ByteString,
    /// The partition's number.
    pub(crate) partition: i32,
    /// The replicas, the preferred leader first; `None` calls off what was begun.
    pub(crate) replicas: Option<Vec<NodeId>>,
}

/// Whether a partition may get more or fewer replicas than it has (KIP-860).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorChange {
    /// It may.
    Allowed,
    /// It is refused.
    Refused,
}

impl Controller {
    /// Changes who has partitions, each by itself.
    pub(crate) fn reassign_partitions(
        &self,
        asked: &[Reassignment],
        factor_change: FactorChange,
    ) -> Effects<Vec<Result<(), ApiError>>> {
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(asked.len()) };
        for asked in asked {
            let outcome = match self.reassignment(asked, factor_change) {
                Ok(Some(_)) if effects.records.len() == MAX_RECORDS_PER_REQUEST => Err(too_many_records()),
                outcome => outcome,
            };
            effects
                .reply
                .push(outcome.map(|record| effects.records.extend(record.map(MetadataRecord::from))));
        }
        effects
    }

    /// The record of a change; none where everything is as it shall be.
    fn reassignment(
        &self,
        asked: &Reassignment,
        factor_change: FactorChange,
    ) -> Result<Option<PartitionChangeRecord>, ApiError> {
        let unknown = |what| ApiError::new(ErrorCode::UnknownTopicOrPartition, what);
        let (name, partition_id) = (&asked.topic, asked.partition);
        let topic = self.image().topic(name);
        let topic = topic.ok_or_else(|| unknown(format!("Unable to find a topic named {name}.")))?;
        let partition = topic.partition(partition_id);
        let partition =
            partition.ok_or_else(|| unknown(format!("Unable to find partition {name}:{partition_id}.")))?;
        let change = match &asked.replicas {
            None => Some(self.called_off(partition)?),
            Some(replicas) => {
                self.check_assignment(replicas, None)?;
                if factor_change == FactorChange::Refused {
                    check_factor(partition, replicas.len())?;
                }
                self.moved(partition, replicas)?
            }
        };
        Ok(change.map(|change| PartitionChangeRecord { partition_id, topic_id: topic.id, ..change }))
    }

    /// What was begun is called off: the replicas that were to be added are left out.
    fn called_off(&self, partition: &PartitionImage) -> Result<PartitionChangeRecord, ApiError> {
        if !partition.is_reassigned() {
            return Err(ErrorCode::NoReassignmentInProgress.into());
        }
        let replicas = without(&partition.replicas, &partition.adding_replicas);
        self.settled(partition, replicas)
    }

    fn moved(
        &self,
        partition: &PartitionImage,
        replicas: &[NodeId],
    ) -> Result<Option<PartitionChangeRecord>, ApiError> {
        if !partition.is_reassigned() && partition.replicas == replicas {
            return Ok(None);
        }
        let id = self.config.node_id;
        let added = replicas.iter().find(|replica| !partition.replicas.contains(replica));
        if let Some(added) = added {
            return Err(impossible(format!(
                "No replica can be added on broker {added}: broker {id} is alone in its cluster."
            )));
        }
        if !replicas.contains(&id) {
            return Err(impossible(format!(
                "The replicas do not include broker {id}, which is alone in its cluster: nobody would lead the partition."
            )));
        }
        self.settled(partition, replicas.to_vec()).map(Some)
    }

    /// The record with which a partition has these replicas, some of those that it had, and no change is under way.
    fn settled(
        &self,
        partition: &PartitionImage,
        replicas: Vec<NodeId>,
    ) -> Result<PartitionChangeRecord, ApiError> {
        let isr: Vec<NodeId> = partition.isr.iter().copied().filter(|id| replicas.contains(id)).collect();
        if isr.is_empty() {
            return Err(impossible(
                "None of the replicas that would stay has everything: an unclean leader election would be required."
                    .to_owned(),
            ));
        }
        let id = self.config.node_id;
        let elected = partition.leader != id && isr.contains(&id) && self.is_here(partition);
        let change = if elected { elect(partition, id) } else { PartitionChangeRecord::default() };
        let left_out = !replicas.contains(&partition.leader) && !elected;
        let kept = |of: &Vec<NodeId>| without(of, &without(of, &replicas));
        let has_fewer = |of: &Vec<NodeId>| Some(kept(of)).filter(|kept| kept != of);
        Ok(PartitionChangeRecord {
            leader: if left_out { NodeId::NONE } else { change.leader },
            isr: change.isr.or_else(|| Some(isr).filter(|isr| *isr != partition.isr)),
            eligible_leader_replicas: change
                .eligible_leader_replicas
                .or_else(|| has_fewer(&partition.eligible_leader_replicas)),
            last_known_elr: change.last_known_elr.or_else(|| has_fewer(&partition.last_known_elr)),
            removing_replicas: (!partition.removing_replicas.is_empty()).then(Vec::new),
            adding_replicas: (!partition.adding_replicas.is_empty()).then(Vec::new),
            directories: directories(partition, &replicas),
            replicas: Some(replicas).filter(|replicas| *replicas != partition.replicas),
            ..change
        })
    }
}

impl PartitionImage {
    /// Whether a change of its replicas is under way.
    pub(crate) fn is_reassigned(&self) -> bool {
        !self.adding_replicas.is_empty() || !self.removing_replicas.is_empty()
    }
}

/// The data folders of replicas, where that is another list than before.
fn directories(partition: &PartitionImage, replicas: &[NodeId]) -> Option<Vec<Uuid>> {
    let directories: Vec<Uuid> = replicas.iter().map(|id| partition.directory_on(*id)).collect();
    let is_known = partition.directories.len() == partition.replicas.len();
    Some(directories).filter(|directories| is_known && *directories != partition.directories)
}

fn check_factor(partition: &PartitionImage, wanted: usize) -> Result<(), ApiError> {
    let current = without(&partition.replicas, &partition.removing_replicas).len();
    if current == wanted {
        return Ok(());
    }
    let message = format!("The replication factor is changed from {current} to {wanted}");
    Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message))
}

fn without(nodes: &[NodeId], others: &[NodeId]) -> Vec<NodeId> {
    nodes.iter().copied().filter(|node| !others.contains(node)).collect()
}

fn impossible(message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidReplicaAssignment, message)
}
