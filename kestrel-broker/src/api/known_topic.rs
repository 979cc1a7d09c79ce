//! KnownTopic: a topic that a commit of offsets names, if it is there and its sender may read it.

use std::sync::Arc;

use kestrel_protocol::{ErrorCode, TopicId};

use super::Access;
use crate::authorizer::AclOperation::Read;
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ClusterImage, TopicImage};

/// A topic that a request names, if it is there.
pub(super) struct KnownTopic {
    found: Result<Arc<TopicImage>, ErrorCode>,
}

impl KnownTopic {
    /// Looks a topic up by its name, which has to be allowed before anything is said of it.
    pub(super) fn by_name(name: &str, access: &Access, image: &ClusterImage) -> Self {
        let found = access.check(Read, Topic, name);
        let missing = ErrorCode::UnknownTopicOrPartition;
        Self { found: found.and_then(|()| image.topic(name).cloned().ok_or(missing)) }
    }

    /// Looks a topic up by its id; one that nobody has is no secret.
    pub(super) fn by_id(id: TopicId, access: &Access, image: &ClusterImage) -> Self {
        let found = image.topic_by_id(id).ok_or(ErrorCode::UnknownTopicId);
        Self { found: found.and_then(|topic| access.check(Read, Topic, &topic.name).map(|()| topic.clone())) }
    }

    /// The topic.
    pub(super) fn topic(&self) -> Option<&Arc<TopicImage>> {
        self.found.as_ref().ok()
    }

    /// Whether the topic has the partition.
    pub(super) fn check(&self, partition: i32) -> Result<(), ErrorCode> {
        let topic = self.found.as_ref().map_err(|error| *error)?;
        topic.partition(partition).map(|_| ()).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}
