//! One assigned partition: its leader, where it is fetched from, and what has to be asked before it can be.
//!
//! Part of [`SubscriptionState`](super::subscription::SubscriptionState): a machine, no I/O and no clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::{ByteString, LeaderEpoch, NodeId, TopicId};

use super::leader::Leader;
use super::parking::Parking;
use super::position_id::{AssignmentId, PositionId};
use super::report::Report;
use crate::acks::PartitionAcks;
use crate::environment::after;
use crate::error::Error;
use crate::record::{Timestamp, TopicPartition};

/// A position in a partition: where the next fetch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FetchPosition {
    pub(crate) offset: i64,
    /// The epoch of the leader that appended what lies before: what truncation is detected by (KIP-320).
    pub(crate) epoch: Option<LeaderEpoch>,
}

/// The place at which a partition without a position is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartAt {
    /// The place that `auto.offset.reset` names.
    Policy,
    /// At the log's start.
    Earliest,
    /// At the log's end.
    Latest,
    /// At the first record with this timestamp or a later one; at the log's end when there is none.
    Time(Timestamp),
}

/// Where reading of a partition began: there it begins again as long as the group has nothing committed.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    /// It is looked up, and was not found yet.
    Sought(StartAt),
    Found(FetchPosition),
}

/// The state of a partition on its way to being fetched.
///
/// ```text
///      assigned ──── in a group: AwaitingCommitted ──── the group has an offset ───► AwaitingValidation, Fetching
///         │ ◄──────── it has none ────┘
///         │                      the answer gives an offset
///         ▼                    ┌──────────────────────────────┐
///   AwaitingReset ─────────────┘                              ▼
///         ▲                                  seek ───────► Fetching ◄──────┐
///         │ really outside                                 │   │           │ in the log all the same
///         │                          OFFSET_OUT_OF_RANGE   │   │ new leader epoch
///         ├──────────────── AwaitingRangeCheck ◄───────────┘   ▼           │
///         │                        │                  AwaitingValidation ──┤ the log agrees
///         │                        │ above the end             │           │
///         │                        └────────► Truncated ◄──────┘ shorter   │
///         │                                       └────────────────────────┘
///         └── recreated                            whoever holds records says what was handed out
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FetchState {
    /// The group's committed offset is not known yet: OffsetFetch gives it.
    AwaitingCommitted,
    /// There is no offset to fetch from: ListOffsets gives one.
    AwaitingReset(StartAt),
    /// A broker said that the position is outside the log. Only when ListOffsets agrees is it given up: a leader that has
    /// just changed may say so wrongly. Holds the log's start once that is known.
    AwaitingRangeCheck { position: FetchPosition, start_offset: Option<i64> },
    /// The leader has changed: OffsetForLeaderEpoch tells whether the log was cut below the position (KIP-320).
    AwaitingValidation(FetchPosition),
    /// The log was cut below the position.
    Truncated { position: FetchPosition, end: FetchPosition },
    /// Ready to be fetched.
    Fetching(FetchPosition),
}

/// A replica that the leader told us to read from (KIP-392).
#[derive(Debug, Clone, Copy)]
struct PreferredReplica {
    node: NodeId,
    until: Instant,
}

/// Something wrong with the topic itself, and when to tell the caller.
#[derive(Debug)]
struct Trouble {
    error: Error,
    report_at: Instant,
}

/// The state of one assigned partition.
#[derive(Debug)]
pub(crate) struct AssignedPartition {
    pub(crate) name: TopicPartition,
    /// The topic's name as requests carry it.
    pub(crate) wire_topic: ByteString,
    pub(crate) topic_id: TopicId,
    pub(crate) paused: bool,
    /// Being given up to the group: nothing is handed out or fetched any more.
    pub(crate) revoking: bool,
    /// The position up to which the caller is done with all: what may be committed.
    pub(crate) done: Option<FetchPosition>,
    /// The offset after the last record that was handed out since the position was set, as far as is known.
    pub(crate) handed_out: Option<i64>,
    /// The group's committed offset, as far as this assignment knows.
    pub(crate) committed: Option<i64>,
    /// Which of the records that were handed out are done, when the caller says so of each.
    pub(crate) acks: Option<Arc<PartitionAcks>>,
    pub(crate) high_watermark: Option<i64>,
    pub(crate) last_stable_offset: Option<i64>,
    /// The end of the range that is read, if there is one.
    pub(crate) range_end: Option<i64>,
    /// When the partition last brought records: those that have waited longest are asked for first.
    pub(crate) last_served: u64,
    pub(crate) report: Report,
    pub(crate) parking: Parking,
    leader: Option<Leader>,
    preferred: Option<PreferredReplica>,
    state: FetchState,
    beginning: Beginning,
    generation: u32,
    /// Whether a lookup is under way.
    asked: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// Set by the caller's task, which has no clock: the driver turns it into a pause.
    failed_outside: bool,
    trouble: Option<Trouble>,
    /// The last failure, if nothing went well since.
    last_failure: Option<Error>,
}

impl AssignedPartition {
    pub(crate) fn new(name: TopicPartition, start: StartAt) -> Self {
        Self {
            wire_topic: ByteString::from(&*name.topic),
            name,
            topic_id: TopicId::NIL,
            paused: false,
            revoking: false,
            done: None,
            handed_out: None,
            committed: None,
            acks: None,
            high_watermark: None,
            last_stable_offset: None,
            range_end: None,
            last_served: 0,
            report: Report::default(),
            parking: Parking::default(),
            leader: None,
            preferred: None,
            state: FetchState::AwaitingReset(start),
            beginning: Beginning::Sought(start),
            generation: 0,
            asked: false,
            failures: 0,
            not_before: None,
            failed_outside: false,
            trouble: None,
            last_failure: None,
        }
    }

    pub(crate) fn topic(&self) -> Arc<str> {
        self.name.topic.clone()
    }

    pub(crate) const fn state(&self) -> FetchState {
        self.state
    }

    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) const fn leader(&self) -> Option<Leader> {
        self.leader
    }

    pub(crate) const fn position_id(&self, id: AssignmentId) -> PositionId {
        PositionId { id, generation: self.generation }
    }

    /// The offset of the next fetch, when there is one.
    pub(crate) const fn fetch_offset(&self) -> Option<i64> {
        match self.state {
            FetchState::AwaitingCommitted | FetchState::AwaitingReset(_) => None,
            FetchState::AwaitingRangeCheck { position, .. }
            | FetchState::AwaitingValidation(position)
            | FetchState::Truncated { position, .. }
            | FetchState::Fetching(position) => Some(position.offset),
        }
    }

    /// Whether the range that is read was fetched to its end.
    pub(crate) fn is_at_range_end(&self) -> bool {
        let position = self.fetch_offset();
        self.range_end.zip(position).is_some_and(|(end, position)| position >= end)
    }

    /// Sets the position from outside: answers to older questions are not believed any more.
    pub(crate) fn seek(&mut self, position: FetchPosition) {
        self.enter_anew(FetchState::Fetching(position));
    }

    /// Reading begins at `position`, as was said from outside: the caller is done with all before it.
    pub(crate) fn begin_at(&mut self, position: FetchPosition) {
        self.seek(position);
        self.beginning = Beginning::Found(position);
        self.done = Some(position);
        self.handed_out = None;
    }

    /// Reading begins where it began before: an end of the log that is looked up anew may lie behind what was read and is not
    /// done.
    pub(crate) fn begin_again(&mut self) {
        match self.beginning {
            Beginning::Sought(to) => self.reset(to),
            Beginning::Found(position) => {
                self.done = Some(position);
                self.resume(position);
            }
        }
    }

    /// Goes on from a position of an earlier time: if its epoch is known, the log may have been cut below it.
    pub(crate) fn resume(&mut self, position: FetchPosition) {
        self.enter(match position.epoch {
            Some(_) => FetchState::AwaitingValidation(position),
            None => FetchState::Fetching(position),
        });
    }

    /// The position comes from what the group has committed.
    pub(crate) fn await_committed(&mut self) {
        self.enter_anew(FetchState::AwaitingCommitted);
    }

    /// Replaces the acks: those of an older position change nothing any more.
    pub(crate) fn renew_acks(&mut self, acks: Option<Arc<PartitionAcks>>) {
        if let Some(old) = std::mem::replace(&mut self.acks, acks) {
            old.close();
        }
    }

    /// The position that may be committed: everything before it is done.
    pub(crate) fn committable(&self) -> Option<FetchPosition> {
        let done = self.done?;
        let Some(acks) = &self.acks else { return Some(done) };
        let acked = acks.committable(done.offset);
        let epoch = if acked.offset == done.offset { done.epoch } else { acked.leader_epoch };
        Some(FetchPosition { offset: acked.offset, epoch })
    }

    /// Whether what was fetched may be handed out.
    pub(crate) fn may_hand_out(&self) -> bool {
        !self.paused && !self.revoking && !self.parking.is_on() && self.has_room()
    }

    /// Whether the caller may be handed another record: if not, it is woken when it may.
    pub(crate) fn has_room(&self) -> bool {
        self.acks.as_ref().is_none_or(|acks| {
            acks.has_room() || {
                // Before the second look, so that no ack falls between.
                acks.await_progress(true);
                acks.has_room()
            }
        })
    }

    /// Whether the group may be asked for the committed offset now.
    pub(crate) fn may_ask_committed(&self, now: Instant) -> bool {
        self.state == FetchState::AwaitingCommitted && !self.asked && !self.is_waiting(now)
    }

    /// Gives up the position: a lookup finds a new one.
    pub(crate) fn reset(&mut self, to: StartAt) {
        self.done = None;
        self.handed_out = None;
        self.beginning = Beginning::Sought(to);
        self.enter_anew(FetchState::AwaitingReset(to));
    }

    /// The log was cut below the position, at `end`: what is on its way belongs to the old log.
    pub(crate) fn truncate(&mut self, position: FetchPosition, end: FetchPosition) {
        self.enter_anew(FetchState::Truncated { position, end });
    }

    fn enter_anew(&mut self, state: FetchState) {
        self.generation = self.generation.wrapping_add(1);
        self.preferred = None;
        self.report.retract();
        self.not_before = None;
        self.failures = 0;
        self.failed_outside = false;
        self.parking.end();
        self.enter(state);
    }

    /// Goes on to `state`, with the answers to come still to be believed.
    pub(crate) fn enter(&mut self, state: FetchState) {
        self.state = state;
        self.asked = false;
    }

    /// A lookup found where to begin: that is worth a commit, so that a restart begins there too.
    pub(crate) fn start_at(&mut self, position: FetchPosition) {
        self.done = Some(position);
        self.beginning = Beginning::Found(position);
        self.enter(FetchState::Fetching(position));
    }

    /// A fetch brought records up to `position`.
    pub(crate) fn advance(&mut self, position: FetchPosition) {
        self.state = FetchState::Fetching(position);
    }

    /// Takes in who leads. A newer epoch makes a position whose epoch is known doubtful.
    pub(crate) fn set_leader(&mut self, leader: Option<Leader>) {
        let Some(leader) = leader else {
            self.leader = None;
            return;
        };
        let known = self.leader.replace(leader);
        let epoch_moved = known.is_some_and(|known| known.epoch < leader.epoch);
        if known.map(|known| known.node) != Some(leader.node) {
            self.preferred = None;
        }
        if let (true, FetchState::Fetching(position)) = (epoch_moved, self.state)
            && position.epoch.is_some()
        {
            self.enter(FetchState::AwaitingValidation(position));
        }
    }

    /// The broker and the position to fetch from; `None` when the partition is not to be fetched now.
    pub(crate) fn fetch_target(&self, now: Instant) -> Option<(NodeId, FetchPosition)> {
        let FetchState::Fetching(position) = self.state else { return None };
        if self.paused
            || self.revoking
            || self.parking.is_on()
            || self.failed_outside
            || self.is_waiting(now)
            || self.is_at_range_end()
        {
            return None;
        }
        let preferred = self.preferred.filter(|replica| replica.until > now).map(|replica| replica.node);
        Some((preferred.or_else(|| self.leader.map(|leader| leader.node))?, position))
    }

    pub(crate) fn prefer_replica(&mut self, node: NodeId, until: Instant) {
        self.preferred = Some(PreferredReplica { node, until });
    }

    /// Reads from the leader again. True when a replica had been preferred.
    pub(crate) fn forget_preferred_replica(&mut self) -> bool {
        self.preferred.take().is_some()
    }

    /// Whether a lookup may be sent: its leader is known, none is under way, no pause is on.
    pub(crate) fn may_ask(&self, now: Instant) -> bool {
        !self.asked && !self.failed_outside && !self.is_waiting(now) && self.leader.is_some()
    }

    pub(crate) const fn is_asked(&self) -> bool {
        self.asked
    }

    pub(crate) fn mark_asked(&mut self) {
        self.asked = true;
    }

    /// A question was answered: the next failure is the first again.
    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.last_failure = None;
        self.report.succeed();
    }

    pub(crate) fn note_failure(&mut self, error: Error) {
        self.last_failure = Some(error);
    }

    pub(crate) const fn last_failure(&self) -> Option<&Error> {
        self.last_failure.as_ref()
    }

    /// Whether something is wrong with the topic itself, which is reported by itself.
    pub(crate) const fn has_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    pub(crate) fn count_failure(&mut self) -> u32 {
        self.asked = false;
        self.failed_outside = false;
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    pub(crate) fn wait_until(&mut self, at: Instant) {
        self.not_before = Some(at);
    }

    /// The caller's task met a failure: the pause begins when the driver looks.
    pub(crate) fn fail_outside(&mut self) {
        self.failed_outside = true;
    }

    pub(crate) const fn has_failed_outside(&self) -> bool {
        self.failed_outside
    }

    fn is_waiting(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|at| at > now)
    }

    pub(crate) fn note_trouble(&mut self, error: Error, report_at: Instant) {
        self.leader = None;
        let report_at = self.trouble.take().map_or(report_at, |known| known.report_at);
        self.trouble = Some(Trouble { error, report_at });
    }

    pub(crate) fn clear_trouble(&mut self) {
        self.trouble = None;
    }

    pub(crate) fn due_trouble(&mut self, now: Instant, repeat: Duration) -> Option<Error> {
        let trouble = self.trouble.as_mut().filter(|trouble| trouble.report_at <= now)?;
        trouble.report_at = after(now, repeat);
        Some(trouble.error.clone())
    }

    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let report_at = self.trouble.as_ref().map(|trouble| trouble.report_at);
        [self.not_before, self.parking.deadline(), report_at].into_iter().flatten()
    }
}
