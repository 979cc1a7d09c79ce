//! JoinGroup: who may join, and what that does to the group (KIP-345, KIP-394, KIP-814). Part of the machine.

use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use kestrel_protocol::wire::MAX_STRING_BYTES;
use kestrel_protocol::{ErrorCode, Uuid};

use super::super::GroupShard;
use super::super::kind::Group;
use super::super::stored::detached;
use super::super::turn::{Effects, Turn};
use super::member::{Member, millis};
use super::{ClassicGroup, ClassicState};
use crate::coordinator::runtime::{Now, ReplyTo};

/// The first version in which a member asks for an id before it joins (KIP-394).
const FIRST_VERSION_WITH_TWO_STEPS: i16 = 4;
/// The first version in which a leader can be told that there is nothing to assign (KIP-814).
const FIRST_VERSION_WITH_SKIPPED_ASSIGNMENT: i16 = 9;
/// How long a member that was never answered may wait for the others: it cannot send heartbeats, and whether its client
/// is still there cannot be seen.
pub(in crate::coordinator::group) const NEW_MEMBER_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Who waits for the answer to a JoinGroup.
type JoinReply = ReplyTo<JoinGroupResponse>;

/// A JoinGroup with what the connection knows about it.
#[derive(Debug, Clone)]
pub(crate) struct Joining {
    /// The request.
    pub(crate) request: JoinGroupRequest,
    /// Its version.
    pub(crate) version: i16,
    /// `client.id`.
    pub(crate) client_id: ByteString,
    /// Where it comes from, in Java's notation: `/127.0.0.1`.
    pub(crate) client_host: ByteString,
    /// What makes a new member's id unique.
    pub(crate) unique: Uuid,
}

impl Joining {
    /// The id of a member that has none: named after the client, or for life after the instance.
    ///
    /// Of a name that leaves no room for the rest it is the beginning: Apache Kafka answers with an unknown error.
    fn new_member_id(&self) -> ByteString {
        let name = self.request.group_instance_id.as_ref().unwrap_or(&self.client_id);
        let unique = hyphenated(self.unique);
        let room = MAX_STRING_BYTES - 1 - unique.len();
        let end =
            (0..=room.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
        format!("{}-{unique}", name.get(..end).unwrap_or_default()).into()
    }
}

impl GroupShard {
    /// Handles JoinGroup. The reply comes with the effects, or with those of a later event.
    pub(in crate::coordinator) fn join(
        &mut self,
        joining: &Joining,
        reply_to: JoinReply,
        now: Now,
    ) -> Effects {
        let id = &joining.request.group_id;
        let (groups, mut turn) = self.turn(now);
        let is_new = !groups.contains_key(id);
        if is_new && !joining.request.member_id.is_empty() {
            refuse(joining.request.member_id.clone(), ErrorCode::UnknownMemberId, reply_to, &mut turn);
            return turn.effects;
        }
        let id = detached(id);
        let new = || Group::Classic(ClassicGroup::new(id.clone(), turn.now.wall));
        let Group::Classic(group) = groups.entry(id.clone()).or_insert_with(new);
        let empty = is_new.then(|| group.record());
        group.join(joining, reply_to, &mut turn);
        if let Some(empty) = empty.filter(|_| !turn.effects.has_records()) {
            // From here on the group exists, whatever becomes of this member.
            turn.effects.record(empty);
        }
        turn.effects
    }
}

impl ClassicGroup {
    fn join(&mut self, joining: &Joining, reply_to: JoinReply, turn: &mut Turn<'_>) {
        let request = &joining.request;
        let member_id = request.member_id.clone();
        if !self.has_room_for(&member_id, turn.settings.max_size) {
            self.remove(&member_id);
            refuse(ByteString::new(), ErrorCode::GroupMaxSizeReached, reply_to, turn);
            self.complete_join_if_all_are_here(turn);
        } else if !self.supports(&request.protocol_type, &request.protocols) {
            refuse(member_id, ErrorCode::InconsistentGroupProtocol, reply_to, turn);
        } else if member_id.is_empty() {
            self.join_without_id(joining, reply_to, turn);
        } else if self.pending_joins.contains(&member_id) && request.group_instance_id.is_none() {
            self.join_new(&detached(&member_id), joining, reply_to, turn);
        } else {
            match self.check_member(&member_id, request.group_instance_id.as_ref()) {
                Ok(()) => self.rejoin(joining, reply_to, turn),
                Err(error) => refuse(member_id, error, reply_to, turn),
            }
        }
    }

    /// Whether the group is not full. Once a group is over its limit, who rejoins first stays.
    fn has_room_for(&self, member_id: &ByteString, max_size: usize) -> bool {
        let member = self.members.get(member_id);
        match self.state {
            ClassicState::Empty => true,
            ClassicState::PreparingRebalance => {
                member.is_some_and(|member| member.joining.is_some()) || self.joining_count() < max_size
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                member.is_some() || self.members.len() < max_size
            }
        }
    }

    fn join_without_id(&mut self, joining: &Joining, reply_to: JoinReply, turn: &mut Turn<'_>) {
        let new_id = joining.new_member_id();
        let instance_id = joining.request.group_instance_id.as_ref();
        if let Some(old_id) = instance_id.and_then(|instance| self.static_members.get(instance)).cloned() {
            self.replace_static(&old_id, &new_id, joining, reply_to, turn);
        } else if instance_id.is_none() && joining.version >= FIRST_VERSION_WITH_TWO_STEPS {
            self.pending_joins.insert(new_id.clone());
            turn.schedule(self.session_timer(&new_id), millis(joining.request.session_timeout_ms));
            refuse(new_id, ErrorCode::MemberIdRequired, reply_to, turn);
        } else {
            self.join_new(&new_id, joining, reply_to, turn);
        }
    }

    /// A member that was not in the group before.
    fn join_new(&mut self, id: &ByteString, joining: &Joining, reply_to: JoinReply, turn: &mut Turn<'_>) {
        let mut member = Member::new(id.clone(), &joining.request, &joining.client_id, &joining.client_host);
        member.joining = Some(reply_to);
        if let Some(first) = &mut self.first_rebalance {
            first.member_added = true;
        }
        self.add(member, &joining.request.protocol_type);
        turn.schedule(self.session_timer(id), NEW_MEMBER_PATIENCE);
        self.rebalance_or_complete(turn);
    }

    /// A member of the group, with the id that it was given.
    fn rejoin(&mut self, joining: &Joining, reply_to: JoinReply, turn: &mut Turn<'_>) {
        let request = &joining.request;
        let same = self
            .members
            .get(&request.member_id)
            .is_some_and(|member| member.has_protocols(&request.protocols));
        let is_leader = self.is_leader(&request.member_id);
        match self.state {
            ClassicState::PreparingRebalance => self.rejoin_and_rebalance(joining, reply_to, turn),
            // It did not get the answer to its first one.
            ClassicState::CompletingRebalance if same => {
                let response = self.joined(&request.member_id);
                turn.effects.reply(reply_to, response);
            }
            // A leader joins again when something changed that members do not tell, such as partitions of a topic.
            ClassicState::Stable if same && !is_leader => {
                let response = self.joined(&request.member_id);
                turn.effects.reply(reply_to, response);
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                self.rejoin_and_rebalance(joining, reply_to, turn);
            }
            ClassicState::Empty => {
                refuse(request.member_id.clone(), ErrorCode::UnknownMemberId, reply_to, turn);
            }
        }
    }

    fn rejoin_and_rebalance(&mut self, joining: &Joining, reply_to: JoinReply, turn: &mut Turn<'_>) {
        if let Some(member) = self.members.get_mut(&joining.request.member_id) {
            member.update(&joining.request);
            if let Some(before) = member.joining.replace(reply_to) {
                // Its client has given up on that one, since it sends another.
                refuse(member.id.clone(), ErrorCode::RebalanceInProgress, before, turn);
            }
        }
        self.rebalance_or_complete(turn);
    }

    /// A static member that comes back without knowing its id (KIP-345): it takes the place of its former self, which is
    /// fenced off. When the group is stable and goes on with the same protocol, nobody else notices.
    fn replace_static(
        &mut self,
        old_id: &ByteString,
        new_id: &ByteString,
        joining: &Joining,
        reply_to: JoinReply,
        turn: &mut Turn<'_>,
    ) {
        let leader_before = self.leader.clone();
        self.swap_static(old_id, new_id, turn);
        if let Some(member) = self.members.get_mut(new_id) {
            member.update(&joining.request);
            member.joining = Some(reply_to);
        }
        self.renew_session(new_id, turn);
        match self.state {
            ClassicState::Stable if self.elect_protocol() == self.protocol => {
                turn.effects.record(self.record());
                let response = self.welcome_back(new_id, leader_before, joining.version);
                self.answer_member_join(new_id, response, turn);
            }
            // The leader may have got the old id already, and would assign something to that.
            ClassicState::Stable | ClassicState::CompletingRebalance => self.rebalance_or_complete(turn),
            ClassicState::PreparingRebalance | ClassicState::Empty => {
                self.complete_join_if_all_are_here(turn);
            }
        }
    }

    /// Gives the place of a static member to its new id; requests of the old one that wait are refused.
    fn swap_static(&mut self, old_id: &ByteString, new_id: &ByteString, turn: &mut Turn<'_>) {
        let Some(mut member) = self.members.remove(old_id) else { return };
        turn.cancel(&self.session_timer(old_id));
        if let Some(joining) = member.joining.take() {
            refuse(old_id.clone(), ErrorCode::FencedInstanceId, joining, turn);
        }
        if let Some(syncing) = member.syncing.take() {
            turn.effects.reply(syncing, super::sync::refusal(ErrorCode::FencedInstanceId));
        }
        if self.is_leader(old_id) {
            self.leader = Some(new_id.clone());
        }
        member.id = new_id.clone();
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), new_id.clone());
        }
        self.members.insert(new_id.clone(), member);
    }

    /// What a static member learns that takes its place again in a stable group.
    ///
    /// A leader is told to make no assignment. Before there were words for that (version 9), it was told that its former id
    /// leads, so that it takes itself for a follower.
    fn welcome_back(
        &self,
        member_id: &ByteString,
        leader_before: Option<ByteString>,
        version: i16,
    ) -> JoinGroupResponse {
        if version >= FIRST_VERSION_WITH_SKIPPED_ASSIGNMENT {
            JoinGroupResponse { skip_assignment: self.is_leader(member_id), ..self.joined(member_id) }
        } else {
            let leader = leader_before.unwrap_or_default();
            JoinGroupResponse { leader, members: Vec::new(), ..self.joined(member_id) }
        }
    }

    /// The answer to a member of this generation.
    pub(super) fn joined(&self, member_id: &ByteString) -> JoinGroupResponse {
        let members = if self.is_leader(member_id) { self.members_for_leader() } else { Vec::new() };
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: member_id.clone(),
            members,
            ..Default::default()
        }
    }

    /// Answers the JoinGroup of a member that waits.
    pub(super) fn answer_member_join(
        &mut self,
        member_id: &ByteString,
        response: JoinGroupResponse,
        turn: &mut Turn<'_>,
    ) {
        if let Some(joining) = self.members.get_mut(member_id).and_then(|member| member.joining.take()) {
            turn.effects.reply(joining, response);
        }
    }
}

/// Sends a refusal.
pub(super) fn refuse(member_id: ByteString, error: ErrorCode, to: JoinReply, turn: &mut Turn<'_>) {
    turn.effects.reply(to, refusal(member_id, error));
}

/// The answer to a JoinGroup that failed.
fn refusal(member_id: ByteString, error_code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse { member_id, error_code, ..Default::default() }
}

/// A UUID as Java writes it: in five groups of hexadecimal digits.
fn hyphenated(id: Uuid) -> String {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut rest = &id.0[..];
    let groups = [4, 2, 2, 2, 6].map(|length| {
        let (group, tail) = rest.split_at(length);
        rest = tail;
        digits(group)
    });
    groups.join("-")
}
