//! OffsetFetch, versions 1 to 10 (several groups from version 8, KIP-709; topics by id from version 10, KIP-848): stored
//! positions, all of a group's when no topics are named; only stable ones when asked for (KIP-447).

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kestrel_protocol::{ErrorCode, TopicId};

use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::{Group, Topic};
use crate::cluster::ClusterImage;
use crate::coordinator::FetchedOffset;

/// The first version that asks for several groups.
const FIRST_BATCH_VERSION: i16 = 8;
/// The first version that names topics by id.
const FIRST_TOPIC_ID_VERSION: i16 = 10;
/// The first version with an error for the whole group.
const FIRST_GROUP_ERROR_VERSION: i16 = 2;

impl Handler for OffsetFetchRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> OffsetFetchResponse {
        let fetch = Fetch {
            state: &state,
            access: &context.access,
            by_id: context.version >= FIRST_TOPIC_ID_VERSION,
            require_stable: self.require_stable,
            image: &state.cluster.image(),
        };
        if context.version >= FIRST_BATCH_VERSION {
            let mut groups = Vec::with_capacity(self.groups.len());
            for asked in &self.groups {
                groups.push(fetch.group(asked).await);
            }
            return OffsetFetchResponse { groups, ..Default::default() };
        }
        in_one_group(fetch.group(&self.as_group()).await, &self, context.version)
    }

    /// The error of each group; in version 1, which has no place for that, of each partition.
    fn refusal(&self, error_code: ErrorCode) -> OffsetFetchResponse {
        let groups = self.groups.iter().map(|asked| refused(asked, error_code));
        let groups: Vec<_> = groups.collect();
        OffsetFetchResponse { groups, ..in_one_group(refused(&self.as_group(), error_code), self, 1) }
    }
}

trait AsGroup {
    /// The question of a version before 8, in the form of version 8.
    fn as_group(&self) -> OffsetFetchRequestGroup;
}

impl AsGroup for OffsetFetchRequest {
    fn as_group(&self) -> OffsetFetchRequestGroup {
        let topics = self.topics.as_ref().map(|topics| {
            let topic = topics.iter().map(|topic| OffsetFetchRequestTopics {
                name: topic.name.clone(),
                partition_indexes: topic.partition_indexes.clone(),
                ..Default::default()
            });
            topic.collect()
        });
        OffsetFetchRequestGroup { group_id: self.group_id.clone(), topics, ..Default::default() }
    }
}

/// The parameters that all groups of a request share.
struct Fetch<'a> {
    state: &'a State,
    access: &'a Access,
    by_id: bool,
    require_stable: bool,
    image: &'a ClusterImage,
}

impl Fetch<'_> {
    async fn group(&self, asked: &OffsetFetchRequestGroup) -> OffsetFetchResponseGroup {
        let topics = match (self.access.check(Describe, Group, &asked.group_id), &asked.topics) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(topics)) => self.some(&asked.group_id, topics).await,
            (Ok(()), None) => self.all(&asked.group_id).await,
        };
        match topics {
            Ok(topics) => {
                OffsetFetchResponseGroup { group_id: asked.group_id.clone(), topics, ..Default::default() }
            }
            Err(error) => refused(asked, error),
        }
    }

    async fn all(&self, group_id: &str) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
        let mut topics: Vec<OffsetFetchResponseTopics> = Vec::new();
        for (name, partition, fetched) in self.state.groups.fetch_all(group_id, self.require_stable).await? {
            if topics.last().is_none_or(|last| last.name != name) {
                let Some(topic_id) = self.topic_id(&name) else { continue };
                topics.push(OffsetFetchResponseTopics { name, topic_id, partitions: Vec::new() });
            }
            if let Some(topic) = topics.last_mut() {
                topic.partitions.push(fetched_partition(partition, fetched));
            }
        }
        topics.retain(|topic| self.access.allows(Describe, Topic, &topic.name));
        Ok(topics)
    }

    /// The id of a topic, for a client that knows no names; one that is gone has none for it.
    fn topic_id(&self, name: &str) -> Option<TopicId> {
        let id = self.image.topic(name).map(|topic| topic.id);
        if self.by_id { id } else { Some(id.unwrap_or(TopicId::NIL)) }
    }

    async fn some(
        &self,
        group_id: &str,
        asked: &[OffsetFetchRequestTopics],
    ) -> Result<Vec<OffsetFetchResponseTopics>, ErrorCode> {
        let names: Vec<Result<ByteString, ErrorCode>> = asked.iter().map(|topic| self.name(topic)).collect();
        let wanted = asked.iter().zip(&names).flat_map(|(topic, name)| {
            let partitions = name.iter().flat_map(|_| &topic.partition_indexes);
            partitions.map(|partition| (name.clone().unwrap_or_default(), *partition))
        });
        let wanted: Vec<_> = wanted.collect();
        let mut fetched = self.state.groups.fetch(group_id, &wanted, self.require_stable).await?.into_iter();
        let topics = asked.iter().zip(&names).map(|(topic, name)| {
            let partitions = topic.partition_indexes.iter().map(|partition| {
                let found = name.as_ref().map(|_| fetched.next().unwrap_or_else(unanswered));
                fetched_partition(*partition, found.unwrap_or_else(|error| FetchedOffset::none(*error)))
            });
            let partitions = partitions.collect();
            OffsetFetchResponseTopics { name: topic.name.clone(), topic_id: topic.topic_id, partitions }
        });
        Ok(topics.collect())
    }

    /// The name of the topic that is asked for, if it is known and allowed. What is asked for by name need not be there: its
    /// offsets may.
    fn name(&self, topic: &OffsetFetchRequestTopics) -> Result<ByteString, ErrorCode> {
        let name = if self.by_id {
            &self.image.topic_by_id(topic.topic_id).ok_or(ErrorCode::UnknownTopicId)?.name
        } else {
            &topic.name
        };
        self.access.check(Describe, Topic, name)?;
        Ok(name.clone())
    }
}

fn unanswered() -> FetchedOffset {
    FetchedOffset::none(ErrorCode::UnknownServerError)
}

fn fetched_partition(partition_index: i32, fetched: FetchedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: fetched.offset,
        committed_leader_epoch: fetched.leader_epoch,
        metadata: Some(fetched.metadata),
        error_code: fetched.error,
    }
}

fn refused(asked: &OffsetFetchRequestGroup, error_code: ErrorCode) -> OffsetFetchResponseGroup {
    OffsetFetchResponseGroup { group_id: asked.group_id.clone(), error_code, ..Default::default() }
}

/// The answer to a request for one group, in the form before version 8.
fn in_one_group(
    group: OffsetFetchResponseGroup,
    asked: &OffsetFetchRequest,
    version: i16,
) -> OffsetFetchResponse {
    let error_code = group.error_code;
    let topics = if version < FIRST_GROUP_ERROR_VERSION && !error_code.is_none() {
        asked
            .as_group()
            .topics
            .unwrap_or_default()
            .into_iter()
            .map(|topic| failed_topic(&topic, error_code))
            .collect()
    } else {
        group.topics.into_iter().map(old_topic).collect()
    };
    OffsetFetchResponse { topics, error_code, ..Default::default() }
}

fn failed_topic(topic: &OffsetFetchRequestTopics, error: ErrorCode) -> OffsetFetchResponseTopic {
    let partitions = topic
        .partition_indexes
        .iter()
        .map(|partition| fetched_partition(*partition, FetchedOffset::none(error)));
    old_topic(OffsetFetchResponseTopics {
        name: topic.name.clone(),
        partitions: partitions.collect(),
        ..Default::default()
    })
}

fn old_topic(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partition = |partition: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: partition.partition_index,
        committed_offset: partition.committed_offset,
        committed_leader_epoch: partition.committed_leader_epoch,
        metadata: partition.metadata,
        error_code: partition.error_code,
    };
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    }
}

#[cfg(test)]
mod tests;
