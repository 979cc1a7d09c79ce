//! A service as one would run it: orders in, totals out. `cargo run --release --example orders`.
//!
//! ```text
//!   shop ──JSON──► orders ──► billing: three members, a task per partition ──Avro──► order-totals (compacted) ──► board
//!                                        └─ what is no order ─► orders.dlq
//! ```
//!
//! Each order is added to its customer's total exactly once, though members come, go and crash: a total says which order it
//! was counted up to, and a task begins with the totals of its partition. Ctrl-C stops it in order. Runs on a broker of its own,
//! or on the cluster of a properties file: `--properties client.properties`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod billing;
mod board;
mod model;
mod shop;

use std::convert::Infallible;
use std::future::pending;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_broker::Broker;
use kestrel_client::admin::{ListedOffset, NewTopic, OffsetSpec};
use kestrel_client::{Client, ErrorCode, IsolationLevel, TopicPartition};
use kestrel_examples::{Result, exit_code, thousands};
use tokio::signal::ctrl_c;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::board::Board;

/// Orders and totals have as many partitions, and the same keys: what is counted together lies together.
const PARTITIONS: i32 = 6;
const MEMBERS: usize = 3;
/// How often the lag is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// What takes longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Take orders, and keep a running total for each customer.
#[derive(Debug, Parser)]
struct Options {
    /// A file with `bootstrap.servers` and whatever else the clients need; without, a broker is started inside this process.
    #[arg(long, value_name = "FILE")]
    properties: Option<PathBuf>,
    /// How many orders the shop takes.
    #[arg(long, default_value_t = 3_000)]
    orders: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(run(options).await)
}

async fn run(options: Options) -> Result {
    let stop = CancellationToken::new();
    let board = tokio::select! {
        board = start(&options, &stop) => board?,
        never = cancel_on_ctrl_c(&stop) => match never {},
    };
    println!("{board}");
    Ok(())
}

/// Whoever works hears of it, finishes the order that it is at, commits, and leaves the group.
async fn cancel_on_ctrl_c(stop: &CancellationToken) -> Infallible {
    if ctrl_c().await.is_ok() {
        stop.cancel();
    }
    pending().await
}

async fn start(options: &Options, stop: &CancellationToken) -> Result<Board> {
    let Some(file) = &options.properties else {
        let broker = Broker::test().await?;
        let client = Client::builder(broker.bootstrap_servers()).client_id("orders").connect().await?;
        return serve(&client, options.orders, stop).await;
    };
    let client = Client::from_properties_file(file)?.client_id("orders").connect().await?;
    serve(&client, options.orders, stop).await
}

/// The service from its start to its end: until every order is counted, or `stop` is cancelled.
async fn serve(client: &Client, orders: u32, stop: &CancellationToken) -> Result<Board> {
    create_topics(client).await?;
    let taken = shop::take_orders(client, orders).await?;
    println!("the shop took {} orders from {} customers", thousands(taken.orders), taken.customers.len());

    // Stopped by Ctrl-C as well as by having nothing left to do.
    let stop = stop.child_token();
    let mut members = JoinSet::new();
    for number in 1..=MEMBERS {
        members.spawn(billing::member(client.clone(), number, stop.clone()));
    }
    tokio::select! {
        counted = timeout(PATIENCE, until_counted(client)) => counted??,
        () = stop.cancelled() => println!("stopping: each member finishes what it is at"),
        Some(ended) = members.join_next() => ended??,
    }
    stop.cancel();
    while let Some(ended) = members.join_next().await {
        ended??;
    }
    Board::read(client).await
}

/// Says how far behind the group is, until it is not.
async fn until_counted(client: &Client) -> Result {
    loop {
        let lag = lag(client).await?;
        println!("lag: {}", thousands(lag.unsigned_abs()));
        if lag == 0 {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// How many orders are not counted yet: those behind what the group has committed.
async fn lag(client: &Client) -> Result<i64> {
    let admin = client.admin();
    let committed = admin.list_group_offsets([billing::GROUP]).await.into_result()?;
    let committed = committed.into_iter().next().map(|(_, offsets)| offsets).unwrap_or_default();
    let partitions =
        (0..PARTITIONS).map(|number| (TopicPartition::new(model::ORDERS, number), OffsetSpec::Latest));
    let ends = admin.list_offsets(partitions, IsolationLevel::ReadUncommitted).await.into_result()?;
    let behind = |(partition, end): &(TopicPartition, ListedOffset)| {
        end.offset.unwrap_or(0) - committed.get(partition).map_or(0, |committed| committed.offset)
    };
    Ok(ends.iter().map(behind).sum())
}

async fn create_topics(client: &Client) -> Result {
    let topics = [
        NewTopic::new(model::ORDERS).partitions(PARTITIONS),
        // Only the last total of each customer is kept.
        NewTopic::new(model::TOTALS).partitions(PARTITIONS).config("cleanup.policy", "compact"),
        NewTopic::new(model::DEAD_LETTERS).partitions(1),
    ];
    for created in client.admin().create_topics(topics).await {
        match created.1 {
            Err(error) if error.code() != Some(ErrorCode::TopicAlreadyExists) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
