//! The kinds of groups that there are, and what every kind can be asked. Part of the machine.
//!
//! A further kind is a variant here and a folder beside `classic/`; requests that belong to one kind go to it by its variant.

use bytestring::ByteString;
use kestrel_protocol::messages::describe_groups::DescribedGroup;
use kestrel_protocol::{ErrorCode, Timestamp};

use super::classic::ClassicGroup;
use super::commit::Commit;
use super::records::GroupRecord;
use super::stored::StoredOffset;
use super::turn::{Timer, Turn};
use crate::metrics::GroupMetrics;

/// A group while this coordinator serves it.
#[derive(Debug)]
pub(super) enum Group {
    /// One whose leader assigns (JoinGroup and SyncGroup), or that only stores offsets.
    Classic(ClassicGroup),
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupOverview {
    /// Its id.
    pub(crate) id: ByteString,
    /// `consumer`, `connect`; empty for a group that only stores offsets.
    pub(crate) protocol_type: ByteString,
    /// The name of its state.
    pub(crate) state: &'static str,
    /// The name of its type: `classic`.
    pub(crate) group_type: &'static str,
}

impl Group {
    /// A group without members that stores offsets.
    pub(super) fn of_offsets(id: ByteString, now: Timestamp) -> Self {
        Self::Classic(ClassicGroup::new(id, now))
    }

    /// Its id.
    pub(super) const fn id(&self) -> &ByteString {
        match self {
            Self::Classic(group) => &group.id,
        }
    }

    /// What ListGroups says of it.
    pub(super) fn overview(&self) -> GroupOverview {
        match self {
            Self::Classic(group) => GroupOverview {
                id: group.id.clone(),
                protocol_type: group.protocol_type.clone().unwrap_or_default(),
                state: group.state.name(),
                group_type: "classic",
            },
        }
    }

    /// How many members it has.
    pub(super) fn member_count(&self) -> usize {
        match self {
            Self::Classic(group) => group.members.len(),
        }
    }

    /// Adds it and its members to those of other groups.
    pub(super) fn add_to(&self, metrics: &mut GroupMetrics) {
        match self {
            Self::Classic(group) => {
                *metrics.by_state.entry(group.state.name().to_owned()).or_default() += 1;
                metrics.members += u64::try_from(group.members.len()).unwrap_or_default();
            }
        }
    }

    /// What DescribeGroups says of it.
    pub(super) fn describe(&self) -> DescribedGroup {
        match self {
            Self::Classic(group) => group.describe(),
        }
    }

    /// Takes up a group that was loaded.
    pub(super) fn resume(&mut self, turn: &mut Turn<'_>) {
        match self {
            Self::Classic(group) => group.resume(turn),
        }
    }

    /// Whether offsets may be committed for it so; a member that commits is alive.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn accept_commit(&self, commit: &Commit, turn: &mut Turn<'_>) -> Result<(), ErrorCode> {
        match self {
            Self::Classic(group) => group.accept_commit(commit, turn),
        }
    }

    /// Whether offsets may be committed for it so as part of a transaction.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn accept_commit_in_transaction(&self, commit: &Commit) -> Result<(), ErrorCode> {
        match self {
            Self::Classic(group) => group.accept_commit_in_transaction(commit),
        }
    }

    /// Whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty(),
        }
    }

    /// Whether nobody is in it or about to join.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_empty() && group.pending_joins.is_empty(),
        }
    }

    /// Whether it has members of which it is not known what they consume.
    pub(super) fn is_opaque(&self) -> bool {
        match self {
            Self::Classic(group) => !group.is_empty() && !group.is_of_consumers(),
        }
    }

    /// Whether it may be consuming the topic, so that its offsets must stay. When it is not known, they stay.
    pub(super) fn is_subscribed_to(&self, topic: &ByteString) -> bool {
        match self {
            Self::Classic(group) => group.is_subscribed_to(topic),
        }
    }

    /// From when on the retention of an offset counts; `None` while it is kept in any case (KIP-211).
    pub(super) fn retention_counts_from(&self, stored: &StoredOffset) -> Option<Timestamp> {
        match self {
            Self::Classic(group) => group.retention_counts_from(stored),
        }
    }

    /// The record that deletes it.
    pub(super) fn tombstone(&self) -> GroupRecord {
        match self {
            Self::Classic(group) => GroupRecord::group_tombstone(group.id.clone()),
        }
    }

    /// The timers that a group may have that nobody is in.
    pub(super) fn timers_of_abandoned(self) -> Vec<Timer> {
        match self {
            Self::Classic(group) => group.pending_timers(),
        }
    }
}
