//! The sender of a producer: carries out what the [`Dispatcher`] says.
//!
//! One per producer, behind the lock of its [`SharedSender`](super::shared_sender::SharedSender). It owns the connections
//! that the batches travel on, builds requests, and hands answers back to the machine. It never decides about a batch.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::poll_fn;
use kestrel_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use kestrel_protocol::messages::produce::{ProduceRequest, ProduceResponse};
use kestrel_protocol::{ApiKey, ErrorCode, NodeId};
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tower::Service;

use super::accumulator::{Accumulator, PartitionQueue, TopicQueue};
use super::building::{Line, Ticket};
use super::delivery::BatchState;
use super::dispatcher::{Answer, Dispatcher, Outbound, Wave};
use super::request::{Asked, FIRST_VERSION_WITH_IDS, Produce};
use super::transaction_manager::Identity;
use crate::client::{Client, Target};
use crate::environment::{self, after};
use crate::error::{BrokerError, Chain, Error};
use crate::metadata::MetadataSnapshot;
use crate::net::{Call, Connection, HandleId, Peer, Purpose};
use crate::under_way::UnderWay;

/// Batches of at least this many bytes together are compressed off the sender task.
const COMPRESS_ELSEWHERE_BYTES: usize = 32 * 1024;

/// What the sender has to know of the producer's settings.
#[derive(Debug, Clone)]
pub(crate) struct SenderSettings {
    pub(crate) acks: i16,
    pub(crate) request_timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) compresses: bool,
    pub(crate) metadata_max_idle: Duration,
}

/// What the producer asks of its sender.
#[derive(Debug)]
pub(crate) enum Command {
    /// Seal all batches and name those that are not settled.
    Flush(oneshot::Sender<Vec<Arc<BatchState>>>),
}

/// The sender: never waits.
pub(crate) struct Sender {
    settings: SenderSettings,
    client: Client,
    handle: HandleId,
    accumulator: Arc<Accumulator>,
    dispatcher: Dispatcher,
    connections: HashMap<NodeId, Connection>,
    building: HashMap<NodeId, Line<Wave>>,
    events: UnderWay<Event>,
    /// Wakes the task that waits for the events.
    waker: Waker,
    snapshot: Arc<MetadataSnapshot>,
    news: Vec<Arc<PartitionQueue>>,
    /// When to look next for topics that nothing is sent to any more.
    next_forgetting: Instant,
    /// Tells `build` how the first identity came out.
    started: Option<oneshot::Sender<Result<(), Error>>>,
}

/// What the sender waits for.
enum Event {
    Connected(NodeId, Result<Connection, Error>),
    Built(Ticket, Wave),
    Answered(NodeId, Asked, Vec<Outbound>, Result<ProduceResponse, Error>),
    Identity(Result<Identity, Error>),
}

impl Sender {
    pub(crate) fn new(
        settings: SenderSettings,
        client: Client,
        accumulator: Arc<Accumulator>,
        dispatcher: Dispatcher,
        started: oneshot::Sender<Result<(), Error>>,
    ) -> Self {
        Self {
            handle: client.new_handle(),
            snapshot: client.metadata().current(),
            client,
            accumulator,
            dispatcher,
            connections: HashMap::new(),
            building: HashMap::new(),
            events: UnderWay::new(),
            waker: Waker::noop().clone(),
            news: Vec::new(),
            next_forgetting: after(environment::now(), settings.metadata_max_idle),
            settings,
            started: Some(started),
        }
    }

    /// Everything that can be done now, without waiting.
    pub(crate) fn drive(&mut self) {
        self.accumulator.signals().begin_look();
        self.handle_events();
        let now = environment::now();
        self.take_news();
        if self.accumulator.signals().take_pressure() || self.accumulator.check_open().is_err() {
            self.dispatcher.handle_pressure(now);
        }
        self.dispatcher.handle_timeout(now);
        self.forget_unused(now);
        self.notice_closed_connections();
        if self.dispatcher.poll_identity_request(now) {
            self.events.begin(ask_identity(self.client.clone()).map(Event::Identity));
        }
        while let Some(wave) = self.dispatcher.poll_wave(now) {
            self.send(wave);
        }
        while let Some(node) = self.dispatcher.poll_connect() {
            self.connect(node);
        }
        if self.dispatcher.poll_metadata_wanted() {
            self.client.metadata().request_refresh();
        }
        while let Some(error) = self.dispatcher.poll_complaint() {
            tracing::warn!(error = %Chain(&error), "records wait in the producer, or are lost (setting delivery.timeout.ms)");
        }
        self.tell_started();
    }

    /// Sends what has just been accepted, if nothing is under way and nothing else is to be done. Otherwise the task has to
    /// be woken: gives false then. Not for a producer that compresses: this is the thread of a caller.
    pub(crate) fn send_at_once(&mut self) -> bool {
        let is_closed = self.connections.values().any(Connection::is_closed);
        if is_closed || !self.events.is_empty() {
            return false;
        }
        self.take_news();
        let now = environment::now();
        while let Some(wave) = self.dispatcher.poll_wave(now) {
            self.send(wave);
        }
        // From here on an answer wakes the task.
        self.handle_events();
        self.dispatcher.is_quiet() && self.accumulator.signals().is_timed(self.dispatcher.next_deadline())
    }

    /// When to drive if nothing happens before.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        Some(self.dispatcher.next_deadline().map_or(self.next_forgetting, |at| at.min(self.next_forgetting)))
    }

    /// Handles one event; pending when there is none, and then the next one wakes the task.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.clone_from(cx.waker());
        self.events.poll_next(cx).map(|event| self.handle_event(event))
    }

    fn handle_events(&mut self) {
        let waker = self.waker.clone();
        while self.poll_event(&mut Context::from_waker(&waker)).is_ready() {}
    }

    fn take_news(&mut self) {
        let now = environment::now();
        let mut news = std::mem::take(&mut self.news);
        self.accumulator.signals().take(&mut news);
        for queue in news.drain(..) {
            self.dispatcher.handle_news(&queue, &self.snapshot, now);
        }
        self.news = news;
    }

    fn handle_event(&mut self, event: Event) {
        let now = environment::now();
        match event {
            Event::Connected(node, Ok(connection)) => {
                self.connections.insert(node, connection);
                self.dispatcher.handle_connected(node);
            }
            Event::Connected(node, Err(error)) => {
                self.dispatcher.handle_unreachable(node, &error, now);
            }
            Event::Built(ticket, wave) => self.handle_built(ticket, wave),
            Event::Answered(node, asked, batches, result) => {
                self.handle_answer(node, &asked, batches, result);
            }
            Event::Identity(Ok(identity)) => self.dispatcher.handle_identity(identity, now),
            Event::Identity(Err(error)) => self.dispatcher.handle_identity_error(error, now),
        }
    }

    pub(crate) fn handle_command(&mut self, command: Command) {
        match command {
            Command::Flush(reply) => {
                self.take_news();
                let _ = reply.send(self.dispatcher.handle_flush(environment::now()));
            }
        }
    }

    pub(crate) fn handle_snapshot(&mut self, snapshot: Arc<MetadataSnapshot>) {
        self.take_news();
        self.snapshot = snapshot;
        for topic in self.accumulator.topics() {
            if let Some(view) = self.snapshot.topic(topic.name()) {
                self.accumulator.update_topic(&topic, view, self.snapshot.version);
            } else if self.snapshot.error(topic.name()) == Some(ErrorCode::UnknownTopicOrPartition) {
                // Deleted: whoever sends to it again looks it up again, and may create it.
                self.forget(&topic);
            }
        }
        self.dispatcher.handle_metadata(&self.snapshot, environment::now());
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

    /// Builds the batches of a wave and sends it. Compressing much is done on other threads, as many requests at a time as
    /// may be in flight.
    fn send(&mut self, mut wave: Wave) {
        if !self.settings.compresses {
            build(&mut wave);
            return self.transmit(wave);
        }
        let unbuilt = wave.batches.iter().filter(|outbound| outbound.batch.needs_building());
        let bytes: usize = unbuilt.map(|outbound| outbound.batch.size_bytes()).sum();
        let line = self.building.entry(wave.node).or_default();
        if bytes < COMPRESS_ELSEWHERE_BYTES {
            build(&mut wave);
            if line.is_empty() {
                return self.transmit(wave);
            }
            let ticket = line.enter();
            return line.fill(ticket, wave);
        }
        let ticket = line.enter();
        let built = self.client.tasks().spawn_blocking(move || {
            build(&mut wave);
            wave
        });
        self.events.begin(async move {
            match built.await.map_err(JoinError::try_into_panic) {
                Ok(wave) => Event::Built(ticket, wave),
                // The batches are gone, and what comes behind them would wait for ever.
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                // The runtime drops the work only when it shuts down, and this task with it.
                Err(Err(_)) => std::future::pending().await,
            }
        });
    }

    fn handle_built(&mut self, ticket: Ticket, wave: Wave) {
        let node = wave.node;
        self.building.entry(node).or_default().fill(ticket, wave);
        while let Some(wave) = self.building.get_mut(&node).and_then(Line::poll) {
            self.transmit(wave);
        }
    }

    /// Hands a built wave to the connection; from here on requests keep their order.
    fn transmit(&mut self, wave: Wave) {
        let Wave { node, batches } = wave;
        let timeout_ms = i32::try_from(self.settings.request_timeout.as_millis()).unwrap_or(i32::MAX);
        let Produce { request, has_ids, asked } =
            Produce::new(&batches, self.settings.acks, timeout_ms, &self.snapshot);
        let answer = match self.call(node, &request, has_ids) {
            Ok(answer) => answer,
            Err(error) => return self.handle_answer(node, &asked, batches, Err(error)),
        };
        self.events.begin(async move {
            let result = answer.await;
            Event::Answered(node, asked, batches, result)
        });
    }

    fn call(
        &mut self,
        node: NodeId,
        request: &ProduceRequest,
        has_ids: bool,
    ) -> Result<impl Future<Output = Result<ProduceResponse, Error>> + Send + use<>, Error> {
        let lost = |cause: &str| Error::disconnected(node.to_string(), cause, false);
        let connection = self.connections.get_mut(&node).ok_or_else(|| lost("there is no connection"))?;
        let version = if has_ids {
            connection.version(ApiKey::Produce)?
        } else {
            connection.version_up_to(ApiKey::Produce, FIRST_VERSION_WITH_IDS - 1)?
        };
        let call = Call {
            request,
            version,
            timeout: self.settings.request_timeout,
            expects_answer: self.settings.acks != 0,
        };
        // The machine keeps to the same window as the connection, so there is always room.
        poll_fn(|cx| Service::<Call<'_, ProduceRequest>>::poll_ready(connection, cx))
            .now_or_never()
            .ok_or_else(|| lost("its window is full"))??;
        Ok(connection.call(call))
    }

    fn handle_answer(
        &mut self,
        node: NodeId,
        asked: &Asked,
        batches: Vec<Outbound>,
        result: Result<ProduceResponse, Error>,
    ) {
        let now = environment::now();
        match result {
            Ok(_) if self.settings.acks == 0 => {
                let answers = batches.into_iter().map(|outbound| (outbound, Answer::Unasked));
                self.dispatcher.handle_answers(node, answers, now);
            }
            Ok(mut response) => {
                let endpoints = std::mem::take(&mut response.node_endpoints);
                let (mut answers, hints) = asked.read(response);
                if !hints.is_empty() {
                    let endpoints = endpoints.into_iter().map(|e| (e.node_id, e.host, e.port, e.rack));
                    self.client.metadata().apply_hints(hints, endpoints);
                }
                let answers = batches.into_iter().map(|outbound| {
                    let answer = answers.take(&outbound);
                    (outbound, answer)
                });
                self.dispatcher.handle_answers(node, answers, now);
            }
            Err(error) => {
                tracing::debug!(%node, error = %Chain(&error), "a Produce request was lost");
                let answers = batches.into_iter().map(|outbound| (outbound, Answer::Lost(error.clone())));
                self.dispatcher.handle_answers(node, answers, now);
                self.notice_closed_connections();
            }
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

    /// Whether nothing is left to do; called when no handle is left that could bring more.
    pub(crate) fn is_done(&mut self) -> bool {
        self.take_news();
        self.dispatcher.is_idle() || self.dispatcher.failure().is_some()
    }
}

impl Drop for Sender {
    /// Whoever still waits is told, also when the task is dropped with its runtime.
    fn drop(&mut self) {
        self.accumulator.end(Error::closed("producer"));
        self.accumulator.clear();
        self.client.pool().release(self.handle);
    }
}

fn build(wave: &mut Wave) {
    for outbound in &mut wave.batches {
        outbound.batch.build();
    }
}

/// Asks any broker for a producer id (KIP-98).
async fn ask_identity(client: Client) -> Result<Identity, Error> {
    let request =
        InitProducerIdRequest { transaction_timeout_ms: i32::MAX, ..InitProducerIdRequest::default() };
    let response: InitProducerIdResponse = client.send(Target::Any, &request).await?;
    match response.error_code {
        ErrorCode::None => Ok(Identity { id: response.producer_id, epoch: response.producer_epoch }),
        code => Err(BrokerError::new(ApiKey::InitProducerId, code).into()),
    }
}
