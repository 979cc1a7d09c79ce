//! Finds fraud in card payments, each alert exactly once: `cargo run --release --example fraud`.
//!
//! ```text
//!   bank ──► payments ──► watch: two workers, three rules over a sliding minute ──► alerts
//! ```
//!
//! Payments are keyed by customer, so that one worker sees all of a customer's. The alerts, and how far the payments are read, are
//! committed in one transaction. What a worker remembers is in none: it is made again of the payments when it does not fit
//! ([`watch`]). Here one worker goes half way, and another one comes. On a broker of its own, or on any cluster with `--bootstrap`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod bank;
mod rules;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use futures::TryStreamExt;
use kestrel_broker::Broker;
use kestrel_client::{CancellationToken, Client, IsolationLevel, Place};
use kestrel_examples::{Result, connect, create_topic, exit_code, thousands};
use kestrel_serde::{Json, Utf8};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::rules::{Alert, LastMinute, Payment};
use self::watch::{Names, watch};

const PARTITIONS: i32 = 6;
/// How often the progress is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// What takes longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// Find fraud in card payments.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of a cluster, separated by commas; without, a broker is started inside this process.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
    /// The group, and the beginning of the topics' names; they must not be there yet.
    #[arg(long, default_value = "fraud")]
    name: String,
    /// How many payments there are, in ten minutes.
    #[arg(long, default_value_t = 20_000)]
    payments: u64,
    /// Decides what is paid.
    #[arg(long, default_value_t = 1949)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let Some(bootstrap) = &options.bootstrap else {
        let broker = Broker::test().await?;
        return show(broker.bootstrap_servers(), &options).await;
    };
    show(bootstrap, &options).await
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let client = connect(bootstrap, "fraud").await?;
    let names = Names {
        payments: format!("{}-payments", options.name),
        alerts: format!("{}-alerts", options.name),
        group: options.name.clone(),
    };
    for topic in [&names.payments, &names.alerts] {
        if !create_topic(&client, topic, PARTITIONS).await? {
            return Err(format!("the topic {topic} is there already: choose another --name").into());
        }
    }
    let payments = bank::payments(options.payments, options.seed);
    let alerts = timeout(PATIENCE, find_fraud(&client, &names, &payments)).await;
    let alerts = alerts.map_err(|_| format!("the workers were not done within {PATIENCE:?}"))??;
    print_alerts(&payments, &alerts);
    verify(&payments, alerts)?;
    println!("each payment that broke a rule has its alert, once");
    Ok(())
}

/// Has two workers watch the payments, one of which is replaced half way; gives their alerts.
async fn find_fraud(client: &Client, names: &Names, payments: &[Payment]) -> Result<Vec<Alert>> {
    let (stop, stop_first) = (CancellationToken::new(), CancellationToken::new());
    let mut workers = JoinSet::new();
    let mut hire = |worker: &str, stop: &CancellationToken| {
        workers.spawn(watch(client.clone(), worker.to_owned(), names.clone(), stop.clone()));
    };
    hire("fraud-1", &stop_first);
    hire("fraud-2", &stop);
    let (first, second) = payments.split_at(payments.len() / 2);
    bank::publish(client, &names.payments, first).await?;
    all_are_read(client, names, first.len() / 2).await?;
    stop_first.cancel();
    hire("fraud-3", &stop);
    bank::publish(client, &names.payments, second).await?;
    tokio::select! {
        read = all_are_read(client, names, payments.len()) => read?,
        // One that fails would be waited for in vain; the first one has ended well.
        failed = failure(&mut workers) => return Err(failed),
    }
    stop.cancel();
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    read_alerts(client, &names.alerts).await
}

/// Waits until the group has committed that `count` payments are read.
async fn all_are_read(client: &Client, names: &Names, count: usize) -> Result {
    loop {
        let groups = client.admin().list_group_offsets([names.group.as_str()]).await.into_result()?;
        let read: i64 = groups.iter().flat_map(|(_, offsets)| offsets.values()).map(|read| read.offset).sum();
        if usize::try_from(read)? >= count {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

/// The error of the first worker that fails; waits as long as none does.
async fn failure(
    workers: &mut JoinSet<std::result::Result<(), kestrel_client::Error>>,
) -> Box<dyn std::error::Error + Send + Sync> {
    loop {
        match workers.join_next().await {
            Some(Ok(Ok(()))) => {}
            Some(Ok(Err(error))) => return error.into(),
            Some(Err(error)) => return error.into(),
            None => std::future::pending().await,
        }
    }
}

/// All alerts that were committed.
async fn read_alerts(client: &Client, topic: &str) -> Result<Vec<Alert>> {
    let alerts = client
        .assigned_consumer::<String, Alert>()
        .assign_topics([topic])
        .key(Utf8)
        .value(Json)
        .isolation_level(IsolationLevel::ReadCommitted)
        .between(Place::Beginning, Place::End)
        .build()
        .await?;
    let alerts: Vec<_> = alerts.map_ok(|record| record.value).try_collect().await?;
    Ok(alerts.into_iter().flatten().collect())
}

fn print_alerts(payments: &[Payment], alerts: &[Alert]) {
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for alert in alerts {
        *counts.entry(alert.rule).or_default() += 1;
    }
    println!("{} payments", thousands(payments.len() as u64));
    for (rule, count) in counts {
        println!("{:>7} alerts: {rule:?}", thousands(count));
    }
}

/// Whether the alerts are those that one worker without any trouble would have found.
fn verify(payments: &[Payment], mut alerts: Vec<Alert>) -> Result {
    let mut expected = expected_alerts(payments);
    expected.sort_unstable();
    alerts.sort_unstable();
    match alerts.iter().zip(&expected).find(|(alert, expected)| alert != expected) {
        Some((alert, expected)) => Err(format!("an alert is {alert:?}, and should be {expected:?}").into()),
        None if alerts.len() != expected.len() => {
            Err(format!("there are {} alerts, and should be {}", alerts.len(), expected.len()).into())
        }
        None => Ok(()),
    }
}

fn expected_alerts(payments: &[Payment]) -> Vec<Alert> {
    let mut minutes: HashMap<&str, LastMinute> = HashMap::new();
    let mut alerts = Vec::new();
    for payment in payments {
        alerts.extend(minutes.entry(&payment.customer).or_default().pay(payment));
    }
    alerts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_watches_each_alert_is_written_once() {
        let options = Options { bootstrap: None, name: "quick".to_owned(), payments: 4_000, seed: 3 };
        run(options).await.unwrap();
    }

    #[test]
    fn the_verdict_tells_lost_doubled_and_strange_alerts() {
        let payments = bank::payments(4_000, 3);
        let alerts = expected_alerts(&payments);
        for rule in [rules::Rule::TooOften, rules::Rule::TooMuch, rules::Rule::TwoCountries] {
            assert!(alerts.iter().any(|alert| alert.rule == rule), "{rule:?} is never broken");
        }
        verify(&payments, alerts.clone()).unwrap();
        assert!(verify(&payments, alerts[1..].to_vec()).is_err());
        assert!(verify(&payments, [&alerts[..], &alerts[..1]].concat()).is_err());
        let mut strange = alerts;
        strange[0].payment += 1;
        assert!(verify(&payments, strange).is_err());
    }
}
