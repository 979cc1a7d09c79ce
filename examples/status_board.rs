//! A status board on a compacted topic, latest status first, then each change: `cargo run --release --example status_board`.
//!
//! Each seismic network has one status, under its name as key. Whoever opens the board late does not read the whole past:
//! compaction keeps the last status of each network, and a tombstone takes a quiet one off the board. A week of earthquakes
//! passes in seconds; the board is opened in the middle of it. On an embedded broker, or on any cluster with `--bootstrap`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_broker::Broker;
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    AutoOffsetReset, Client, ConsumerRecord, ErrorCode, Timestamp, TopicPartition, TypedProducer,
};
use kestrel_examples::{Earthquake, Result, connect, earthquakes, exit_code, thousands, utc};
use kestrel_serde::{Json, Utf8};
use serde::{Deserialize, Serialize};
use tokio::signal::ctrl_c;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A network that has reported nothing for this long is taken off the board.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);
/// How many parts the second half of the week has: the board shows a change while the next part is under way.
const STEPS: usize = 40;

/// Watch the status of seismic networks change.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of a cluster, separated by commas; without, a broker is started inside this process.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// The topic; it is created, compacted, if it is not there.
    #[arg(long, default_value = "network-status")]
    topic: String,
    /// How many seconds the second half of the week takes.
    #[arg(long, default_value_t = 6)]
    seconds: u32,
}

/// What the board shows of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Status {
    /// How many earthquakes it has reported.
    events: u64,
    /// The last of them.
    last_place: String,
    last_time_ms: i64,
    /// The magnitude of the strongest.
    strongest: f64,
}

type Statuses = TypedProducer<str, Status>;

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let Some(bootstrap) = &options.bootstrap else {
        // Gone when the example ends, with its folder. It compacts so often that there is something to see.
        let broker = Broker::builder().ephemeral().set("log.cleaner.backoff.ms", "250").start().await?;
        return show(broker.bootstrap_servers(), &options).await;
    };
    show(bootstrap, &options).await
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let client = connect(bootstrap, "status-board").await?;
    create_compacted(&client, &options.topic).await?;
    let producer = client.producer().build().await?;
    let statuses = producer.topic::<str, Status>(options.topic.as_str()).key(Utf8).value(Json).open().await?;

    let week = earthquakes()?;
    let (past, future) = week.split_at(week.len() / 2);
    let mut reporter = Reporter { statuses, networks: BTreeMap::new() };
    let written = reporter.report(past).await?;
    println!("{} statuses were published before anyone looked\n", thousands(written));

    let mut writing = JoinSet::new();
    let (future, pause) = (future.to_vec(), Duration::from_secs(options.seconds.into()));
    writing.spawn(async move { reporter.report_slowly(&future, pause).await });
    tokio::select! {
        watched = watch(&client, &options.topic, &mut writing) => watched?,
        _ = ctrl_c() => println!("\nstopped"),
    }
    producer.close(Duration::from_secs(10)).await?;
    Ok(())
}

/// A topic that keeps the last record of each key. The board reads all of it, so one partition is enough.
async fn create_compacted(client: &Client, topic: &str) -> Result {
    let new = NewTopic::new(topic)
        .partitions(1)
        .config("cleanup.policy", "compact")
        // Only what is no longer written to is compacted: here from a second on, by default from a week or 1 GiB on.
        .config("segment.ms", "1000")
        .config("min.cleanable.dirty.ratio", "0.01");
    match client.admin().create_topics([new]).await.into_result() {
        Err(error) if error.code() != Some(ErrorCode::TopicAlreadyExists) => Err(error.into()),
        _ => Ok(()),
    }
}

/// The board: first what is, then what changes, until the week is over.
async fn watch(client: &Client, topic: &str, writing: &mut JoinSet<Result<u64>>) -> Result {
    let mut consumer = client
        .assigned_consumer::<String, Status>()
        .assign_topics([topic])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let mut board = Board::default();

    // What is: everything up to where the topic ends now.
    let ends = consumer.end_offsets(consumer.assignment()).await?;
    while let Some(record) = consumer.next_until(&ends).await {
        board.apply(&record?);
    }
    println!("{} records make the board:\n", thousands(board.records));
    board.print();

    // What changes: each record as it comes, until the last one that was written.
    println!("then, as it happens:\n");
    let mut last: Option<HashMap<TopicPartition, i64>> = None;
    loop {
        let record = match &last {
            Some(ends) => consumer.next_until(ends).await,
            None => tokio::select! {
                record = consumer.next() => record,
                Some(written) = writing.join_next() => {
                    written??;
                    last = Some(consumer.end_offsets(consumer.assignment()).await?);
                    continue;
                }
            },
        };
        let Some(record) = record else { break };
        if let Some(news) = board.apply(&record?) {
            println!("{news}");
        }
    }
    println!("\nat the end of the week, after {} records:\n", thousands(board.records));
    board.print();

    // Who comes now reads what compaction has left.
    consumer.seek_to_beginning(consumer.assignment())?;
    let ends = consumer.end_offsets(consumer.assignment()).await?;
    let mut late = Board::default();
    while let Some(record) = consumer.next_until(&ends).await {
        late.apply(&record?);
    }
    let same = if late.rows == board.rows { "the same" } else { "ANOTHER" };
    println!("whoever opens the board now reads {} records, and sees {same} board", thousands(late.records));
    consumer.close().await?;
    Ok(())
}

/// Publishes the networks' statuses.
struct Reporter {
    statuses: Statuses,
    networks: BTreeMap<String, Status>,
}

impl Reporter {
    async fn report_slowly(mut self, quakes: &[Earthquake], takes: Duration) -> Result<u64> {
        let mut written = 0;
        for step in quakes.chunks(quakes.len().div_ceil(STEPS).max(1)) {
            sleep(takes / u32::try_from(STEPS)?).await;
            written += self.report(step).await?;
        }
        Ok(written)
    }

    /// Publishes a status for each event, and a tombstone for each network that has gone quiet; gives how many.
    async fn report(&mut self, quakes: &[Earthquake]) -> Result<u64> {
        let mut deliveries = Vec::new();
        for quake in quakes {
            for name in self.take_quiet(quake.time_ms) {
                deliveries.push(self.statuses.tombstone(&name).await?);
            }
            let status = self.networks.entry(quake.network.clone()).or_insert(Status {
                events: 0,
                last_place: String::new(),
                last_time_ms: 0,
                strongest: f64::MIN,
            });
            status.events += 1;
            status.last_place.clone_from(&quake.place);
            status.last_time_ms = quake.time_ms;
            status.strongest = status.strongest.max(quake.magnitude);
            deliveries.push(self.statuses.send(&quake.network, status).await?);
        }
        let written = deliveries.len() as u64;
        for delivery in deliveries {
            delivery.await?;
        }
        Ok(written)
    }

    fn take_quiet(&mut self, now_ms: i64) -> Vec<String> {
        let since_ms = now_ms - i64::try_from(QUIET.as_millis()).unwrap_or(i64::MAX);
        let quiet: Vec<String> = self
            .networks
            .iter()
            .filter(|(_, status)| status.last_time_ms < since_ms)
            .map(|(name, _)| name.clone())
            .collect();
        for name in &quiet {
            self.networks.remove(name);
        }
        quiet
    }
}

/// The last status of each network.
#[derive(Default)]
struct Board {
    rows: BTreeMap<String, Status>,
    /// How many records it was made of.
    records: u64,
}

impl Board {
    /// Takes a record in; gives what is worth saying: a network that comes or goes, or has its strongest earthquake.
    fn apply(&mut self, record: &ConsumerRecord<String, Status>) -> Option<String> {
        self.records += 1;
        let name = record.key.as_ref()?;
        let Some(status) = &record.value else {
            return self.rows.remove(name).map(|_| format!("  {name:<8} is quiet"));
        };
        let before = self.rows.insert(name.clone(), status.clone());
        let what = match before {
            None => "reports".to_owned(),
            Some(before) if status.strongest > before.strongest => format!("{:.1}", status.strongest),
            Some(_) => return None,
        };
        let time = utc(Timestamp::from_millis(status.last_time_ms));
        Some(format!("  {name:<8} {time}  {what:<8} {}", status.last_place))
    }

    fn print(&self) {
        println!("  network  last event           strongest  events  place");
        for (name, Status { events, last_place, last_time_ms, strongest }) in &self.rows {
            let time = utc(Timestamp::from_millis(*last_time_ms));
            println!("  {name:<8} {time} {strongest:>10.1} {:>7}  {last_place}", thousands(*events));
        }
        println!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_week_passes() {
        run(Options { bootstrap: None, topic: "status".to_owned(), seconds: 0 }).await.unwrap();
    }

    #[tokio::test]
    async fn the_board_is_what_the_reporter_knows() {
        let broker = Broker::test().await.unwrap();
        let client = connect(broker.bootstrap_servers(), "test").await.unwrap();
        create_compacted(&client, "status").await.unwrap();
        let producer = client.producer().build().await.unwrap();
        let statuses = producer.topic("status").key(Utf8).value(Json).open().await.unwrap();
        let mut reporter = Reporter { statuses, networks: BTreeMap::new() };
        let written = reporter.report(&earthquakes().unwrap()).await.unwrap();
        assert!(written > 1_707, "some network goes quiet in that week: {written}");

        let consumer = client.assigned_consumer::<String, Status>().assign_topics(["status"]);
        let consumer = consumer.key(Utf8).value(Json).auto_offset_reset(AutoOffsetReset::Earliest);
        let mut consumer = consumer.build().await.unwrap();
        let ends = consumer.end_offsets(consumer.assignment()).await.unwrap();
        let mut board = Board::default();
        while let Some(record) = consumer.next_until(&ends).await {
            board.apply(&record.unwrap());
        }
        assert_eq!(board.rows, reporter.networks);
    }
}
