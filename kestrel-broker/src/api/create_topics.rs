//! CreateTopics, versions 2 to 7 (KIP-4, KIP-464, KIP-516, KIP-525): each topic is created or refused by itself.
//!
//! A topic that is reported as created can be produced to at once. From version 5 the answer holds its configuration.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};

use super::describe_configs::topic_keys;
use super::tally::{split_denied, split_repeated};
use super::{Answer, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{Create, DescribeConfigs};
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ApiError, ClusterImage, CreatedTopic, Intent, METADATA_TOPIC, NewTopic};
use crate::config::{ConfigSource, DescribedConfig};
use crate::quota::Strictness;

/// The first version that knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
const FIRST_STRICT_VERSION: i16 = 6;

impl Handler for CreateTopicsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> Answer<CreateTopicsResponse> {
        let (once, repeated) = split_repeated(self.topics, |topic| topic.name.clone());
        let access = &context.access;
        let creates_all = access.would_allow_on_cluster(Create);
        let (once, denied) = split_denied(once, |topic| {
            if creates_all || topic.name == METADATA_TOPIC {
                Ok(())
            } else {
                access.check(Create, Topic, &topic.name)
            }
        });
        let strictness = Strictness::since(FIRST_STRICT_VERSION, context.version);
        let permits = context.account.permits(strictness);
        let names: Vec<ByteString> = once.iter().map(|topic| topic.name.clone()).collect();
        let created = state
            .cluster
            .create_topics(
                once.into_iter().map(new_topic).collect(),
                Intent::of(self.validate_only),
                permits.clone(),
            )
            .await;
        let image = state.cluster.image();
        let mut topics: Vec<_> = names
            .into_iter()
            .zip(created)
            .map(|(name, outcome)| match outcome {
                Ok(created) if access.would_allow(DescribeConfigs, Topic, &name) => {
                    success(name, &created, &image, &state)
                }
                Ok(created) => success_unseen(name, &created),
                Err(error) => failure(name, &error),
            })
            .collect();
        let duplicate = ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
        topics.extend(repeated.into_iter().map(|name| failure(name, &duplicate)));
        topics.extend(denied.into_iter().map(|(topic, error)| failure(topic.name, &error.into())));
        let response = CreateTopicsResponse { topics, ..Default::default() };
        Answer::from(response).held_back(permits.throttle(state.clock.now()))
    }

    fn refusal(&self, error: ErrorCode) -> CreateTopicsResponse {
        let topics = self.topics.iter().map(|topic| failure(topic.name.clone(), &error.into())).collect();
        CreateTopicsResponse { topics, ..Default::default() }
    }
}

fn new_topic(topic: CreatableTopic) -> NewTopic {
    NewTopic {
        name: topic.name,
        num_partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic
            .assignments
            .into_iter()
            .map(|assignment| (assignment.partition_index, assignment.broker_ids))
            .collect(),
        configs: topic.configs.into_iter().map(|config| (config.name, config.value)).collect(),
    }
}

fn success(
    name: ByteString,
    created: &CreatedTopic,
    image: &ClusterImage,
    state: &State,
) -> CreatableTopicResult {
    let keys = topic_keys(&created.configs, |_| true, image, state);
    CreatableTopicResult {
        name,
        topic_id: created.id,
        error_code: ErrorCode::None,
        num_partitions: created.num_partitions,
        replication_factor: created.replication_factor,
        configs: Some(keys.into_iter().map(topic_config).collect()),
        ..Default::default()
    }
}

/// The answer to who may create a topic and not see how it is configured.
fn success_unseen(name: ByteString, created: &CreatedTopic) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        topic_id: created.id,
        topic_config_error_code: ErrorCode::TopicAuthorizationFailed.code(),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

/// A key of a new topic. What the request says of it comes back as it was written, here alone.
fn topic_config(config: DescribedConfig) -> CreatableTopicConfigs {
    let written = config.synonyms.into_iter().find(|synonym| synonym.source == ConfigSource::Topic);
    CreatableTopicConfigs {
        name: config.name.into(),
        value: written.and_then(|written| written.value).or(config.value).map(Into::into),
        read_only: config.is_read_only,
        config_source: config.source.wire(),
        is_sensitive: config.is_sensitive,
    }
}

fn failure(name: ByteString, error: &ApiError) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: error.code,
        error_message: Some(error.message.as_str().into()),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
