//! OffsetDelete, version 0 (KIP-496): forgets positions of a group in topics that its members do not consume.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestTopic, OffsetDeleteResponse, OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
};

use super::{Handler, RequestContext, State};

impl Handler for OffsetDeleteRequest {
    async fn handle(mut self, _: RequestContext, state: Arc<State>) -> OffsetDeleteResponse {
        if self.group_id.is_empty() {
            return self.refusal(ErrorCode::InvalidGroupId);
        }
        // As Apache Kafka: a topic without partitions is left out of the answer.
        self.topics.retain(|topic| !topic.partitions.is_empty());
        let image = state.cluster.image();
        let is_there = &|topic: &OffsetDeleteRequestTopic, partition: i32| {
            image.topic(&topic.name).is_some_and(|topic| topic.partition(partition).is_some())
        };
        let asked = self.topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
            let known = partitions.filter(move |partition| is_there(topic, *partition));
            known.map(|partition| (topic.name.clone(), partition))
        });
        let asked: Vec<(ByteString, i32)> = asked.collect();
        let mut outcomes = match state.groups.delete_offsets(&self.group_id, &asked).await {
            Ok(outcomes) => outcomes.into_iter(),
            Err(error) => return self.refusal(error),
        };
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| OffsetDeleteResponsePartition {
                partition_index: partition.partition_index,
                error_code: if is_there(topic, partition.partition_index) {
                    outcomes.next().unwrap_or(ErrorCode::UnknownServerError)
                } else {
                    ErrorCode::UnknownTopicOrPartition
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
