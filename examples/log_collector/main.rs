//! Collects the log files of many services in one topic, and shows what is in it while it comes: `cargo run --release --example
//! log_collector`.
//!
//! ```text
//!   services ──► files, which are rotated ──► collector ──zstd, keyed by host──► logs ──► view: lines by level
//! ```
//!
//! The services and their files are made here, in a temporary folder; the [collector](tail) would follow any others. All lines of a
//! host go to one partition, where they stay in order. The topic keeps so many bytes and no more, and deletes the oldest lines. On an
//! embedded broker, or on any cluster with `--bootstrap`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod services;
mod tail;
mod view;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Parser;
use futures::future::try_join_all;
use kestrel_broker::{Broker, BrokerBuilder, Durability};
use kestrel_client::admin::{AlterConfigs, ConfigResource, NewTopic, OffsetSpec};
use kestrel_client::observer::{BatchProduced, Observer};
use kestrel_client::{CancellationToken, Client, Compression, IsolationLevel};
use kestrel_examples::{Cluster, Dice, Result, exit_code, in_time, thousands};
use kestrel_serde::{Json, Utf8};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::services::{HOSTS, SERVICES, Service};
use self::tail::Tail;
use self::view::View;

const PARTITIONS: i32 = 4;
/// How often the collector looks for new lines.
const LOOK: Duration = Duration::from_millis(50);

/// Collect the log files of many services.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// The topic; it must not be there yet.
    #[arg(long, default_value = "logs")]
    topic: String,
    /// How many lines each of the 24 services writes.
    #[arg(long, default_value_t = 2_000)]
    lines: u64,
    /// How many seconds that takes.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Decides what they write.
    #[arg(long, default_value_t = 1980)]
    seed: u64,
}

/// A line of a log file. The record's key is the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// Which service wrote it.
    service: String,
    /// How much it matters.
    level: Level,
    /// The line, as it is in the file.
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    const ALL: [Self; 4] = [Self::Error, Self::Warn, Self::Info, Self::Debug];

    const fn name(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }

    /// The level of a line, which is its second word; what says none is information.
    fn of(text: &str) -> Self {
        let word = text.split_whitespace().nth(1);
        Self::ALL.into_iter().find(|level| word == Some(level.name())).unwrap_or(Self::Info)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(options.cluster.run_with(broker(), async |bootstrap| show(bootstrap, &options).await).await)
}

/// A broker that looks each second whether segments may go: the default is five minutes.
fn broker() -> BrokerBuilder {
    let broker = Broker::builder().ephemeral().durability(Durability::Os);
    broker.set("log.retention.check.interval.ms", "1000")
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let sizes = Arc::new(Sizes::default());
    let client =
        Client::builder(bootstrap).client_id("log-collector").observer(sizes.clone()).connect().await?;
    let topic = NewTopic::new(&*options.topic)
        .partitions(PARTITIONS)
        // Each partition keeps that much. What is deleted are whole segments, so they are short here: a second, and not a week.
        .config("retention.bytes", "16777216")
        .config("segment.ms", "1000");
    client.admin().create_topics([topic]).await.into_result()?;

    let folder = TempDir::new()?;
    let services = services::all(folder.path(), &mut Dice::new(options.seed))?;
    let tails: Vec<_> = services.iter().map(|service| (service.clone(), Tail::of(service.file()))).collect();
    let written = CancellationToken::new();
    let mut collector = JoinSet::new();
    collector.spawn(collect(client.clone(), options.topic.clone(), tails, written.clone()));
    let (view, rotations) = tokio::try_join!(
        in_time("reading the lines", view::watch(&client, &options.topic, &mut collector)),
        async {
            let pace = Duration::from_secs(options.seconds.into());
            let rotations = write(services, options.lines, pace).await;
            written.cancel();
            rotations
        },
    )?;
    verify(&view, options.lines)?;
    println!(
        "\n{} files were rotated: each line has come once, in order within its file",
        thousands(rotations)
    );
    sizes.print();
    keep_less(&client, &options.topic, sizes.compressed(), options.cluster.bootstrap.is_none()).await
}

/// Has all services write; gives how often their files were rotated.
async fn write(services: Vec<Service>, lines: u64, takes: Duration) -> Result<u64> {
    let writing = services.into_iter().map(|service| service.write(lines, takes));
    Ok(try_join_all(writing).await?.into_iter().sum())
}

/// The collector: follows files and sends their lines, until they are `written` and it has sent the last ones.
async fn collect(
    client: Client,
    topic: String,
    mut tails: Vec<(Service, Tail)>,
    written: CancellationToken,
) -> Result {
    let producer =
        client.producer().compression(Compression::Zstd).linger(Duration::from_millis(100)).build().await?;
    let logs = producer.topic::<str, Line>(&*topic).key(Utf8).value(Json).open().await?;
    loop {
        // Asked before it looks: what is written until then it will find.
        let is_last = written.is_cancelled();
        let mut deliveries = Vec::new();
        for (service, tail) in &mut tails {
            for text in tail.read_new()? {
                let line = Line { service: service.name.to_owned(), level: Level::of(&text), text };
                deliveries.push(logs.send(service.host, &line).await?);
            }
        }
        try_join_all(deliveries).await?;
        if is_last {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// What went over the wire, as batches.
#[derive(Debug, Default)]
struct Sizes {
    uncompressed: AtomicUsize,
    compressed: AtomicUsize,
}

impl Observer for Sizes {
    fn on_batch_produced(&self, batch: &BatchProduced<'_>) {
        self.uncompressed.fetch_add(batch.uncompressed_bytes, Ordering::Relaxed);
        self.compressed.fetch_add(batch.compressed_bytes, Ordering::Relaxed);
    }
}

impl Sizes {
    fn compressed(&self) -> u64 {
        self.compressed.load(Ordering::Relaxed) as u64
    }

    fn print(&self) {
        let uncompressed = self.uncompressed.load(Ordering::Relaxed) as u64;
        let (before, after) = (thousands(uncompressed / 1_000), thousands(self.compressed() / 1_000));
        println!("compressed from {before} kB to {after} kB: the broker stores and serves them as they are");
    }
}

/// Whether each service's lines are all there. That they are in order is seen when they come.
fn verify(view: &View, lines: u64) -> Result {
    for host in HOSTS {
        for service in SERVICES {
            let read = view.lines_of(host, service);
            if read != lines {
                return Err(format!("{read} lines of {service} on {host}, and should be {lines}").into());
            }
        }
    }
    Ok(())
}

/// Has the topic keep about half of what it holds, and waits until the rest is gone, where the broker looks often enough for it.
async fn keep_less(client: &Client, topic: &str, bytes: u64, wait: bool) -> Result {
    let kept = bytes / u64::try_from(PARTITIONS)? / 2;
    let less = AlterConfigs::of(ConfigResource::topic(topic)).set("retention.bytes", kept.to_string());
    client.admin().alter_configs([less]).await.into_result()?;
    println!("\nthe topic is told to keep {} kB in each partition", thousands(kept / 1_000));
    if !wait {
        println!("the broker will do so when it looks next (log.retention.check.interval.ms)");
        return Ok(());
    }
    let deleted = async {
        while offsets(client, topic, OffsetSpec::Earliest).await? == 0 {
            sleep(LOOK).await;
        }
        Ok(())
    };
    in_time("deleting the oldest lines", deleted).await?;
    let (first, last) = (
        offsets(client, topic, OffsetSpec::Earliest).await?,
        offsets(client, topic, OffsetSpec::Latest).await?,
    );
    println!("the oldest {} of {} lines are gone", thousands(first), thousands(last));
    Ok(())
}

/// The sum of an offset over all partitions.
async fn offsets(client: &Client, topic: &str, which: OffsetSpec) -> Result<u64> {
    let all = (0..PARTITIONS).map(|partition| ((topic, partition), which));
    let listed = client.admin().list_offsets(all, IsolationLevel::ReadUncommitted).await.into_result()?;
    Ok(u64::try_from(listed.iter().filter_map(|(_, listed)| listed.offset).sum::<i64>())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_line_comes_once_and_in_order() {
        let cluster = Cluster::default();
        let options = Options { cluster, topic: "quick".to_owned(), lines: 300, seconds: 3, seed: 7 };
        options.cluster.run_with(broker(), async |bootstrap| show(bootstrap, &options).await).await.unwrap();
    }

    #[test]
    fn a_level_is_a_lines_second_word() {
        assert_eq!(Level::of("08:00:00 ERROR #1 disk full"), Level::Error);
        assert_eq!(Level::of("08:00:00 #1 no ERROR at all"), Level::Info);
        assert_eq!(Level::of(""), Level::Info);
    }
}
