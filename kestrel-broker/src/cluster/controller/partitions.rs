//! CreatePartitions: adds partitions to a topic (KIP-195).

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId};

use super::topics::too_many_partitions;
use super::{Controller, Effects, Intent, Leave, MAX_RECORDS_PER_REQUEST};
use crate::cluster::error::ApiError;
use crate::cluster::image::TopicImage;
use crate::cluster::records::MetadataRecord;

/// How many partitions a topic shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPartitions {
    /// The topic.
    pub(crate) topic: ByteString,
    /// How many it shall have in all.
    pub(crate) count: i32,
    /// The replicas of each new partition by hand; `None` when the controller shall place them.
    pub(crate) assignments: Option<Vec<Vec<NodeId>>>,
}

impl Controller {
    /// Adds partitions to topics; each topic is changed or refused by itself.
    pub(crate) fn create_partitions(
        &self,
        topics: &[NewPartitions],
        intent: Intent,
        leave: Leave<'_>,
    ) -> Effects<Vec<Result<(), ApiError>>> {
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(topics.len()) };
        for topic in topics {
            let outcome = self.add_partitions(topic, effects.records.len(), leave);
            effects.reply.push(outcome.map(|records| effects.records.extend(records)));
        }
        effects.for_intent(intent)
    }

    fn add_partitions(
        &self,
        request: &NewPartitions,
        records_before: usize,
        leave: Leave<'_>,
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        let topic = self.image().topic(&request.topic);
        let topic = topic.ok_or_else(|| ApiError::from(ErrorCode::UnknownTopicOrPartition))?;
        let additional = additional_partitions(topic, request.count)?;
        if records_before + additional > MAX_RECORDS_PER_REQUEST {
            return Err(too_many_partitions());
        }
        let replicas = match &request.assignments {
            Some(assignments) => self.assigned(topic, assignments, additional)?,
            None => self.place(
                topic.partitions.len(),
                additional,
                usize::from(topic.replication_factor().unsigned_abs()),
            )?,
        };
        leave.take(additional)?;
        let first = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        Ok((first..)
            .zip(replicas)
            .map(|(number, replicas)| self.new_partition(topic.id, number, replicas))
            .collect())
    }

    fn assigned(
        &self,
        topic: &TopicImage,
        assignments: &[Vec<NodeId>],
        additional: usize,
    ) -> Result<Vec<Vec<NodeId>>, ApiError> {
        if assignments.len() != additional {
            let message = format!(
                "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            );
            return Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        let existing = topic.partitions.first().map(|partition| &partition.replicas);
        for replicas in assignments {
            self.check_assignment(replicas, existing)?;
        }
        Ok(assignments.to_vec())
    }
}

fn additional_partitions(topic: &TopicImage, count: i32) -> Result<usize, ApiError> {
    let (name, existing) = (&topic.name, topic.partitions.len());
    let wanted = usize::try_from(count).unwrap_or_default();
    let message = match wanted.checked_sub(existing) {
        Some(0) => format!("Topic already has {existing} partition(s)."),
        Some(additional) => return Ok(additional),
        None => format!(
            "The topic {name} currently has {existing} partition(s); {count} would not be an increase."
        ),
    };
    Err(ApiError::new(ErrorCode::InvalidPartitions, message))
}
