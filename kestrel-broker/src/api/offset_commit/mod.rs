//! OffsetCommit, versions 2 to 10 (topics by id from version 10, KIP-848): stores positions of a group, each by itself.

use bytestring::ByteString;
use kestrel_protocol::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
};
use kestrel_protocol::{ErrorCode, TopicId};

use super::{Begin, Handle, RequestContext, State};
use crate::cluster::ClusterImage;
use crate::coordinator::{Commit, CommittedPartition};

/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 10;

impl Begin for OffsetCommitRequest {
    fn begin(
        self,
        context: &RequestContext,
        state: &State,
    ) -> impl Future<Output = OffsetCommitResponse> + use<> {
        let image = state.cluster.image();
        let known: Vec<_> = self.topics.iter().map(|topic| find(topic, context.version, &image)).collect();
        let partitions = self.topics.iter().zip(&known).flat_map(|(topic, known)| committed(topic, known));
        let committing = state.groups.commit(&Commit {
            version: context.version,
            group_id: self.group_id.clone(),
            generation: self.generation_id_or_member_epoch,
            member_id: self.member_id.clone(),
            instance_id: self.group_instance_id.clone(),
            retention_ms: self.retention_time_ms,
            partitions: partitions.collect(),
        });
        async move {
            let mut outcomes = match committing.await {
                Ok(outcomes) => outcomes.into_iter(),
                Err(error) => return self.refusal(error),
            };
            let topics = self.topics.iter().zip(known).map(|(topic, known)| {
                answer(topic, || match &known {
                    Ok(_) => outcomes.next().unwrap_or(ErrorCode::UnknownServerError),
                    Err(error) => *error,
                })
            });
            OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
        }
    }
}

impl Handle for OffsetCommitRequest {
    async fn handle(self, context: &RequestContext, state: &State) -> OffsetCommitResponse {
        self.begin(context, state).await
    }

    fn refusal(&self, error: ErrorCode) -> OffsetCommitResponse {
        let topics = self.topics.iter().map(|topic| answer(topic, || error));
        OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
    }
}

/// The name and id of a topic that is there.
fn find(
    topic: &OffsetCommitRequestTopic,
    version: i16,
    image: &ClusterImage,
) -> Result<(ByteString, TopicId), ErrorCode> {
    let (found, error) = if version >= FIRST_TOPIC_ID_VERSION {
        (image.topic_by_id(topic.topic_id), ErrorCode::UnknownTopicId)
    } else {
        (image.topic(&topic.name), ErrorCode::UnknownTopicOrPartition)
    };
    found.map(|topic| (topic.name.clone(), topic.id)).ok_or(error)
}

fn committed(
    topic: &OffsetCommitRequestTopic,
    known: &Result<(ByteString, TopicId), ErrorCode>,
) -> Vec<CommittedPartition> {
    let Ok((name, topic_id)) = known else { return Vec::new() };
    let partition = topic.partitions.iter().map(|partition| CommittedPartition {
        topic: name.clone(),
        topic_id: *topic_id,
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.clone().unwrap_or_default(),
    });
    partition.collect()
}

fn answer(
    topic: &OffsetCommitRequestTopic,
    mut outcome: impl FnMut() -> ErrorCode,
) -> OffsetCommitResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| OffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code: outcome(),
    });
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

#[cfg(test)]
mod tests;
