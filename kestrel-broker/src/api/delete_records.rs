//! DeleteRecords, versions 0 to 2 (KIP-107): moves the log start of partitions up; -1 is the high watermark.
//!
//! The answer holds the new log start, which is durable by then. With one replica there is nothing else to wait for.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Delete;
use crate::authorizer::ResourceType::Topic;

/// The answer's low watermark of a partition that failed.
const NO_WATERMARK: i64 = -1;

impl Handler for DeleteRecordsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DeleteRecordsResponse {
        let mut topics = Vec::with_capacity(self.topics.len());
        // As Apache Kafka: a topic without partitions is left out of the answer.
        for topic in self.topics.into_iter().filter(|topic| !topic.partitions.is_empty()) {
            let allowed = context.access.check(Delete, Topic, &topic.name);
            let mut partitions = Vec::with_capacity(topic.partitions.len());
            for asked in topic.partitions {
                let outcome = match allowed {
                    Ok(()) => delete(&topic.name, &asked, &state).await,
                    Err(error) => Err(error),
                };
                partitions.push(result(asked.partition_index, outcome));
            }
            topics.push(DeleteRecordsTopicResult { name: topic.name, partitions });
        }
        DeleteRecordsResponse { topics, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DeleteRecordsResponse {
        let refused = |asked: &DeleteRecordsPartition| result(asked.partition_index, Err(error));
        let topics = self.topics.iter().map(|topic| DeleteRecordsTopicResult {
            name: topic.name.clone(),
            partitions: topic.partitions.iter().map(refused).collect(),
        });
        DeleteRecordsResponse { topics: topics.collect(), ..Default::default() }
    }
}

async fn delete(topic: &ByteString, asked: &DeleteRecordsPartition, state: &State) -> Result<i64, ErrorCode> {
    let partition = state.replicas.get(topic, asked.partition_index)?;
    may_be_deleted_from(topic, state)?;
    partition.delete_records(asked.offset).await
}

/// Records of internal topics are their coordinators' to delete, those of a compacted topic the cleaner's.
fn may_be_deleted_from(topic: &ByteString, state: &State) -> Result<(), ErrorCode> {
    let image = state.cluster.image();
    if image.topic(topic).is_some_and(|topic| topic.is_internal()) {
        return Err(ErrorCode::InvalidTopic);
    }
    let deletes = state.cluster.with_layers(&image, &image.topic_config(topic), |layers| {
        layers.topic_settings().cleanup_policy.deletes
    });
    if deletes { Ok(()) } else { Err(ErrorCode::PolicyViolation) }
}

fn result(partition_index: i32, outcome: Result<i64, ErrorCode>) -> DeleteRecordsPartitionResult {
    DeleteRecordsPartitionResult {
        partition_index,
        low_watermark: outcome.unwrap_or(NO_WATERMARK),
        error_code: outcome.err().unwrap_or(ErrorCode::None),
    }
}

#[cfg(test)]
mod tests;
