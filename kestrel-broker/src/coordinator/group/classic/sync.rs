//! SyncGroup: the leader's assignment goes into the log and to the members. Part of the machine.

use std::collections::HashMap;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sync_group::{
    SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse,
};

use super::super::GroupShard;
use super::super::kind::Group;
use super::super::turn::{ClassicTimer, Effects, Turn};
use super::{ClassicGroup, ClassicState};
use crate::coordinator::runtime::{Now, ReplyTo};

/// Who waits for the answer to a SyncGroup.
type SyncReply = ReplyTo<SyncGroupResponse>;

impl GroupShard {
    /// Handles SyncGroup. The reply comes with the effects, or with those of a later event.
    pub(in crate::coordinator) fn sync(
        &mut self,
        request: &SyncGroupRequest,
        reply_to: SyncReply,
        now: Now,
    ) -> Effects {
        let (groups, mut turn) = self.turn(now);
        match groups.get_mut(&request.group_id) {
            Some(Group::Classic(group)) => group.sync(request, reply_to, &mut turn),
            None => turn.effects.reply(reply_to, refusal(ErrorCode::UnknownMemberId)),
        }
        turn.effects
    }
}

impl ClassicGroup {
    fn sync(&mut self, request: &SyncGroupRequest, reply_to: SyncReply, turn: &mut Turn<'_>) {
        if let Err(error) = self.check_sync(request) {
            return turn.effects.reply(reply_to, refusal(error));
        }
        let member_id = &request.member_id;
        match self.state {
            ClassicState::Empty => turn.effects.reply(reply_to, refusal(ErrorCode::UnknownMemberId)),
            ClassicState::PreparingRebalance => {
                turn.effects.reply(reply_to, refusal(ErrorCode::RebalanceInProgress));
            }
            ClassicState::CompletingRebalance => {
                self.note_sync(member_id, turn);
                let waiting = self.members.get_mut(member_id);
                let before = waiting.and_then(|member| member.syncing.replace(reply_to));
                if let Some(before) = before {
                    // Its client has given up on that one, since it sends another.
                    turn.effects.reply(before, refusal(ErrorCode::RebalanceInProgress));
                }
                if self.is_leader(member_id) {
                    self.assign(&request.assignments, turn);
                }
            }
            ClassicState::Stable => {
                self.note_sync(member_id, turn);
                turn.effects.reply(reply_to, self.synced(member_id));
            }
        }
    }

    fn check_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        self.check_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let differs = |said: &Option<ByteString>, own: &Option<ByteString>| {
            said.is_some() && own.is_some() && said != own
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    /// Notes that a member has sent its SyncGroup; when all have, nobody is waited for any more.
    fn note_sync(&mut self, member_id: &ByteString, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.sync_expected = false;
        }
        if self.members.values().all(|member| !member.sync_expected) {
            turn.cancel(&self.timer(ClassicTimer::Sync));
        }
    }

    /// Takes the leader's assignment over: the group is stable, and those who wait get their part.
    fn assign(&mut self, assignments: &[SyncGroupRequestAssignment], turn: &mut Turn<'_>) {
        let mut said: HashMap<&ByteString, &Bytes> = HashMap::with_capacity(assignments.len());
        said.extend(assignments.iter().map(|said| (&said.member_id, &said.assignment)));
        for member in self.members.values_mut() {
            member.assignment =
                said.get(&member.id).map(|bytes| Bytes::copy_from_slice(bytes)).unwrap_or_default();
        }
        self.enter(ClassicState::Stable, turn.now.wall);
        turn.effects.record(self.record());
        let ids: Vec<ByteString> = self.members.keys().cloned().collect();
        for id in &ids {
            let response = self.synced(id);
            if let Some(syncing) = self.members.get_mut(id).and_then(|member| member.syncing.take()) {
                turn.effects.reply(syncing, response);
                self.renew_session(id, turn);
            }
        }
    }

    fn synced(&self, member_id: &ByteString) -> SyncGroupResponse {
        SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment: self.assignment(member_id),
            ..Default::default()
        }
    }

    /// The time for SyncGroup is over: who has not sent it is out, and the others rebalance.
    pub(super) fn sync_time_over(&mut self, turn: &mut Turn<'_>) {
        let late = self.members.values().filter(|member| member.sync_expected);
        let late: Vec<ByteString> = late.map(|member| member.id.clone()).collect();
        let is_awaited = matches!(self.state, ClassicState::CompletingRebalance | ClassicState::Stable);
        if !is_awaited || late.is_empty() {
            return;
        }
        for id in late {
            self.drop_member(&id, turn);
        }
        self.prepare_rebalance(turn);
    }
}

/// The answer to a SyncGroup that failed.
pub(super) fn refusal(error_code: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code, ..Default::default() }
}
