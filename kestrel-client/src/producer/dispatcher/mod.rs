//! Decides which batches go to which broker and when, and what becomes of them. A machine: no I/O, no clock.
//!
//! Driven by the [`Sender`](super::sender) task. It takes batches out of the accumulator, numbers them with the
//! transaction manager, gathers one request per broker, and judges the answers. What it guarantees for each partition:
//! batches are sent in the order in which they were filled, and after a failure nothing more goes out until all that
//! was on its way is back; then they go again, in order, under the same numbers, alone while they may be stored already.
//!
//! ```text
//!   news, metadata, answers, time ──▶ place(partition) = Nowhere │ Timer(at) │ Ready(node)
//!                                                                              │
//!          Wave { node, one batch per partition } ◀── poll_wave ◀──────────────┘
//! ```

mod outcomes;
mod slot;
mod verdict;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::record::BuilderOptions;
use kestrel_protocol::{ApiKey, ErrorCode, NodeId};

use super::accumulator::{Accumulator, PartitionQueue, SlotId};
use super::batch::ProducerBatch;
use super::delivery::{BatchState, Outcome};
use super::transaction_manager::{Identity, TransactionManager};
use crate::complaints::Complaints;
use crate::environment::after;
use crate::error::{BrokerError, Chain, Error};
use crate::metadata::MetadataSnapshot;
use crate::net::ExponentialBackoff;

use slot::{Place, Rules, Sent, Slot};
pub(crate) use verdict::Answer;

/// How long a partition may be without a leader before that is worth a word.
const LEADER_GRACE: Duration = Duration::from_secs(1);

/// What the dispatcher has to know of the producer's settings.
#[derive(Debug, Clone)]
pub(crate) struct DispatcherSettings {
    pub(crate) linger: Duration,
    pub(crate) delivery_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_request_size: usize,
    pub(crate) retries: u32,
    pub(crate) idempotent: bool,
    pub(crate) builder: BuilderOptions,
}

/// One request's batches: at most one per partition.
#[derive(Debug)]
pub(crate) struct Wave {
    pub(crate) node: NodeId,
    pub(crate) batches: Vec<Outbound>,
}

/// A batch on its way to a broker.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) slot: SlotId,
    pub(crate) batch: ProducerBatch,
}

/// The machine behind the sender task.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    settings: DispatcherSettings,
    accumulator: Arc<Accumulator>,
    transactions: TransactionManager,
    backoff: ExponentialBackoff,
    slots: HashMap<SlotId, Slot>,
    nodes: HashMap<NodeId, Node>,
    /// Partitions that wait for a time.
    timers: BTreeSet<(Instant, SlotId)>,
    /// No batch expires before this.
    next_expiry: Option<Instant>,
    metadata_wanted: bool,
    /// No identity is asked for before this.
    identity_not_before: Option<Instant>,
    identity_failures: u32,
    /// What keeps batches from being sent.
    complaints: Complaints,
}

/// A broker on the sender's side.
#[derive(Debug, Default)]
struct Node {
    link: Link,
    /// Partitions in the order in which they became ready; entries that are out of date are skipped.
    ready: VecDeque<SlotId>,
    /// Requests that were taken and not answered.
    in_flight: usize,
}

/// How far the connection to a broker is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Down,
    Connecting,
    Up,
}

impl Dispatcher {
    pub(crate) fn new(
        settings: DispatcherSettings,
        accumulator: Arc<Accumulator>,
        backoff: ExponentialBackoff,
    ) -> Self {
        Self {
            transactions: TransactionManager::new(settings.idempotent),
            settings,
            accumulator,
            backoff,
            slots: HashMap::new(),
            nodes: HashMap::new(),
            timers: BTreeSet::new(),
            next_expiry: None,
            metadata_wanted: false,
            identity_not_before: None,
            identity_failures: 0,
            complaints: Complaints::default(),
        }
    }

    // What has happened.

    /// A partition has news: batches were opened or sealed.
    pub(crate) fn handle_news(
        &mut self,
        queue: &Arc<PartitionQueue>,
        snapshot: &MetadataSnapshot,
        now: Instant,
    ) {
        let slot = self
            .slots
            .entry(queue.slot)
            .or_insert_with(|| Slot::new(Arc::clone(queue), snapshot.leader(&queue.topic, queue.partition)));
        slot.view = queue.look();
        if let Some(error) = self.transactions.failure() {
            let error = Error::ProducerFailed { cause: Box::new(error.clone()) };
            return fail_slot(slot, &error, &self.accumulator);
        }
        if let Some(oldest_at) = slot.view.oldest_at {
            self.note_expiry(after(oldest_at, self.settings.delivery_timeout));
        }
        self.relist(queue.slot, now);
    }

    /// The picture of the cluster is a new one.
    pub(crate) fn handle_metadata(&mut self, snapshot: &MetadataSnapshot, now: Instant) {
        let moved: Vec<SlotId> = self
            .slots
            .iter_mut()
            .filter_map(|(id, slot)| {
                let leader = snapshot.leader(&slot.queue.topic, slot.queue.partition);
                let changed = leader != slot.leader;
                if changed {
                    slot.leader = leader;
                    // A new leader is not to blame for what the old one did.
                    slot.not_before = None;
                }
                changed.then_some(*id)
            })
            .collect();
        for id in moved {
            self.relist(id, now);
        }
        self.complain_of_leaders(snapshot, now);
    }

    /// Partitions that wait for a leader and have waited for longer than it takes to elect one have something to say.
    fn complain_of_leaders(&mut self, snapshot: &MetadataSnapshot, now: Instant) {
        let waits = |slot: &&mut Slot| {
            slot.leader.is_none() && slot.oldest_at().is_some_and(|at| after(at, LEADER_GRACE) <= now)
        };
        for slot in self.slots.values_mut().filter(waits) {
            let (topic, partition) = (Arc::clone(&slot.queue.topic), slot.queue.partition);
            let error = match snapshot.error(&topic) {
                Some(ErrorCode::UnknownTopicOrPartition) => Error::UnknownTopic { topic },
                code => BrokerError::new(ApiKey::Metadata, code.unwrap_or(ErrorCode::LeaderNotAvailable))
                    .topic(topic)
                    .partition(partition)
                    .into(),
            };
            self.complaints.note(&error, now);
            slot.last_error.get_or_insert(error);
        }
    }

    /// A connection to `node` is there.
    pub(crate) fn handle_connected(&mut self, node: NodeId) {
        self.nodes.entry(node).or_default().link = Link::Up;
    }

    /// No connection to `node` could be made.
    pub(crate) fn handle_unreachable(&mut self, node: NodeId, error: &Error, now: Instant) {
        self.complaints.note(error, now);
        self.handle_disconnected(node, error);
    }

    /// The connection to `node` has ended.
    pub(crate) fn handle_disconnected(&mut self, node: NodeId, error: &Error) {
        self.nodes.entry(node).or_default().link = Link::Down;
        self.metadata_wanted = true;
        let on_node = |slot: &&mut Slot| slot.leader.is_some_and(|(leader, _)| leader == node);
        for slot in self.slots.values_mut().filter(on_node) {
            slot.last_error = Some(error.clone());
        }
    }

    /// A broker gave the producer its identity.
    pub(crate) fn handle_identity(&mut self, identity: Identity, now: Instant) {
        tracing::debug!(id = %identity.id, epoch = %identity.epoch, "the producer has its identity");
        self.transactions.handle_identity(identity);
        self.identity_failures = 0;
        self.relist_all(now);
    }

    /// The producer's identity could not be had.
    pub(crate) fn handle_identity_error(&mut self, error: Error, now: Instant) {
        if error.is_passing() {
            self.complaints.note(&error, now);
            self.transactions.handle_retriable_error();
            self.identity_failures = self.identity_failures.saturating_add(1);
            self.identity_not_before = Some(after(now, self.backoff.delay(self.identity_failures)));
        } else {
            self.fail(error);
        }
    }

    /// The request that carried `wave` is done with; gives each batch its answer.
    pub(crate) fn handle_answers(
        &mut self,
        node: NodeId,
        answers: impl IntoIterator<Item = (Outbound, Answer)>,
        now: Instant,
    ) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.in_flight = node.in_flight.saturating_sub(1);
        }
        for (outbound, answer) in answers {
            self.handle_answer(outbound, answer, now);
        }
    }

    /// A time has come.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.relist(id, now);
        }
        if self.next_expiry.is_some_and(|at| at <= now) {
            self.expire(now);
        }
    }

    /// Memory is short: nothing lingers.
    pub(crate) fn handle_pressure(&mut self, now: Instant) {
        self.seal_all(now);
    }

    /// No batch takes more records; gives everyone that is not settled yet.
    pub(crate) fn handle_flush(&mut self, now: Instant) -> Vec<Arc<BatchState>> {
        self.seal_all(now);
        let mut states = Vec::new();
        for slot in self.slots.values() {
            states.extend(slot.queue.states());
            states.extend(slot.waiting.iter().map(|batch| Arc::clone(batch.state())));
            states.extend(slot.in_flight.iter().map(|sent| Arc::clone(&sent.state)));
        }
        states.retain(|state| !state.is_settled());
        states
    }

    // What is to be done.

    /// A broker to connect to.
    pub(crate) fn poll_connect(&mut self) -> Option<NodeId> {
        let idle = |node: &Node| node.link == Link::Down && !node.ready.is_empty();
        let (id, node) = self.nodes.iter_mut().find(|(_, node)| idle(node))?;
        node.link = Link::Connecting;
        Some(*id)
    }

    /// What keeps batches from being sent, to be said.
    pub(crate) fn poll_complaint(&mut self) -> Option<Error> {
        self.complaints.poll()
    }

    /// Whether to ask for the producer's identity.
    pub(crate) fn poll_identity_request(&mut self, now: Instant) -> bool {
        let may_ask = self.identity_not_before.is_none_or(|not_before| not_before <= now);
        may_ask && self.transactions.poll_request()
    }

    /// Whether the picture of the cluster has to be fetched again.
    pub(crate) fn poll_metadata_wanted(&mut self) -> bool {
        std::mem::take(&mut self.metadata_wanted)
    }

    /// A request to send: a broker that has room for one, and what is ready for it.
    pub(crate) fn poll_wave(&mut self, now: Instant) -> Option<Wave> {
        let max_in_flight = self.settings.max_in_flight;
        loop {
            let has_turn = |node: &Node| {
                node.link == Link::Up && node.in_flight < max_in_flight && !node.ready.is_empty()
            };
            let node = self.nodes.iter().find(|(_, node)| has_turn(node)).map(|(id, _)| *id)?;
            let batches = self.gather(node, now);
            if !batches.is_empty() {
                self.nodes.entry(node).or_default().in_flight += 1;
                return Some(Wave { node, batches });
            }
        }
    }

    /// When to call [`Self::handle_timeout`] if nothing happens before.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let identity = self.identity_not_before.filter(|_| !self.transactions.is_ready());
        [timer, self.next_expiry, identity].into_iter().flatten().min()
    }

    /// Whether nothing is left to do before the next event or deadline.
    pub(crate) fn is_quiet(&self) -> bool {
        let has_work = |node: &Node| !node.ready.is_empty();
        self.transactions.is_ready() && !self.metadata_wanted && !self.nodes.values().any(has_work)
    }

    /// Whether every batch that was taken or seen is settled.
    pub(crate) fn is_idle(&self) -> bool {
        self.slots.values().all(Slot::is_idle)
    }

    /// Whether no batch of this topic is waiting or on its way.
    pub(crate) fn has_nothing_for(&self, topic: &str) -> bool {
        self.slots.values().filter(|slot| &*slot.queue.topic == topic).all(Slot::is_idle)
    }

    /// The error that ended the producer.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.transactions.failure()
    }

    /// Whether batches can be sent, as far as the identity is concerned.
    pub(crate) fn has_identity(&self) -> bool {
        self.transactions.is_ready()
    }

    // How.

    fn gather(&mut self, node: NodeId, now: Instant) -> Vec<Outbound> {
        let mut batches = Vec::new();
        let mut total_bytes = 0;
        let mut served = Vec::new();
        while let Some(id) = self.nodes.get_mut(&node).and_then(|node| node.ready.pop_front()) {
            let Some(slot) = self.slots.get_mut(&id) else { continue };
            if slot.listed != Some(node) {
                continue;
            }
            slot.listed = None;
            if slot.place != Place::Ready(node) {
                continue;
            }
            let Some(mut batch) = slot.take_next(&self.transactions) else {
                served.push(id);
                continue;
            };
            let size_bytes = batch.size_bytes();
            if !batches.is_empty() && total_bytes + size_bytes > self.settings.max_request_size {
                slot.put_back(batch);
                served.push(id);
                break;
            }
            total_bytes += size_bytes;
            batch.note_sent();
            slot.in_flight.push_back(Sent {
                state: Arc::clone(batch.state()),
                created_at: batch.created_at,
                order: batch.order,
                node,
                possibly_written: batch.possibly_written,
            });
            batches.push(Outbound { slot: id, batch });
            served.push(id);
        }
        for id in served {
            self.relist(id, now);
        }
        batches
    }

    fn seal_all(&mut self, now: Instant) {
        let lingering = |slot: &Slot| slot.view.opened_at.is_some();
        let ids: Vec<SlotId> =
            self.slots.iter().filter(|(_, slot)| lingering(slot)).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(slot) = self.slots.get_mut(&id) {
                slot.view = slot.queue.seal();
            }
            self.relist(id, now);
        }
    }

    /// The producer can't go on: everything fails that is not settled.
    fn fail(&mut self, cause: Error) {
        tracing::error!(error = %Chain(&cause), "the producer has failed");
        let error = Error::ProducerFailed { cause: Box::new(cause.clone()) };
        self.transactions.handle_fatal_error(cause);
        self.accumulator.end(error.clone());
        for slot in self.slots.values_mut() {
            fail_slot(slot, &error, &self.accumulator);
        }
        self.timers.clear();
    }

    fn relist_all(&mut self, now: Instant) {
        let ids: Vec<SlotId> = self.slots.keys().copied().collect();
        for id in ids {
            self.relist(id, now);
        }
    }

    /// Finds out what the partition waits for now, and enters it there.
    fn relist(&mut self, id: SlotId, now: Instant) {
        let Some(slot) = self.slots.get_mut(&id) else { return };
        if let Place::Timer(at) = slot.place {
            self.timers.remove(&(at, id));
        }
        let can_send = self.transactions.is_ready() && slot.resolve_gap(&mut self.transactions);
        let rules = Rules { linger: self.settings.linger, max_in_flight: self.settings.max_in_flight };
        slot.place = if can_send { slot.find_place(rules, now) } else { Place::Nowhere };
        match slot.place {
            Place::Nowhere => {
                // A partition without a leader has something to say: someone should look for one.
                self.metadata_wanted |= slot.leader.is_none() && !slot.is_idle();
            }
            Place::Timer(at) => {
                self.timers.insert((at, id));
            }
            Place::Ready(node) if slot.listed != Some(node) => {
                slot.listed = Some(node);
                self.nodes.entry(node).or_default().ready.push_back(id);
            }
            Place::Ready(_) => {}
        }
    }
}

/// Fails all that is not settled of a partition.
fn fail_slot(slot: &mut Slot, error: &Error, accumulator: &Accumulator) {
    while let (Some(batch), view) = slot.queue.take() {
        slot.view = view;
        batch.settle(Outcome::Failed(error.clone()), accumulator.memory());
    }
    slot.view = slot.queue.look();
    for batch in slot.waiting.drain(..) {
        batch.settle(Outcome::Failed(error.clone()), accumulator.memory());
    }
    for sent in &slot.in_flight {
        sent.state.settle(Outcome::Failed(error.clone()));
    }
    slot.place = Place::Nowhere;
}

#[cfg(test)]
mod tests;
