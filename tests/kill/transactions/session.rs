//! A transactional producer while it lives: of kestrel-client, or a program of the interop ring that is told what to do.
//!
//! The program is called as `PROGRAM transactor --bootstrap HOST:PORT --id TRANSACTIONAL_ID --timeout-ms N`; `ring/transactor.py`
//! says how it is spoken to.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kestrel_client::{Client, CommitError, TransactionalProducer};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::COMMITTED;
use crate::clock;
use crate::stamp::{HEADER, Stamp};

/// After which time a broker aborts what was left open.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer of a program may take.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where transactional producers of one id come from, one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// kestrel-client.
    Kestrel(Client),
    /// A program: its words, the address of the broker, and the folder for what it logs.
    Program { command: String, address: String, work: PathBuf },
}

/// A transactional producer that has taken over its id.
pub(super) enum Session {
    Kestrel(TransactionalProducer),
    Program(Box<Program>),
}

/// How far a transaction had come that failed, and why it did.
#[derive(Debug)]
pub(super) enum Failure {
    /// Its commit was not asked for: nobody may ever see it.
    BeforeCommit(String),
    /// It may be committed.
    InCommit(String),
}

/// A program under way.
pub(super) struct Program {
    running: Child,
    tell: ChildStdin,
    heard: Lines<BufReader<ChildStdout>>,
}

impl Source {
    /// A producer with an id that is this writer's; whatever an earlier one left open has ended.
    pub(super) async fn begin(&self, writer: u32) -> Result<Session, String> {
        let id = format!("transactor-{writer}");
        match self {
            Self::Kestrel(client) => {
                let producer = client.transactional_producer(id).transaction_timeout(TRANSACTION_TIMEOUT);
                let producer = producer.build().await.map_err(|error| format!("{error:#}"))?;
                Ok(Session::Kestrel(producer))
            }
            Self::Program { command, address, work } => {
                let log = File::create(work.join(format!("{id}.log"))).map_err(|error| error.to_string())?;
                let mut program = Program::start(command, address, &id, log)?;
                program.tell(&Told { what: "init", topic: None, records: Vec::new() }).await?;
                Ok(Session::Program(Box::new(program)))
            }
        }
    }
}

impl Session {
    /// Writes records in a transaction and ends it.
    pub(super) async fn transact(&mut self, records: &[(i32, Stamp)], commits: bool) -> Result<(), Failure> {
        match self {
            Self::Kestrel(producer) => transact(producer, records, commits).await,
            Self::Program(program) => program.transact(records, commits).await,
        }
    }

    /// Lets go of the producer: a program is killed.
    pub(super) async fn end(self) {
        match self {
            // What it has left open its successor ends.
            Self::Kestrel(producer) => _ = producer.close(Duration::ZERO).await,
            Self::Program(mut program) => _ = program.running.kill().await,
        }
    }
}

async fn transact(
    producer: &mut TransactionalProducer,
    records: &[(i32, Stamp)],
    commits: bool,
) -> Result<(), Failure> {
    let before = |error: kestrel_client::Error| Failure::BeforeCommit(format!("{error:#}"));
    let transaction = producer.begin().await.map_err(before)?;
    for (partition, stamp) in records {
        let record = stamp.record(COMMITTED.name).partition(*partition);
        transaction.send_record(record).await.map_err(before)?;
    }
    if !commits {
        return transaction.abort().await.map_err(before);
    }
    let mut outcome = transaction.commit().await;
    while let Err(CommitError::Undecided { commit, .. }) = outcome {
        outcome = commit.outcome().await;
    }
    match outcome {
        Ok(()) => Ok(()),
        Err(CommitError::Abortable { source, .. }) => Err(before(source)),
        Err(error) => Err(Failure::InCommit(format!("{error:#}"))),
    }
}

/// What a program is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(rename = "do")]
    what: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<Line>,
}

/// A record as the ring writes it.
#[derive(Debug, Serialize)]
struct Line {
    partition: i32,
    timestamp: i64,
    key: String,
    value: Option<String>,
    headers: Vec<(&'static str, String)>,
}

impl Line {
    fn of((partition, stamp): &(i32, Stamp)) -> Self {
        Self {
            partition: *partition,
            timestamp: clock::wall().as_millis(),
            key: STANDARD.encode(stamp.key()),
            value: stamp.value().map(|value| STANDARD.encode(value)),
            headers: vec![(HEADER, STANDARD.encode(stamp.to_string()))],
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Said {
    Done,
    Failed { why: String },
}

impl Program {
    fn start(command: &str, address: &str, id: &str, log: File) -> Result<Self, String> {
        let mut words = command.split_whitespace();
        let mut process = Command::new(words.next().unwrap_or_default());
        let timeout_ms = TRANSACTION_TIMEOUT.as_millis().to_string();
        process.args(words).args([
            "transactor",
            "--bootstrap",
            address,
            "--id",
            id,
            "--timeout-ms",
            &timeout_ms,
        ]);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut running = process.spawn().map_err(|error| format!("{command}: {error:#}"))?;
        let tell = running.stdin.take().ok_or("it has no standard input")?;
        let heard = BufReader::new(running.stdout.take().ok_or("it has no standard output")?).lines();
        Ok(Self { running, tell, heard })
    }

    async fn transact(&mut self, records: &[(i32, Stamp)], commits: bool) -> Result<(), Failure> {
        let step = |what| Told { what, topic: None, records: Vec::new() };
        let records = records.iter().map(Line::of).collect();
        self.tell(&step("begin")).await.map_err(Failure::BeforeCommit)?;
        let send = Told { what: "send", topic: Some(COMMITTED.name), records };
        self.tell(&send).await.map_err(Failure::BeforeCommit)?;
        if commits {
            self.tell(&step("commit")).await.map_err(Failure::InCommit)
        } else {
            self.tell(&step("abort")).await.map_err(Failure::BeforeCommit)
        }
    }

    /// Tells it something and waits until it is done.
    async fn tell(&mut self, told: &Told<'_>) -> Result<(), String> {
        let mut line = serde_json::to_string(told).map_err(|error| error.to_string())?;
        line.push('\n');
        self.tell.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        match timeout(PATIENCE, self.heard.next_line()).await {
            Ok(Ok(Some(line))) => match serde_json::from_str(&line) {
                Ok(Said::Done) => Ok(()),
                Ok(Said::Failed { why }) => Err(format!("{}: {why}", told.what)),
                Err(error) => Err(format!("{}: {error}: {line}", told.what)),
            },
            Ok(_) => Err(format!("{}: it is gone", told.what)),
            Err(_) => Err(format!("{}: no answer within {PATIENCE:?}", told.what)),
        }
    }
}
