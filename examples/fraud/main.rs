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

use clap::Parser;
use kestrel_client::{CancellationToken, Client, IsolationLevel};
use kestrel_examples::{
    Cluster, Result, connect, create_new_topics, exit_code, read_all, thousands, until_read,
};
use tokio::task::JoinSet;

use self::rules::{Alert, LastMinute, Payment};
use self::watch::{Names, watch};

const PARTITIONS: i32 = 6;

/// Find fraud in card payments.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    cluster: Cluster,
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
    let options = Options::parse();
    exit_code(options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await)
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let client = connect(bootstrap, "fraud").await?;
    let names = Names {
        payments: format!("{}-payments", options.name),
        alerts: format!("{}-alerts", options.name),
        group: options.name.clone(),
    };
    create_new_topics(&client, [&*names.payments, &*names.alerts], PARTITIONS).await?;
    let payments = bank::payments(options.payments, options.seed);
    let alerts = find_fraud(&client, &names, &payments).await?;
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
    until_read(client, &names.group, first.len() / 2).await?;
    stop_first.cancel();
    hire("fraud-3", &stop);
    bank::publish(client, &names.payments, second).await?;
    tokio::select! {
        read = until_read(client, &names.group, payments.len()) => read?,
        // One that fails would be waited for in vain; the first one has ended well.
        failed = failure(&mut workers) => return Err(failed),
    }
    stop.cancel();
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    // Of transactions that were committed alone.
    read_all(client, &names.alerts, IsolationLevel::ReadCommitted).await
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
        let options =
            Options { cluster: Cluster::default(), name: "quick".to_owned(), payments: 4_000, seed: 3 };
        options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await.unwrap();
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
