//! DeleteTopics, versions 1 to 6 (KIP-4, KIP-516): by name, from version 6 by id too. Each topic is deleted or refused by
//! itself; with `delete.topic.enable=false` all are refused.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use kestrel_protocol::{ErrorCode, TopicId};

use super::tally::Tally;
use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, DeletedTopic, TopicRef};

/// The first version that knows TOPIC_DELETION_DISABLED (KIP-322).
const FIRST_DISABLED_VERSION: i16 = 3;

impl Handler for DeleteTopicsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DeleteTopicsResponse {
        if !state.config.delete_topics {
            let disabled = context.version >= FIRST_DISABLED_VERSION;
            return self.refusal(if disabled {
                ErrorCode::TopicDeletionDisabled
            } else {
                ErrorCode::InvalidRequest
            });
        }
        let mut responses = Vec::new();
        let mut topics = Vec::new();
        let all = self.asked();
        let mut tally = Tally::of(all.iter().map(key));
        for asked in all {
            // What is asked for twice is answered once, and stays.
            let Some(is_alone) = tally.take(&key(&asked)) else { continue };
            match checked(&asked, is_alone) {
                Ok(topic) => topics.push(topic),
                Err(error) => responses.push(failure(&asked, &error)),
            }
        }
        let deleted = state.cluster.delete_topics(topics.clone()).await;
        responses.extend(topics.iter().zip(deleted).map(|(topic, outcome)| match outcome {
            Ok(deleted) => success(deleted),
            Err(error) => failure(&as_asked(topic), &error),
        }));
        DeleteTopicsResponse { responses, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DeleteTopicsResponse {
        let responses = self.asked().iter().map(|topic| failure(topic, &error.into())).collect();
        DeleteTopicsResponse { responses, ..Default::default() }
    }
}

trait Asked {
    /// The topics that are asked for, in the form of version 6. The two lists are never both there.
    fn asked(&self) -> Vec<DeleteTopicState>;
}

impl Asked for DeleteTopicsRequest {
    fn asked(&self) -> Vec<DeleteTopicState> {
        let names = self.topic_names.iter().map(|name| as_asked(&TopicRef::Name(name.clone())));
        self.topics.iter().cloned().chain(names).collect()
    }
}

fn as_asked(topic: &TopicRef) -> DeleteTopicState {
    match topic {
        TopicRef::Name(name) => DeleteTopicState { name: Some(name.clone()), ..Default::default() },
        TopicRef::Id(topic_id) => DeleteTopicState { name: None, topic_id: *topic_id },
    }
}

fn key(asked: &DeleteTopicState) -> (Option<ByteString>, TopicId) {
    (asked.name.clone(), asked.topic_id)
}

/// The topic that is asked for, if it is named in one way and once.
fn checked(asked: &DeleteTopicState, is_alone: bool) -> Result<TopicRef, ApiError> {
    let (topic, twice) = match &asked.name {
        Some(_) if !asked.topic_id.is_nil() => {
            return invalid("You may not specify both topic name and topic id.");
        }
        None if asked.topic_id.is_nil() => return invalid("Neither topic name nor id were specified."),
        Some(name) => (TopicRef::Name(name.clone()), "Duplicate topic name."),
        None => (TopicRef::Id(asked.topic_id), "Duplicate topic id."),
    };
    if is_alone { Ok(topic) } else { invalid(twice) }
}

fn invalid(message: &str) -> Result<TopicRef, ApiError> {
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}

fn success(deleted: DeletedTopic) -> DeletableTopicResult {
    DeletableTopicResult { name: Some(deleted.name), topic_id: deleted.id, ..Default::default() }
}

fn failure(asked: &DeleteTopicState, error: &ApiError) -> DeletableTopicResult {
    DeletableTopicResult {
        name: asked.name.clone(),
        topic_id: asked.topic_id,
        error_code: error.code,
        error_message: Some(error.message.as_str().into()),
    }
}

#[cfg(test)]
mod tests;
