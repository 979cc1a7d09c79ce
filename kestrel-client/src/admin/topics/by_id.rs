//! Topics by their ids: one that was deleted and created again has another (KIP-516).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponseTopic};
use kestrel_protocol::{ApiKey, ErrorCode, TopicId};

use super::describe::from_metadata;
use super::{TopicDescription, check, unanswered};
use crate::admin::settle::{self, Call, Round, timeout_ms};
use crate::admin::visibility::Expected;
use crate::admin::{Admin, AdminResults, leaders};
use crate::client::{Client, Target};
use crate::error::{Error, Result};

/// The first version of Metadata that is asked for ids.
const METADATA_VERSION: i16 = 12;
/// The first version of DeleteTopics with ids.
const DELETE_VERSION: i16 = 6;

impl Admin {
    /// As [`Self::describe_topics`], by the topics' ids.
    ///
    /// # Errors
    /// Per topic: `UNKNOWN_TOPIC_ID`, also for topics that the caller may not see; [`Error::UnsupportedApi`] from brokers older
    /// than Apache Kafka 3.1, [`Error::Timeout`].
    pub async fn describe_topics_by_id(
        &self,
        ids: impl IntoIterator<Item = TopicId>,
    ) -> AdminResults<TopicId, TopicDescription> {
        let call = DescribeTopicsById { with_operations: self.with_authorized_operations };
        self.settle(&call, ids.into_iter().collect()).await
    }

    /// As [`Self::delete_topics`], by the topics' ids: never deletes another topic that has got the name meanwhile.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `UNKNOWN_TOPIC_ID` (also when an earlier attempt of this call had deleted it and its
    /// answer was lost), `TOPIC_DELETION_DISABLED`, `TOPIC_AUTHORIZATION_FAILED`; [`Error::UnsupportedApi`] from brokers older than
    /// Apache Kafka 2.8, [`Error::Timeout`].
    pub async fn delete_topics_by_id(
        &self,
        ids: impl IntoIterator<Item = TopicId>,
    ) -> AdminResults<TopicId, ()> {
        let settled = self.settle(&DeleteTopicsById, ids.into_iter().collect()).await;
        let deleted = settled.iter().filter_map(|(_, name)| name.as_ref().ok()?.clone());
        let expected = deleted.map(|name| (name, Expected::Gone)).collect();
        self.wait_until_visible(expected).await;
        AdminResults(settled.into_iter().map(|(id, result)| (id, result.map(drop))).collect())
    }
}

#[derive(Debug)]
struct DescribeTopicsById {
    with_operations: bool,
}

impl Call for DescribeTopicsById {
    type Item = TopicId;
    type Output = TopicDescription;
    const OPERATION: &'static str = "describing topics";
    const IS_PASSING: fn(&Error) -> bool = is_passing;

    async fn round(&self, client: &Client, items: &[TopicId], _: Instant) -> Round<Self> {
        let topic = |&topic_id: &TopicId| MetadataRequestTopic { topic_id, name: None };
        let request = MetadataRequest {
            topics: Some(items.iter().map(topic).collect()),
            include_topic_authorized_operations: self.with_operations,
            ..leaders::request(None)
        };
        let response = client.send_since(Target::Any, &request, METADATA_VERSION).await?;
        settle::check(ApiKey::Metadata, response.error_code, None)?;
        Ok(described(items, response.topics))
    }
}

fn described(items: &[TopicId], topics: Vec<MetadataResponseTopic>) -> Vec<Result<TopicDescription>> {
    let answers: HashMap<_, _> = topics.into_iter().map(|topic| (topic.topic_id, topic)).collect();
    let description = |id: &TopicId| {
        let name = Arc::from(id.to_string());
        let topic = answers.get(id).cloned().ok_or_else(|| unanswered(ApiKey::Metadata, &name))?;
        check(ApiKey::Metadata, &name, topic.error_code, None)?;
        let (_, (_, description)) =
            from_metadata(topic).ok_or_else(|| unanswered(ApiKey::Metadata, &name))?;
        Ok(description)
    };
    items.iter().map(description).collect()
}

#[derive(Debug)]
struct DeleteTopicsById;

impl Call for DeleteTopicsById {
    type Item = TopicId;
    /// The name that the topic had, if the controller says it.
    type Output = Option<Arc<str>>;
    const OPERATION: &'static str = "deleting topics";
    const IS_PASSING: fn(&Error) -> bool = is_passing;

    async fn round(&self, client: &Client, items: &[TopicId], deadline: Instant) -> Round<Self> {
        let topic = |&topic_id: &TopicId| DeleteTopicState { name: None, topic_id };
        let request = DeleteTopicsRequest {
            topics: items.iter().map(topic).collect(),
            topic_names: Vec::new(),
            timeout_ms: timeout_ms(client, deadline),
        };
        let response = client.send_since(Target::Controller, &request, DELETE_VERSION).await?;
        let answers: HashMap<_, _> =
            response.responses.into_iter().map(|answer| (answer.topic_id, answer)).collect();
        let deleted = |id: &TopicId| {
            let (api, shown) = (ApiKey::DeleteTopics, Arc::from(id.to_string()));
            let answer = answers.get(id).ok_or_else(|| unanswered(api, &shown))?;
            check(api, &shown, answer.error_code, answer.error_message.as_deref())?;
            Ok(answer.name.as_deref().map(Arc::from))
        };
        Ok(items.iter().map(deleted).collect())
    }
}

/// To these calls an id that no topic has is an answer.
fn is_passing(error: &Error) -> bool {
    error.is_passing() && error.code() != Some(ErrorCode::UnknownTopicId)
}
