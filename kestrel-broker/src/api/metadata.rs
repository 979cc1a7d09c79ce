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
use super::{Access, Handler, OPERATIONS_NOT_ASKED, RequestContext, State};
use crate::authorizer::AclOperation::{Create, Describe};
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ApiError, ClusterImage, TopicImage, check_topic_name};
use crate::coordinator::{GROUPS_TOPIC, TRANSACTIONS_TOPIC};
use crate::partition::OfflinePartitions;
use crate::quota::Strictness;

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
                create_missing(topics, &context, &state).await
            }
            _ => Vec::new(),
        };
        let image = state.cluster.image();
        let describe = Description {
            image: &image,
            access: &context.access,
            offline: &state.replicas.offline(),
            with_operations: self.include_topic_authorized_operations,
        };
        let topics = match asked {
            None => image
                .topics()
                .filter(|topic| describe.shows(topic))
                .map(|topic| describe.topic(topic))
                .collect(),
            Some(asked) => asked.into_iter().map(|topic| describe.asked(topic, &created)).collect(),
        };
        MetadataResponse {
            brokers: brokers(&image, &context, &state),
            cluster_id: Some(image.cluster_id().clone()),
            controller_id: image.controller_id(),
            topics,
            cluster_authorized_operations: if self.include_cluster_authorized_operations {
                context.access.operations_on_cluster()
            } else {
                OPERATIONS_NOT_ASKED
            },
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
async fn create_missing(
    topics: &[Asked],
    context: &RequestContext,
    state: &State,
) -> Vec<(ByteString, ErrorCode)> {
    let image = state.cluster.image();
    let mut failed = Vec::new();
    for topic in topics {
        // What may not be described is refused by that, whether it is there or not.
        if let Asked::Name(name) = topic
            && image.topic(name).is_none()
            && context.access.would_allow(Describe, Topic, name)
            && let Err(error) = create_allowed(name, context, state).await
        {
            failed.push((name.clone(), error.code));
        }
    }
    failed
}

async fn create_allowed(name: &ByteString, context: &RequestContext, state: &State) -> Result<(), ApiError> {
    if !context.access.would_allow_on_cluster(Create) {
        context.access.check(Create, Topic, name)?;
    }
    check_topic_name(name).map_err(|_| ErrorCode::InvalidTopic)?;
    create(name, context, state).await
}

/// Creates a topic with all defaults; those that coordinators keep their state in are created as these need them.
async fn create(name: &ByteString, context: &RequestContext, state: &State) -> Result<(), ApiError> {
    match &**name {
        GROUPS_TOPIC => return state.groups.ensure().await,
        TRANSACTIONS_TOPIC => return state.transactions.ensure().await,
        _ => {}
    }
    let created = state.cluster.auto_create(name.clone(), context.account.permits(Strictness::Strict)).await;
    created.map_err(|error| match error.code {
        // As Apache Kafka: the client asks again, and by then it may be created.
        ErrorCode::ThrottlingQuotaExceeded => ErrorCode::UnknownTopicOrPartition.into(),
        _ => error,
    })
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
struct Description<'a> {
    image: &'a ClusterImage,
    access: &'a Access,
    offline: &'a OfflinePartitions,
    with_operations: bool,
}

impl Description<'_> {
    /// Whether a topic is among all that there are, for this sender.
    fn shows(&self, topic: &TopicImage) -> bool {
        self.access.would_allow(Describe, Topic, &topic.name)
    }

    fn asked(&self, asked: Asked, failed: &[(ByteString, ErrorCode)]) -> MetadataResponseTopic {
        match asked {
            Asked::Name(name) => self.named(&name, failed),
            Asked::Id(topic_id) => {
                let found = self.image.topic_by_id(topic_id).ok_or(ErrorCode::UnknownTopicId);
                let allowed = found.and_then(|topic| {
                    self.access.check(Describe, Topic, &topic.name).map(|()| self.topic(topic))
                });
                // The id is no secret, the name is.
                allowed.unwrap_or_else(|error_code| MetadataResponseTopic {
                    error_code,
                    topic_id,
                    ..Default::default()
                })
            }
        }
    }

    fn named(&self, name: &ByteString, failed: &[(ByteString, ErrorCode)]) -> MetadataResponseTopic {
        let missing = |error_code, topic_authorized_operations| MetadataResponseTopic {
            error_code,
            name: Some(name.clone()),
            topic_authorized_operations,
            ..Default::default()
        };
        // Also where there is no such topic, so that names do not leak.
        if let Err(error) = self.access.check(Describe, Topic, name) {
            return missing(error, OPERATIONS_NOT_ASKED);
        }
        match self.image.topic(name) {
            Some(topic) => self.topic(topic),
            None => match why_missing(name, failed) {
                denied @ ErrorCode::TopicAuthorizationFailed => missing(denied, OPERATIONS_NOT_ASKED),
                error => missing(error, self.operations(name)),
            },
        }
    }

    fn operations(&self, name: &str) -> i32 {
        if self.with_operations { self.access.operations(Topic, name) } else { OPERATIONS_NOT_ASKED }
    }

    fn topic(&self, topic: &TopicImage) -> MetadataResponseTopic {
        MetadataResponseTopic {
            error_code: ErrorCode::None,
            name: Some(topic.name.clone()),
            topic_id: topic.id,
            is_internal: topic.is_internal(),
            partitions: Serving::of_topic(self.image, self.offline, topic).map(partition).collect(),
            topic_authorized_operations: self.operations(&topic.name),
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
    if let Some((_, error)) = failed.iter().find(|(failed, _)| failed == name) {
        return *error;
    }
    check_topic_name(name).map_or(ErrorCode::InvalidTopic, |()| ErrorCode::UnknownTopicOrPartition)
}

#[cfg(test)]
mod tests;
