//! Metadata, versions 0 to 13: brokers, topics, leaders; creates topics that are asked for (KIP-4, KIP-204, KIP-516).
//!
//! A topic that is created on the way is there, with its leader, in the same answer.

use std::collections::HashSet;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use kestrel_protocol::{ErrorCode, TopicId};

use super::serving::Serving;
use super::{Handler, RequestContext, State, authorized_operations};
use crate::authorizer::ResourceType;
use crate::cluster::{ApiError, ClusterImage, TopicImage, check_topic_name};
use crate::coordinator::GROUPS_TOPIC;
use crate::partition::OfflinePartitions;

/// The first version in which null, and not an empty list, asks for all topics.
const FIRST_NULL_IS_ALL_VERSION: i16 = 1;
/// The first version in which topics can be asked for by id.
const FIRST_BY_ID_VERSION: i16 = 12;

impl Handler for MetadataRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> MetadataResponse {
        let asked = match self.asked(context.version) {
            Ok(asked) => asked,
            Err(error) => return self.refusal(error),
        };
        let created = match &asked {
            Some(topics) if self.allow_auto_topic_creation && state.config.auto_create_topics => {
                create_missing(topics, &state).await
            }
            _ => Vec::new(),
        };
        let image = state.cluster.image();
        let describe = Describe {
            image: &image,
            offline: &state.replicas.offline(),
            with_operations: self.include_topic_authorized_operations,
        };
        let topics = match asked {
            None => image.topics().map(|topic| describe.topic(topic)).collect(),
            Some(asked) => asked.into_iter().map(|topic| describe.asked(topic, &created)).collect(),
        };
        MetadataResponse {
            brokers: brokers(&image, &context, &state),
            cluster_id: Some(image.cluster_id().clone()),
            controller_id: image.controller_id(),
            topics,
            cluster_authorized_operations: authorized_operations(
                self.include_cluster_authorized_operations,
                ResourceType::Cluster,
            ),
            ..Default::default()
        }
    }

    fn refusal(&self, error: ErrorCode) -> MetadataResponse {
        let topics = self.topics.iter().flatten().map(|asked| MetadataResponseTopic {
            error_code: error,
            name: Some(asked.name.clone().unwrap_or_default()),
            topic_id: asked.topic_id,
            ..Default::default()
        });
        MetadataResponse { topics: topics.collect(), error_code: error, ..Default::default() }
    }
}

/// How a topic is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Asked {
    Name(ByteString),
    Id(TopicId),
}

trait AskedTopics {
    /// The topics that are asked for, each once; `None` is all.
    fn asked(&self, version: i16) -> Result<Option<Vec<Asked>>, ErrorCode>;
}

impl AskedTopics for MetadataRequest {
    fn asked(&self, version: i16) -> Result<Option<Vec<Asked>>, ErrorCode> {
        let Some(topics) = &self.topics else { return Ok(None) };
        if topics.is_empty() && version < FIRST_NULL_IS_ALL_VERSION {
            return Ok(None);
        }
        let mut seen = HashSet::new();
        let mut asked = Vec::with_capacity(topics.len());
        for topic in topics {
            let topic = asked_topic(topic, version)?;
            if seen.insert(topic.clone()) {
                asked.push(topic);
            }
        }
        Ok(Some(asked))
    }
}

fn asked_topic(topic: &MetadataRequestTopic, version: i16) -> Result<Asked, ErrorCode> {
    match &topic.name {
        _ if topic.topic_id != TopicId::NIL && version >= FIRST_BY_ID_VERSION => {
            Ok(Asked::Id(topic.topic_id))
        }
        Some(name) if topic.topic_id == TopicId::NIL => Ok(Asked::Name(name.clone())),
        _ => Err(ErrorCode::InvalidRequest),
    }
}

/// Creates the topics that are not there; gives those that could not be created, with why.
async fn create_missing(topics: &[Asked], state: &State) -> Vec<(ByteString, ErrorCode)> {
    let image = state.cluster.image();
    let mut failed = Vec::new();
    for topic in topics {
        if let Asked::Name(name) = topic
            && image.topic(name).is_none()
            && check_topic_name(name).is_ok()
            && let Err(error) = create(name, state).await
        {
            failed.push((name.clone(), error.code));
        }
    }
    failed
}

/// Creates a topic with all defaults; that of the groups is created as their coordinator needs it.
async fn create(name: &ByteString, state: &State) -> Result<(), ApiError> {
    if name == GROUPS_TOPIC {
        state.groups.ensure().await
    } else {
        state.cluster.auto_create(name.clone()).await
    }
}

/// The brokers that serve, each with the endpoint of the listener that the client came by.
fn brokers(image: &ClusterImage, context: &RequestContext, state: &State) -> Vec<MetadataResponseBroker> {
    let serving = image.brokers().filter(|broker| !broker.fenced);
    serving
        .filter_map(|broker| {
            let (host, port) = state.client_endpoint(broker, context)?;
            Some(MetadataResponseBroker { node_id: broker.id, host, port, rack: broker.rack.clone() })
        })
        .collect()
}

/// Topics of one image as the response shows them.
struct Describe<'a> {
    image: &'a ClusterImage,
    offline: &'a OfflinePartitions,
    with_operations: bool,
}

impl Describe<'_> {
    fn asked(&self, asked: Asked, failed: &[(ByteString, ErrorCode)]) -> MetadataResponseTopic {
        match asked {
            Asked::Name(name) => match self.image.topic(&name) {
                Some(topic) => self.topic(topic),
                None => {
                    let error = why_missing(&name, failed);
                    MetadataResponseTopic { error_code: error, name: Some(name), ..Default::default() }
                }
            },
            Asked::Id(id) => match self.image.topic_by_id(id) {
                Some(topic) => self.topic(topic),
                None => MetadataResponseTopic {
                    error_code: ErrorCode::UnknownTopicId,
                    topic_id: id,
                    ..Default::default()
                },
            },
        }
    }

    fn topic(&self, topic: &TopicImage) -> MetadataResponseTopic {
        MetadataResponseTopic {
            error_code: ErrorCode::None,
            name: Some(topic.name.clone()),
            topic_id: topic.id,
            is_internal: topic.is_internal(),
            partitions: Serving::of_topic(self.image, self.offline, topic).map(partition).collect(),
            topic_authorized_operations: authorized_operations(self.with_operations, ResourceType::Topic),
        }
    }
}

fn partition(served: Serving) -> MetadataResponsePartition {
    MetadataResponsePartition {
        error_code: served.error_code,
        partition_index: served.number,
        leader_id: served.leader,
        leader_epoch: served.leader_epoch,
        replica_nodes: served.replicas,
        isr_nodes: served.isr,
        offline_replicas: served.offline_replicas,
    }
}

fn why_missing(name: &ByteString, failed: &[(ByteString, ErrorCode)]) -> ErrorCode {
    if check_topic_name(name).is_err() {
        return ErrorCode::InvalidTopic;
    }
    let failure = failed.iter().find(|(failed, _)| failed == name);
    failure.map_or(ErrorCode::UnknownTopicOrPartition, |(_, error)| *error)
}

#[cfg(test)]
mod tests;
