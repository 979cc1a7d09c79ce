//! Committed offsets: OffsetCommit, TxnOffsetCommit, OffsetFetch, OffsetDelete, and how they go when they are old or their topic is gone
//! (KIP-211, KIP-496). Part of the machine.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, LeaderEpoch, Timestamp, TopicId};

use super::kind::Group;
use super::records::GroupRecord;
use super::stored::{StoredOffset, detached};
use super::turn::{Effects, Handled, Turn};
use super::{Commit, GroupShard};
use crate::coordinator::runtime::Now;
use crate::log::Transaction;

/// The first version of OffsetCommit whose refusals have names of their own for a group that is not there.
const FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND: i16 = 9;

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
    pub(in crate::coordinator) fn commit(&mut self, commit: &Commit, now: Now) -> Handled<Vec<ErrorCode>> {
        let (groups, mut turn) = self.turn(now);
        let has_name = commit.version >= FIRST_VERSION_WITH_GROUP_ID_NOT_FOUND;
        let missing = if has_name { ErrorCode::GroupIdNotFound } else { ErrorCode::IllegalGeneration };
        let group = committing(groups, commit, missing, now);
        let accepted = group.and_then(|group| group.accept_commit(commit, &mut turn));
        (record(commit, accepted, &mut turn), turn.effects)
    }

    /// Handles TxnOffsetCommit: an outcome for each partition. The offsets wait for the end of the transaction (KIP-98).
    pub(in crate::coordinator) fn commit_in_transaction(
        &mut self,
        commit: &Commit,
        transaction: Transaction,
        now: Now,
    ) -> Handled<Vec<ErrorCode>> {
        let (groups, mut turn) = self.turn(now);
        let group = committing(groups, commit, ErrorCode::IllegalGeneration, now);
        let accepted = group.and_then(|group| group.accept_commit_in_transaction(commit));
        (record(commit, accepted, &mut turn), turn.effects.within(transaction))
    }

    /// Handles OffsetFetch for some partitions.
    pub(in crate::coordinator) fn fetch(
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
    pub(in crate::coordinator) fn fetch_all(
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
    pub(in crate::coordinator) fn delete_offsets(
        &mut self,
        group_id: &ByteString,
        partitions: &[(ByteString, i32)],
    ) -> Handled<Result<Vec<ErrorCode>, ErrorCode>> {
        let mut effects = Effects::default();
        let Some(group) = self.groups.get(group_id) else {
            return (Err(ErrorCode::GroupIdNotFound), effects);
        };
        if group.is_opaque() {
            return (Err(ErrorCode::NonEmptyGroup), effects);
        }
        let outcomes = partitions.iter().map(|(topic, partition)| {
            if group.is_subscribed_to(topic) {
                return ErrorCode::GroupSubscribedToTopic;
            }
            let is_there = self.stored.offset(group_id, topic, *partition).is_some()
                || self.stored.is_pending(group_id, topic, *partition);
            if is_there {
                let (group, topic) = (group.id().clone(), topic.clone());
                effects.record(GroupRecord::offset_tombstone(group, topic, *partition));
            }
            ErrorCode::None
        });
        let outcomes = outcomes.collect();
        (Ok(outcomes), effects)
    }

    /// Handles DeleteGroups for one group.
    pub(in crate::coordinator) fn delete_group(&mut self, group_id: &str) -> Handled<ErrorCode> {
        let Some(group) = self.groups.get(group_id) else {
            return (ErrorCode::GroupIdNotFound, Effects::default());
        };
        if !group.is_empty() {
            return (ErrorCode::NonEmptyGroup, Effects::default());
        }
        let id = group.id().clone();
        let mut records = self.stored.tombstones(&id, |_, _| true);
        records.push(group.tombstone());
        self.forget(&id);
        (ErrorCode::None, records.into())
    }

    /// Deletes offsets for topics that are not there any more, as `is_there` says by name and id; the id is nil where it
    /// is not known.
    pub(in crate::coordinator) fn delete_offsets_of_deleted_topics(
        &mut self,
        is_there: impl Fn(&ByteString, TopicId) -> bool,
    ) -> Effects {
        let is_gone = |topic: &ByteString, id| !is_there(topic, id);
        let groups = self.stored.groups_with_offsets().into_iter();
        groups.flat_map(|group| self.stored.tombstones(group, is_gone)).collect::<Vec<_>>().into()
    }

    /// Deletes what is older than `offsets.retention.minutes`, and groups of which nothing is left.
    pub(super) fn expire_offsets(&mut self, now: Now) -> Effects {
        let mut records = Vec::new();
        let mut gone = Vec::new();
        for group in self.groups.values() {
            let mut kept = self.stored.has_pending(group.id());
            for (topic, partition, stored) in self.stored.offsets(group.id()) {
                if self.is_expired(group, topic, partition, stored, now.wall) {
                    let (id, topic) = (group.id().clone(), topic.clone());
                    records.push(GroupRecord::offset_tombstone(id, topic, partition));
                } else {
                    kept = true;
                }
            }
            if !kept && group.is_abandoned() {
                records.push(group.tombstone());
                gone.push(group.id().clone());
            }
        }
        gone.iter().for_each(|id| self.forget(id));
        records.into()
    }

    fn is_expired(
        &self,
        group: &Group,
        topic: &ByteString,
        partition: i32,
        stored: &StoredOffset,
        now: Timestamp,
    ) -> bool {
        let Some(counts_from) = group.retention_counts_from(stored) else { return false };
        if group.is_subscribed_to(topic) || self.stored.is_pending(group.id(), topic, partition) {
            return false;
        }
        match stored.expire_timestamp {
            Some(time) => now >= time,
            None => now >= counts_from.saturating_add(self.settings.offsets_retention.0),
        }
    }

    fn forget(&mut self, group_id: &ByteString) {
        if let Some(group) = self.groups.remove(group_id) {
            group.timers_of_abandoned().iter().for_each(|timer| self.deadlines.cancel(timer));
        }
    }
}

/// The group that offsets are committed for; made anew for somebody who only wants to store offsets.
///
/// # Errors
/// `missing` for a member of a group that is not there.
fn committing<'a>(
    groups: &'a mut BTreeMap<ByteString, Group>,
    commit: &Commit,
    missing: ErrorCode,
    now: Now,
) -> Result<&'a Group, ErrorCode> {
    if commit.generation >= 0 {
        return groups.get(&commit.group_id).ok_or(missing);
    }
    let id = detached(&commit.group_id);
    Ok(groups.entry(id.clone()).or_insert_with(|| Group::of_offsets(id, now.wall)))
}

/// Records the offsets of a commit if it is accepted: an outcome for each of them.
fn record(commit: &Commit, accepted: Result<(), ErrorCode>, turn: &mut Turn<'_>) -> Vec<ErrorCode> {
    let max_metadata = turn.settings.offset_metadata_max_bytes;
    let outcomes = commit.partitions.iter().map(|partition| {
        accepted?;
        // Characters, whatever the setting is called: Java's, of which those beyond U+FFFF are two.
        if partition.metadata.encode_utf16().count() > max_metadata {
            return Err(ErrorCode::OffsetMetadataTooLarge);
        }
        turn.effects.record(commit.record(partition, turn.now.wall));
        Ok(())
    });
    outcomes.map(|outcome| outcome.err().unwrap_or(ErrorCode::None)).collect()
}
