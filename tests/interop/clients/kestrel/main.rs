//! Kestrel's own member of a group of foreign clients: says in JSON lines what happens to it (see `ring/member.py`).

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, thread};

use async_trait::async_trait;
use bytes::Bytes;
use clap::Parser;
use kestrel_client::assignor::{Assignor, CooperativeSticky, Range, RoundRobin, Sticky};
use kestrel_client::{
    AssignedPartitions, AutoOffsetReset, Client, CommitPolicy, Consumer, Error, OffsetAndMetadata,
    RebalanceListener, RevokedPartitions, TopicPartition,
};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

const HEARTBEAT: Duration = Duration::from_millis(300);
/// More partitions than a scenario has.
const MOST_NEWS: usize = 1000;

/// Joins a group, reads, commits what it has read, and says so, until its standard input ends.
#[derive(Debug, Parser)]
struct Options {
    /// What to do: there is only `member`.
    #[arg(value_parser = ["member"])]
    command: String,
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    topic: String,
    #[arg(long)]
    group: String,
    #[arg(long, default_value = "range", value_parser = ["range", "roundrobin", "sticky", "cooperative-sticky"])]
    assignor: String,
    #[arg(long)]
    instance: Option<String>,
    #[arg(long, default_value_t = 6000)]
    session_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match member(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn member(options: Options) -> Result<(), Error> {
    let client = Client::builder(options.bootstrap).connect().await?;
    let (news, mut assigned) = mpsc::channel(MOST_NEWS);
    let mut builder = client
        .consumer::<Bytes, Bytes>(options.group)
        .topics([options.topic])
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .commit_policy(CommitPolicy::Manual)
        .partition_assignment_strategy([assignor(&options.assignor)])
        .session_timeout(Duration::from_millis(options.session_ms))
        .heartbeat_interval(HEARTBEAT)
        .rebalance_listener(Listener { news });
    if let Some(instance) = options.instance {
        builder = builder.group_instance_id(instance);
    }
    let mut consumer = builder.build().await?;

    let mut end = input_end();
    loop {
        let record = tokio::select! {
            record = consumer.next() => record,
            _ = &mut end => break,
        };
        let record = match record {
            Some(Ok(record)) => record,
            // Brokers may be down for long.
            Some(Err(error)) if error.is_retriable() => continue,
            Some(Err(error)) => return Err(error),
            None => break,
        };
        find(&consumer, &mut assigned).await?;
        say("record", json!({"partition": record.partition, "offset": record.offset}));
        let partition = TopicPartition::new(record.topic.clone(), record.partition);
        commit(&consumer, partition, record.offset + 1).await;
    }
    consumer.close().await?;
    say("closed", json!({}));
    Ok(())
}

fn assignor(name: &str) -> Arc<dyn Assignor> {
    match name {
        "roundrobin" => Arc::new(RoundRobin),
        "sticky" => Arc::new(Sticky),
        "cooperative-sticky" => Arc::new(CooperativeSticky),
        _ => Arc::new(Range),
    }
}

/// Resolves when standard input ends. A thread of its own reads it: one of the runtime's would keep the program from ending
/// for as long as it waits.
fn input_end() -> oneshot::Receiver<()> {
    let (end, ended) = oneshot::channel();
    thread::spawn(move || {
        // An error is an end too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        end.send(())
    });
    ended
}

/// Says what was committed of the partitions that came since the last call.
async fn find(
    consumer: &Consumer<Bytes, Bytes>,
    assigned: &mut mpsc::Receiver<TopicPartition>,
) -> Result<(), Error> {
    let mut partitions = Vec::new();
    while let Ok(partition) = assigned.try_recv() {
        partitions.push(partition);
    }
    if partitions.is_empty() {
        return Ok(());
    }
    for (partition, found) in consumer.committed(partitions).await? {
        let Some(OffsetAndMetadata { offset, metadata, .. }) = found else { continue };
        say("found", json!({"partition": partition.partition, "offset": offset, "metadata": &*metadata}));
    }
    Ok(())
}

async fn commit(consumer: &Consumer<Bytes, Bytes>, partition: TopicPartition, offset: i64) {
    let number = partition.partition;
    let position = OffsetAndMetadata::new(offset).metadata(format!("kestrel-member at {offset}"));
    match consumer.commit_offsets([(partition, position)]).await {
        Ok(()) => say("committed", json!({"offsets": BTreeMap::from([(number.to_string(), offset)])})),
        Err(error) => say("commit-failed", json!({"why": error.to_string()})),
    }
}

struct Listener {
    news: mpsc::Sender<TopicPartition>,
}

#[async_trait]
impl RebalanceListener for Listener {
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        for partition in assigned.partitions() {
            // Nobody listens any more only when the member has ended.
            let _ = self.news.send(partition.clone()).await;
        }
        say("assigned", json!({"partitions": numbers(assigned.partitions())}));
    }

    async fn revoked(&self, revoked: &RevokedPartitions) {
        say("revoked", json!({"partitions": numbers(revoked.partitions())}));
    }

    async fn lost(&self, partitions: &[TopicPartition]) {
        say("lost", json!({"partitions": numbers(partitions)}));
    }
}

fn numbers<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> Vec<i32> {
    partitions.into_iter().map(|partition| partition.partition).collect()
}

/// One line on standard output.
fn say(event: &str, more: Value) {
    #[expect(clippy::disallowed_methods, reason = "the ring compares the times of several processes")]
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut line = Map::from_iter([("event".to_owned(), event.into()), ("at".to_owned(), json!(at))]);
    if let Value::Object(more) = more {
        line.extend(more);
    }
    println!("{}", Value::Object(line));
}
