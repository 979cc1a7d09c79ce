//! The sender of a producer: carries out what the [`Dispatcher`] says.
//!
//! One per producer, behind the lock of its [`SharedSender`]. It draws batches out of the accumulator for the machine, owns
//! the connections that they travel on, hands answers back to the machine, and delivers outcomes. It never decides about a
//! batch, and never waits.

mod coordinator;
mod in_order;
mod observed;
mod request;
mod shared;
mod transaction_watch;
mod transactions;
mod transmit;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::FutureExt;
use kestrel_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use kestrel_protocol::messages::produce::ProduceResponse;
use kestrel_protocol::{ApiKey, ErrorCode, NodeId};
use tokio::sync::oneshot;

use super::accumulator::{Accumulator, Drawn, PartitionQueue, TopicQueue};
use super::batch::{ProducerBatch, Settled};
use super::buffer_watch::BufferWatch;
use super::delivery::{BatchState, Outcome};
use super::dispatcher::{Dispatcher, Shipment, ended_by};
use super::identity::ProducerIdAndEpoch;
use super::partition_id::{PartitionId, PartitionMap};
use super::transaction::{Gate, TransactionCommand};
use crate::client::{Client, Target};
use crate::environment::{self, after};
use crate::error::{BrokerError, Chain, Error};
use crate::metadata::MetadataSnapshot;
use crate::net::{Connection, HandleId, Peer, Purpose};
use crate::under_way::UnderWay;

use coordinator::Answered;
use in_order::{InOrder, Turn};
use observed::{stored_records, tell_produced, tell_retried};
use request::AskedTopics;
pub(crate) use shared::SharedSender;
use transactions::Transactions;

/// The producer's settings that the sender needs.
#[derive(Debug, Clone)]
pub(crate) struct SenderSettings {
    pub(crate) acks: i16,
    pub(crate) request_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) compresses: bool,
    pub(crate) lingers: bool,
    pub(crate) metadata_max_idle: Duration,
}

/// What the sender of a transactional producer needs beside.
#[derive(Debug)]
pub(crate) struct Transactional {
    pub(crate) transactional_id: Arc<str>,
    /// How long a transaction may be open.
    pub(crate) timeout: Duration,
    pub(crate) gate: Arc<Gate>,
}

/// What the producer asks of its sender.
#[derive(Debug)]
pub(crate) enum Command {
    /// Seal all batches and name those that are not settled.
    Flush(oneshot::Sender<Vec<Arc<BatchState>>>),
    /// Steer the producer's transactions.
    Transaction(TransactionCommand),
}

/// The sender: never waits.
pub(crate) struct Sender {
    settings: SenderSettings,
    client: Client,
    handle: HandleId,
    accumulator: Arc<Accumulator>,
    buffer_watch: Arc<BufferWatch>,
    /// The queues of the partitions that the dispatcher knows of.
    queues: PartitionMap<Arc<PartitionQueue>>,
    dispatcher: Dispatcher,
    connections: HashMap<NodeId, Connection>,
    /// Requests that are being built on other threads.
    builds: HashMap<NodeId, InOrder<Shipment>>,
    events: UnderWay<Event>,
    /// Wakes the task that waits for the events.
    waker: Waker,
    snapshot: Arc<MetadataSnapshot>,
    news: Vec<Arc<PartitionQueue>>,
    /// When to look next for topics that nothing is sent to any more.
    next_forgetting: Instant,
    /// Gives `build` the outcome of asking for the first identity.
    started: Option<oneshot::Sender<Result<(), Error>>>,
    transactions: Option<Transactions>,
}

/// What the sender waits for.
enum Event {
    Connected(NodeId, Result<Connection, Error>),
    Built(Turn, Shipment),
    Answered(NodeId, AskedTopics, Vec<ProducerBatch>, Result<ProduceResponse, Error>),
    Identity(Result<ProducerIdAndEpoch, Error>),
    Transaction(Answered),
}

impl Sender {
    pub(crate) fn new(
        settings: SenderSettings,
        client: Client,
        (accumulator, buffer_watch): (Arc<Accumulator>, Arc<BufferWatch>),
        dispatcher: Dispatcher,
        started: oneshot::Sender<Result<(), Error>>,
        transactional: Option<Transactional>,
    ) -> Self {
        let handle = client.new_handle();
        let transactions =
            transactional.map(|transactional| Transactions::new(client.clone(), handle, transactional));
        Self {
            handle,
            snapshot: client.metadata().current(),
            client,
            accumulator,
            buffer_watch,
            queues: PartitionMap::new(),
            dispatcher,
            connections: HashMap::new(),
            builds: HashMap::new(),
            events: UnderWay::new(),
            waker: Waker::noop().clone(),
            news: Vec::new(),
            next_forgetting: after(environment::now(), settings.metadata_max_idle),
            settings,
            started: Some(started),
            transactions,
        }
    }

    /// Does everything that can be done now.
    fn drive(&mut self) {
        self.accumulator.signals().begin_look();
        self.handle_events();
        let now = environment::now();
        self.take_news();
        if self.accumulator.signals().take_pressure() || self.accumulator.check_open().is_err() {
            self.seal_all(now);
        }
        let queues = &self.queues;
        self.dispatcher.handle_timeout(now, &mut |id| draw(queues, id));
        self.drive_transactions(now);
        self.deliver_all();
        self.forget_unused(now);
        self.notice_closed_connections();
        if self.dispatcher.poll_identity_request(now) {
            self.events.begin(ask_identity(self.client.clone()).map(Event::Identity));
        }
        self.send_all(now);
        while let Some(node) = self.dispatcher.poll_connect() {
            self.connect(node);
        }
        if self.dispatcher.poll_metadata_wanted() {
            self.client.metadata().request_refresh();
        }
        self.deliver_all();
        self.tell_troubles();
        self.tell_started();
    }

    /// Sends what has just been accepted, if nothing is under way and nothing else is to be done. Gives false when the task
    /// has to be woken all the same.
    fn send_at_once(&mut self) -> bool {
        let is_closed = self.connections.values().any(Connection::is_closed);
        if is_closed || !self.events.is_empty() {
            return false;
        }
        self.take_news();
        self.send_all(environment::now());
        // From here on an answer wakes the task.
        self.handle_events();
        self.dispatcher.is_quiet() && self.accumulator.signals().is_timed(self.dispatcher.next_deadline())
    }

    /// When to drive if nothing happens before.
    fn next_deadline(&self) -> Option<Instant> {
        let deadlines =
            [self.dispatcher.next_deadline(), self.transactions_deadline(), Some(self.next_forgetting)];
        deadlines.into_iter().flatten().min()
    }

    /// Whether nothing is left to do; called when no handle is left that could bring more.
    fn is_done(&mut self) -> bool {
        self.take_news();
        let is_idle = self.dispatcher.is_idle() && !self.is_ending_transaction();
        is_idle || self.dispatcher.failure().is_some()
    }

    /// Handles one event; pending when there is none, and then the next one wakes the task.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.clone_from(cx.waker());
        self.events.poll_next(cx).map(|event| self.handle_event(event))
    }

    fn handle_events(&mut self) {
        let waker = self.waker.clone();
        while self.poll_event(&mut Context::from_waker(&waker)).is_ready() {}
    }

    fn handle_event(&mut self, event: Event) {
        let now = environment::now();
        match event {
            Event::Connected(node, Ok(connection)) => {
                self.connections.insert(node, connection);
                self.dispatcher.handle_connected(node);
            }
            Event::Connected(node, Err(error)) => self.dispatcher.handle_unreachable(node, &error, now),
            Event::Built(turn, shipment) => self.handle_built(turn, shipment),
            Event::Answered(node, asked, batches, result) => {
                self.handle_answer(node, &asked, batches, result);
            }
            Event::Identity(Ok(identity)) => {
                tracing::debug!(id = %identity.id, epoch = %identity.epoch, "the producer has its identity");
                self.dispatcher.handle_identity(identity, now);
            }
            Event::Identity(Err(error)) => self.dispatcher.handle_identity_error(error, now),
            Event::Transaction(answered) => self.handle_transaction_answer(answered, now),
        }
        self.deliver_all();
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Flush(reply) => {
                self.take_news();
                self.seal_all(environment::now());
                let undrawn = self.queues.values().flat_map(|queue| queue.states());
                let states = undrawn.chain(self.dispatcher.unsettled().map(Arc::clone));
                let _ = reply.send(states.filter(|state| !state.is_settled()).collect());
            }
            Command::Transaction(command) => self.handle_transaction_command(command),
        }
    }

    fn handle_snapshot(&mut self, snapshot: Arc<MetadataSnapshot>) {
        self.take_news();
        self.snapshot = snapshot;
        for topic in self.accumulator.topics() {
            if let Some(view) = self.snapshot.topic(topic.name()) {
                self.accumulator.update_topic(&topic, view, self.snapshot.version);
            } else if self.snapshot.error(topic.name()) == Some(ErrorCode::UnknownTopicOrPartition) {
                // Deleted: the next record to it looks it up again, and may create it.
                self.forget(&topic);
            }
        }
        self.dispatcher.handle_metadata(&self.snapshot, environment::now());
    }

    /// Hands the news of the accumulator to the machine. After a failure there is nothing to tell it: the batches fail.
    fn take_news(&mut self) {
        let now = environment::now();
        let mut news = std::mem::take(&mut self.news);
        self.accumulator.signals().take(&mut news);
        for queue in news.drain(..) {
            let backlog = queue.look();
            match self.dispatcher.failure() {
                None => self.dispatcher.handle_news(queue.key(), backlog, &self.snapshot, now),
                Some(cause) => self.fail(&queue, &ended_by(cause)),
            }
            let id = queue.key().id;
            self.queues.get_or_insert_with(id, || queue);
        }
        self.news = news;
    }

    /// Lets no batch linger: none takes more records.
    fn seal_all(&mut self, now: Instant) {
        for id in self.dispatcher.lingering() {
            if let Some(queue) = self.queues.get(id) {
                self.dispatcher.handle_backlog(id, queue.seal(), now);
            }
        }
    }

    /// Delivers the outcomes that the machine has for batches.
    fn deliver_all(&mut self) {
        if let Some(cause) = self.dispatcher.poll_failure() {
            match &cause {
                // Whoever calls it next gets that as an error; where ids are handed on it is how a producer ends.
                Error::ProducerFenced { .. } => {
                    tracing::info!(error = %Chain(&cause), "the producer is over: another one has its id");
                }
                _ => tracing::error!(error = %Chain(&cause), "the producer has failed"),
            }
            let error = ended_by(&cause);
            self.accumulator.end(error.clone());
            self.queues.values().for_each(|queue| self.fail(queue, &error));
        }
        let mut settled = self.dispatcher.poll_settled();
        if settled.is_none() {
            return;
        }
        let mut stored = 0;
        while let Some(next) = settled {
            stored += self.deliver(next);
            settled = self.dispatcher.poll_settled();
        }
        if let Some(transactions) = &mut self.transactions {
            transactions.note_stored(stored);
        }
        self.buffer_watch.tell(self.accumulator.memory());
    }

    /// Delivers the outcome of a batch; gives how many records it has stored.
    fn deliver(&self, settled: Settled) -> usize {
        let Some(batch) = settled.deliver() else { return 0 };
        tell_produced(self.client.observer(), &batch);
        let stored = stored_records(&batch);
        batch.recycle(self.accumulator.memory());
        stored
    }

    /// Fails the batches that were not drawn of a partition.
    fn fail(&self, queue: &PartitionQueue, error: &Error) {
        while let Some(batch) = queue.draw().batch {
            self.deliver(batch.settled(Outcome::Failed(error.clone())));
        }
    }

    /// Logs and tells what keeps records from being stored.
    fn tell_troubles(&mut self) {
        while let Some(error) = self.dispatcher.poll_complaint() {
            tracing::warn!(error = %Chain(&error), "records wait in the producer, or are lost (setting delivery.timeout.ms)");
        }
        while let Some(retry) = self.dispatcher.poll_retry() {
            tell_retried(self.client.observer(), &retry);
        }
    }

    /// Forgets the topics that nothing was sent to since the last time (`metadata.max.idle.ms`).
    fn forget_unused(&mut self, now: Instant) {
        if now < self.next_forgetting {
            return;
        }
        self.next_forgetting = after(now, self.settings.metadata_max_idle);
        for topic in self.accumulator.topics() {
            if !topic.take_use() && topic.is_kept() {
                self.forget(&topic);
            }
        }
    }

    fn forget(&self, topic: &TopicQueue) {
        if self.dispatcher.has_nothing_for(topic.name()) {
            topic.forget();
        }
    }

    fn notice_closed_connections(&mut self) {
        let closed: Vec<NodeId> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.is_closed())
            .map(|(node, _)| *node)
            .collect();
        for node in closed {
            self.connections.remove(&node);
            let error = Error::disconnected(node.to_string(), "the connection has ended", false);
            self.dispatcher.handle_disconnected(node, &error);
        }
    }

    fn connect(&mut self, node: NodeId) {
        let pool = Arc::clone(self.client.pool());
        let purpose = Purpose::Produce(self.handle);
        let window = self.settings.max_in_flight;
        self.events.begin(async move {
            let connection = pool.connection_with_window(purpose, Peer::Node(node), window).await;
            Event::Connected(node, connection)
        });
    }

    fn tell_started(&mut self) {
        let outcome = match self.dispatcher.failure() {
            Some(error) => Err(error.clone()),
            None if self.dispatcher.has_identity() => Ok(()),
            None => return,
        };
        if let Some(started) = self.started.take() {
            let _ = started.send(outcome);
        }
    }
}

impl Drop for Sender {
    /// Fails what is not settled, also when the task is dropped with its runtime.
    fn drop(&mut self) {
        self.accumulator.end(Error::closed("producer"));
        self.accumulator.clear();
        self.client.pool().release(self.handle);
    }
}

/// Takes the next batch of a partition out of its queue.
fn draw(queues: &PartitionMap<Arc<PartitionQueue>>, id: PartitionId) -> Drawn {
    queues.get(id).map(|queue| queue.draw()).unwrap_or_default()
}

/// Asks any broker for a producer id (KIP-98).
async fn ask_identity(client: Client) -> Result<ProducerIdAndEpoch, Error> {
    let request =
        InitProducerIdRequest { transaction_timeout_ms: i32::MAX, ..InitProducerIdRequest::default() };
    let response: InitProducerIdResponse = client.send(Target::Any, &request).await?;
    match response.error_code {
        ErrorCode::None => {
            Ok(ProducerIdAndEpoch { id: response.producer_id, epoch: response.producer_epoch })
        }
        code => Err(BrokerError::new(ApiKey::InitProducerId, code).into()),
    }
}
