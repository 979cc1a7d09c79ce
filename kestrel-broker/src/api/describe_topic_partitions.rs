//! DescribeTopicPartitions, version 0: topics page by page, by name (KIP-966). Java's admin client asks this way.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};

use super::serving::Serving;
use super::{Access, Handler, OPERATIONS_NOT_ASKED, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ClusterImage, TopicImage, check_topic_name};
use crate::partition::OfflinePartitions;

impl Handler for DescribeTopicPartitionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DescribeTopicPartitionsResponse {
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
        let is_all = self.topics.is_empty();
        let asked: BTreeSet<ByteString> = if is_all {
            image.topics_from(&from.topic_name).map(|topic| topic.name.clone()).collect()
        } else {
            self.topics.into_iter().map(|topic| topic.name).filter(|name| *name >= from.topic_name).collect()
        };
        let limit = usize::try_from(self.response_partition_limit).unwrap_or_default();
        let mut page = Page {
            image: &image,
            access: &context.access,
            offline: &state.replicas.offline(),
            left: limit.min(state.config.max_described_partitions).max(1),
            response: DescribeTopicPartitionsResponse::default(),
        };
        for name in asked {
            if !page.allows(&name, is_all) {
                continue;
            }
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
    access: &'a Access,
    offline: &'a OfflinePartitions,
    /// How many partitions still fit.
    left: usize,
    response: DescribeTopicPartitionsResponse,
}

impl Page<'_> {
    /// Whether the topic may be shown. One that was asked for by name is refused, be it there or not; others are left out.
    fn allows(&mut self, name: &ByteString, is_all: bool) -> bool {
        if is_all {
            return self.access.would_allow(Describe, Topic, name);
        }
        let denied = self.access.check(Describe, Topic, name).err();
        self.response.topics.extend(denied.map(|error| missing(name.clone(), error, OPERATIONS_NOT_ASKED)));
        denied.is_none()
    }

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
            let operations = self.access.operations(Topic, &name);
            self.response.topics.push(missing(name, error, operations));
            return true;
        };
        let first = usize::try_from(first).unwrap_or_default();
        let mut rest = Serving::of_topic(self.image, self.offline, topic).skip(first).peekable();
        let mut partitions = Vec::new();
        while let Some(served) = rest.next_if(|_| partitions.len() < self.left) {
            partitions.push(partition(served));
        }
        self.left -= partitions.len();
        let next = rest.next().map(|served| served.number);
        self.response.topics.push(described(topic, partitions, self.access.operations(Topic, &name)));
        self.response.next_cursor = next.map(|partition_index| Cursor { topic_name: name, partition_index });
        next.is_none()
    }
}

fn partition(served: Serving) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition {
        error_code: served.error_code,
        partition_index: served.number,
        leader_id: served.leader,
        leader_epoch: served.leader_epoch,
        replica_nodes: served.replicas,
        isr_nodes: served.isr,
        eligible_leader_replicas: Some(served.eligible_leader_replicas),
        last_known_elr: Some(served.last_known_elr),
        offline_replicas: served.offline_replicas,
    }
}

fn described(
    topic: &TopicImage,
    partitions: Vec<DescribeTopicPartitionsResponsePartition>,
    topic_authorized_operations: i32,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None,
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: topic.is_internal(),
        partitions,
        topic_authorized_operations,
    }
}

fn missing(
    name: ByteString,
    error_code: ErrorCode,
    topic_authorized_operations: i32,
) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code,
        name: Some(name),
        topic_authorized_operations,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
