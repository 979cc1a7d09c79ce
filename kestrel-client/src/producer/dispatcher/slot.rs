//! One partition as the sender sees it: what waits, what is in flight, where the leader is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::record::ProducerStamp;
use kestrel_protocol::{LeaderEpoch, NodeId};

use crate::environment::after;
use crate::error::Error;
use crate::producer::accumulator::{PartitionQueue, QueueView};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::BatchState;
use crate::producer::transaction_manager::{PartitionSequences, Resolution, TransactionManager};

/// A partition on the sender's side.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) queue: Arc<PartitionQueue>,
    /// What the queue held at the last look.
    pub(super) view: QueueView,
    pub(super) leader: Option<(NodeId, LeaderEpoch)>,
    /// Batches that were sent and have to be sent again, in order.
    pub(super) waiting: VecDeque<ProducerBatch>,
    /// Batches on their way, in order.
    pub(super) in_flight: VecDeque<Sent>,
    pub(super) sequences: PartitionSequences,
    /// Failures since the last success.
    pub(super) failures: u32,
    /// No batch is sent before this.
    pub(super) not_before: Option<Instant>,
    /// A batch failed while others are on their way: nothing is sent until they are back.
    pub(super) muted: bool,
    pub(super) last_error: Option<Error>,
    pub(super) place: Place,
    /// The node in whose list of ready partitions this one stands.
    pub(super) listed: Option<NodeId>,
    pub(super) next_order: u64,
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
    /// For an event: records, an answer, a leader, an identity.
    Nowhere,
    /// For a time: the end of linger or backoff.
    Timer(Instant),
    /// For its turn in a request to this node.
    Ready(NodeId),
}

/// What decides about a partition's place besides the partition itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) linger: Duration,
    pub(super) max_in_flight: usize,
}

impl Slot {
    pub(super) fn new(queue: Arc<PartitionQueue>, leader: Option<(NodeId, LeaderEpoch)>) -> Self {
        Self {
            queue,
            view: QueueView::default(),
            leader,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            sequences: PartitionSequences::default(),
            failures: 0,
            not_before: None,
            muted: false,
            last_error: None,
            place: Place::Nowhere,
            listed: None,
            next_order: 0,
        }
    }

    /// Whether nothing of this partition is left to do.
    pub(super) fn is_idle(&self) -> bool {
        self.view.oldest_at.is_none() && self.waiting.is_empty() && self.in_flight.is_empty()
    }

    /// When the oldest batch that waits here was opened.
    pub(super) fn oldest_at(&self) -> Option<Instant> {
        self.waiting.front().map(|batch| batch.created_at).or(self.view.oldest_at)
    }

    /// What the partition waits for now.
    pub(super) fn find_place(&self, rules: Rules, now: Instant) -> Place {
        let max_in_flight = if self.sequences.may_pipeline() { rules.max_in_flight } else { 1 };
        let may_send_to = |node| match self.in_flight.front() {
            None => true,
            // What is on its way to an old leader has to come back first, or the order would be lost.
            // What may be stored already goes alone: a broker remembers the last five batches of a producer, and if new
            // ones were stored behind a further attempt that failed, this one would not be among them any more.
            Some(sent) => {
                !self.muted
                    && !sent.possibly_written
                    && sent.node == node
                    && self.in_flight.len() < max_in_flight
            }
        };
        let due = if !self.waiting.is_empty() || self.view.sealed > 0 {
            now
        } else if let Some(opened_at) = self.view.opened_at {
            after(opened_at, rules.linger)
        } else {
            return Place::Nowhere;
        };
        let due = self.not_before.map_or(due, |not_before| not_before.max(due));
        match self.leader {
            Some((node, _)) if !may_send_to(node) => Place::Nowhere,
            None => Place::Nowhere,
            Some(_) if due > now => Place::Timer(due),
            Some((node, _)) => Place::Ready(node),
        }
    }

    /// Closes a gap if there is one and nothing is in flight: under a new epoch, what waits is numbered anew.
    ///
    /// Gives whether batches may be sent now.
    pub(super) fn resolve_gap(&mut self, transactions: &mut TransactionManager) -> bool {
        if !self.in_flight.is_empty() {
            return true;
        }
        let first_waiting = self.waiting.front().and_then(|batch| batch.stamp);
        match self.sequences.resolve(first_waiting.map(|stamp| stamp.base_sequence)) {
            Resolution::GoOn => true,
            Resolution::Bump if !transactions.bump(&mut self.sequences) => false,
            Resolution::Bump => {
                for batch in &mut self.waiting {
                    let stamp = transactions.stamp(&mut self.sequences, batch.record_count(), false);
                    if let Some(stamp) = stamp {
                        batch.restamp(stamp);
                    }
                }
                true
            }
        }
    }

    /// Takes the batch that goes next, with its number.
    pub(super) fn take_next(&mut self, transactions: &TransactionManager) -> Option<ProducerBatch> {
        if let Some(batch) = self.waiting.pop_front() {
            return Some(batch);
        }
        let idle = self.in_flight.is_empty();
        let (taken, view) = self.queue.take();
        self.view = view;
        let mut batch = taken?;
        batch.order = (self.next_order, 0);
        self.next_order += 1;
        batch.stamp = transactions.stamp(&mut self.sequences, batch.record_count(), idle);
        Some(batch)
    }

    /// Puts a batch back that has to be sent again, in its place.
    pub(super) fn put_back(&mut self, mut batch: ProducerBatch) {
        batch.note_back();
        let place = self.waiting.partition_point(|other| other.order < batch.order);
        self.waiting.insert(place, batch);
    }

    /// Whether nothing that was sent comes before `order`.
    pub(super) fn is_first(&self, order: (u64, u32)) -> bool {
        self.in_flight.iter().all(|sent| sent.order > order)
            && self.waiting.iter().all(|batch| batch.order > order)
    }

    /// A batch has come back.
    pub(super) fn forget_sent(&mut self, state: &Arc<BatchState>) {
        self.in_flight.retain(|sent| !Arc::ptr_eq(&sent.state, state));
        if self.in_flight.is_empty() {
            self.muted = false;
        }
    }

    /// Numbers for the parts of a batch whose first number was `stamp`'s.
    pub(super) fn stamp_parts(parts: &mut [ProducerBatch], stamp: Option<ProducerStamp>) {
        let Some(mut stamp) = stamp else { return };
        for part in parts {
            part.stamp = Some(stamp);
            stamp.base_sequence =
                kestrel_protocol::record::increment_sequence(stamp.base_sequence, part.record_count());
        }
    }
}
