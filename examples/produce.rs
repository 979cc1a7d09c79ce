//! Sends earthquakes to any Kafka cluster: `cargo run --release --example produce -- --bootstrap 127.0.0.1:9092`.
//!
//! Keys are the seismic networks, values JSON, timestamps the times of the events. Ends with exit code 0 only if every
//! record is stored; Ctrl-C stops sending and still waits for what is on its way.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitCode;

use clap::Parser;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use kestrel_client::{Compression, RecordMetadata, Timestamp};
use kestrel_examples::{Earthquake, Result, connect, create_topic, earthquakes, exit_code, thousands};
use kestrel_serde::{Json, Utf8};
use tokio::signal::ctrl_c;

/// How many records may be on their way at once.
const IN_FLIGHT: usize = 10_000;

/// Send a week of earthquakes to a Kafka cluster, as typed JSON.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic; it is created if it does not exist.
    #[arg(long, default_value = "earthquakes")]
    topic: String,
    /// How many partitions the topic gets if it is created.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: i32,
    /// How many records to send; the week begins again when it is over. Default: the week once.
    #[arg(long)]
    records: Option<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(produce(Options::parse()).await)
}

async fn produce(options: Options) -> Result {
    let week = earthquakes()?;
    let wanted = options.records.unwrap_or(week.len());
    let events = stream::iter(week.iter().cycle().take(wanted)).take_until(ctrl_c());

    let client = connect(&options.bootstrap, "produce").await?;
    if create_topic(&client, &options.topic, options.partitions).await? {
        println!("created topic {} with {} partitions", options.topic, options.partitions);
    }
    let producer = client.producer().compression(Compression::Lz4).build().await?;
    let topic = producer.topic::<str, Earthquake>(options.topic).key(Utf8).value(Json).open().await?;

    // `send` accepts a record and gives the future of its receipt; up to IN_FLIGHT of those are awaited at once.
    let deliveries = events.then(|event| {
        topic.record(&event.network, event).timestamp(Timestamp::from_millis(event.time_ms)).send()
    });
    let stored = print_ends(deliveries.try_buffered(IN_FLIGHT)).await?;
    if stored < wanted {
        let (stored, wanted) = (thousands(stored as u64), thousands(wanted as u64));
        return Err(format!("interrupted: {stored} of {wanted} records were sent").into());
    }
    Ok(())
}

/// What was stored in a partition.
#[derive(Default)]
struct Stored {
    records: usize,
    last_offset: Option<i64>,
}

/// Waits for all receipts and shows where each partition ended; gives how many there were.
async fn print_ends(receipts: impl Stream<Item = kestrel_client::Result<RecordMetadata>>) -> Result<usize> {
    let mut receipts = pin!(receipts);
    let mut partitions = BTreeMap::<i32, Stored>::new();
    while let Some(receipt) = receipts.try_next().await? {
        let stored = partitions.entry(receipt.partition).or_default();
        stored.records += 1;
        stored.last_offset = stored.last_offset.max(receipt.offset);
    }
    for (partition, Stored { records, last_offset }) in &partitions {
        let last_offset = last_offset.map_or_else(|| "unknown".to_owned(), |offset| offset.to_string());
        println!(
            "partition {partition}: {:>10} records stored, the last at offset {last_offset}",
            thousands(*records as u64)
        );
    }
    Ok(partitions.values().map(|stored| stored.records).sum())
}
