//! The groups and committed offsets that the log of a shard says. Changed by replay and by nothing else. Part of the machine.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{LeaderEpoch, ProducerId, Timestamp, TopicId};

use super::records::{GroupMetadataValue, GroupRecord, MemberMetadata, OffsetCommitKey, OffsetCommitValue};
use crate::coordinator::runtime::LogPlace;

/// Offsets of a group, by topic and partition.
pub(super) type GroupOffsets = BTreeMap<ByteString, BTreeMap<i32, StoredOffset>>;

/// A committed offset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StoredOffset {
    /// The offset of the next record to be processed.
    pub(super) offset: i64,
    /// The epoch of the last record that was processed; [`LeaderEpoch::NONE`] when that is not known.
    pub(super) leader_epoch: LeaderEpoch,
    /// What the client wanted to keep with it.
    pub(super) metadata: ByteString,
    pub(super) commit_timestamp: Timestamp,
    /// When it is too old, if the commit said that itself (before KIP-211).
    pub(super) expire_timestamp: Option<Timestamp>,
    /// The topic's id; nil when the commit did not say.
    pub(super) topic_id: TopicId,
    /// Where it is in the log.
    log_offset: i64,
}

/// The hard state of a shard.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) groups: BTreeMap<ByteString, GroupMetadataValue>,
    offsets: BTreeMap<ByteString, GroupOffsets>,
    /// Offsets of transactions that have not ended, by producer and group (KIP-98).
    pending: HashMap<ProducerId, BTreeMap<ByteString, GroupOffsets>>,
}

impl Stored {
    /// Lets a record take effect; that of a transaction is kept aside until the transaction ends.
    pub(super) fn replay(&mut self, record: GroupRecord, place: LogPlace) {
        match record {
            GroupRecord::Group(key, Some(value)) => {
                self.groups.insert(detached(&key.group), detached_group(value));
            }
            GroupRecord::Group(key, None) => {
                self.groups.remove(&key.group);
            }
            GroupRecord::Offset(key, Some(value)) => {
                let group = detached(&key.group);
                let groups = match place.transaction {
                    Some(transaction) => self.pending.entry(transaction.producer_id).or_default(),
                    None => &mut self.offsets,
                };
                let topics = groups.entry(group).or_default();
                let partitions = topics.entry(detached(&key.topic)).or_default();
                partitions.insert(key.partition, StoredOffset::new(&value, place.offset));
            }
            GroupRecord::Offset(key, None) => self.remove(&key),
        }
    }

    /// Lets the end of a transaction take effect: its offsets count, unless a later commit did already.
    pub(super) fn replay_end(&mut self, producer: ProducerId, outcome: TransactionOutcome) {
        let groups = self.pending.remove(&producer).unwrap_or_default();
        if outcome == TransactionOutcome::Abort {
            return;
        }
        for (group, topics) in groups {
            for (topic, partitions) in topics {
                for (partition, ended) in partitions {
                    let topics = self.offsets.entry(group.clone()).or_default();
                    let partitions = topics.entry(topic.clone()).or_default();
                    let before = partitions.get(&partition).map_or(-1, |before| before.log_offset);
                    if before < ended.log_offset {
                        partitions.insert(partition, ended);
                    }
                }
            }
        }
    }

    /// The offsets of a group.
    pub(super) fn offsets(&self, group: &str) -> impl Iterator<Item = (&ByteString, i32, &StoredOffset)> {
        self.offsets.get(group).into_iter().flat_map(each)
    }

    /// The offset of a group for a partition.
    pub(super) fn offset(&self, group: &str, topic: &str, partition: i32) -> Option<&StoredOffset> {
        self.offsets.get(group)?.get(topic)?.get(&partition)
    }

    /// Whether a transaction that has not ended yet commits an offset of the group for the partition.
    pub(super) fn is_pending(&self, group: &str, topic: &str, partition: i32) -> bool {
        let of_group = self.pending.values().filter_map(|groups| groups.get(group)?.get(topic));
        of_group.into_iter().any(|partitions| partitions.contains_key(&partition))
    }

    /// Whether a transaction that has not ended yet commits any offset of the group.
    pub(super) fn has_pending(&self, group: &str) -> bool {
        self.pending.values().any(|groups| groups.contains_key(group))
    }

    /// The groups that have offsets, those included that wait for the end of a transaction.
    pub(super) fn groups_with_offsets(&self) -> BTreeSet<&ByteString> {
        self.offsets.keys().chain(self.pending.values().flat_map(BTreeMap::keys)).collect()
    }

    /// The tombstones of a group's offsets whose topics are gone, as `is_gone` says by name and id. They end those offsets, too,
    /// that wait for the end of a transaction: it brings none of them back.
    pub(super) fn tombstones(
        &self,
        group: &ByteString,
        is_gone: impl Fn(&ByteString, TopicId) -> bool,
    ) -> Vec<GroupRecord> {
        let pending = self.pending.values().filter_map(|groups| groups.get(group));
        let mut keys: BTreeMap<_, bool> = BTreeMap::new();
        for (topic, partition, stored) in self.offsets.get(group).into_iter().chain(pending).flat_map(each) {
            // One key may be of two topics of that name: what is there of the later one stays.
            *keys.entry((topic, partition)).or_insert(true) &= is_gone(topic, stored.topic_id);
        }
        let gone = keys.into_iter().filter(|(_, is_gone)| *is_gone);
        let tombstone = |((topic, partition), _): ((&ByteString, i32), bool)| {
            GroupRecord::offset_tombstone(group.clone(), topic.clone(), partition)
        };
        gone.map(tombstone).collect()
    }

    fn remove(&mut self, key: &OffsetCommitKey) {
        remove_from(&mut self.offsets, key);
        self.pending.retain(|_, groups| {
            remove_from(groups, key);
            !groups.is_empty()
        });
    }
}

fn each(offsets: &GroupOffsets) -> impl Iterator<Item = (&ByteString, i32, &StoredOffset)> {
    offsets.iter().flat_map(|(topic, partitions)| {
        partitions.iter().map(move |(number, stored)| (topic, *number, stored))
    })
}

fn remove_from(groups: &mut BTreeMap<ByteString, GroupOffsets>, key: &OffsetCommitKey) {
    let Some(topics) = groups.get_mut(&key.group) else { return };
    if let Some(partitions) = topics.get_mut(&key.topic) {
        partitions.remove(&key.partition);
        if partitions.is_empty() {
            topics.remove(&key.topic);
        }
    }
    if topics.is_empty() {
        groups.remove(&key.group);
    }
}

impl StoredOffset {
    fn new(value: &OffsetCommitValue, log_offset: i64) -> Self {
        Self {
            offset: value.offset,
            leader_epoch: value.leader_epoch,
            metadata: detached(&value.metadata),
            commit_timestamp: Timestamp::from_millis(value.commit_timestamp),
            expire_timestamp: Some(Timestamp::from_millis(value.expire_timestamp))
                .filter(|time| *time != Timestamp::NONE),
            topic_id: value.topic_id,
            log_offset,
        }
    }
}

/// A copy that does not keep the frame or file that the text was read from.
pub(super) fn detached(text: &ByteString) -> ByteString {
    ByteString::from(text.to_string())
}

/// A copy that does not keep the batch that the group was read from.
fn detached_group(group: GroupMetadataValue) -> GroupMetadataValue {
    let member = |member: MemberMetadata| MemberMetadata {
        member_id: detached(&member.member_id),
        group_instance_id: member.group_instance_id.as_ref().map(detached),
        client_id: detached(&member.client_id),
        client_host: detached(&member.client_host),
        subscription: member.subscription.to_vec().into(),
        assignment: member.assignment.to_vec().into(),
        ..member
    };
    GroupMetadataValue {
        protocol_type: detached(&group.protocol_type),
        protocol: group.protocol.as_ref().map(detached),
        leader: group.leader.as_ref().map(detached),
        members: group.members.into_iter().map(member).collect(),
        ..group
    }
}
