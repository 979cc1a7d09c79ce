//! The store of a registry: the topic `_schemas`, read by one task and written by another, and what was read of it.
//!
//! ```text
//!   ask ──▶ Judge ──▶ Machine::decide ◀── State ◀── Follower ◀── _schemas
//!             ├ nothing found ──▶ Latecomers ── catch up ─┤          ▲
//!             └ a write ────────▶ Writer ────── catches up┘          │
//!                                    └── one transaction a write ────┘
//! ```
//!
//! What is known is answered from memory, whatever the brokers do, a registration too whose schema is registered. What is not known
//! may have been given by another registry a moment ago, so that the topic is read to its end before nothing is the answer. A
//! write is decided on the end of the topic, written in a transaction, and answered when it was read back.

mod follower;
mod judge;
mod latecomers;
mod pen;
mod state;
mod topic;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use kestrel_client::Client;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::follower::Follower;
use self::judge::Judge;
use self::latecomers::{Latecomers, Waiting};
use self::pen::PenCase;
use self::state::State;
use self::writer::{Write, Writer};
use crate::error::Refusal;
use crate::machine::{Answer, Machine, Request};
use crate::part::{Health, Part};
use crate::start_error::StartError;

/// The writes that wait for their turn; one more is refused.
const WAITING_WRITES: usize = 256;

/// How a store is to be.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    pub(crate) topic: Arc<str>,
    /// Of a topic that is created here.
    pub(crate) replication_factor: i16,
    /// How long a write may take, reading the topic once, and a question to which nothing is known.
    pub(crate) write_timeout: Duration,
    pub(crate) start_timeout: Duration,
}

impl StoreSettings {
    /// Those of a registry that nothing is said of.
    pub(crate) fn new() -> Self {
        Self {
            topic: Arc::from("_schemas"),
            replication_factor: 3,
            write_timeout: Duration::from_secs(5),
            start_timeout: Duration::from_secs(60),
        }
    }
}

/// The front door of the store.
#[derive(Debug)]
pub(crate) struct Store {
    state: Arc<State>,
    judge: Judge,
    late: Waiting,
    writes: mpsc::Sender<Write>,
    write_timeout: Duration,
    health: Health,
}

impl Store {
    /// Creates the topic or checks it, reads it to its end, and starts its tasks.
    pub(crate) async fn start(
        client: &Client,
        settings: StoreSettings,
        part: &Part,
    ) -> Result<Self, StartError> {
        let starting = Self::read(client, &settings);
        let timed_out = |_| StartError::slow_start(&settings.topic, settings.start_timeout);
        let (follower, asks, state) =
            tokio::time::timeout(settings.start_timeout, starting).await.map_err(timed_out)??;

        let (stop, write_timeout, health) = (part.stop(), settings.write_timeout, part.health().clone());
        part.run("the reader of the topic", follower.run(stop.clone()));
        let (latecomers, late) = Latecomers::new(asks.clone(), write_timeout);
        part.run("the reader for questions", latecomers.run(stop.clone()));
        let judge = Judge::new(Arc::clone(&state));
        let pen = PenCase::new(client.clone(), Arc::clone(&settings.topic), write_timeout);
        let (writes, inbox) = mpsc::channel(WAITING_WRITES);
        part.run("the writer", Writer::new(judge.clone(), asks, pen).run(inbox, stop.clone()));
        Ok(Self { state, judge, late, writes, write_timeout, health })
    }

    /// Whether the store can answer anything.
    ///
    /// # Errors
    /// When one of its tasks has ended: with what is answered instead.
    pub(crate) fn check_health(&self) -> Result<(), Refusal> {
        self.health.check()
    }

    async fn read(
        client: &Client,
        settings: &StoreSettings,
    ) -> Result<(Follower, follower::Asks, Arc<State>), StartError> {
        topic::ensure(client, &settings.topic, settings.replication_factor).await?;
        let unreadable = |error| StartError::unreadable(&settings.topic, error);
        Follower::start(client, &settings.topic, settings.write_timeout).await.map_err(unreadable)
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// With the refusal that is its answer.
    ///
    /// # Cancel safety
    /// A write that waits for its turn may be done although the future was dropped.
    pub(crate) async fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        self.health.check()?;
        let (request, machine) = (Arc::new(request), self.state.machine());
        if !request.is_write() {
            return self.answer(machine, request).await;
        }
        match self.judge.known(machine, &request).await? {
            Some(answer) => Ok(answer),
            None => self.write(request).await,
        }
    }

    /// Answers a question; that there is nothing, no sooner than the topic was read to its end.
    async fn answer(&self, machine: Arc<Machine>, request: Arc<Request>) -> Result<Answer, Refusal> {
        let answer = self.judge.answer(&machine, &request).await;
        let is_miss = match &answer {
            Ok(answer) => answer.is_miss(),
            Err(refusal) => refusal.is_miss(),
        };
        if !is_miss {
            return answer;
        }
        self.late.caught_up().await?;
        let now = self.state.machine();
        if Arc::ptr_eq(&machine, &now) { answer } else { self.judge.answer(&now, &request).await }
    }

    async fn write(&self, request: Arc<Request>) -> Result<Answer, Refusal> {
        let deadline = after(Instant::now(), self.write_timeout);
        let (reply, answer) = oneshot::channel();
        let write = Write { request, deadline, reply };
        self.writes.try_send(write).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::busy("too many writes wait for their turn"),
            mpsc::error::TrySendError::Closed(_) => Refusal::stopping(),
        })?;
        // The writer keeps to the deadline; only its end leaves a write without an answer.
        answer.await.unwrap_or_else(|_| Err(Refusal::stopping()))
    }
}

/// The longest wait that is not for ever.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The instant `wait` after `start`; in a hundred years for a wait that is too long for a clock, such as [`Duration::MAX`].
fn after(start: Instant, wait: Duration) -> Instant {
    start.checked_add(wait.min(FOREVER)).unwrap_or(start)
}
