//! What a classic group says about offsets: who may commit them, and how long they stay (KIP-211). Part of the machine.

use kestrel_protocol::{ErrorCode, Timestamp};

use super::super::commit::Commit;
use super::super::stored::StoredOffset;
use super::super::turn::Turn;
use super::{ClassicGroup, ClassicState};

impl ClassicGroup {
    /// Whether offsets may be committed so; a member that commits has a full session from now.
    ///
    /// # Errors
    /// Why not.
    pub(in crate::coordinator::group) fn accept_commit(
        &self,
        commit: &Commit,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorCode> {
        self.check_commit(commit)?;
        if matches!(self.state, ClassicState::Stable | ClassicState::PreparingRebalance) {
            self.renew_session(&commit.member_id, turn);
        }
        Ok(())
    }

    /// Whether offsets may be committed so as part of a transaction. Members may while a generation begins, too, and those
    /// who do not say who they are always: requests before version 3 have no place for it (KIP-447).
    ///
    /// # Errors
    /// Why not.
    pub(in crate::coordinator::group) fn accept_commit_in_transaction(
        &self,
        commit: &Commit,
    ) -> Result<(), ErrorCode> {
        if commit.is_from_member() && !self.takes_from_outside(commit) {
            return self.check_generation(commit);
        }
        Ok(())
    }

    fn check_commit(&self, commit: &Commit) -> Result<(), ErrorCode> {
        if self.takes_from_outside(commit) {
            return Ok(());
        }
        if !commit.is_from_member() {
            // Nobody from outside moves the offsets of consumers that are at work.
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_generation(commit)?;
        if self.state == ClassicState::CompletingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// Whether a commit without a generation finds nobody at work.
    fn takes_from_outside(&self, commit: &Commit) -> bool {
        commit.generation < 0 && self.state == ClassicState::Empty
    }

    fn check_generation(&self, commit: &Commit) -> Result<(), ErrorCode> {
        self.check_member(&commit.member_id, commit.instance_id.as_ref())?;
        if commit.generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    /// From when on the retention of an offset counts; `None` while it is kept in any case (KIP-211).
    pub(in crate::coordinator::group) fn retention_counts_from(
        &self,
        stored: &StoredOffset,
    ) -> Option<Timestamp> {
        if self.protocol_type.is_none() {
            // It was never joined: each commit counts for itself.
            return Some(stored.commit_timestamp);
        }
        match self.state {
            ClassicState::Empty if self.state_since == Timestamp::NONE => Some(stored.commit_timestamp),
            ClassicState::Empty => Some(self.state_since),
            ClassicState::Stable if self.subscribed_topics().is_some() => Some(stored.commit_timestamp),
            _ => None,
        }
    }
}
