//! A member as the leader's assignor sees it, and the bytes in which members tell each other.
//!
//! What is written is what the Java client writes: the newest version, topics and partitions in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::consumer_protocol::{Assignment, Subscription, TopicPartitions};
use kestrel_protocol::{ByteString, DecodeError, EncodeError, Message};

use crate::into::IntoName;
use crate::record::TopicPartition;

/// A member of a group and what it says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMember {
    /// The id that the coordinator gave the member.
    pub member_id: Arc<str>,
    /// The id that a static member keeps over restarts (KIP-345).
    pub group_instance_id: Option<Arc<str>>,
    /// The topics that the member wants.
    pub topics: Vec<Arc<str>>,
    /// What the member owns while it joins; nothing with the eager protocol.
    pub owned_partitions: Vec<TopicPartition>,
    /// The generation in which the member owned that, when it says so (KIP-792).
    pub generation: Option<i32>,
    /// Where the member runs (KIP-881).
    pub rack: Option<Arc<str>>,
    /// What the member's own assignor wants to tell.
    pub user_data: Option<Bytes>,
}

impl GroupMember {
    /// A member that wants `topics` and owns nothing.
    pub fn new<T: IntoName>(member_id: impl IntoName, topics: impl IntoIterator<Item = T>) -> Self {
        Self {
            member_id: member_id.into_name(),
            group_instance_id: None,
            topics: topics.into_iter().map(IntoName::into_name).collect(),
            owned_partitions: Vec::new(),
            generation: None,
            rack: None,
            user_data: None,
        }
    }

    /// A member as `JoinGroup` tells the leader.
    ///
    /// # Errors
    /// When `metadata` is no subscription.
    pub(crate) fn from_metadata(
        member_id: &str,
        group_instance_id: Option<&str>,
        metadata: Bytes,
    ) -> Result<Self, DecodeError> {
        let subscription = Subscription::from_bytes(metadata)?;
        Ok(Self {
            member_id: member_id.into_name(),
            group_instance_id: group_instance_id.map(Into::into),
            topics: subscription.topics.iter().map(|topic| Arc::from(&**topic)).collect(),
            owned_partitions: flatten(&subscription.owned_partitions),
            generation: (subscription.generation_id >= 0).then_some(subscription.generation_id),
            rack: subscription.rack_id.as_deref().filter(|rack| !rack.is_empty()).map(Into::into),
            user_data: subscription.user_data,
        })
    }

    /// Whether the member wants the topic.
    #[must_use]
    pub fn wants(&self, topic: &str) -> bool {
        self.topics.iter().any(|wanted| **wanted == *topic)
    }
}

/// The metadata of a member that joins a group. Its ids are the coordinator's business and not in it.
///
/// # Errors
/// When the protocol has no room for a name in it.
pub(crate) fn encode_subscription(member: &GroupMember) -> Result<Bytes, EncodeError> {
    let mut topics: Vec<_> = member.topics.iter().map(|topic| ByteString::from(&**topic)).collect();
    topics.sort();
    let mut owned_partitions = member.owned_partitions.clone();
    owned_partitions.sort();
    let subscription = Subscription {
        topics,
        user_data: member.user_data.clone(),
        owned_partitions: group(&owned_partitions),
        generation_id: member.generation.unwrap_or(-1),
        rack_id: member.rack.as_deref().map(ByteString::from),
    };
    subscription.to_bytes(*Subscription::VERSIONS.end())
}

/// What a member is told to read.
///
/// # Errors
/// When the protocol has no room for a name in it.
pub(crate) fn encode_assignment(partitions: &[TopicPartition]) -> Result<Bytes, EncodeError> {
    let assignment = Assignment { assigned_partitions: group(partitions), user_data: None };
    assignment.to_bytes(*Assignment::VERSIONS.end())
}

/// What a member was told to read.
///
/// # Errors
/// When the bytes are no whole assignment: a part of one is never taken for it.
pub(crate) fn decode_assignment(bytes: Bytes) -> Result<Vec<TopicPartition>, DecodeError> {
    Assignment::from_bytes(bytes).map(|assignment| flatten(&assignment.assigned_partitions))
}

/// Partitions by topic, in the order in which they come.
pub(super) fn group(partitions: &[TopicPartition]) -> Vec<TopicPartitions> {
    let mut groups: Vec<TopicPartitions> = Vec::new();
    let mut by_topic: BTreeMap<&str, usize> = BTreeMap::new();
    for TopicPartition { topic, partition } in partitions {
        let index = *by_topic.entry(topic).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.partitions.push(*partition),
            None => groups.push(TopicPartitions { topic: (&**topic).into(), partitions: vec![*partition] }),
        }
    }
    groups
}

/// The partitions one by one; the ones of a topic share its name.
pub(super) fn flatten(groups: &[TopicPartitions]) -> Vec<TopicPartition> {
    let mut partitions = Vec::new();
    for group in groups {
        let topic: Arc<str> = Arc::from(&*group.topic);
        partitions
            .extend(group.partitions.iter().map(|&number| TopicPartition::new(Arc::clone(&topic), number)));
    }
    partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> GroupMember {
        let mut member = GroupMember::new("m", ["b", "a"]);
        member.owned_partitions = vec![("b", 1).into(), ("a", 2).into(), ("b", 0).into()];
        member.generation = Some(7);
        member.rack = Some("r".into());
        member.user_data = Some(Bytes::from_static(b"u"));
        member
    }

    #[test]
    fn a_subscription_has_the_bytes_that_java_writes() {
        let mut expected = Vec::new();
        expected.extend_from_slice(b"\0\x03\0\0\0\x02\0\x01a\0\x01b\0\0\0\x01u");
        expected
            .extend_from_slice(b"\0\0\0\x02\0\x01a\0\0\0\x01\0\0\0\x02\0\x01b\0\0\0\x02\0\0\0\0\0\0\0\x01");
        expected.extend_from_slice(b"\0\0\0\x07\0\x01r");
        assert_eq!(encode_subscription(&member()).unwrap(), expected);
    }

    #[test]
    fn what_a_member_writes_the_leader_reads() {
        let mut read =
            GroupMember::from_metadata("m", None, encode_subscription(&member()).unwrap()).unwrap();
        read.topics.reverse();
        read.owned_partitions = member().owned_partitions;
        assert_eq!(read, member());
        assert!(GroupMember::from_metadata("m", None, Bytes::from_static(b"\0")).is_err());
    }

    #[test]
    fn an_assignment_is_read_whole_or_not_at_all() {
        let partitions: Vec<TopicPartition> = vec![("b", 1).into(), ("b", 0).into(), ("a", 5).into()];
        let bytes = encode_assignment(&partitions).unwrap();
        assert_eq!(decode_assignment(bytes.clone()).unwrap(), partitions);
        for cut in 0..bytes.len() {
            assert!(decode_assignment(bytes.slice(..cut)).is_err());
        }
    }
}
