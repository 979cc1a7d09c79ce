//! Reads earthquakes from any Kafka cluster: `cargo run --release --example consume -- --bootstrap 127.0.0.1:9092`.
//!
//! Prints one line an event, from the beginning of every partition to its end, or with `--follow` until Ctrl-C. A record
//! that is no earthquake is named and skipped, and then the exit code is not 0.

use std::collections::HashMap;
use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_client::{AssignedConsumer, AutoOffsetReset, Client, ConsumerRecord, Error, TopicPartition};
use kestrel_examples::{Earthquake, Result, connect, exit_code, thousands, utc};
use kestrel_serde::{Json, Utf8};
use tokio::signal::ctrl_c;
use tokio::time::sleep;

/// How often to look whether the end is reached while no record comes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Read earthquakes, as `produce` sends them, from a Kafka cluster.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic; all of its partitions are read.
    #[arg(long, default_value = "earthquakes")]
    topic: String,
    /// Wait for more at the end of the topic, until Ctrl-C.
    #[arg(long)]
    follow: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(consume(Options::parse()).await)
}

async fn consume(options: Options) -> Result {
    let client = connect(&options.bootstrap, "consume").await?;
    let consumer = open(&client, &options.topic).await?;
    let until = if options.follow { Until::Interrupted } else { Until::end(&consumer).await? };
    let read = print_events(consumer, &until).await?;

    eprintln!("{} events", thousands(read.events));
    if read.skipped > 0 {
        return Err(format!("{} records are no earthquakes", thousands(read.skipped)).into());
    }
    if read.interrupted && !options.follow {
        return Err("interrupted before the end".into());
    }
    Ok(())
}

async fn open(client: &Client, topic: &str) -> Result<AssignedConsumer<String, Earthquake>> {
    let consumer = client
        .assigned_consumer()
        .assign_topics([topic])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest);
    Ok(consumer.build().await.map_err(|error| match error {
        Error::UnknownTopic { .. } => format!("{error:#}\nthe example `produce` creates and fills it"),
        other => other.to_string(),
    })?)
}

/// How long to read.
enum Until {
    Interrupted,
    /// Up to these offsets, which are those after the last records.
    End(HashMap<TopicPartition, i64>),
}

impl Until {
    async fn end(consumer: &AssignedConsumer<String, Earthquake>) -> Result<Self> {
        Ok(Self::End(consumer.end_offsets(consumer.assignment()).await?))
    }

    /// Asks the consumer's positions instead of counting records: there are offsets without one, such as the markers of
    /// transactions.
    async fn is_reached(&self, consumer: &AssignedConsumer<String, Earthquake>) -> Result<bool> {
        let Self::End(ends) = self else { return Ok(false) };
        for (partition, end) in ends {
            if consumer.position(partition).await? < *end {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What was read.
#[derive(Default)]
struct Read {
    events: u64,
    skipped: u64,
    interrupted: bool,
}

async fn print_events(mut consumer: AssignedConsumer<String, Earthquake>, until: &Until) -> Result<Read> {
    let mut read = Read::default();
    let mut interrupt = pin!(ctrl_c());
    while !until.is_reached(&consumer).await? {
        let record = tokio::select! {
            record = consumer.next() => record.ok_or("nothing is assigned")?,
            () = sleep(LOOK_AGAIN) => continue,
            _ = &mut interrupt => {
                read.interrupted = true;
                break;
            }
        };
        match record {
            Ok(record) => {
                print_event(&record)?;
                read.events += 1;
            }
            // The consumer has moved past it: the next item is the next record.
            Err(Error::Deserialize(poison)) => {
                eprintln!("skipped: {poison}");
                read.skipped += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}

fn print_event(record: &ConsumerRecord<String, Earthquake>) -> io::Result<()> {
    let ConsumerRecord { partition, offset, key, .. } = record;
    let network = key.as_deref().unwrap_or("-");
    let mut out = io::stdout().lock();
    match &record.value {
        Some(Earthquake { magnitude, place, .. }) => {
            writeln!(
                out,
                "{partition}@{offset:<7} {} {network:<3} {magnitude:>5.2}  {place}",
                utc(record.timestamp)
            )
        }
        None => {
            writeln!(out, "{partition}@{offset:<7} {} {network:<3}        (no value)", utc(record.timestamp))
        }
    }
}
