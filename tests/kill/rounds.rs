//! The loop: lets the broker run for a while, ends it in one of several ways, starts it again, verifies.

use std::time::{Duration, Instant};

use kestrel_broker::Durability;
use kestrel_client::Client;
use kestrel_tests::{BrokerProcess, Dice};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chores::{self, Gate};
use crate::clock;
use crate::foreign::Foreign;
use crate::ledger::SharedLedger;
use crate::topics::{TOPICS, Topic};
use crate::transactions::{self, COMMITTED, Source};
use crate::verifier::{Depth, Verifier};
use crate::{Options, member, sabotage, writer};

/// How long a broker serves before it is ended.
const SERVING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(1_400));
/// How many producers of kestrel-client write.
const WRITERS: usize = 3;
/// In every so manieth round everything is read again, not only what is new.
const WHOLE_EVERY: u32 = 10;
/// In every so manieth round the folder is checked as the kill left it.
const CHECK_EVERY: u32 = 8;

/// How often a broker was ended how.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends {
    /// By SIGKILL while it served.
    pub(crate) kills: u32,
    /// By SIGKILL while it started.
    pub(crate) killed_starts: u32,
    /// By SIGKILL while it stopped.
    pub(crate) killed_stops: u32,
    /// By SIGTERM.
    pub(crate) stops: u32,
    /// How many folders were checked.
    pub(crate) checks: u32,
    /// How often a foreign writer was killed.
    pub(crate) killed_writers: u32,
}

/// A loop under way.
pub(crate) struct Rounds<'a> {
    options: &'a Options,
    dice: Dice,
    broker: BrokerProcess,
    client: Client,
    ledger: SharedLedger,
    verifier: Verifier,
    foreign: Vec<Foreign>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// The last start that was waited for.
    last_start: Duration,
    pub(crate) ends: Ends,
}

impl<'a> Rounds<'a> {
    /// Starts the broker, makes the topics, and lets everybody begin.
    pub(crate) async fn begin(
        options: &'a Options,
        mut broker: BrokerProcess,
        ledger: SharedLedger,
    ) -> Result<Self, String> {
        let mut dice = Dice::new(options.seed);
        broker.spawn(Durability::Group).map_err(|error| error.to_string())?;
        broker.ready().await?;
        let client = connect(broker.address()).await?;
        let topics = TOPICS.into_iter().chain([COMMITTED]).map(Topic::new_topic);
        let made = client.admin().create_topics(topics).await.into_result();
        made.map_err(|error| format!("the topics cannot be made: {error:#}"))?;
        let (gate, stop, tasks) = (Gate::default(), CancellationToken::new(), TaskTracker::new());
        for _ in 0..WRITERS {
            // Each on connections of its own.
            let client = connect(broker.address()).await?;
            tasks.spawn(writer::write(client, ledger.clone(), dice.split(), stop.clone()));
        }
        let mut sources = vec![Source::Kestrel(connect(broker.address()).await?)];
        sources.extend(options.transactor.iter().map(|command| Source::Program {
            command: command.clone(),
            address: broker.address().to_owned(),
            work: broker.work().to_path_buf(),
        }));
        for source in sources {
            tasks.spawn(transactions::write(source, ledger.clone(), dice.split(), stop.clone()));
        }
        let busy = connect(broker.address()).await?;
        tasks.spawn(chores::come_and_go(
            busy.clone(),
            ledger.clone(),
            gate.clone(),
            dice.split(),
            stop.clone(),
        ));
        tasks.spawn(chores::delete_records(busy.clone(), ledger.clone(), dice.split(), stop.clone()));
        tasks.spawn(chores::commit(busy.clone(), ledger.clone(), dice.split(), stop.clone()));
        tasks.spawn(member::read(busy, ledger.clone(), stop.clone()));
        let mut foreign = Vec::new();
        for command in &options.writer {
            foreign.push(Foreign::start(command, broker.address(), broker.work(), &ledger, &tasks)?);
        }
        let verifier = Verifier::new(client.clone(), ledger.clone(), gate);
        let (ends, last_start) = (Ends::default(), Duration::from_millis(20));
        Ok(Self { options, dice, broker, client, ledger, verifier, foreign, stop, tasks, last_start, ends })
    }

    /// One round.
    pub(crate) async fn play(&mut self, round: u32) -> Result<(), String> {
        let serving = self.dice.between(SERVING.0, SERVING.1);
        tokio::time::sleep(serving).await;
        self.end().await?;
        self.verifier.verify_sizes(self.broker.data_dir());
        if round.is_multiple_of(CHECK_EVERY) {
            self.broker.check().await?;
            self.ends.checks += 1;
        }
        if self.options.sabotage == Some(round) {
            sabotage::cut_newer_half(self.broker.data_dir()).map_err(|error| error.to_string())?;
        }
        self.start().await?;
        if self.dice.once_in(10) && !self.foreign.is_empty() {
            self.replace_foreign().await?;
        }
        let depth = if round.is_multiple_of(WHOLE_EVERY) { Depth::Whole } else { Depth::Tail };
        self.verify(depth).await
    }

    /// Ends the broker: by a kill, by a stop, or by a kill during a stop.
    async fn end(&mut self) -> Result<(), String> {
        if let Some(status) = self.broker.ended() {
            return Err(format!("the broker ended by itself: {status}"));
        }
        match self.dice.roll(10) {
            0 => {
                self.ends.stops += 1;
                self.broker.terminate().map_err(|error| error.to_string())?;
                self.broker.stopped().await
            }
            1 => {
                self.ends.killed_stops += 1;
                self.broker.terminate().map_err(|error| error.to_string())?;
                tokio::time::sleep(self.dice.between(Duration::ZERO, Duration::from_millis(20))).await;
                self.broker.kill().await.map_err(|error| error.to_string())
            }
            _ => {
                self.ends.kills += 1;
                self.broker.kill().await.map_err(|error| error.to_string())
            }
        }
    }

    /// Starts the broker, now and then only after starts that are killed.
    async fn start(&mut self) -> Result<(), String> {
        let durability = if self.dice.once_in(4) { Durability::Os } else { Durability::Group };
        while self.dice.once_in(4) {
            self.ends.killed_starts += 1;
            self.broker.spawn(durability).map_err(|error| error.to_string())?;
            tokio::time::sleep(self.dice.between(Duration::ZERO, self.last_start * 2)).await;
            self.broker.kill().await.map_err(|error| error.to_string())?;
        }
        let began: Instant = clock::now();
        self.broker.spawn(durability).map_err(|error| error.to_string())?;
        self.broker.ready().await?;
        self.last_start = clock::now() - began;
        Ok(())
    }

    /// Kills a foreign writer, and starts another one in its place.
    async fn replace_foreign(&mut self) -> Result<(), String> {
        self.ends.killed_writers += 1;
        let old = self.foreign.swap_remove(self.dice.roll(self.foreign.len()));
        let command = old.command().to_owned();
        old.kill().await;
        self.foreign.push(Foreign::start(
            &command,
            self.broker.address(),
            self.broker.work(),
            &self.ledger,
            &self.tasks,
        )?);
        Ok(())
    }

    async fn verify(&mut self, depth: Depth) -> Result<(), String> {
        let unverified = |error| format!("it cannot be verified: {error:#}");
        self.verifier.verify(depth).await.map_err(unverified)?;
        if depth == Depth::Whole {
            transactions::verify(&self.client, &self.ledger).await.map_err(unverified)?;
        }
        let violations = self.ledger.lock().violations();
        if violations.is_empty() { Ok(()) } else { Err(violations.join("\n")) }
    }

    /// Lets everybody finish, verifies everything, stops the broker, and has its folder checked.
    pub(crate) async fn close(mut self) -> Result<(Ends, u64, i64), String> {
        self.stop.cancel();
        for foreign in std::mem::take(&mut self.foreign) {
            foreign.stop().await?;
        }
        self.tasks.close();
        self.tasks.wait().await;
        let ended = transactions::await_end(&self.client, &self.ledger).await;
        ended.map_err(|error| format!("transactions cannot be verified: {error:#}"))?;
        self.verify(Depth::Whole).await?;
        drop(self.client);
        self.broker.terminate().map_err(|error| error.to_string())?;
        self.broker.stopped().await?;
        self.broker.check().await?;
        self.ends.checks += 1;
        let complaints = self.broker.complaints();
        if !complaints.is_empty() {
            return Err(format!("the broker complains:\n{}", complaints.join("\n")));
        }
        Ok((self.ends, self.verifier.records_read, self.verifier.compacted_away))
    }
}

async fn connect(address: &str) -> Result<Client, String> {
    let (soon, later) = (Duration::from_millis(10), Duration::from_millis(100));
    Client::builder(address)
        .reconnect_backoff(soon, later)
        .retry_backoff(soon, later)
        .connect()
        .await
        .map_err(|error| error.to_string())
}
