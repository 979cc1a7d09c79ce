//! Offsets as a request commits them, whatever the kind of the group. Pure.

use bytestring::ByteString;
use kestrel_protocol::{LeaderEpoch, Timestamp, TopicId};

use super::records::{GroupRecord, OffsetCommitKey, OffsetCommitValue};

/// Offsets that a member or a simple consumer wants to keep.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// The version of the request.
    pub(crate) version: i16,
    /// The group.
    pub(crate) group_id: ByteString,
    /// The generation of the member; negative for someone who is in no group.
    pub(crate) generation: i32,
    /// The member; empty for someone who is in no group.
    pub(crate) member_id: ByteString,
    /// `group.instance.id` of a static member.
    pub(crate) instance_id: Option<ByteString>,
    /// How long the offsets are to be kept, in milliseconds; negative for as long as the broker keeps them.
    pub(crate) retention_ms: i64,
    /// The offsets, each for a partition.
    pub(crate) partitions: Vec<CommittedPartition>,
}

/// An offset to keep.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CommittedPartition {
    /// The topic.
    pub(crate) topic: ByteString,
    /// Its id.
    pub(crate) topic_id: TopicId,
    /// The partition's number.
    pub(crate) partition: i32,
    /// The offset of the next record to be processed.
    pub(crate) offset: i64,
    /// The epoch of the last record that was processed.
    pub(crate) leader_epoch: LeaderEpoch,
    /// What is to be kept with it.
    pub(crate) metadata: ByteString,
}

impl Commit {
    /// Whether it says which member commits.
    pub(super) fn is_from_member(&self) -> bool {
        self.generation >= 0 || !self.member_id.is_empty() || self.instance_id.is_some()
    }

    /// The record of one of the offsets.
    pub(super) fn record(&self, partition: &CommittedPartition, now: Timestamp) -> GroupRecord {
        let key = OffsetCommitKey {
            group: self.group_id.clone(),
            topic: partition.topic.clone(),
            partition: partition.partition,
        };
        let value = OffsetCommitValue {
            offset: partition.offset,
            leader_epoch: partition.leader_epoch,
            metadata: partition.metadata.clone(),
            commit_timestamp: now.as_millis(),
            expire_timestamp: match self.retention_ms {
                ..0 => Timestamp::NONE.as_millis(),
                retention_ms => now.as_millis().saturating_add(retention_ms),
            },
            topic_id: partition.topic_id,
        };
        GroupRecord::Offset(key, Some(value))
    }
}
