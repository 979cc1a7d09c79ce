//! Reads earthquakes at most once: `cargo run --release --example at_most_once -- --bootstrap 127.0.0.1:9092`.
//!
//! Commits first, works afterwards: a crash between the two loses what was committed and not worked on, and nothing is ever
//! worked on twice. For what may be missed but not repeated: metrics, notifications, samples.

use std::process::ExitCode;

use clap::Parser;
use kestrel_client::{AutoOffsetReset, Batch, CommitPolicy, Error};
use kestrel_examples::{Earthquake, Result, connect, exit_code, thousands};
use kestrel_serde::{Json, Utf8};
use tokio::signal::ctrl_c;

/// Read earthquakes, as `produce` sends them, each at most once; until Ctrl-C.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic.
    #[arg(long, default_value = "earthquakes")]
    topic: String,
    /// The group: a second run with the same name goes on where the first has ended.
    #[arg(long, default_value = "at-most-once")]
    group: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let client = connect(&options.bootstrap, "at-most-once").await?;
    let mut consumer = client
        .consumer::<String, Earthquake>(options.group)
        .topics([options.topic])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::Manual)
        .build()
        .await?;
    let mut warnings = 0;
    loop {
        let batch = tokio::select! {
            batch = consumer.next_batch() => batch?,
            _ = ctrl_c() => break,
        };
        let Some(batch) = batch else { break };
        // Only what the group has noted is worked on: if this fails, the batch is not touched.
        match consumer.commit().await {
            Ok(()) => warnings += warn(&batch),
            Err(Error::CommitFailed(failed)) => eprintln!("left to others: {failed}"),
            Err(error) => return Err(error.into()),
        }
    }
    eprintln!("{} warnings", thousands(warnings));
    consumer.close().await?;
    Ok(())
}

/// The work: warns of each strong earthquake, and never twice of the same one.
fn warn(batch: &Batch<String, Earthquake>) -> u64 {
    let mut warnings = 0;
    for record in batch {
        match record.value() {
            Ok(Some(quake)) if quake.magnitude >= 6.0 => {
                eprintln!("magnitude {:.1}: {}", quake.magnitude, quake.place);
                warnings += 1;
            }
            Ok(_) => {}
            Err(error) => eprintln!("skipped: {error:#}"),
        }
    }
    warnings
}
