//! One partition as the dispatcher sees it: what waits, what is in flight, where the leader is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::{LeaderEpoch, NodeId};

use super::Draw;
use crate::environment::after;
use crate::error::Error;
use crate::producer::accumulator::{Backlog, Drawn};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::BatchState;
use crate::producer::identity::Identity;
use crate::producer::partition_id::PartitionKey;
use crate::producer::sequences::{PartitionSequences, Resolution};

/// A partition that batches are sent to.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) key: PartitionKey,
    /// What the accumulator holds for it, as far as is known.
    pub(super) backlog: Backlog,
    pub(super) leader: Option<(NodeId, LeaderEpoch)>,
    /// Batches that were sent and have to be sent again, in order.
    pub(super) waiting: VecDeque<ProducerBatch>,
    /// Batches on their way, in order.
    pub(super) in_flight: VecDeque<Sent>,
    pub(super) sequences: PartitionSequences,
    /// No batch is sent before this.
    pub(super) not_before: Option<Instant>,
    /// A batch failed while others are on their way: nothing is sent until they are back.
    pub(super) muted: bool,
    pub(super) last_error: Option<Error>,
    pub(super) place: Place,
    /// The node in whose list of ready partitions this one stands.
    pub(super) listed: Option<NodeId>,
    next_order: u64,
}

/// A batch on its way.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) state: Arc<BatchState>,
    pub(super) created_at: Instant,
    pub(super) order: (u64, u32),
    pub(super) node: NodeId,
    /// An earlier attempt may have stored it.
    pub(super) possibly_written: bool,
}

/// What a partition waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// For an event of its own: records, an answer, a leader.
    Idle,
    /// For the producer, which may not send anything to it yet: there is no identity.
    Held,
    /// For a time: the end of linger or backoff.
    Timer(Instant),
    /// For its turn in a request to this node.
    Ready(NodeId),
}

/// The settings that decide about a partition's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) linger: Duration,
    pub(super) max_in_flight: usize,
}

impl Partition {
    pub(super) fn new(key: PartitionKey, leader: Option<(NodeId, LeaderEpoch)>) -> Self {
        Self {
            key,
            backlog: Backlog::default(),
            leader,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            sequences: PartitionSequences::default(),
            not_before: None,
            muted: false,
            last_error: None,
            place: Place::Idle,
            listed: None,
            next_order: 0,
        }
    }

    /// Whether nothing of this partition is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.backlog.oldest_at.is_none() && self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// When the oldest batch that waits here was opened.
    pub(super) fn oldest_at(&self) -> Option<Instant> {
        self.waiting.front().map(|batch| batch.created_at).or(self.backlog.oldest_at)
    }

    /// What the partition waits for now.
    pub(super) fn find_place(&self, rules: Rules, now: Instant) -> Place {
        let due = if !self.waiting.is_empty() || self.backlog.sealed > 0 {
            now
        } else if let Some(opened_at) = self.backlog.opened_at {
            after(opened_at, rules.linger)
        } else {
            return Place::Idle;
        };
        let due = self.not_before.map_or(due, |not_before| not_before.max(due));
        match self.leader {
            Some((node, _)) if !self.may_send_to(node, rules.max_in_flight) => Place::Idle,
            None => Place::Idle,
            Some(_) if due > now => Place::Timer(due),
            Some((node, _)) => Place::Ready(node),
        }
    }

    fn may_send_to(&self, node: NodeId, max_in_flight: usize) -> bool {
        let max_in_flight = if self.sequences.may_pipeline() { max_in_flight } else { 1 };
        let Some(first) = self.in_flight.front() else { return true };
        // A broker remembers the last five batches of a producer. As long as one on its way may be stored since an earlier
        // attempt, only what was sent before goes behind it: were new ones stored and its answer lost again, it would not be
        // among the five any more.
        let keeps_remembered =
            !self.waiting.is_empty() || self.in_flight.iter().all(|sent| !sent.possibly_written);
        // What is on its way to an old leader has to come back first, or the order would be lost.
        !self.muted && first.node == node && keeps_remembered && self.in_flight.len() < max_in_flight
    }

    /// Closes a gap if there is one and nothing is in flight: under a new epoch, what waits is numbered anew.
    ///
    /// Gives whether batches may be sent now.
    pub(super) fn resolve_gap(&mut self, identity: &mut Identity) -> bool {
        if !self.in_flight.is_empty() {
            return true;
        }
        let first_waiting = self.waiting.front().and_then(|batch| batch.stamp);
        match self.sequences.resolve(first_waiting.map(|stamp| stamp.base_sequence)) {
            Resolution::GoOn => true,
            Resolution::Renew => {
                let Some(fresh) = identity.renew(self.sequences.identity()) else { return false };
                self.sequences.begin(fresh);
                for batch in &mut self.waiting {
                    if let Some(stamp) = self.sequences.stamp(batch.record_count()) {
                        batch.restamp(stamp);
                    }
                }
                true
            }
        }
    }

    /// Takes the batch that goes next, with its number.
    pub(super) fn take_next(&mut self, identity: &Identity, draw: Draw<'_>) -> Option<ProducerBatch> {
        if let Some(batch) = self.waiting.pop_front() {
            return Some(batch);
        }
        let mut batch = self.draw(draw)?;
        batch.order = (self.next_order, 0);
        self.next_order += 1;
        if let Some(current) = identity.current() {
            self.sequences.adopt(current, self.in_flight.is_empty());
            batch.stamp = self.sequences.stamp(batch.record_count());
        }
        Some(batch)
    }

    /// Takes the oldest batch out of the accumulator.
    fn draw(&mut self, draw: Draw<'_>) -> Option<ProducerBatch> {
        let Drawn { batch, backlog } = draw(self.key.id);
        self.backlog = backlog;
        batch
    }

    /// Takes all batches that are not on their way and were opened by `oldest_allowed`.
    pub(super) fn take_older(&mut self, oldest_allowed: Instant, draw: Draw<'_>) -> VecDeque<ProducerBatch> {
        let is_late = |batch: &ProducerBatch| batch.created_at <= oldest_allowed;
        let (mut late, waiting): (VecDeque<_>, _) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_late);
        self.waiting = waiting;
        while self.backlog.oldest_at.is_some_and(|oldest| oldest <= oldest_allowed) {
            let Some(mut batch) = self.draw(draw) else { break };
            batch.last_error.clone_from(&self.last_error);
            late.push_back(batch);
        }
        late
    }

    /// Takes all batches that are not on their way.
    pub(super) fn take_all(&mut self, draw: Draw<'_>) -> VecDeque<ProducerBatch> {
        let mut all = std::mem::take(&mut self.waiting);
        while self.backlog.oldest_at.is_some() {
            let Some(batch) = self.draw(draw) else { break };
            all.push_back(batch);
        }
        all
    }

    /// Puts a batch back that has to be sent again, in its place.
    pub(super) fn put_back(&mut self, mut batch: ProducerBatch) {
        batch.note_back();
        let place = self.waiting.partition_point(|other| other.order < batch.order);
        self.waiting.insert(place, batch);
    }

    /// Sends nothing until all that is on its way is back.
    pub(super) fn mute(&mut self) {
        self.muted = !self.in_flight.is_empty();
    }

    /// Whether nothing that was sent comes before `order`.
    pub(super) fn is_first(&self, order: (u64, u32)) -> bool {
        self.in_flight.iter().all(|sent| sent.order > order)
            && self.waiting.iter().all(|batch| batch.order > order)
    }

    /// A batch goes out to `node`.
    pub(super) fn note_sent(&mut self, batch: &mut ProducerBatch, node: NodeId, now: Instant) {
        batch.note_sent(now);
        self.in_flight.push_back(Sent {
            state: Arc::clone(batch.state()),
            created_at: batch.created_at,
            order: batch.order,
            node,
            possibly_written: batch.possibly_written,
        });
    }

    /// A batch has come back.
    pub(super) fn forget_sent(&mut self, state: &Arc<BatchState>) {
        self.in_flight.retain(|sent| !Arc::ptr_eq(&sent.state, state));
        if self.in_flight.is_empty() {
            self.muted = false;
        }
    }
}
