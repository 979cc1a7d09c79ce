//! Membership: one member of a classic group, from finding the coordinator to leaving. A machine: no I/O, no clock.
//!
//! The [`GroupDriver`](crate::consumer::group::driver::GroupDriver) polls it for requests and effects, carries them out, and hands in what
//! came of them. It owns no offsets and no records: it says which partitions are gained, given up and lost, and when.
//! Effects are carried out one after the other; heartbeats go on meanwhile, so a slow listener costs no session.

mod answers;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponseMember};
use kestrel_protocol::messages::leave_group::LeaveGroupRequest;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use kestrel_protocol::{ByteString, NodeId};

use super::protocols::Protocols;
use crate::consumer::group::coordinator::Coordinator;
use crate::consumer::position::{STALL_GRACE, STALL_REPEAT};
use crate::environment::after;
use crate::error::Error;
use crate::net::ExponentialBackoff;
use crate::record::TopicPartition;

/// How long to wait before joining again after an error that only someone else can repair.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// How many partitions each topic has that the leader has assigned.
pub(crate) type PartitionCounts = BTreeMap<Arc<str>, usize>;

/// What a member is like.
#[derive(Debug, Clone)]
pub(crate) struct MemberSettings {
    pub(crate) group_id: ByteString,
    /// A name that outlives the process: the member is static (KIP-345).
    pub(crate) instance_id: Option<ByteString>,
    pub(crate) session_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    /// How long the caller may take between two polls, and so how long a rebalance waits for this member.
    pub(crate) max_poll_interval: Duration,
}

/// Says which request an answer belongs to: answers to requests that do not matter any more are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

/// Says which round of effects something belongs to: after a loss, what was under way is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EffectRound(u64);

/// What to send.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    /// To any broker.
    FindCoordinator,
    /// To the coordinator; its answer may take as long as the rebalance.
    Join(RequestId, NodeId, JoinGroupRequest),
    Sync(RequestId, NodeId, SyncGroupRequest),
    Heartbeat(RequestId, NodeId, HeartbeatRequest),
    /// To the coordinator, past anything that may be waiting there.
    Leave(NodeId, LeaveGroupRequest),
}

/// What to do besides sending.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Give up `partitions` in good order: commit, tell the listener. Then `handle_revoked`.
    Revoke { partitions: BTreeSet<TopicPartition> },
    /// Give up `revoked` in good order, take on `added`; all of the assignment is `assigned`. Then `handle_settled`.
    Settle {
        revoked: BTreeSet<TopicPartition>,
        added: BTreeSet<TopicPartition>,
        assigned: BTreeSet<TopicPartition>,
    },
    /// The partitions are someone else's by now, perhaps: nothing can be committed. Never given up half way.
    Lose { partitions: BTreeSet<TopicPartition> },
    /// This member is the leader: assign. Then `handle_assignment`.
    Assign { protocol: ByteString, members: Vec<JoinGroupResponseMember> },
    /// Tell the caller; nothing follows.
    Report(Error),
}

/// Where a member stands.
///
/// ```text
///                the caller polls                   leader
///      Resting ──────────────────► Joining ───────► Assigning ──► Syncing ──► Settling ──► Stable
///         ▲                         ▲   ▲  └─────── follower ───────▲            │           │
///         │ the caller does not     │   └── the group moved on, or partitions ◄──┤           │
///         │ poll: leave             │       were given up (cooperative)          │           │
///         │                         └───────────── Revoking (eager: everything) ◄┴───────────┘
///      any state                                                               rebalance
///
///      close: Revoking ──► Left        fenced: Failed        unknown to the coordinator: lose all, Joining
/// ```
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    /// Not a member: the caller has not polled for too long.
    Resting,
    /// Partitions are being given up before joining (or leaving).
    Revoking,
    /// JoinGroup is to be sent, or under way.
    Joining,
    /// The leader is assigning.
    Assigning,
    /// SyncGroup is to be sent, or under way; the leader's carries the assignment.
    Syncing(Vec<SyncGroupRequestAssignment>),
    /// The assignment has come and is being taken on.
    Settling,
    /// All is well.
    Stable,
    /// Not a member, for good.
    Left,
    /// Replaced by another instance: not a member, for good.
    Failed,
}

/// What is under way on the member's own connection: one request at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Join,
    Sync,
    Heartbeat,
}

/// A request to leave, for the member that this was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Farewell {
    member_id: ByteString,
    reason: &'static str,
    is_under_way: bool,
}

/// The generation that was joined.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Generation {
    id: i32,
    protocol: ByteString,
    is_leader: bool,
}

/// Who this member is, for commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberIdentityView {
    pub(crate) generation: i32,
    pub(crate) member_id: ByteString,
    pub(crate) instance_id: Option<ByteString>,
}

/// One member of a group.
#[derive(Debug)]
pub(crate) struct Membership {
    settings: MemberSettings,
    protocols: Protocols,
    backoff: ExponentialBackoff,
    coordinator: Coordinator,
    state: State,
    /// Empty until the coordinator has given one.
    member_id: ByteString,
    generation: Option<Generation>,
    /// The last assignment that was taken on, and its generation: what sticky assignors go by.
    last: Option<(Vec<TopicPartition>, i32)>,
    owned: BTreeSet<TopicPartition>,
    topics: BTreeSet<Arc<str>>,
    /// What the leader's last assignment was made from.
    watched: Option<PartitionCounts>,
    /// Why to join again as soon as the assignment has settled.
    rejoin: Option<&'static str>,
    join_reason: &'static str,
    is_closing: bool,
    farewell: Option<Farewell>,
    in_flight: Option<(RequestId, Kind)>,
    next_request: u64,
    round: u64,
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
            state: State::Joining,
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
            round: 0,
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

    pub(crate) const fn coordinator(&self) -> Option<NodeId> {
        self.coordinator.node()
    }

    /// Which effects still count: those of an older round are to be dropped, even half way.
    pub(crate) const fn round(&self) -> EffectRound {
        EffectRound(self.round)
    }

    pub(crate) fn is_over(&self) -> bool {
        let is_gone = matches!(self.state, State::Left | State::Failed);
        is_gone && self.farewell.is_none() && !self.awaits_name()
    }

    /// Whether the coordinator is about to count a member that nobody could tell it to forget without its name.
    fn awaits_name(&self) -> bool {
        self.state == State::Left && matches!(self.in_flight, Some((_, Kind::Join)))
    }

    /// Whether the caller was away for so long that the group went on without it.
    pub(crate) fn is_resting(&self) -> bool {
        self.state == State::Resting
    }

    /// Who commits, when a commit can succeed: not while the coordinator waits for the members' assignments.
    pub(crate) fn identity(&self) -> Option<MemberIdentityView> {
        let generation = self.generation.as_ref()?;
        let is_between = matches!(self.state, State::Assigning | State::Syncing(_));
        (!is_between).then(|| MemberIdentityView {
            generation: generation.id,
            member_id: self.member_id.clone(),
            instance_id: self.settings.instance_id.clone(),
        })
    }

    /// The next effect to carry out, when the one before has been.
    pub(crate) fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What to send now.
    pub(crate) fn poll_request(&mut self, now: Instant) -> Option<Request> {
        self.check_time(now);
        let has_farewell = self.farewell.as_ref().is_some_and(|farewell| !farewell.is_under_way);
        let is_member = !matches!(self.state, State::Resting | State::Left | State::Failed);
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
            State::Joining if self.may_join(now) => {
                let request = self.join_request();
                Some(Request::Join(self.begin(Kind::Join), node, request))
            }
            State::Syncing(assignments) => {
                let request = self.sync_request(assignments.clone())?;
                Some(Request::Sync(self.begin(Kind::Sync), node, request))
            }
            State::Joining => None,
            _ if now >= self.next_heartbeat => {
                let request = self.heartbeat_request()?;
                Some(Request::Heartbeat(self.begin(Kind::Heartbeat), node, request))
            }
            _ => None,
        }
    }

    /// When there may be something to send without a new event.
    pub(crate) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        if matches!(self.state, State::Resting | State::Left | State::Failed) && self.farewell.is_none() {
            return None;
        }
        let beats = self.generation.is_some() && self.in_flight.is_none();
        let lane = match self.state {
            State::Joining if self.in_flight.is_none() => Some(self.not_before.unwrap_or(now)),
            State::Revoking | State::Assigning | State::Settling | State::Stable if beats => {
                Some(self.next_heartbeat)
            }
            _ => None,
        };
        let lane = lane.filter(|_| self.coordinator.node().is_some());
        let poll = self.is_polled().then(|| after(self.last_poll, self.settings.max_poll_interval));
        let deadlines = [lane, self.session_deadline(), poll, self.coordinator.next_deadline(now)];
        deadlines.into_iter().flatten().min()
    }

    /// The caller asks for records.
    pub(crate) fn handle_poll(&mut self, now: Instant) {
        self.last_poll = now;
        if self.state == State::Resting && !self.is_closing {
            self.start_joining("the caller polls again");
        }
    }

    /// The topics that are read have changed, or were found for the first time.
    pub(crate) fn handle_topics(&mut self, topics: BTreeSet<Arc<str>>) {
        if self.topics != topics {
            self.topics = topics;
            if self.generation.is_some() {
                self.want_rejoin("the topics have changed");
            }
        }
    }

    /// What the cluster has of the topics that the leader has assigned.
    pub(crate) fn handle_partition_counts(&mut self, counts: &PartitionCounts) {
        if self.state == State::Stable && self.watched.as_ref().is_some_and(|watched| watched != counts) {
            self.watched = None;
            self.want_rejoin("the partitions of a topic have changed");
        }
    }

    /// The topics whose partitions the leader has to watch.
    pub(crate) const fn watched(&self) -> Option<&PartitionCounts> {
        self.watched.as_ref()
    }

    /// Gives up everything in good order and leaves; static members only fall silent (KIP-345).
    pub(crate) fn handle_close(&mut self) {
        if self.is_closing {
            return;
        }
        self.is_closing = true;
        match self.state {
            State::Left | State::Failed | State::Revoking => {}
            // Half way through a rebalance nothing can be committed, and others may wait for this member's SyncGroup.
            State::Assigning | State::Syncing(_) if !self.owned.is_empty() => {}
            _ => self.give_up_and_leave(),
        }
    }

    /// The application has dropped its consumer: leaves without giving anything up or telling anybody.
    pub(crate) fn handle_abandoned(&mut self) {
        self.is_closing = true;
        self.owned.clear();
        self.void_effects();
        self.effects.clear();
        if !matches!(self.state, State::Left | State::Failed) {
            self.leave_for_good();
        }
    }

    fn give_up_and_leave(&mut self) {
        if self.owned.is_empty() {
            self.leave_for_good();
        } else {
            self.revoke_all();
        }
    }

    /// The partitions of [`Effect::Revoke`] are given up.
    pub(crate) fn handle_revoked(&mut self, round: EffectRound) {
        if round != self.round() || self.state != State::Revoking {
            return;
        }
        self.owned.clear();
        if self.is_closing {
            return self.leave_for_good();
        }
        self.state = State::Joining;
    }

    /// The assignment of [`Effect::Settle`] is taken on; `gave_up` says whether partitions were given up for others.
    pub(crate) fn handle_settled(&mut self, round: EffectRound, gave_up: bool) {
        if round != self.round() || self.state != State::Settling {
            return;
        }
        self.state = State::Stable;
        if gave_up {
            self.rejoin = Some("partitions were given up for other members");
        }
        if let Some(reason) = self.rejoin.take() {
            self.want_rejoin(reason);
        }
    }

    /// The leader's assignment, and what it was made from.
    pub(crate) fn handle_assignment(
        &mut self,
        round: EffectRound,
        assignments: Vec<(ByteString, Bytes)>,
        counts: PartitionCounts,
    ) {
        if round != self.round() || self.state != State::Assigning {
            return;
        }
        self.watched = Some(counts);
        let assignments = assignments
            .into_iter()
            .map(|(member_id, assignment)| SyncGroupRequestAssignment { member_id, assignment });
        self.state = State::Syncing(assignments.collect());
    }

    fn check_time(&mut self, now: Instant) {
        if self.is_polled() && now >= after(self.last_poll, self.settings.max_poll_interval) {
            tracing::warn!(
                group = %self.settings.group_id, max_poll_interval = ?self.settings.max_poll_interval,
                "the application did not ask for records within max.poll.interval.ms: leaving the group until it does"
            );
            self.say_farewell("the application did not poll in time");
            self.forget_membership();
            self.state = State::Resting;
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
            && matches!(self.state, State::Revoking | State::Assigning | State::Settling | State::Stable);
        is_beating.then(|| after(self.last_answer, self.settings.session_timeout))
    }

    /// Whether the caller has to poll: not when it is known not to.
    fn is_polled(&self) -> bool {
        !self.is_closing && !matches!(self.state, State::Resting | State::Left | State::Failed)
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
            State::Stable => self.prepare(reason),
            State::Assigning | State::Syncing(_) | State::Settling => self.rejoin = Some(reason),
            _ => {}
        }
    }

    /// Eager: everything is given up before joining. Cooperative: what is owned goes on being read (KIP-429).
    fn prepare(&mut self, reason: &'static str) {
        self.join_reason = reason;
        self.watched = None;
        self.rejoin = None;
        if self.is_cooperative() || self.owned.is_empty() {
            self.state = State::Joining;
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
        self.state = State::Revoking;
        self.effects.push_back(Effect::Revoke { partitions: self.owned.clone() });
    }

    fn start_joining(&mut self, reason: &'static str) {
        if self.is_closing {
            return self.give_up_and_leave();
        }
        self.join_reason = reason;
        self.rejoin = None;
        self.state = State::Joining;
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

    /// What was to be done for an assignment that does not count any more is not done.
    fn void_effects(&mut self) {
        self.round += 1;
        self.effects.retain(|effect| matches!(effect, Effect::Lose { .. } | Effect::Report(_)));
    }

    fn leave_for_good(&mut self) {
        self.say_farewell("the consumer was closed");
        self.generation = None;
        // Whoever has no name yet waits for it, to leave under it.
        let has_name = !self.member_id.is_empty() || self.settings.instance_id.is_some();
        self.in_flight.take_if(|(_, kind)| has_name || *kind != Kind::Join);
        self.state = State::Left;
    }

    fn say_farewell(&mut self, reason: &'static str) {
        let is_static = self.settings.instance_id.is_some();
        if !is_static && !self.member_id.is_empty() {
            let member_id = self.member_id.clone();
            self.farewell = Some(Farewell { member_id, reason, is_under_way: false });
        }
    }

    /// Something failed that goes away by itself: if it does not, the caller hears of it again and again.
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
