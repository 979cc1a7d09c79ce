//! OffsetCommit, versions 2 to 10 (topics by id from version 10, KIP-848): stores positions of a group, each by itself.

use std::future::ready;
use std::sync::Arc;

use futures::future::Either;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};

use super::known_topic::KnownTopic;
use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Read;
use crate::authorizer::ResourceType::Group;
use crate::cluster::ClusterImage;
use crate::coordinator::Commit;

/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 10;

impl Handler for OffsetCommitRequest {
    fn handle(
        mut self,
        context: RequestContext,
        state: Arc<State>,
    ) -> impl Future<Output = OffsetCommitResponse> {
        if let Err(error) = context.access.check(Read, Group, &self.group_id) {
            return Either::Left(ready(self.refusal(error)));
        }
        // As Apache Kafka: a topic without partitions is left out of the answer.
        self.topics.retain(|topic| !topic.partitions.is_empty());
        let image = state.cluster.image();
        let known: Vec<_> = self.topics.iter().map(|topic| find(topic, &context, &image)).collect();
        let partitions = self.topics.iter().zip(&known).flat_map(|(topic, known)| {
            topic.partitions.iter().filter_map(|it| {
                let metadata = it.committed_metadata.as_ref();
                known.committed(it.partition_index, it.committed_offset, it.committed_leader_epoch, metadata)
            })
        });
        let partitions: Vec<_> = partitions.collect();
        let commit = (!partitions.is_empty()).then(|| Commit {
            version: context.version,
            group_id: self.group_id.clone(),
            generation: self.generation_id_or_member_epoch,
            member_id: self.member_id.clone(),
            instance_id: self.group_instance_id.clone(),
            retention_ms: self.retention_time_ms,
            partitions,
        });
        let committing = commit.map(|commit| state.groups.commit(&commit));
        Either::Right(async move {
            let mut outcomes = match committing {
                Some(committing) => match committing.await {
                    Ok(outcomes) => outcomes.into_iter(),
                    Err(error) => return self.refusal(error),
                },
                None => Vec::new().into_iter(),
            };
            let topics = self.topics.iter().zip(&known).map(|(topic, known)| {
                answer(topic, |it| known.outcome(it, &mut outcomes, ErrorCode::UnknownServerError))
            });
            OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
        })
    }

    fn refusal(&self, error: ErrorCode) -> OffsetCommitResponse {
        let topics = self.topics.iter().map(|topic| answer(topic, |_| error));
        OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
    }
}

fn find(topic: &OffsetCommitRequestTopic, context: &RequestContext, image: &ClusterImage) -> KnownTopic {
    if context.version >= FIRST_TOPIC_ID_VERSION {
        KnownTopic::by_id(topic.topic_id, &context.access, image)
    } else {
        KnownTopic::by_name(&topic.name, &context.access, image)
    }
}

fn answer(
    topic: &OffsetCommitRequestTopic,
    mut outcome: impl FnMut(i32) -> ErrorCode,
) -> OffsetCommitResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| OffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code: outcome(partition.partition_index),
    });
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

#[cfg(test)]
mod tests;
