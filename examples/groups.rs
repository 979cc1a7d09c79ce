//! Shows a group at work: `cargo run --release --example groups -- --bootstrap 127.0.0.1:9092 --members 6 --partitions 4`.
//!
//! Members join one after the other while a producer writes, until there are more than partitions: those have nothing to do.
//! Then they go, in turn in good order and without a word, and the idle ones take over. Each change draws who owns what.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Parser;
use kestrel_client::assignor::{Assignor, CooperativeSticky, Range};
use kestrel_client::{
    AssignedPartitions, AutoOffsetReset, Client, Consumer, RebalanceListener, Record, RevokedPartitions,
    TopicPartition,
};
use kestrel_examples::{Result, connect, create_topic, exit_code, thousands};
use kestrel_serde::{Raw, Utf8};
use tokio::signal::ctrl_c;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Watch members of a group join and leave.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic; it is created if it is not there.
    #[arg(long, default_value = "groups-example")]
    topic: String,
    /// The group.
    #[arg(long, default_value = "groups-example")]
    group: String,
    /// How many partitions a new topic gets.
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// How many members join.
    #[arg(long, default_value_t = 6)]
    members: usize,
    /// Seconds from one change to the next.
    #[arg(long, default_value_t = 4)]
    pause: u64,
    /// Keep reading through a rebalance what is kept (KIP-429), instead of giving up everything first.
    #[arg(long)]
    cooperative: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let client = connect(&options.bootstrap, "groups").await?;
    create_topic(&client, &options.topic, options.partitions).await?;
    let picture = Picture::default();
    let mut tasks = JoinSet::new();
    tasks.spawn(write(client.clone(), options.topic.clone()));
    tokio::select! {
        shown = show(&client, &options, &picture) => shown?,
        _ = ctrl_c() => {}
        Some(ended) = tasks.join_next() => ended??,
    }
    let seen = picture.lock().seen.len() as u64;
    eprintln!("{} records read, {} of them again", thousands(seen), thousands(picture.lock().again));
    Ok(())
}

/// Has members come, and go again.
async fn show(client: &Client, options: &Options, picture: &Picture) -> Result {
    let pause = Duration::from_secs(options.pause);
    let mut members = Vec::new();
    let mut tasks = JoinSet::new();
    for number in 0..options.members {
        let name = char::from_u32('A' as u32 + u32::try_from(number % 26)?).unwrap_or('?').to_string();
        picture.say(&format!("{name} joins"), |picture| picture.members.insert(name.clone()));
        let consumer = join(client, options, &name, picture).await?;
        let (stop, stopped) = oneshot::channel();
        tasks.spawn(read(consumer, picture.clone(), stopped));
        members.push((name, stop));
        sleep(pause).await;
    }
    for (turn, (name, stop)) in members.into_iter().enumerate() {
        let goes_politely = turn % 2 == 0;
        let how = if goes_politely { "leaves" } else { "vanishes: the others notice after 6 s" };
        picture.say(&format!("{name} {how}"), |picture| picture.members.remove(&name));
        // Nobody listens any more only if the member has failed; then its task says why.
        let _ = stop.send(goes_politely);
        sleep(pause + if goes_politely { Duration::ZERO } else { Duration::from_secs(6) }).await;
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn join(
    client: &Client,
    options: &Options,
    name: &str,
    picture: &Picture,
) -> Result<Consumer<bytes::Bytes, String>> {
    let strategy: Arc<dyn Assignor> =
        if options.cooperative { Arc::new(CooperativeSticky) } else { Arc::new(Range) };
    let consumer = client
        .consumer(options.group.as_str())
        .topics([options.topic.as_str()])
        .key(Raw)
        .value(Utf8)
        .auto_offset_reset(AutoOffsetReset::Latest)
        .partition_assignment_strategy([strategy])
        // Short, so that there is something to see.
        .heartbeat_interval(Duration::from_millis(500))
        .session_timeout(Duration::from_secs(6))
        .rebalance_listener(Painter { name: name.to_owned(), picture: picture.clone() });
    Ok(consumer.build().await?)
}

/// Reads until told to go: in good order, or without a word.
async fn read(
    mut consumer: Consumer<bytes::Bytes, String>,
    picture: Picture,
    mut stopped: oneshot::Receiver<bool>,
) -> Result {
    loop {
        let record = tokio::select! {
            record = consumer.next() => record.ok_or("the consumer has ended")??,
            goes_politely = &mut stopped => {
                if goes_politely.unwrap_or_default() {
                    consumer.close().await?;
                }
                return Ok(());
            }
        };
        let mut picture = picture.lock();
        if !picture.seen.insert((record.partition, record.offset)) {
            picture.again += 1;
        }
    }
}

/// Writes ten records a second.
async fn write(client: Client, topic: String) -> Result {
    let producer = client.producer().build().await?;
    for number in 0_u64.. {
        producer.send(Record::to(topic.as_str()).key(number.to_string()).value("tick")).await?.await?;
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Who owns what, as the members themselves have heard.
#[derive(Clone, Default)]
struct Picture(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    members: BTreeSet<String>,
    owners: BTreeMap<i32, String>,
    seen: BTreeSet<(i32, i64)>,
    again: u64,
}

impl Picture {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the picture and draws it.
    fn say<T>(&self, what: &str, change: impl FnOnce(&mut State) -> T) {
        let mut state = self.lock();
        change(&mut state);
        let mut line = String::new();
        for name in &state.members {
            let owned: Vec<_> = state.owners.iter().filter(|(_, owner)| *owner == name).collect();
            let owned =
                owned.iter().map(|(partition, _)| partition.to_string()).collect::<Vec<_>>().join(" ");
            let shown = if owned.is_empty() { "idle" } else { &owned };
            // Writing to a string cannot fail.
            let _ = write!(line, "  {name} [{shown}]");
        }
        eprintln!("{what:<40}{line}");
    }
}

/// Draws what a member gains and loses.
struct Painter {
    name: String,
    picture: Picture,
}

impl Painter {
    fn loses<'a>(&self, how: &str, partitions: impl Iterator<Item = &'a TopicPartition>) {
        let numbers: Vec<_> = partitions.map(|partition| partition.partition).collect();
        self.picture.say(&format!("  {} {how} {numbers:?}", self.name), |state| {
            state.owners.retain(|number, owner| *owner != self.name || !numbers.contains(number));
        });
    }
}

#[async_trait::async_trait]
impl RebalanceListener for Painter {
    async fn assigned(&self, assigned: &mut AssignedPartitions) {
        let numbers: Vec<_> = assigned.partitions().map(|partition| partition.partition).collect();
        if numbers.is_empty() {
            return;
        }
        self.picture.say(&format!("  {} takes on {numbers:?}", self.name), |state| {
            state.owners.extend(numbers.iter().map(|&number| (number, self.name.clone())));
        });
    }

    async fn revoked(&self, revoked: &RevokedPartitions) {
        self.loses("gives up", revoked.partitions());
    }

    async fn lost(&self, partitions: &[TopicPartition]) {
        self.loses("has lost", partitions.iter());
    }
}
