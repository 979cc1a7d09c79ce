//! Membership: one member of a classic group, from finding the coordinator to leaving. A machine: no I/O, no clock.
//!
//! The [`GroupDriver`](crate::consumer::group::driver::GroupDriver) polls it for requests and effects, carries them out, and hands in what
//! came of them. It owns no offsets and no records: it says which partitions are gained, given up and lost, and when.
//! Effects are carried out one after the other; heartbeats go on meanwhile, so a slow listener costs no session.

mod answers;
mod requests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::{ApiKey, ByteString, ErrorCode, NodeId};

use super::member_state::{Farewell, Generation, Kind, MemberState};
use super::protocols::Protocols;
use super::request::{Answer, MemberSettings, PartitionCounts, Request, RequestId, partition_counts};
use crate::consumer::group::coordinator::Coordinator;
use crate::consumer::group::machine::{Effect, EffectRound, Machine, MemberIdentity, MemberStanding};
use crate::consumer::position::{STALL_GRACE, STALL_REPEAT};
use crate::environment::after;
use crate::error::Error;
use crate::metadata::MetadataSnapshot;
use crate::net::ExponentialBackoff;
use crate::record::TopicPartition;

/// The pause before joining again after an error that only an operator can repair.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// One member of a group.
#[derive(Debug)]
pub(crate) struct Membership {
    settings: MemberSettings,
    protocols: Protocols,
    backoff: ExponentialBackoff,
    coordinator: Coordinator,
    state: MemberState,
    /// Empty until the coordinator has given one.
    member_id: ByteString,
    generation: Option<Generation>,
    /// The last assignment that was taken on, and its generation: what sticky assignors go by.
    last: Option<(Vec<TopicPartition>, i32)>,
    owned: BTreeSet<TopicPartition>,
    topics: BTreeSet<Arc<str>>,
    /// The partition counts that the leader's last assignment was made from.
    watched: Option<PartitionCounts>,
    /// Why to join again as soon as the assignment is taken on.
    rejoin: Option<&'static str>,
    join_reason: &'static str,
    is_closing: bool,
    farewell: Option<Farewell>,
    in_flight: Option<(RequestId, Kind)>,
    next_request: u64,
    round: EffectRound,
    /// The leader's work that has not begun.
    assign: Option<Request>,
    effects: VecDeque<Effect>,
    last_poll: Instant,
    last_answer: Instant,
    next_heartbeat: Instant,
    /// Before this, nothing is joined.
    not_before: Option<Instant>,
    failures: u32,
    /// Since when nothing has gone well, and when that was reported.
    failing_since: Option<Instant>,
    failing_reported_at: Option<Instant>,
}

impl Membership {
    pub(crate) fn new(
        settings: MemberSettings,
        protocols: Protocols,
        backoff: ExponentialBackoff,
        now: Instant,
    ) -> Self {
        Self {
            settings,
            protocols,
            coordinator: Coordinator::new(backoff.clone()),
            backoff,
            state: MemberState::Joining,
            member_id: ByteString::default(),
            generation: None,
            last: None,
            owned: BTreeSet::new(),
            topics: BTreeSet::new(),
            watched: None,
            rejoin: None,
            join_reason: "the consumer starts",
            is_closing: false,
            farewell: None,
            in_flight: None,
            next_request: 0,
            round: EffectRound::default(),
            assign: None,
            effects: VecDeque::new(),
            last_poll: now,
            last_answer: now,
            next_heartbeat: now,
            not_before: None,
            failures: 0,
            failing_since: None,
            failing_reported_at: None,
        }
    }
}

impl Machine for Membership {
    type Request = Request;
    type Answer = Answer;

    fn coordinator(&self) -> Option<NodeId> {
        self.coordinator.node()
    }

    fn round(&self) -> EffectRound {
        self.round
    }

    fn is_over(&self) -> bool {
        let is_gone = matches!(self.state, MemberState::Left | MemberState::Failed);
        is_gone && self.farewell.is_none() && !self.awaits_name()
    }

    fn is_resting(&self) -> bool {
        self.state == MemberState::Resting
    }

    fn identity(&self) -> Option<MemberIdentity> {
        let generation = self.generation.as_ref()?;
        // The coordinator refuses commits while it waits for the members' assignments.
        let is_between = matches!(self.state, MemberState::Assigning | MemberState::Syncing(_));
        (!is_between).then(|| MemberIdentity {
            generation: generation.id,
            member_id: self.member_id.clone(),
            instance_id: self.settings.instance_id.clone(),
        })
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn poll_request(&mut self, now: Instant) -> Option<Request> {
        self.check_time(now);
        if let Some(request) = self.assign.take() {
            return Some(request);
        }
        let has_farewell = self.farewell.as_ref().is_some_and(|farewell| !farewell.is_under_way);
        let is_member = !matches!(self.state, MemberState::Resting | MemberState::Left | MemberState::Failed);
        let Some(node) = self.coordinator.node() else {
            let is_needed = is_member || has_farewell;
            return (is_needed && self.coordinator.poll(now)).then_some(Request::FindCoordinator);
        };
        if has_farewell {
            return self.leave_request().map(|request| Request::Leave(node, request));
        }
        if self.in_flight.is_some() || !is_member {
            return None;
        }
        match &self.state {
            MemberState::Joining if self.may_join(now) => {
                let request = self.join_request();
                Some(Request::Join(self.begin(Kind::Join), node, request))
            }
            MemberState::Syncing(assignments) => {
                let request = self.sync_request(assignments.clone())?;
                Some(Request::Sync(self.begin(Kind::Sync), node, request))
            }
            MemberState::Joining => None,
            _ if now >= self.next_heartbeat => {
                let request = self.heartbeat_request()?;
                Some(Request::Heartbeat(self.begin(Kind::Heartbeat), node, request))
            }
            _ => None,
        }
    }

    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if matches!(self.state, MemberState::Resting | MemberState::Left | MemberState::Failed)
            && self.farewell.is_none()
        {
            return None;
        }
        let beats = self.generation.is_some() && self.in_flight.is_none();
        let lane = match self.state {
            MemberState::Joining if self.in_flight.is_none() => Some(self.not_before.unwrap_or(now)),
            MemberState::Revoking | MemberState::Assigning | MemberState::TakingOn | MemberState::Stable
                if beats =>
            {
                Some(self.next_heartbeat)
            }
            _ => None,
        };
        let lane = lane.filter(|_| self.coordinator.node().is_some());
        let poll = self.is_polled().then(|| after(self.last_poll, self.settings.max_poll_interval));
        let deadlines = [lane, self.session_deadline(), poll, self.coordinator.next_deadline(now)];
        deadlines.into_iter().flatten().min()
    }

    fn handle_poll(&mut self, now: Instant) {
        self.last_poll = now;
        if self.state == MemberState::Resting && !self.is_closing {
            self.start_joining("the caller polls again");
        }
    }

    fn handle_topics(&mut self, topics: BTreeSet<Arc<str>>) {
        if self.topics != topics {
            self.topics = topics;
            if self.generation.is_some() {
                self.want_rejoin("the topics have changed");
            }
        }
    }

    fn handle_close(&mut self) {
        if self.is_closing {
            return;
        }
        self.is_closing = true;
        match self.state {
            MemberState::Left | MemberState::Failed | MemberState::Revoking => {}
            // Half way through a rebalance nothing can be committed, and others may wait for this member's SyncGroup.
            MemberState::Assigning | MemberState::Syncing(_) if !self.owned.is_empty() => {}
            _ => self.give_up_and_leave(),
        }
    }

    fn handle_abandoned(&mut self) {
        self.is_closing = true;
        self.owned.clear();
        self.void_effects();
        self.effects.clear();
        if !matches!(self.state, MemberState::Left | MemberState::Failed) {
            self.leave_for_good();
        }
    }

    fn handle_revoked(&mut self, round: EffectRound) {
        if round != self.round() || self.state != MemberState::Revoking {
            return;
        }
        self.owned.clear();
        if self.is_closing {
            return self.leave_for_good();
        }
        self.state = MemberState::Joining;
    }

    fn handle_taken_on(&mut self, round: EffectRound, gave_up: bool) {
        if round != self.round() || self.state != MemberState::TakingOn {
            return;
        }
        self.state = MemberState::Stable;
        if gave_up {
            self.rejoin = Some("partitions were given up for other members");
        }
        if let Some(reason) = self.rejoin.take() {
            self.want_rejoin(reason);
        }
    }

    fn handle_answer(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::Coordinator(result) => self.handle_coordinator(result, now),
            Answer::Join(id, result) => self.handle_join(id, result, now),
            Answer::Assigned(round, assigned) => self.handle_assignment(round, assigned),
            Answer::Sync(id, result) => self.handle_sync(id, result, now),
            Answer::Heartbeat(id, result) => self.handle_heartbeat(id, result, now),
            Answer::Left(result) => self.handle_left(&result),
        }
    }

    fn handle_metadata(&mut self, snapshot: &MetadataSnapshot) {
        let Some(watched) = &self.watched else { return };
        self.handle_partition_counts(&partition_counts(snapshot, watched.keys()));
    }

    fn handle_commit_refused(&mut self, generation: i32, code: ErrorCode, now: Instant) {
        let is_current = self.generation.as_ref().is_some_and(|current| current.id == generation);
        match code {
            ErrorCode::RebalanceInProgress if is_current => self.want_rejoin("the group is rebalancing"),
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration | ErrorCode::FencedInstanceId
                if is_current =>
            {
                self.handle_refusal(ApiKey::OffsetCommit, code, now);
            }
            _ => {}
        }
    }

    fn handle_coordinator_lost(&mut self, node: NodeId, now: Instant) {
        self.coordinator.forget(node, now);
    }

    fn standing(&self) -> MemberStanding<'_> {
        let is_between = matches!(
            self.state,
            MemberState::Revoking
                | MemberState::Joining
                | MemberState::Assigning
                | MemberState::Syncing(_)
                | MemberState::TakingOn
        );
        MemberStanding {
            member_id: &self.member_id,
            generation: self.generation.as_ref().map_or(-1, |generation| generation.id),
            is_rebalancing: is_between && !self.is_closing,
        }
    }
}

impl Membership {
    /// Whether the coordinator is about to count a member that nobody could tell it to forget without its name.
    fn awaits_name(&self) -> bool {
        self.state == MemberState::Left && matches!(self.in_flight, Some((_, Kind::Join)))
    }

    /// Compares the cluster's partition counts with those that the leader has assigned.
    fn handle_partition_counts(&mut self, counts: &PartitionCounts) {
        if self.state == MemberState::Stable && self.watched.as_ref().is_some_and(|watched| watched != counts)
        {
            self.watched = None;
            self.want_rejoin("the partitions of a topic have changed");
        }
    }

    fn give_up_and_leave(&mut self) {
        if self.owned.is_empty() {
            self.leave_for_good();
        } else {
            self.revoke_all();
        }
    }

    fn check_time(&mut self, now: Instant) {
        if self.is_polled() && now >= after(self.last_poll, self.settings.max_poll_interval) {
            tracing::warn!(
                group = %self.settings.group_id, max_poll_interval = ?self.settings.max_poll_interval,
                "the application did not ask for records within max.poll.interval.ms: leaving the group until it does"
            );
            self.say_farewell("the application did not poll in time");
            self.forget_membership();
            self.state = MemberState::Resting;
        }
        if self.session_deadline().is_some_and(|at| now >= at)
            && let Some(node) = self.coordinator.node()
        {
            self.last_answer = now;
            self.coordinator.forget(node, now);
        }
    }

    /// When a coordinator that answers no heartbeat counts as gone. While it gathers the members it owes no answer.
    fn session_deadline(&self) -> Option<Instant> {
        let is_beating = self.generation.is_some()
            && self.coordinator.node().is_some()
            && matches!(
                self.state,
                MemberState::Revoking | MemberState::Assigning | MemberState::TakingOn | MemberState::Stable
            );
        is_beating.then(|| after(self.last_answer, self.settings.session_timeout))
    }

    /// Whether the caller has to poll: not when it is known not to.
    fn is_polled(&self) -> bool {
        !self.is_closing
            && !matches!(self.state, MemberState::Resting | MemberState::Left | MemberState::Failed)
    }

    fn may_join(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    fn begin(&mut self, kind: Kind) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        self.in_flight = Some((id, kind));
        id
    }

    /// Joins again as soon as that is possible: at once when all is well, else after what is going on.
    fn want_rejoin(&mut self, reason: &'static str) {
        match self.state {
            MemberState::Stable => self.prepare(reason),
            MemberState::Assigning | MemberState::Syncing(_) | MemberState::TakingOn => {
                self.rejoin = Some(reason);
            }
            _ => {}
        }
    }

    /// Eager: everything is given up before joining. Cooperative: what is owned goes on being read (KIP-429).
    fn prepare(&mut self, reason: &'static str) {
        self.join_reason = reason;
        self.watched = None;
        self.rejoin = None;
        if self.is_cooperative() || self.owned.is_empty() {
            self.state = MemberState::Joining;
        } else {
            self.revoke_all();
        }
    }

    /// Which rules hold: those that the group has agreed on, and before that those of the first assignor.
    fn is_cooperative(&self) -> bool {
        self.protocols.is_cooperative()
    }

    fn revoke_all(&mut self) {
        self.void_effects();
        self.state = MemberState::Revoking;
        self.effects.push_back(Effect::Revoke { partitions: self.owned.clone() });
    }

    fn start_joining(&mut self, reason: &'static str) {
        if self.is_closing {
            return self.give_up_and_leave();
        }
        self.join_reason = reason;
        self.rejoin = None;
        self.state = MemberState::Joining;
    }

    /// The coordinator does not count this member any more: what it owned may be someone else's.
    fn forget_membership(&mut self) {
        self.member_id = ByteString::default();
        self.lose_generation();
    }

    fn lose_generation(&mut self) {
        self.generation = None;
        self.last = None;
        self.watched = None;
        self.rejoin = None;
        self.in_flight = None;
        self.void_effects();
        let partitions = std::mem::take(&mut self.owned);
        if !partitions.is_empty() {
            self.effects.push_back(Effect::Lose { partitions });
        }
    }

    /// Drops the effects of an assignment that does not count any more.
    fn void_effects(&mut self) {
        self.round.advance();
        self.assign = None;
        self.effects.retain(|effect| matches!(effect, Effect::Lose { .. } | Effect::Report(_)));
    }

    fn leave_for_good(&mut self) {
        self.say_farewell("the consumer was closed");
        self.generation = None;
        // A member without an id waits for one, to leave under it.
        let has_name = !self.member_id.is_empty() || self.settings.instance_id.is_some();
        self.in_flight.take_if(|(_, kind)| has_name || *kind != Kind::Join);
        self.state = MemberState::Left;
    }

    fn say_farewell(&mut self, reason: &'static str) {
        let is_static = self.settings.instance_id.is_some();
        if !is_static && !self.member_id.is_empty() {
            let member_id = self.member_id.clone();
            self.farewell = Some(Farewell { member_id, reason, is_under_way: false });
        }
    }

    /// Notes a failure that should pass by itself: if it does not, it is reported to the caller again and again.
    fn note_failing(&mut self, error: &Error, now: Instant) {
        let since = *self.failing_since.get_or_insert(now);
        let is_again = self.failing_reported_at.is_none_or(|at| now.duration_since(at) >= STALL_REPEAT);
        if now.duration_since(since) >= STALL_GRACE && is_again {
            self.failing_reported_at = Some(now);
            self.effects.push_back(Effect::Report(error.clone()));
        }
    }

    fn pause(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(after(now, self.backoff.delay(self.failures)));
    }
}

#[cfg(test)]
mod tests;
