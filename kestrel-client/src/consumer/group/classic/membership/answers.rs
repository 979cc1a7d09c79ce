//! Answers of the coordinator, as a [`Membership`] takes them in.

use std::collections::BTreeSet;
use std::time::Instant;

use kestrel_protocol::messages::heartbeat::HeartbeatResponse;
use kestrel_protocol::messages::join_group::JoinGroupResponse;
use kestrel_protocol::messages::leave_group::LeaveGroupResponse;
use kestrel_protocol::messages::sync_group::{SyncGroupRequestAssignment, SyncGroupResponse};
use kestrel_protocol::{ApiKey, ByteString, ErrorClass, ErrorCode, NodeId};

use super::{Membership, REFUSED_PAUSE};
use crate::consumer::group::classic::member_state::{Generation, Kind, MemberState};
use crate::consumer::group::classic::protocols::{PROTOCOL_TYPE, Protocols};
use crate::consumer::group::classic::request::{LeaderAssignment, Request, RequestId};
use crate::consumer::group::machine::{Effect, EffectRound};
use crate::environment::after;
use crate::error::{BrokerError, Chain, Error};
use crate::record::TopicPartition;

impl Membership {
    /// A broker said who coordinates the group, or did not.
    pub(super) fn handle_coordinator(&mut self, found: Result<NodeId, Error>, now: Instant) {
        match found {
            Ok(node) => {
                self.coordinator.handle_found(node);
                // Silence while there was no coordinator is not this one's.
                self.last_answer = now;
            }
            Err(error) => {
                tracing::debug!(group = %self.settings.group_id, error = %Chain(&error), "the coordinator was not found");
                self.coordinator.handle_failure(now);
                if error.is_passing() {
                    return self.note_failing(&error, now);
                }
                self.coordinator.wait_until(after(now, REFUSED_PAUSE));
                self.effects.push_back(Effect::Report(error));
            }
        }
    }

    /// The coordinator answered JoinGroup, or did not.
    pub(crate) fn handle_join(
        &mut self,
        id: RequestId,
        result: Result<JoinGroupResponse, Error>,
        now: Instant,
    ) {
        if !self.end(id, Kind::Join) {
            return;
        }
        if self.state == MemberState::Left {
            // It has left before it had a name.
            self.member_id = result.map(|response| response.member_id).unwrap_or_default();
            return self.say_farewell("the consumer was closed");
        }
        // A closing member waits for nobody: it gives up and leaves as who it was before.
        if self.state != MemberState::Joining {
            return;
        }
        let response = match result {
            Ok(response) => response,
            Err(error) => return self.handle_silence(&error, now),
        };
        match response.error_code {
            ErrorCode::None => self.handle_joined(response, now),
            ErrorCode::MemberIdRequired => self.member_id = response.member_id,
            code => self.handle_refusal(ApiKey::JoinGroup, code, now),
        }
    }

    fn handle_joined(&mut self, response: JoinGroupResponse, now: Instant) {
        let protocol = response.protocol_name.unwrap_or_default();
        let is_other_type = response.protocol_type.is_some_and(|kind| kind != PROTOCOL_TYPE);
        if is_other_type || !self.protocols.knows(&protocol) {
            let code = ErrorCode::InconsistentGroupProtocol;
            return self.handle_refusal(ApiKey::JoinGroup, code, now);
        }
        self.succeed(now);
        let is_leader = response.leader == response.member_id;
        self.member_id = response.member_id;
        self.generation =
            Some(Generation { id: response.generation_id, protocol: protocol.clone(), is_leader });
        tracing::debug!(
            group = %self.settings.group_id, member = %self.member_id, generation = response.generation_id,
            is_leader, "joined"
        );
        if is_leader && !response.skip_assignment && !response.members.is_empty() {
            self.state = MemberState::Assigning;
            self.assign = Some(Request::Assign(self.round, protocol, response.members));
        } else {
            self.state = MemberState::Syncing(Vec::new());
        }
    }

    /// The leader's assignment, and what it was made from.
    pub(super) fn handle_assignment(
        &mut self,
        round: EffectRound,
        LeaderAssignment { assignments, counts }: LeaderAssignment,
    ) {
        if round != self.round || self.state != MemberState::Assigning {
            return;
        }
        self.watched = Some(counts);
        let assignments = assignments
            .into_iter()
            .map(|(member_id, assignment)| SyncGroupRequestAssignment { member_id, assignment });
        self.state = MemberState::Syncing(assignments.collect());
    }

    /// The coordinator answered SyncGroup, or did not.
    pub(crate) fn handle_sync(
        &mut self,
        id: RequestId,
        result: Result<SyncGroupResponse, Error>,
        now: Instant,
    ) {
        if !self.end(id, Kind::Sync) {
            return;
        }
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                self.start_joining("the assignment did not come");
                return self.handle_silence(&error, now);
            }
        };
        match response.error_code {
            ErrorCode::None => {}
            // Someone joined meanwhile: so does this member, at once.
            ErrorCode::RebalanceInProgress => return self.start_joining("the group is rebalancing"),
            code => {
                self.start_joining("the assignment was refused");
                return self.handle_refusal(ApiKey::SyncGroup, code, now);
            }
        }
        match Protocols::assignment(&response.assignment) {
            Ok(assigned) => self.take_on(assigned.into_iter().collect(), now),
            Err(error) => {
                // Whatever is owned may be someone else's: an assignment that cannot be read assigns nothing.
                self.effects.push_back(Effect::Report(error));
                self.lose_generation();
                self.start_joining("the assignment could not be read");
                self.not_before = Some(after(now, REFUSED_PAUSE));
            }
        }
    }

    fn take_on(&mut self, assigned: BTreeSet<TopicPartition>, now: Instant) {
        self.succeed(now);
        if self.is_closing {
            return self.give_up_and_leave();
        }
        let revoked = self.owned.difference(&assigned).cloned().collect();
        let added = assigned.difference(&self.owned).cloned().collect();
        self.owned.clone_from(&assigned);
        let generation = self.generation.as_ref().map_or(-1, |generation| generation.id);
        self.last = Some((assigned.iter().cloned().collect(), generation));
        self.state = MemberState::TakingOn;
        self.effects.push_back(Effect::TakeOn { revoked, added, assigned });
    }

    /// The coordinator answered a heartbeat, or did not.
    pub(crate) fn handle_heartbeat(
        &mut self,
        id: RequestId,
        result: Result<HeartbeatResponse, Error>,
        now: Instant,
    ) {
        if !self.end(id, Kind::Heartbeat) {
            return;
        }
        self.next_heartbeat = after(now, self.settings.heartbeat_interval);
        match result {
            Ok(response) if response.error_code.is_none() => self.succeed(now),
            Ok(response) if response.error_code == ErrorCode::RebalanceInProgress => {
                self.succeed(now);
                self.want_rejoin("the group is rebalancing");
            }
            Ok(response) => self.handle_refusal(ApiKey::Heartbeat, response.error_code, now),
            Err(error) => self.handle_silence(&error, now),
        }
    }

    /// The coordinator answered LeaveGroup, or did not: it is not asked twice, because the session ends by itself.
    pub(crate) fn handle_left(&mut self, result: &Result<LeaveGroupResponse, Error>) {
        self.farewell = None;
        let group = &self.settings.group_id;
        match result {
            Ok(response) => tracing::debug!(%group, code = %response.error_code, "left"),
            Err(error) => tracing::debug!(%group, error = %Chain(error), "leaving was not answered"),
        }
    }

    /// Whether the answer to `id` is the one that is waited for.
    fn end(&mut self, id: RequestId, kind: Kind) -> bool {
        self.in_flight.take_if(|under_way| *under_way == (id, kind)).is_some()
    }

    fn succeed(&mut self, now: Instant) {
        self.last_answer = now;
        self.next_heartbeat = after(now, self.settings.heartbeat_interval);
        self.failures = 0;
        self.not_before = None;
        (self.failing_since, self.failing_reported_at) = (None, None);
        self.coordinator.succeed();
    }

    /// No answer came: the coordinator may be elsewhere by now. Who this member is stays as it was.
    fn handle_silence(&mut self, error: &Error, now: Instant) {
        tracing::debug!(group = %self.settings.group_id, error = %Chain(error), "the coordinator did not answer");
        self.lose_coordinator(now);
        if error.is_passing() {
            return self.note_failing(error, now);
        }
        self.not_before = Some(after(now, REFUSED_PAUSE));
        self.effects.push_back(Effect::Report(error.clone()));
    }

    /// The coordinator refused, by class of the refusal.
    pub(super) fn handle_refusal(&mut self, api: ApiKey, code: ErrorCode, now: Instant) {
        tracing::debug!(group = %self.settings.group_id, %api, %code, "the coordinator refused");
        let error = BrokerError::new(api, code).group(&*self.settings.group_id).into();
        match code {
            ErrorCode::FencedInstanceId => {
                self.lose_generation();
                self.state = MemberState::Failed;
                self.effects.push_back(Effect::Report(error));
            }
            // The member id still counts: a new generation was made without an answer from here.
            ErrorCode::IllegalGeneration => {
                self.rejoin_anew(now);
                self.note_failing(&error, now);
            }
            ErrorCode::UnknownMemberId => {
                self.member_id = ByteString::default();
                self.rejoin_anew(now);
                self.note_failing(&error, now);
            }
            code => match code.class() {
                ErrorClass::FindCoordinator => {
                    self.note_failing(&error, now);
                    self.lose_coordinator(now);
                }
                ErrorClass::Retriable | ErrorClass::RefreshMetadata | ErrorClass::Rejoin => {
                    self.note_failing(&error, now);
                    self.pause(now);
                }
                _ => {
                    self.not_before = Some(after(now, REFUSED_PAUSE));
                    self.effects.push_back(Effect::Report(error));
                }
            },
        }
    }

    /// Loses what was owned, and joins anew.
    fn rejoin_anew(&mut self, now: Instant) {
        let is_repeated = self.state == MemberState::Joining && self.generation.is_none();
        self.lose_generation();
        self.start_joining("the coordinator does not know the member any more");
        if is_repeated {
            self.pause(now);
        }
    }

    fn lose_coordinator(&mut self, now: Instant) {
        self.pause(now);
        if let Some(node) = self.coordinator.node() {
            self.coordinator.forget(node, now);
        }
    }
}
