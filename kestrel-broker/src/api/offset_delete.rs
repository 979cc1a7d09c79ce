//! OffsetDelete, version 0 (KIP-496): forgets positions of a group in topics that its members do not consume.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::{Delete, Read};
use crate::authorizer::ResourceType::{Group, Topic};

impl Handler for OffsetDeleteRequest {
    async fn handle(mut self, context: RequestContext, state: Arc<State>) -> OffsetDeleteResponse {
        if let Err(error) = context.access.check(Delete, Group, &self.group_id) {
            return self.refusal(error);
        }
        if self.group_id.is_empty() {
            return self.refusal(ErrorCode::InvalidGroupId);
        }
        // As Apache Kafka: a topic without partitions is left out of the answer.
        self.topics.retain(|topic| !topic.partitions.is_empty());
        let image = state.cluster.image();
        let allowed = self.topics.iter().map(|topic| context.access.check(Read, Topic, &topic.name));
        let allowed: Vec<_> = allowed.collect();
        let check = &|topic: &OffsetDeleteRequestTopic, allowed: Result<(), ErrorCode>, partition: i32| {
            allowed?;
            let partition = image.topic(&topic.name).and_then(|topic| topic.partition(partition));
            partition.map(|_| ()).ok_or(ErrorCode::UnknownTopicOrPartition)
        };
        let asked = self.topics.iter().zip(&allowed).flat_map(|(topic, allowed)| {
            let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
            let known = partitions.filter(move |partition| check(topic, *allowed, *partition).is_ok());
            known.map(|partition| (topic.name.clone(), partition))
        });
        let asked: Vec<(ByteString, i32)> = asked.collect();
        let mut outcomes = match state.groups.delete_offsets(&self.group_id, &asked).await {
            Ok(outcomes) => outcomes.into_iter(),
            Err(error) => return self.refusal(error),
        };
        let topics = self.topics.iter().zip(allowed).map(|(topic, allowed)| {
            let partitions = topic.partitions.iter().map(|partition| OffsetDeleteResponsePartition {
                partition_index: partition.partition_index,
                error_code: match check(topic, allowed, partition.partition_index) {
                    Ok(()) => outcomes.next().unwrap_or(ErrorCode::UnknownServerError),
                    Err(error) => error,
                },
            });
            OffsetDeleteResponseTopic { name: topic.name.clone(), partitions: partitions.collect() }
        });
        OffsetDeleteResponse { topics: topics.collect(), ..Default::default() }
    }

    fn refusal(&self, error_code: ErrorCode) -> OffsetDeleteResponse {
        OffsetDeleteResponse { error_code, ..Default::default() }
    }
}

#[cfg(test)]
mod tests;
