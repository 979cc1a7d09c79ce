//! How a member stays and how it goes: Heartbeat, LeaveGroup, the end of its session. Part of the machine.

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::leave_group::MemberIdentity;

use super::super::GroupShard;
use super::super::kind::Group;
use super::super::turn::{Handled, Turn};
use super::join::refuse;
use super::{ClassicGroup, ClassicState};
use crate::coordinator::runtime::Now;

impl GroupShard {
    /// Handles Heartbeat.
    pub(in crate::coordinator) fn heartbeat(
        &mut self,
        request: &HeartbeatRequest,
        now: Now,
    ) -> Handled<ErrorCode> {
        let (groups, mut turn) = self.turn(now);
        let beat = match groups.get(&request.group_id) {
            Some(Group::Classic(group)) => group.heartbeat(request, &mut turn),
            None => Err(ErrorCode::UnknownMemberId),
        };
        (beat.err().unwrap_or(ErrorCode::None), turn.effects)
    }

    /// Handles LeaveGroup: an outcome for each member.
    pub(in crate::coordinator) fn leave(
        &mut self,
        group_id: &str,
        members: &[MemberIdentity],
        now: Now,
    ) -> Handled<Vec<ErrorCode>> {
        let (groups, mut turn) = self.turn(now);
        let outcomes = match groups.get_mut(group_id) {
            Some(Group::Classic(group)) => group.leave(members, &mut turn),
            None => vec![ErrorCode::UnknownMemberId; members.len()],
        };
        (outcomes, turn.effects)
    }
}

impl ClassicGroup {
    fn heartbeat(&self, request: &HeartbeatRequest, turn: &mut Turn<'_>) -> Result<(), ErrorCode> {
        self.check_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        self.renew_session(&request.member_id, turn);
        match self.state {
            ClassicState::Empty => Err(ErrorCode::UnknownMemberId),
            ClassicState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            // Members may begin with heartbeats as soon as they know their generation.
            ClassicState::CompletingRebalance | ClassicState::Stable => Ok(()),
        }
    }

    fn leave(&mut self, members: &[MemberIdentity], turn: &mut Turn<'_>) -> Vec<ErrorCode> {
        let count_before = self.members.len();
        let outcomes: Vec<Result<(), ErrorCode>> =
            members.iter().map(|member| self.leave_one(member, turn)).collect();
        if self.members.len() < count_before {
            self.rebalance_without_the_gone(turn);
        } else {
            // Those who are gathered need not wait for an id that was given back.
            self.complete_join_if_all_are_here(turn);
        }
        outcomes.into_iter().map(|outcome| outcome.err().unwrap_or(ErrorCode::None)).collect()
    }

    fn leave_one(&mut self, leaving: &MemberIdentity, turn: &mut Turn<'_>) -> Result<(), ErrorCode> {
        let instance_id = leaving.group_instance_id.as_ref();
        let reason = leaving.reason.as_deref().unwrap_or("not provided");
        let member_id = if leaving.member_id.is_empty() {
            // An administrator takes out whoever has the instance id.
            instance_id.and_then(|instance| self.static_members.get(instance)).cloned()
        } else if self.pending_joins.contains(&leaving.member_id) {
            Some(leaving.member_id.clone())
        } else {
            self.check_member(&leaving.member_id, instance_id)?;
            Some(leaving.member_id.clone())
        };
        let member_id = member_id.ok_or(ErrorCode::UnknownMemberId)?;
        tracing::debug!(group = %self.id, member = %member_id, reason, "a member leaves");
        self.drop_member(&member_id, turn);
        Ok(())
    }

    /// The session of a member, or of an id that was given out and not used, is over.
    pub(super) fn session_expired(&mut self, member_id: &ByteString, turn: &mut Turn<'_>) {
        if self.pending_joins.remove(member_id) {
            return self.complete_join_if_all_are_here(turn);
        }
        let Some(member) = self.members.get(member_id) else { return };
        if member.is_waiting() {
            // Its session goes on when it is answered.
            return;
        }
        tracing::debug!(group = %self.id, member = %member_id, "the session of a member is over");
        self.drop_member(member_id, turn);
        self.rebalance_without_the_gone(turn);
    }

    /// What follows when members are gone.
    fn rebalance_without_the_gone(&mut self, turn: &mut Turn<'_>) {
        if self.state != ClassicState::Empty {
            self.rebalance_or_complete(turn);
        }
    }

    /// Takes a member out and refuses its requests that wait.
    pub(super) fn drop_member(&mut self, member_id: &ByteString, turn: &mut Turn<'_>) {
        turn.cancel(&self.session_timer(member_id));
        let Some(member) = self.remove(member_id) else { return };
        if let Some(joining) = member.joining {
            // A client that is still there tries again as a new member.
            refuse(ByteString::new(), ErrorCode::UnknownMemberId, joining, turn);
        }
        if let Some(syncing) = member.syncing {
            turn.effects.reply(syncing, super::sync::refusal(ErrorCode::UnknownMemberId));
        }
    }

    /// Gives a member a full session from now.
    pub(super) fn renew_session(&self, member_id: &ByteString, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get(member_id) {
            turn.schedule(self.session_timer(&member.id), member.session_timeout);
        }
    }
}
