//! DescribeTopicPartitions, version 0: topics page by page, by name (KIP-966). Java's admin client asks this way.

use std::collections::BTreeSet;

use bytestring::ByteString;
use kestrel_protocol::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kestrel_protocol::{ErrorCode, TopicId};

use super::serving::Serving;
use super::{Handle, RequestContext, State, authorized_operations};
use crate::cluster::{ClusterImage, PartitionImage, TopicImage, check_topic_name};
use crate::partition::OfflinePartitions;

impl Handle for DescribeTopicPartitionsRequest {
    async fn handle(self, _: &RequestContext, state: &State) -> DescribeTopicPartitionsResponse {
        let from = self.cursor.clone().unwrap_or_default();
        if from.partition_index < 0 {
            return self.refusal(ErrorCode::InvalidRequest);
        }
        if let Some(cursor) = &self.cursor
            && !self.topics.is_empty()
            && !self.topics.iter().any(|topic| topic.name == cursor.topic_name)
        {
            return self.refusal(ErrorCode::InvalidRequest);
        }
        let image = state.cluster.image();
        let asked: BTreeSet<ByteString> = if self.topics.is_empty() {
            image.topics_from(&from.topic_name).map(|topic| topic.name.clone()).collect()
        } else {
            self.topics.into_iter().map(|topic| topic.name).filter(|name| *name >= from.topic_name).collect()
        };
        let limit = usize::try_from(self.response_partition_limit).unwrap_or_default();
        let mut page = Page {
            image: &image,
            offline: &state.replicas.offline(),
            left: limit.min(state.config.max_described_partitions).max(1),
            response: DescribeTopicPartitionsResponse::default(),
        };
        for name in asked {
            let first = if name == from.topic_name { from.partition_index } else { 0 };
            if !page.add(name, first) {
                break;
            }
        }
        page.response
    }

    fn refusal(&self, error: ErrorCode) -> DescribeTopicPartitionsResponse {
        let topics = self.topics.iter().map(|topic| DescribeTopicPartitionsResponseTopic {
            error_code: error,
            name: Some(topic.name.clone()),
            ..Default::default()
        });
        DescribeTopicPartitionsResponse { topics: topics.collect(), ..Default::default() }
    }
}

/// A page that is being filled.
struct Page<'a> {
    image: &'a ClusterImage,
    offline: &'a OfflinePartitions,
    /// How many partitions still fit.
    left: usize,
    response: DescribeTopicPartitionsResponse,
}

impl Page<'_> {
    /// Adds what fits of a topic, from partition `first` on; gives whether all of it did.
    fn add(&mut self, name: ByteString, first: i32) -> bool {
        if self.left == 0 {
            self.response.next_cursor = Some(Cursor { topic_name: name, partition_index: first });
            return false;
        }
        let Some(topic) = self.image.topic(&name) else {
            let error = match check_topic_name(&name) {
                Ok(()) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopic,
            };
            self.response.topics.push(missing(name, error));
            return true;
        };
        let mut rest = topic.numbered().skip(usize::try_from(first).unwrap_or_default()).peekable();
        let mut partitions = Vec::new();
        while let Some((number, partition)) = rest.next_if(|_| partitions.len() < self.left) {
            partitions.push(self.partition(topic.id, number, partition));
        }
        self.left -= partitions.len();
        let next = rest.next().map(|(number, _)| number);
        self.response.topics.push(described(topic, partitions));
        self.response.next_cursor = next.map(|partition_index| Cursor { topic_name: name, partition_index });
        next.is_none()
    }

    fn partition(
        &self,
        topic_id: TopicId,
        partition_index: i32,
        partition: &PartitionImage,
    ) -> DescribeTopicPartitionsResponsePartition {
        let serving = Serving::of(self.image, self.offline, (topic_id, partition_index), partition);
        DescribeTopicPartitionsResponsePartition {
            error_code: serving.error_code(),
            partition_index,
            leader_id: serving.leader,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: serving.isr,
            eligible_leader_replicas: Some(serving.eligible_leader_replicas),
            last_known_elr: Some(serving.last_known_elr),
            offline_replicas: serving.offline_replicas,
        }
    }
}

fn described(
    topic: &TopicImage,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None,
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions,
        topic_authorized_operations: authorized_operations::on_topic(true),
    }
}

fn missing(name: ByteString, error_code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code,
        name: Some(name),
        topic_authorized_operations: authorized_operations::on_topic(true),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
