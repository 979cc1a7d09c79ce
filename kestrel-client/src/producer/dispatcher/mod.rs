//! Decides which batches go to which broker and when, and what becomes of them. A machine: no I/O, no clock, no effects.
//!
//! Driven by the [`Sender`](super::sender::Sender), which hands it the news of partitions, answers and the time, sends what it
//! says, and delivers the outcomes that it gives. It owns the batches between the accumulator and their outcome, numbers
//! them, gathers one request per broker, and judges the answers. What it guarantees for each partition: batches are sent in
//! the order in which they were filled, and after a failure nothing more goes out until all that was on its way is back;
//! then they go again, in order, under the same numbers, and nothing new goes behind one that may be stored already.
//!
//! ```text
//!   news, metadata, answers, time ──▶ place(partition) = Idle │ Held │ Timer(at) │ Ready(node)
//!                                                                                    │
//!   Shipment { node, one batch per partition } ◀── poll_shipment ◀───────────────────┘
//!   Settled { batch, outcome }                 ◀── poll_settled ◀── answers, delivery.timeout.ms
//! ```

mod outcomes;
mod partition;
mod transactions;
mod verdict;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::{ApiKey, ErrorCode, NodeId};

use super::accumulator::{Backlog, Drawn};
use super::batch::{ProducerBatch, Settled};
use super::delivery::{BatchState, Outcome};
use super::identity::{Identity, ProducerIdAndEpoch};
use super::partition_id::{PartitionId, PartitionKey, PartitionMap};
use super::transaction::TransactionManager;
use crate::complaints::Complaints;
use crate::environment::after;
use crate::error::{BrokerError, Error};
use crate::metadata::MetadataSnapshot;
use crate::net::ExponentialBackoff;

use partition::{Partition, Place, Rules};
pub(crate) use verdict::ProduceAnswer;

/// How long a partition may be without a leader before that is worth a word.
const LEADER_GRACE: Duration = Duration::from_secs(1);

/// Takes the next batch of a partition out of the accumulator: the open one too, so that it fills until it is sent.
pub(crate) type Draw<'a> = &'a mut dyn FnMut(PartitionId) -> Drawn;

/// The producer's settings that the dispatcher needs.
#[derive(Debug, Clone)]
pub(crate) struct DispatcherSettings {
    pub(crate) linger: Duration,
    pub(crate) delivery_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) max_request_size: usize,
    pub(crate) retries: u32,
    pub(crate) idempotent: bool,
    /// The id of a producer that writes in transactions.
    pub(crate) transactional_id: Option<Arc<str>>,
}

/// The batches of one Produce request: at most one per partition.
#[derive(Debug)]
pub(crate) struct Shipment {
    pub(crate) node: NodeId,
    pub(crate) batches: Vec<ProducerBatch>,
}

/// Something that failed and is done again after `backoff`.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) operation: &'static str,
    pub(crate) partition: Option<PartitionKey>,
    /// Failures in a row.
    pub(crate) failures: u32,
    pub(crate) backoff: Duration,
    pub(crate) error: Error,
}

/// The machine behind the sender.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    settings: DispatcherSettings,
    identity: Identity,
    transactions: Option<TransactionManager>,
    backoff: ExponentialBackoff,
    partitions: PartitionMap<Partition>,
    nodes: HashMap<NodeId, Node>,
    /// Partitions that wait for a time.
    timers: BTreeSet<(Instant, PartitionId)>,
    /// No batch expires before this.
    next_expiry: Option<Instant>,
    metadata_wanted: bool,
    /// Outcomes to be delivered.
    settled: VecDeque<Settled>,
    /// What is done again, to be told.
    retries: VecDeque<Retry>,
    /// Why the producer can't go on.
    failure: Option<Error>,
    /// The same, until it is polled.
    new_failure: Option<Error>,
    /// What keeps batches from being sent.
    complaints: Complaints,
}

/// A broker on the sender's side.
#[derive(Debug, Default)]
struct Node {
    link: Link,
    /// Partitions in the order in which they became ready; entries that are out of date are skipped.
    ready: VecDeque<PartitionId>,
    /// Requests that were taken and not answered.
    in_flight: usize,
}

/// The state of the connection to a broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Down,
    Connecting,
    Up,
}

impl Dispatcher {
    pub(crate) fn new(settings: DispatcherSettings, backoff: ExponentialBackoff) -> Self {
        let transactions =
            settings.transactional_id.clone().map(|id| TransactionManager::new(id, backoff.clone()));
        Self {
            identity: match &transactions {
                Some(_) => Identity::of_transactions(),
                None => Identity::new(settings.idempotent),
            },
            transactions,
            settings,
            backoff,
            partitions: PartitionMap::new(),
            nodes: HashMap::new(),
            timers: BTreeSet::new(),
            next_expiry: None,
            metadata_wanted: false,
            settled: VecDeque::new(),
            retries: VecDeque::new(),
            failure: None,
            new_failure: None,
            complaints: Complaints::default(),
        }
    }

    // Inputs.

    /// The accumulator holds `backlog` for a partition: batches were opened or sealed.
    pub(crate) fn handle_news(
        &mut self,
        key: &PartitionKey,
        backlog: Backlog,
        snapshot: &MetadataSnapshot,
        now: Instant,
    ) {
        let new = || Partition::new(key.clone(), snapshot.leader(&key.topic, key.index));
        self.partitions.get_or_insert_with(key.id, new);
        self.handle_backlog(key.id, backlog, now);
    }

    /// As [`Self::handle_news`], for a partition that it has had news of.
    pub(crate) fn handle_backlog(&mut self, id: PartitionId, backlog: Backlog, now: Instant) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        partition.backlog = backlog;
        if let Some(oldest_at) = backlog.oldest_at {
            self.note_expiry(after(oldest_at, self.settings.delivery_timeout));
        }
        self.reschedule(id, now);
    }

    /// There is new metadata.
    pub(crate) fn handle_metadata(&mut self, snapshot: &MetadataSnapshot, now: Instant) {
        let mut moved = Vec::new();
        for (id, partition) in self.partitions.iter_mut() {
            let leader = snapshot.leader(&partition.key.topic, partition.key.index);
            if leader != partition.leader {
                partition.leader = leader;
                // The backoff belonged to the previous leader.
                partition.not_before = None;
                moved.push(id);
            }
        }
        for id in moved {
            self.reschedule(id, now);
        }
        self.complain_of_leaders(snapshot, now);
    }

    /// Notes the partitions that have waited for a leader for longer than it takes to elect one.
    fn complain_of_leaders(&mut self, snapshot: &MetadataSnapshot, now: Instant) {
        let waits = |partition: &&mut Partition| {
            partition.leader.is_none()
                && partition.oldest_at().is_some_and(|at| after(at, LEADER_GRACE) <= now)
        };
        for partition in self.partitions.values_mut().filter(waits) {
            let PartitionKey { topic, index, .. } = &partition.key;
            let error = match snapshot.error(topic) {
                Some(ErrorCode::UnknownTopicOrPartition) => Error::UnknownTopic { topic: Arc::clone(topic) },
                code => BrokerError::new(ApiKey::Metadata, code.unwrap_or(ErrorCode::LeaderNotAvailable))
                    .topic(Arc::clone(topic))
                    .partition(*index)
                    .into(),
            };
            self.complaints.note(&error, now);
            partition.last_error.get_or_insert(error);
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
        let on_node = |partition: &&mut Partition| partition.leader.is_some_and(|(leader, _)| leader == node);
        for partition in self.partitions.values_mut().filter(on_node) {
            partition.last_error = Some(error.clone());
        }
    }

    /// A broker gave the producer its identity.
    pub(crate) fn handle_identity(&mut self, identity: ProducerIdAndEpoch, now: Instant) {
        self.identity.handle_known(identity);
        self.release_held(now);
    }

    /// What the producer as a whole waited for is there, for some of what it holds back at least.
    fn release_held(&mut self, now: Instant) {
        let held = self.partitions.iter().filter(|(_, partition)| partition.place == Place::Held);
        let held: Vec<_> = held.map(|(id, _)| id).collect();
        for id in held {
            self.reschedule(id, now);
        }
    }

    /// No identity could be had.
    pub(crate) fn handle_identity_error(&mut self, error: Error, now: Instant) {
        if error.is_passing() {
            self.complaints.note(&error, now);
            let failures = self.identity.handle_failure();
            let backoff = self.backoff.delay(failures);
            self.identity.wait_until(after(now, backoff));
            let operation = "asking for a producer id";
            self.retries.push_back(Retry { operation, partition: None, failures, backoff, error });
        } else {
            self.fail(error);
        }
    }

    /// The request of a shipment to `node` is done with; gives each of its batches the answer.
    pub(crate) fn handle_answers(
        &mut self,
        node: NodeId,
        answers: impl IntoIterator<Item = (ProducerBatch, ProduceAnswer)>,
        now: Instant,
    ) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.in_flight = node.in_flight.saturating_sub(1);
        }
        for (batch, answer) in answers {
            self.handle_answer(batch, answer, now);
        }
    }

    /// A deadline may have come: the end of a linger or a backoff, or of `delivery.timeout.ms`.
    pub(crate) fn handle_timeout(&mut self, now: Instant, draw: Draw<'_>) {
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.reschedule(id, now);
        }
        if self.next_expiry.is_some_and(|at| at <= now) {
            self.expire(now, draw);
        }
    }

    // Outputs.

    /// The next outcome to deliver.
    pub(crate) fn poll_settled(&mut self) -> Option<Settled> {
        self.settled.pop_front()
    }

    /// The next thing that failed and is done again.
    pub(crate) fn poll_retry(&mut self) -> Option<Retry> {
        self.retries.pop_front()
    }

    /// The error that has ended the producer, once, before the outcomes of its batches.
    pub(crate) fn poll_failure(&mut self) -> Option<Error> {
        self.new_failure.take()
    }

    /// A broker to connect to.
    pub(crate) fn poll_connect(&mut self) -> Option<NodeId> {
        let idle = |node: &Node| node.link == Link::Down && !node.ready.is_empty();
        let (id, node) = self.nodes.iter_mut().find(|(_, node)| idle(node))?;
        node.link = Link::Connecting;
        Some(*id)
    }

    /// The next cause that keeps batches from being sent, to be logged.
    pub(crate) fn poll_complaint(&mut self) -> Option<Error> {
        self.complaints.poll()
    }

    /// Whether to ask a broker for the producer's identity.
    pub(crate) fn poll_identity_request(&mut self, now: Instant) -> bool {
        self.failure.is_none() && self.identity.poll_request(now)
    }

    /// Whether the metadata has to be fetched again.
    pub(crate) fn poll_metadata_wanted(&mut self) -> bool {
        std::mem::take(&mut self.metadata_wanted)
    }

    /// The next request to send, to a broker that has room for one.
    pub(crate) fn poll_shipment(&mut self, now: Instant, draw: Draw<'_>) -> Option<Shipment> {
        let max_in_flight = self.settings.max_in_flight;
        // Places were found before: the identity may have been used up since.
        while self.has_identity() {
            let has_turn = |node: &Node| {
                node.link == Link::Up && node.in_flight < max_in_flight && !node.ready.is_empty()
            };
            let node = self.nodes.iter().find(|(_, node)| has_turn(node)).map(|(id, _)| *id)?;
            let batches = self.gather(node, now, draw);
            if !batches.is_empty() {
                self.nodes.entry(node).or_default().in_flight += 1;
                return Some(Shipment { node, batches });
            }
        }
        None
    }

    /// When to call [`Self::handle_timeout`] if nothing happens before.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let identity = self.identity.next_deadline().filter(|_| self.failure.is_none());
        let transaction = self.transactions.as_ref().and_then(TransactionManager::next_deadline);
        let transaction = transaction.filter(|_| self.failure.is_none());
        [timer, self.next_expiry, identity, transaction].into_iter().flatten().min()
    }

    /// Whether nothing is left to do before the next input or deadline.
    pub(crate) fn is_quiet(&self) -> bool {
        let has_work = |node: &Node| !node.ready.is_empty();
        self.has_identity()
            && self.settled.is_empty()
            && !self.metadata_wanted
            && !self.transactions.as_ref().is_some_and(TransactionManager::has_wanted)
            && !self.nodes.values().any(has_work)
    }

    /// Whether every batch that it has heard of is settled.
    pub(crate) fn is_idle(&self) -> bool {
        self.partitions.values().all(Partition::is_idle)
    }

    /// Whether no batch of this topic is waiting or on its way.
    pub(crate) fn has_nothing_for(&self, topic: &str) -> bool {
        self.partitions.values().filter(|partition| &*partition.key.topic == topic).all(Partition::is_idle)
    }

    /// The partitions with a batch that takes more records.
    pub(crate) fn lingering(&self) -> Vec<PartitionId> {
        let lingers = |(_, partition): &(PartitionId, &Partition)| partition.backlog.opened_at.is_some();
        self.partitions.iter().filter(lingers).map(|(id, _)| id).collect()
    }

    /// The batches that it owns or has sent.
    pub(crate) fn unsettled(&self) -> impl Iterator<Item = &Arc<BatchState>> {
        self.partitions.values().flat_map(|partition| {
            let waiting = partition.waiting.iter().map(ProducerBatch::state);
            waiting.chain(partition.in_flight.iter().map(|sent| &sent.state))
        })
    }

    /// The error that ended the producer.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Whether batches can be sent, as far as the producer as a whole is concerned.
    pub(crate) fn has_identity(&self) -> bool {
        self.failure.is_none() && self.identity.is_ready()
    }

    // Internals.

    /// Takes the batches of one request to `node` from the partitions that stand in its list, in turn.
    fn gather(&mut self, node: NodeId, now: Instant, draw: Draw<'_>) -> Vec<ProducerBatch> {
        let mut batches = Vec::new();
        let mut total_bytes = 0;
        let mut served = Vec::new();
        while let Some(id) = self.nodes.get_mut(&node).and_then(|node| node.ready.pop_front()) {
            let Some(partition) = self.partitions.get_mut(id) else { continue };
            // An entry is out of date if the partition was listed elsewhere since, or has nothing to send any more.
            if partition.listed != Some(node) {
                continue;
            }
            partition.listed = None;
            if partition.place != Place::Ready(node) {
                continue;
            }
            served.push(id);
            let Some(mut batch) = partition.take_next(&self.identity, draw) else { continue };
            let size_bytes = batch.size_bytes();
            if !batches.is_empty() && total_bytes + size_bytes > self.settings.max_request_size {
                partition.put_back(batch);
                break;
            }
            total_bytes += size_bytes;
            partition.note_sent(&mut batch, node, now);
            batches.push(batch);
        }
        for id in served {
            self.reschedule(id, now);
        }
        batches
    }

    /// Ends the producer with `cause`: fails everything that it owns or has sent.
    fn fail(&mut self, cause: Error) {
        let error = ended_by(&cause);
        if let Some(transactions) = &mut self.transactions {
            transactions.fail_for_good(&cause);
        }
        if self.failure.is_none() {
            self.failure = Some(cause.clone());
            self.new_failure = Some(cause);
        }
        for partition in self.partitions.values_mut() {
            let outcome = || Outcome::Failed(error.clone());
            self.settled.extend(partition.waiting.drain(..).map(|batch| batch.settled(outcome())));
            let sent = partition.in_flight.iter().map(|sent| Arc::clone(&sent.state));
            self.settled.extend(sent.map(|state| Settled::on_its_way(state, outcome())));
            partition.backlog = Backlog::default();
            partition.place = Place::Held;
        }
        self.timers.clear();
    }

    /// Finds out what the partition waits for now, and enters it there.
    fn reschedule(&mut self, id: PartitionId, now: Instant) {
        let can_send = self.has_identity();
        let Some(partition) = self.partitions.get_mut(id) else { return };
        if let Place::Timer(at) = partition.place {
            self.timers.remove(&(at, id));
        }
        let can_send = can_send && partition.resolve_gap(&mut self.identity);
        let rules = Rules { linger: self.settings.linger, max_in_flight: self.settings.max_in_flight };
        partition.place = if can_send { partition.find_place(rules, now) } else { Place::Held };
        if let (Place::Ready(_), Some(transactions)) = (partition.place, &mut self.transactions)
            && !transactions.admits(&partition.key)
        {
            partition.place = Place::Held;
        }
        match partition.place {
            Place::Idle | Place::Held => {
                // Records that wait for a leader: the metadata is asked for one.
                self.metadata_wanted |= partition.leader.is_none() && !partition.is_idle();
            }
            Place::Timer(at) => {
                self.timers.insert((at, id));
            }
            Place::Ready(node) if partition.listed != Some(node) => {
                partition.listed = Some(node);
                self.nodes.entry(node).or_default().ready.push_back(id);
            }
            Place::Ready(_) => {}
        }
    }
}

/// What the batches of a producer fail with that `cause` has ended.
pub(crate) fn ended_by(cause: &Error) -> Error {
    match cause {
        Error::ProducerFenced { .. } => cause.clone(),
        cause => Error::ProducerFailed { cause: Box::new(cause.clone()) },
    }
}

#[cfg(test)]
mod tests;
