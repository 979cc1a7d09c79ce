//! A client that is observed: `cargo run --example observer`.
//!
//! Starts a broker inside this process, sends and reads some thousand records, and shows what an observer of a few lines has
//! counted meanwhile. A program gives such figures to whatever keeps its metrics.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use kestrel_broker::Broker;
use kestrel_client::observer::{BatchProduced, Observer, PartitionLag, RecordsPolled, RequestEnded};
use kestrel_client::{ApiKey, AutoOffsetReset, Client, Record};
use kestrel_examples::{Result, exit_code, thousands};

const RECORDS: usize = 20_000;

/// Counts a few things. Events come from many tasks, so it locks; it never waits for anything else.
#[derive(Debug, Default)]
struct Figures(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<ApiKey, (u32, Duration)>,
    batches: usize,
    records: usize,
    bytes: usize,
    polled: usize,
    lag: i64,
}

impl Observer for Figures {
    fn on_request_ended(&self, event: &RequestEnded<'_>) {
        let mut counts = self.0.lock().expect("no task panics with it");
        let (count, time) = counts.requests.entry(event.api).or_default();
        *count += 1;
        *time += event.latency;
    }

    fn on_batch_produced(&self, event: &BatchProduced<'_>) {
        let mut counts = self.0.lock().expect("no task panics with it");
        counts.batches += 1;
        counts.records += event.records;
        counts.bytes += event.compressed_bytes;
    }

    fn on_records_polled(&self, event: &RecordsPolled<'_>) {
        self.0.lock().expect("no task panics with it").polled += event.records;
    }

    fn on_partition_lag(&self, event: &PartitionLag<'_>) {
        self.0.lock().expect("no task panics with it").lag = event.lag();
    }
}

impl Figures {
    fn print(&self, when: &str) {
        let counts = self.0.lock().expect("no task panics with it");
        let Counts { requests, batches, records, bytes, polled, lag } = &*counts;
        println!(
            "{when}: {} records in {batches} batches of {} bytes;",
            thousands(*records as u64),
            bytes / (*batches).max(1)
        );
        println!("  {} records read, {lag} behind", thousands(*polled as u64));
        for (api, (count, time)) in requests {
            println!("  {count:>4} x {api}, {:?} each", *time / *count);
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(observe().await)
}

async fn observe() -> Result {
    let broker = Broker::test().await?;
    let figures = Arc::new(Figures::default());
    let client = Client::builder(broker.bootstrap_servers()).observer(figures.clone()).connect().await?;

    let producer = client.producer().build().await?;
    for number in 0..RECORDS {
        drop(producer.send(Record::to("numbers").value(number.to_string())).await?);
    }
    producer.flush().await?;
    figures.print("sent");

    let reader = client.assigned_consumer().assign_topics(["numbers"]);
    let mut reader = reader.auto_offset_reset(AutoOffsetReset::Earliest).build().await?;
    for _ in 0..RECORDS {
        let record: kestrel_client::ConsumerRecord = reader.next().await.ok_or("the stream has ended")??;
        assert!(record.value.is_some());
    }
    // A batch is done with when the next record is asked for: only then is the reader no longer behind.
    assert!(reader.next().now_or_never().is_none());
    figures.print("read");
    Ok(())
}
