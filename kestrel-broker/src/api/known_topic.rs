//! KnownTopic: a topic that a commit of offsets names, if it is there and its sender may read it.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, LeaderEpoch, TopicId};

use super::Access;
use crate::authorizer::AclOperation::Read;
use crate::authorizer::ResourceType::Topic;
use crate::cluster::{ClusterImage, TopicImage};
use crate::coordinator::CommittedPartition;

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

    /// What is committed for a partition; `None` when the topic has none of the number.
    pub(super) fn committed(
        &self,
        partition: i32,
        offset: i64,
        leader_epoch: LeaderEpoch,
        metadata: Option<&ByteString>,
    ) -> Option<CommittedPartition> {
        let topic = self.check(partition).ok()?;
        let (topic, topic_id) = (topic.name.clone(), topic.id);
        let metadata = metadata.cloned().unwrap_or_default();
        Some(CommittedPartition { topic, topic_id, partition, offset, leader_epoch, metadata })
    }

    /// What became of a partition: the next of the `outcomes` of those that were committed, which `otherwise` stands for.
    pub(super) fn outcome(
        &self,
        partition: i32,
        mut outcomes: impl Iterator<Item = ErrorCode>,
        otherwise: ErrorCode,
    ) -> ErrorCode {
        self.check(partition).map_or_else(|error| error, |_| outcomes.next().unwrap_or(otherwise))
    }

    /// The topic, if it has the partition.
    fn check(&self, partition: i32) -> Result<&TopicImage, ErrorCode> {
        let topic = self.found.as_ref().map_err(|error| *error)?;
        topic.partition(partition).map(|_| &**topic).ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}
