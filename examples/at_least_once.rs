//! Reads earthquakes at least once: `cargo run --release --example at_least_once -- --bootstrap 127.0.0.1:9092`.
//!
//! Works first, says of each record that it is done, and lets the consumer commit that. Records are worked on by several tasks
//! and are done in any order; committed is the first one that is not. A crash loses nothing, and what was worked on and not
//! committed is worked on again: so the work has to bear a repetition.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use kestrel_client::{AutoOffsetReset, CommitPolicy, ConsumerRecord, Error};
use kestrel_examples::{Earthquake, Result, connect, exit_code, thousands};
use kestrel_serde::{Json, Utf8};
use tokio::signal::ctrl_c;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Read earthquakes, as `produce` sends them, each at least once; until Ctrl-C.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic.
    #[arg(long, default_value = "earthquakes")]
    topic: String,
    /// The group: a second run with the same name goes on where the first has ended.
    #[arg(long, default_value = "at-least-once")]
    group: String,
    /// How many records are worked on at once.
    #[arg(long, default_value_t = 8)]
    workers: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let client = connect(&options.bootstrap, "at-least-once").await?;
    let mut consumer = client
        .consumer::<String, Earthquake>(options.group)
        .topics([options.topic])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::OnAck)
        .build()
        .await?;
    let (free, mut tasks) = (Arc::new(Semaphore::new(options.workers)), JoinSet::new());
    let mut done = 0;
    loop {
        let worker = free.clone().acquire_owned().await?;
        while tasks.try_join_next().is_some() {
            done += 1;
        }
        let record = tokio::select! {
            record = consumer.next() => record,
            _ = ctrl_c() => break,
        };
        match record {
            Some(Ok(record)) => {
                tasks.spawn(async move {
                    work(&record).await;
                    record.ack();
                    drop(worker);
                });
            }
            // What no deserializer accepts is done too, or nothing behind it would ever be committed.
            Some(Err(Error::Deserialize(poison))) => {
                eprintln!("skipped: {poison}");
                poison.record.ack();
            }
            Some(Err(error)) if error.is_retriable() => eprintln!("{error:#}"),
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
    }
    done += tasks.join_all().await.len() as u64;
    eprintln!("{} earthquakes", thousands(done));
    // What is done is committed, and another member takes over at once.
    consumer.close().await?;
    Ok(())
}

/// The work: some take longer than others.
async fn work(record: &ConsumerRecord<String, Earthquake>) {
    let Some(quake) = &record.value else { return };
    tokio::time::sleep(Duration::from_secs_f64(quake.magnitude.abs() / 1_000.0)).await;
}
