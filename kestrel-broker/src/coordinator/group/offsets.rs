//! Committed offsets: OffsetCommit, OffsetFetch, OffsetDelete, and how they go when they are old or their topic is gone
//! (KIP-211, KIP-496). Part of the machine.

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, LeaderEpoch, Timestamp, TopicId};

use super::classic::{ClassicGroup, State};
use super::stored::StoredOffset;
use super::{Effects, GroupShard, Handled, Now, Timer};
use crate::coordinator::records::{GroupRecord, OffsetCommitKey, OffsetCommitValue};

/// The first version of OffsetCommit whose refusals have names of their own for a group that is not there.
const FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND: i16 = 9;

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

/// What a group has for a partition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FetchedOffset {
    /// The offset; -1 when there is none.
    pub(crate) offset: i64,
    /// The epoch of the last record that was processed.
    pub(crate) leader_epoch: LeaderEpoch,
    /// What was kept with it.
    pub(crate) metadata: ByteString,
    /// `UNSTABLE_OFFSET_COMMIT` while a transaction is about to change it, for those who ask for stable ones (KIP-447).
    pub(crate) error: ErrorCode,
}

impl FetchedOffset {
    /// There is none, or it cannot be told.
    pub(crate) const fn none(error: ErrorCode) -> Self {
        Self { offset: -1, leader_epoch: LeaderEpoch::NONE, metadata: ByteString::new(), error }
    }
}

impl From<&StoredOffset> for FetchedOffset {
    fn from(stored: &StoredOffset) -> Self {
        Self {
            offset: stored.offset,
            leader_epoch: stored.leader_epoch,
            metadata: stored.metadata.clone(),
            error: ErrorCode::None,
        }
    }
}

impl GroupShard {
    /// Handles OffsetCommit: an outcome for each partition.
    pub(crate) fn commit(&mut self, commit: &Commit, now: Now) -> Handled<Vec<ErrorCode>> {
        let (groups, mut turn) = self.turn(now);
        if !groups.contains_key(&commit.group_id) {
            if commit.generation >= 0 {
                let has_name = commit.version >= FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND;
                let error = if has_name { ErrorCode::GroupIdNotFound } else { ErrorCode::IllegalGeneration };
                return (vec![error; commit.partitions.len()], turn.effects);
            }
            // Somebody who only wants to store offsets.
            let id = super::member::detached(&commit.group_id);
            groups.insert(id.clone(), ClassicGroup::new(id, now.wall));
        }
        let Some(group) = groups.get(&commit.group_id) else { unreachable!("it was added above") };
        if let Err(error) = group.check_commit(commit) {
            return (vec![error; commit.partitions.len()], turn.effects);
        }
        if matches!(group.state, State::Stable | State::PreparingRebalance) {
            group.renew_session(&commit.member_id, &mut turn);
        }
        let max_metadata = turn.settings.offset_metadata_max_bytes;
        let outcomes = commit.partitions.iter().map(|partition| {
            // Characters, whatever the setting is called: Java's, of which those beyond U+FFFF are two.
            if partition.metadata.encode_utf16().count() > max_metadata {
                return ErrorCode::OffsetMetadataTooLarge;
            }
            turn.record(commit.record(partition, now.wall));
            ErrorCode::None
        });
        (outcomes.collect(), turn.effects)
    }

    /// Handles OffsetFetch for some partitions.
    pub(crate) fn fetch(
        &self,
        group: &str,
        partitions: &[(ByteString, i32)],
        require_stable: bool,
    ) -> Vec<FetchedOffset> {
        let fetch = |(topic, partition): &(ByteString, i32)| {
            let stored = self.stored.offset(group, topic, *partition);
            self.fetched(group, topic, *partition, stored, require_stable)
        };
        partitions.iter().map(fetch).collect()
    }

    /// Handles OffsetFetch for all partitions that the group has offsets of.
    pub(crate) fn fetch_all(
        &self,
        group: &str,
        require_stable: bool,
    ) -> Vec<(ByteString, i32, FetchedOffset)> {
        let fetch = |(topic, partition, stored): (&ByteString, i32, &StoredOffset)| {
            let fetched = self.fetched(group, topic, partition, Some(stored), require_stable);
            (topic.clone(), partition, fetched)
        };
        self.stored.offsets(group).map(fetch).collect()
    }

    fn fetched(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
        stored: Option<&StoredOffset>,
        require_stable: bool,
    ) -> FetchedOffset {
        if require_stable && self.stored.is_pending(group, topic, partition) {
            return FetchedOffset::none(ErrorCode::UnstableOffsetCommit);
        }
        stored.map_or(FetchedOffset::none(ErrorCode::None), FetchedOffset::from)
    }

    /// Handles OffsetDelete: an outcome for each partition.
    ///
    /// # Errors
    /// `GROUP_ID_NOT_FOUND`, or `NON_EMPTY_GROUP` for one with members of which it is not known what they consume.
    pub(crate) fn delete_offsets(
        &mut self,
        group_id: &ByteString,
        partitions: &[(ByteString, i32)],
    ) -> Handled<Result<Vec<ErrorCode>, ErrorCode>> {
        let mut effects = Effects::default();
        let Some(group) = self.groups.get(group_id) else {
            return (Err(ErrorCode::GroupIdNotFound), effects);
        };
        if group.state != State::Empty && !group.is_of_consumers() {
            return (Err(ErrorCode::NonEmptyGroup), effects);
        }
        let outcomes = partitions.iter().map(|(topic, partition)| {
            if group.is_subscribed_to(topic) {
                return ErrorCode::GroupSubscribedToTopic;
            }
            let is_there = self.stored.offset(group_id, topic, *partition).is_some()
                || self.stored.is_pending(group_id, topic, *partition);
            if is_there {
                let (group, topic) = (group.id.clone(), topic.clone());
                effects.records.push(GroupRecord::offset_tombstone(group, topic, *partition));
            }
            ErrorCode::None
        });
        let outcomes = outcomes.collect();
        (Ok(outcomes), effects)
    }

    /// Handles DeleteGroups for one group.
    pub(crate) fn delete_group(&mut self, group_id: &str) -> Handled<ErrorCode> {
        let Some(group) = self.groups.get(group_id) else {
            return (ErrorCode::GroupIdNotFound, Effects::default());
        };
        if group.state != State::Empty {
            return (ErrorCode::NonEmptyGroup, Effects::default());
        }
        let id = group.id.clone();
        let records = self.stored.tombstones(&id);
        self.forget(&id);
        (ErrorCode::None, Effects { records, replies: Vec::new() })
    }

    /// Deletes offsets for topics that are not there any more, as `is_there` says by name and id; the id is nil where it
    /// is not known.
    pub(crate) fn delete_offsets_of_deleted_topics(
        &mut self,
        is_there: impl Fn(&ByteString, TopicId) -> bool,
    ) -> Effects {
        let mut records = Vec::new();
        for group in self.stored.committed_groups() {
            for (topic, partition, stored) in self.stored.offsets(group) {
                if !is_there(topic, stored.topic_id) {
                    records.push(GroupRecord::offset_tombstone(group.clone(), topic.clone(), partition));
                }
            }
        }
        Effects { records, replies: Vec::new() }
    }

    /// Deletes what is older than `offsets.retention.minutes`, and groups of which nothing is left.
    pub(super) fn expire_offsets(&mut self, now: Now) -> Effects {
        let mut records = Vec::new();
        let mut gone = Vec::new();
        for group in self.groups.values() {
            let mut kept = self.stored.has_pending(&group.id);
            for (topic, partition, stored) in self.stored.offsets(&group.id) {
                if self.is_expired(group, topic, partition, stored, now.wall) {
                    let (id, topic) = (group.id.clone(), topic.clone());
                    records.push(GroupRecord::offset_tombstone(id, topic, partition));
                } else {
                    kept = true;
                }
            }
            if !kept && group.state == State::Empty && group.pending_joins.is_empty() {
                records.push(GroupRecord::group_tombstone(group.id.clone()));
                gone.push(group.id.clone());
            }
        }
        for id in gone {
            self.forget(&id);
        }
        Effects { records, replies: Vec::new() }
    }

    fn is_expired(
        &self,
        group: &ClassicGroup,
        topic: &ByteString,
        partition: i32,
        stored: &StoredOffset,
        now: Timestamp,
    ) -> bool {
        let Some(counts_from) = group.retention_counts_from(stored) else { return false };
        if group.is_subscribed_to(topic) || self.stored.is_pending(&group.id, topic, partition) {
            return false;
        }
        match stored.expire_timestamp {
            Some(time) => now >= time,
            None => now >= counts_from.saturating_add(self.settings.offsets_retention.0),
        }
    }

    fn forget(&mut self, group_id: &ByteString) {
        if let Some(group) = self.groups.remove(group_id) {
            for member in group.pending_joins {
                self.deadlines.cancel(&Timer::Session { group: group_id.clone(), member });
            }
        }
    }
}

impl ClassicGroup {
    fn check_commit(&self, commit: &Commit) -> Result<(), ErrorCode> {
        if commit.generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        let is_from_member =
            commit.generation >= 0 || !commit.member_id.is_empty() || commit.instance_id.is_some();
        if !is_from_member {
            // Nobody from outside moves the offsets of consumers that are at work.
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_member(&commit.member_id, commit.instance_id.as_ref())?;
        if commit.generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if self.state == State::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// From when on the retention of an offset counts; `None` while it is kept in any case (KIP-211).
    fn retention_counts_from(&self, stored: &StoredOffset) -> Option<Timestamp> {
        if self.protocol_type.is_none() {
            // It was never joined: each commit counts for itself.
            return Some(stored.commit_timestamp);
        }
        match self.state {
            State::Empty if self.state_since == Timestamp::NONE => Some(stored.commit_timestamp),
            State::Empty => Some(self.state_since),
            State::Stable if self.subscribed_topics().is_some() => Some(stored.commit_timestamp),
            _ => None,
        }
    }
}

impl Commit {
    fn record(&self, partition: &CommittedPartition, now: Timestamp) -> GroupRecord {
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
