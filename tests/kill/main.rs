//! The kill loop: kills a broker at random instants while producers write, and holds what is left against what was
//! acknowledged.
//!
//! ```text
//!   writers, foreign writers ──► broker ◄── kill, stop, kill while it starts or stops ── rounds
//!   chores, member of a group      │
//!        │ what was promised       │ what is there
//!        ▼                         ▼
//!      ledger ───────────────► verifier ── check (pure)
//! ```
//!
//! `kestrel-kill --help` says how it is run. It ends with 0 when every promise was kept.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod check;
mod chores;
mod clock;
mod foreign;
mod ledger;
mod member;
mod rounds;
mod sabotage;
mod stamp;
mod topics;
mod transactions;
mod verifier;
mod writer;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use kestrel_tests::{BrokerProcess, succeed};
use tokio::process::Command;

use crate::ledger::SharedLedger;
use crate::rounds::Rounds;

/// Settings that make a minute of test as eventful as days of use.
const SETTINGS: [&str; 6] = [
    "log.retention.check.interval.ms=100",
    "log.cleaner.backoff.ms=50",
    "log.cleaner.min.cleanable.ratio=0.01",
    "log.segment.delete.delay.ms=200",
    "offsets.topic.num.partitions=3",
    "auto.create.topics.enable=false",
];

/// Kill a broker again and again while producers write, and look whether it kept what it acknowledged
///
/// Whatever fails, the seed, the round and the folder are printed, and the folder is kept.
#[derive(Debug, Parser)]
struct Options {
    /// The broker: kestrel-broker, or a program with its command line
    #[arg(long, value_name = "PROGRAM")]
    broker: PathBuf,

    /// How many rounds are played; each ends the broker once or more
    #[arg(long, value_name = "N", default_value_t = 100)]
    rounds: u32,

    /// What decides when and how the broker is ended
    #[arg(long, value_name = "N", default_value_t = 5)]
    seed: u64,

    /// The words that start a foreign writer (see foreign.rs); may be given many times
    #[arg(long, value_name = "COMMAND")]
    writer: Vec<String>,

    /// The words that start a foreign transactor (see transactions/session.rs); may be given many times
    #[arg(long, value_name = "COMMAND")]
    transactor: Vec<String>,

    /// A program that looks at the folder in the end, called with its name
    #[arg(long, value_name = "PROGRAM")]
    inspect: Option<PathBuf>,

    /// Where the folder is made [default: the system's temporary folder]
    #[arg(long, value_name = "FOLDER")]
    work: Option<PathBuf>,

    /// Say how long each round takes
    #[arg(long)]
    verbose: bool,

    /// Break a promise in this round: cut the newer half off a log
    #[arg(long, value_name = "ROUND", hide = true)]
    sabotage: Option<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let parent = options.work.clone().unwrap_or_else(std::env::temp_dir);
    let work = parent.join(format!("kestrel-kill-{}", std::process::id()));
    println!("seed {}, {} rounds, in {}", options.seed, options.rounds, work.display());
    match run(&options, &work).await {
        Ok(()) => {
            // What is left over does no harm.
            let _ = std::fs::remove_dir_all(&work);
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("FAILED with seed {}: {why}\nlog and data are in {}", options.seed, work.display());
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, work: &Path) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(work).map_err(text)?;
    let program =
        options.broker.canonicalize().map_err(|error| format!("{}: {error:#}", options.broker.display()))?;
    let broker = BrokerProcess::new(program, work, &SETTINGS).map_err(text)?;
    let (data_dir, ledger, began) = (broker.data_dir().to_path_buf(), SharedLedger::default(), clock::now());
    let mut rounds = Rounds::begin(options, broker, ledger.clone()).await?;
    for round in 1..=options.rounds {
        let began = clock::now();
        rounds.play(round).await.map_err(|why| format!("round {round}: {why}"))?;
        if options.verbose || round % 10 == 0 {
            let records = ledger.lock().acknowledgements;
            println!("round {round}: {records} records acknowledged; it took {:.0?}", clock::now() - began);
        }
    }
    let (ends, read, compacted) = rounds.close().await.map_err(|why| format!("at the end: {why}"))?;
    if let Some(program) = &options.inspect {
        print!("{}", succeed(Command::new(program).arg(&data_dir)).await?);
    }
    let ledger = ledger.lock();
    println!(
        "ok: {} rounds in {:.0?} with {ends:?}; {} records acknowledged, {} in doubt, {read} read; {} commits, {} deletions; \
         {compacted} records compacted away; {}",
        options.rounds,
        clock::now() - began,
        ledger.acknowledgements,
        ledger.failures,
        ledger.commits,
        ledger.deletions,
        ledger.transactions.summary(),
    );
    Ok(())
}
