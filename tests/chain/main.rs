//! The chain: records go through three stages of consume, transform, produce in transactions, while members of the stages are
//! killed, transactions are aborted, and the broker is killed. What comes out at the end is each record once, in order.
//!
//! ```text
//!   source ──► chain-0 ──► stage 1 ──► chain-1 ──► stage 2 ──► chain-2 ──► stage 3 ──► chain-3 ──► verdict
//!                           └─────── two members each, killed; the broker is killed too ───────┘
//! ```
//!
//! `kestrel-chain --help` says how it is run. It ends with 0 when all is as it has to be.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod post;
mod source;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use futures::TryStreamExt;
use kestrel_broker::Durability;
use kestrel_client::admin::NewTopic;
use kestrel_client::{CancellationToken, Client, IsolationLevel, Place, Utf8};
use kestrel_tests::{BrokerProcess, Dice};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::post::{Post, Tally};

const STAGES: usize = 3;
const MEMBERS_PER_STAGE: usize = 2;
const PARTITIONS: i32 = 3;
/// How long the broker lives.
const LIFETIME: (Duration, Duration) = (Duration::from_millis(800), Duration::from_millis(3_000));
/// How often the end of the chain is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// What takes longer than this, once nobody is killed any more, has gone wrong.
const PATIENCE: Duration = Duration::from_secs(120);
/// A killed member is replaced at once; nobody waits for a group that is new.
const SETTINGS: [&str; 2] = ["group.initial.rebalance.delay.ms=0", "auto.create.topics.enable=false"];

/// Send records through stages that are killed all the time, and look whether each comes out once
///
/// Whatever fails, the seed and the folder are printed, and the folder is kept.
#[derive(Debug, Parser)]
struct Options {
    /// The broker: kestrel-broker, or a program with its command line
    #[arg(long, value_name = "PROGRAM")]
    broker: PathBuf,

    /// How many records there are
    #[arg(long, value_name = "N", default_value_t = 3_000)]
    records: usize,

    /// How often the broker is killed
    #[arg(long, value_name = "N", default_value_t = 4)]
    kills: u32,

    /// What decides when somebody is killed, and what is aborted
    #[arg(long, value_name = "N", default_value_t = 13)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let work = std::env::temp_dir().join(format!("kestrel-chain-{}", std::process::id()));
    match run(&options, &work).await {
        Ok(report) => {
            // What is left over does no harm.
            let _ = std::fs::remove_dir_all(&work);
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("FAILED with seed {}: {why}\nlog and data are in {}", options.seed, work.display());
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, work: &Path) -> Result<String, String> {
    let began = now();
    std::fs::create_dir_all(work).map_err(|error| error.to_string())?;
    let program =
        options.broker.canonicalize().map_err(|error| format!("{}: {error:#}", options.broker.display()))?;
    let mut broker = BrokerProcess::new(program, work, &SETTINGS).map_err(|error| error.to_string())?;
    broker.spawn(Durability::Group).map_err(|error| error.to_string())?;
    broker.ready().await?;
    let chain = Chain::build(options, broker.address()).await.map_err(|error| format!("{error:#}"))?;
    let report = chain.play(options, &mut broker).await?;
    broker.kill().await.map_err(|error| error.to_string())?;
    Ok(format!("ok in {:.0?}: {report}", now() - began))
}

/// A chain at work.
struct Chain {
    client: Client,
    source: JoinSet<Result<(), kestrel_client::Error>>,
    posts: JoinSet<Result<(), kestrel_client::Error>>,
    tally: Arc<Tally>,
    /// Nobody is killed any more.
    calm: CancellationToken,
    /// Everybody ends in good order.
    stop: CancellationToken,
}

impl Chain {
    /// Makes the topics, and has the source and all members begin.
    async fn build(options: &Options, bootstrap: &str) -> Result<Self, kestrel_client::Error> {
        let client = Client::builder(bootstrap).client_id("chain").connect().await?;
        let topics = (0..=STAGES).map(|number| NewTopic::new(topic(number)).partitions(PARTITIONS));
        client.admin().create_topics(topics).await.into_result()?;
        let (mut source, mut posts) = (JoinSet::new(), JoinSet::new());
        source.spawn(source::write(client.clone(), options.records));
        let (tally, calm, stop) = (Arc::default(), CancellationToken::new(), CancellationToken::new());
        let mut seeds = Dice::new(options.seed);
        for stage in 1..=STAGES {
            for member in 0..MEMBERS_PER_STAGE {
                let post = Post {
                    stage,
                    name: format!("stage-{stage}-{member}"),
                    bootstrap: bootstrap.to_owned(),
                    calm: calm.clone(),
                    stop: stop.clone(),
                    tally: Arc::clone(&tally),
                };
                posts.spawn(post.keep_manned(Dice::new(seeds.next_u64())));
            }
        }
        Ok(Self { client, source, posts, tally, calm, stop })
    }

    /// Kills the broker as often as it should be, waits until the chain has run dry, and looks at what came out.
    async fn play(mut self, options: &Options, broker: &mut BrokerProcess) -> Result<String, String> {
        let mut dice = Dice::new(!options.seed);
        for _ in 0..options.kills {
            let lifetime = dice.between(LIFETIME.0, LIFETIME.1);
            self.nobody_fails_within(lifetime).await?;
            broker.kill().await.map_err(|error| error.to_string())?;
            broker.spawn(Durability::Group).map_err(|error| error.to_string())?;
            broker.ready().await?;
        }
        let written = timeout(PATIENCE, self.source.join_next()).await;
        ended(written.map_err(|_| "the source did not get rid of its records".to_owned())?)?;
        self.calm.cancel();
        self.run_dry(options.records).await?;
        self.stop.cancel();
        while let Some(post) = self.posts.join_next().await {
            ended(Some(post))?;
        }
        self.judge(options).await
    }

    /// Waits, and fails when one of the posts does.
    async fn nobody_fails_within(&mut self, time: Duration) -> Result<(), String> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            Some(post) = self.posts.join_next() => {
                ended(Some(post))?;
                Err("a post was left".to_owned())
            }
        }
    }

    /// Waits until as many records as there are have been committed at the end of the chain.
    async fn run_dry(&mut self, records: usize) -> Result<(), String> {
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if self.read(STAGES, IsolationLevel::ReadCommitted).await?.len() >= records {
                return Ok(());
            }
            self.nobody_fails_within(LOOK).await?;
        }
        let arrived = self.read(STAGES, IsolationLevel::ReadCommitted).await?.len();
        Err(format!("after {PATIENCE:?} {arrived} of {records} records have arrived"))
    }

    async fn judge(&self, options: &Options) -> Result<String, String> {
        let mut aborted = 0;
        for stage in 1..=STAGES {
            let committed = self.read(stage, IsolationLevel::ReadCommitted).await?;
            verdict::judge(&committed, stage, options.records)
                .map_err(|why| format!("{}: {why}", topic(stage)))?;
            let all = self.read(stage, IsolationLevel::ReadUncommitted).await?;
            verdict::judge_uncommitted(&all, &committed).map_err(|why| format!("{}: {why}", topic(stage)))?;
            aborted += all.len() - committed.len();
        }
        if self.tally.aborts() > 0 && aborted == 0 {
            return Err("transactions were aborted, and none of their records is there".to_owned());
        }
        Ok(format!(
            "{} records through {STAGES} stages, each once and in order; the broker was killed {} times, a member {} times, \
             {} transactions were aborted by the work; {aborted} records were never committed",
            options.records,
            options.kills,
            self.tally.kills(),
            self.tally.aborts(),
        ))
    }

    /// All records of a topic, as keys and values, in the order of each partition.
    async fn read(&self, number: usize, level: IsolationLevel) -> Result<Vec<(String, String)>, String> {
        let consumer = self.client.assigned_consumer::<String, String>().assign_topics([topic(number)]);
        let consumer =
            consumer.key(Utf8).value(Utf8).isolation_level(level).between(Place::Beginning, Place::End);
        let read = async {
            let records = consumer.build().await?;
            let parts = |record: kestrel_client::ConsumerRecord<String, String>| {
                (record.key.unwrap_or_default(), record.value.unwrap_or_default())
            };
            records.map_ok(parts).try_collect().await
        };
        let read = timeout(PATIENCE, read).await.map_err(|_| format!("{} has no end", topic(number)))?;
        read.map_err(|error: kestrel_client::Error| format!("{}: {error:#}", topic(number)))
    }
}

/// The topic that the stage of this number writes; the first one is written by the source.
fn topic(number: usize) -> String {
    format!("chain-{number}")
}

type Ended = Result<Result<(), kestrel_client::Error>, tokio::task::JoinError>;

fn ended(task: Option<Ended>) -> Result<(), String> {
    match task {
        Some(Ok(Err(error))) => Err(format!("{error:#}")),
        Some(Err(panicked)) => Err(panicked.to_string()),
        Some(Ok(Ok(()))) | None => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the report says how long it took")]
fn now() -> Instant {
    Instant::now()
}
