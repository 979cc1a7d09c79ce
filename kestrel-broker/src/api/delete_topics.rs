//! DeleteTopics, versions 1 to 6 (KIP-4, KIP-516): by name, from version 6 by id too. Each topic is deleted or refused by
//! itself; with `delete.topic.enable=false` all are refused.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use kestrel_protocol::{ErrorCode, TopicId};

use super::tally::Tally;
use super::{Access, Answer, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{Delete, Describe};
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ApiError, ClusterImage, DeletedTopic, TopicRef};
use crate::quota::Strictness;

/// The first version that knows TOPIC_DELETION_DISABLED (KIP-322).
const FIRST_DISABLED_VERSION: i16 = 3;

/// The first version that knows THROTTLING_QUOTA_EXCEEDED (KIP-599).
const FIRST_STRICT_VERSION: i16 = 5;

impl Handler for DeleteTopicsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> Answer<DeleteTopicsResponse> {
        if !state.config.delete_topics {
            let disabled = context.version >= FIRST_DISABLED_VERSION;
            let error = if disabled { ErrorCode::TopicDeletionDisabled } else { ErrorCode::InvalidRequest };
            return self.refusal(error).into();
        }
        let permission = Permission::new(&context.access, &state);
        let strictness = Strictness::since(FIRST_STRICT_VERSION, context.version);
        let permits = context.account.permits(strictness);
        let mut responses = Vec::new();
        let mut topics = Vec::new();
        let all = self.asked();
        let mut tally = Tally::of(all.iter().map(key));
        for asked in all {
            // What is asked for twice is answered once, and stays.
            let Some(is_alone) = tally.take(&key(&asked)) else { continue };
            match checked(&asked, is_alone) {
                Ok(topic) => match permission.check(&topic) {
                    Ok(permitted) => topics.push((topic, permitted)),
                    Err(denied) => responses.push(denied),
                },
                Err(error) => responses.push(failure(&asked, &error)),
            }
        }
        let permitted = topics.iter().map(|(_, permitted)| permitted.clone()).collect();
        let deleted = state.cluster.delete_topics(permitted, permits.clone()).await;
        responses.extend(topics.iter().zip(deleted).map(|((topic, _), outcome)| match outcome {
            Ok(deleted) => success(deleted),
            Err(error) => failure(&as_asked(topic), &as_unknown(topic, error)),
        }));
        let response = DeleteTopicsResponse { responses, ..Default::default() };
        Answer::from(response).held_back(permits.throttle(state.clock.now()))
    }

    fn refusal(&self, error: ErrorCode) -> DeleteTopicsResponse {
        let responses = self.asked().iter().map(|topic| failure(topic, &error.into())).collect();
        DeleteTopicsResponse { responses, ..Default::default() }
    }
}

/// What the sender may delete, and what of the rest it may know.
struct Permission<'a> {
    access: &'a Access,
    deletes_all: bool,
    image: Arc<ClusterImage>,
}

impl<'a> Permission<'a> {
    fn new(access: &'a Access, state: &State) -> Self {
        Self { access, deletes_all: access.would_allow_on_cluster(Delete), image: state.cluster.image() }
    }

    /// The topic to delete, if it may be deleted.
    ///
    /// It is the very one that was looked at: the controller's metadata is newer than this image, and by name it could find
    /// a topic that nobody has asked the authorizer about.
    fn check(&self, topic: &TopicRef) -> Result<TopicRef, DeletableTopicResult> {
        if self.deletes_all {
            return Ok(topic.clone());
        }
        let (name, found) = match topic {
            TopicRef::Name(name) => (name, self.image.topic(name)),
            TopicRef::Id(id) => match self.image.topic_by_id(*id) {
                Some(found) => (&found.name, Some(found)),
                None => return Err(failure(&as_asked(topic), &unknown(topic))),
            },
        };
        let is_described = self.access.would_allow(Describe, Topic, name);
        let denied = match found {
            None if is_described => return Err(failure(&as_asked(topic), &unknown(topic))),
            _ => match self.access.check(Delete, Topic, name) {
                Ok(()) if is_described && let Some(found) = found => return Ok(TopicRef::Id(found.id)),
                denied => denied.err().unwrap_or(ErrorCode::TopicAuthorizationFailed),
            },
        };
        let mut asked = as_asked(topic);
        // The name of an id is for those who may see the topic.
        if is_described {
            asked.name = Some(name.clone());
        }
        Err(failure(&asked, &denied.into()))
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

/// The error that there is no such topic.
fn unknown(topic: &TopicRef) -> ApiError {
    match topic {
        TopicRef::Name(_) => ErrorCode::UnknownTopicOrPartition.into(),
        TopicRef::Id(_) => ErrorCode::UnknownTopicId.into(),
    }
}

/// An error of the controller, in the words of whoever asked by name: a topic that went meanwhile was looked for by its id.
fn as_unknown(topic: &TopicRef, error: ApiError) -> ApiError {
    if error.code == ErrorCode::UnknownTopicId { unknown(topic) } else { error }
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
