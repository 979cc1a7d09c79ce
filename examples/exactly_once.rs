//! Alerts of strong earthquakes, each exactly once, by workers that are killed all the time: `cargo run --release --example
//! exactly_once`.
//!
//! A worker ([`alert`]) reads earthquakes and writes an alert for each of magnitude 4.5 and above. The alerts and how far it has
//! read are committed in one transaction: both happen, or neither. So a worker may be killed at any instant: who takes its place
//! goes on behind the last transaction that was committed, and readers of committed records never see what the dead one has
//! left half done. On an embedded broker, or on any cluster with `--bootstrap`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_client::{AutoOffsetReset, CancellationToken, Client, CommitPolicy, IsolationLevel, Timestamp};
use kestrel_examples::{
    Cluster, Dice, Earthquake, Result, connect, create_new_topics, earthquakes, exit_code, read_all,
    thousands, until_read,
};
use kestrel_serde::{Json, Utf8};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// The magnitude from which on there is an alert.
const STRONG: f64 = 4.5;
const WORKERS: [&str; 2] = ["alerts-1", "alerts-2"];
const PARTITIONS: i32 = 4;

/// Kill workers that write alerts, and count the alerts.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// The group, and the beginning of the topics' names; they must not be there yet.
    #[arg(long, default_value = "exactly-once")]
    name: String,
    /// How many seconds the week of earthquakes takes.
    #[arg(long, default_value_t = 8)]
    seconds: u32,
    /// Decides when workers are killed.
    #[arg(long, default_value_t = 1906)]
    seed: u64,
}

/// A warning of one earthquake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Alert {
    /// The earthquake's id.
    id: String,
    /// Its magnitude.
    magnitude: f64,
    /// Where it was, in words.
    place: String,
}

/// Names that belong together.
#[derive(Debug, Clone)]
struct Names {
    group: String,
    quakes: String,
    alerts: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    exit_code(options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await)
}

/// Reads earthquakes and writes alerts, until something fails for good. This is the program; the rest is there to kill it.
async fn alert(bootstrap: &str, worker: &str, names: &Names) -> Result {
    let client = connect(bootstrap, worker).await?;
    let mut quakes = client
        .consumer::<String, Earthquake>(names.group.as_str())
        .topics([names.quakes.as_str()])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        // Offsets are committed in the transactions, with the alerts.
        .commit_policy(CommitPolicy::Manual)
        // Who takes the place of a dead member has its partitions at once.
        .group_instance_id(worker)
        .build()
        .await?;
    // And has whatever the dead one left open aborted. If it lives after all, it is fenced: it can commit nothing any more.
    let mut producer = client.transactional_producer(worker).build().await?;
    let alerts = producer.topic::<str, Alert>(names.alerts.as_str()).key(Utf8).value(Json).open().await?;

    client
        .exactly_once(&mut quakes, &mut producer)
        .run(async move |batch, transaction| {
            for record in batch {
                let Some(quake) = record.value()? else { continue };
                if quake.magnitude >= STRONG {
                    let Earthquake { id, network, magnitude, place, .. } = quake;
                    transaction.send(&alerts, &network, &Alert { id, magnitude, place }).await?;
                }
            }
            Ok(())
        })
        .await?;
    Ok(())
}

async fn show(bootstrap: &str, options: &Options) -> Result {
    let week = earthquakes()?;
    let client = connect(bootstrap, "exactly-once").await?;
    let names = Names {
        group: options.name.clone(),
        quakes: format!("{}-quakes", options.name),
        alerts: format!("{}-alerts", options.name),
    };
    create_new_topics(&client, [&*names.quakes], PARTITIONS).await?;
    create_new_topics(&client, [&*names.alerts], 1).await?;

    let (calm, mut crew) = (CancellationToken::new(), JoinSet::new());
    for (worker, seed) in WORKERS.into_iter().zip(options.seed..) {
        let (bootstrap, names) = (bootstrap.to_owned(), names.clone());
        crew.spawn(keep_at_work(bootstrap, worker, names, Dice::new(seed), calm.clone()));
    }
    publish(&client, &names.quakes, &week, options.seconds).await?;
    // Nobody is killed any more: what is left gets done.
    calm.cancel();
    let mut kills = 0;
    let mut living = Vec::new();
    while let Some(member) = crew.join_next().await {
        let (killed, last) = member??;
        kills += killed;
        living.push(last);
    }
    until_read(&client, &names.group, week.len()).await?;
    drop(living);

    println!(
        "{} earthquakes in {} s, and {kills} times a worker was killed",
        thousands(week.len() as u64),
        options.seconds
    );
    let alerts = read_all(&client, &names.alerts, IsolationLevel::ReadCommitted).await?;
    verify(&week, &alerts)?;
    println!("{} alerts of magnitude {STRONG} and above, each once", alerts.len());
    let written: Vec<Alert> = read_all(&client, &names.alerts, IsolationLevel::ReadUncommitted).await?;
    let half_done = written.len() - alerts.len();
    println!(
        "{half_done} more were left by workers that died before they had committed: readers of committed records see none"
    );
    Ok(())
}

/// Writes the earthquakes of a week in as many seconds as one has to look at it.
async fn publish(client: &Client, topic: &str, week: &[Earthquake], seconds: u32) -> Result {
    const STEPS: usize = 100;
    let producer = client.producer().build().await?;
    let quakes = producer.topic::<str, Earthquake>(topic).key(Utf8).value(Json).open().await?;
    for part in week.chunks(week.len().div_ceil(STEPS)) {
        for quake in part {
            let record =
                quakes.record(&quake.network, quake).timestamp(Timestamp::from_millis(quake.time_ms));
            drop(record.send().await?);
        }
        producer.flush().await?;
        sleep(Duration::from_secs(seconds.into()) / u32::try_from(STEPS)?).await;
    }
    Ok(())
}

/// Has a worker work, kills it after a while, and has another one take its place, until `calm`. Gives how often that was, and
/// the last one, which lives.
async fn keep_at_work(
    bootstrap: String,
    worker: &'static str,
    names: Names,
    mut dice: Dice,
    calm: CancellationToken,
) -> Result<(u32, Worker)> {
    for kills in 0.. {
        let mut alive = Worker::start(bootstrap.clone(), worker, names.clone())?;
        let lifetime = Duration::from_millis(50 + dice.roll(550));
        tokio::select! {
            biased;
            () = calm.cancelled() => return Ok((kills, alive)),
            ended = &mut alive.work => ended??,
            () = sleep(lifetime) => drop(alive),
        }
    }
    unreachable!("there are enough numbers")
}

/// A worker in a runtime of its own, which is killed when it is dropped: it is gone from one instant to the next with its
/// connections, as a process after `kill -9` is, and says good-bye to nobody.
struct Worker {
    runtime: Option<Runtime>,
    work: JoinHandle<Result>,
}

impl Worker {
    fn start(bootstrap: String, worker: &'static str, names: Names) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let work = runtime.spawn(async move { alert(&bootstrap, worker, &names).await });
        Ok(Self { runtime: Some(runtime), work })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether there is one alert for each strong earthquake, and no other.
fn verify(week: &[Earthquake], alerts: &[Alert]) -> Result {
    let mut counts: BTreeMap<&str, usize> =
        week.iter().filter(|quake| quake.magnitude >= STRONG).map(|quake| (&*quake.id, 0)).collect();
    for Alert { id, .. } in alerts {
        *counts.get_mut(&**id).ok_or_else(|| format!("{id} is no strong earthquake of the week"))? += 1;
    }
    match counts.into_iter().find(|(_, count)| *count != 1) {
        Some((id, count)) => Err(format!("{count} alerts of {id}").into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_is_killed_each_alert_is_written_once() {
        let options = Options { cluster: Cluster::default(), name: "quick".to_owned(), seconds: 3, seed: 7 };
        options.cluster.run(async |bootstrap| show(bootstrap, &options).await).await.unwrap();
    }

    #[test]
    fn the_verdict_tells_lost_doubled_and_strange_alerts() {
        let week = earthquakes().unwrap();
        let alert = |quake: &Earthquake| Alert {
            id: quake.id.clone(),
            magnitude: quake.magnitude,
            place: quake.place.clone(),
        };
        let alerts: Vec<_> = week.iter().filter(|quake| quake.magnitude >= STRONG).map(alert).collect();
        assert_eq!(alerts.len(), 85);
        verify(&week, &alerts).unwrap();
        let lost = verify(&week, &alerts[1..]).unwrap_err();
        assert_eq!(lost.to_string(), format!("0 alerts of {}", alerts[0].id));
        let doubled = verify(&week, &[&alerts[..], &alerts[..1]].concat()).unwrap_err();
        assert_eq!(doubled.to_string(), format!("2 alerts of {}", alerts[0].id));
        let weak = week.iter().find(|quake| quake.magnitude < STRONG).map(alert).unwrap();
        assert!(verify(&week, &[weak]).is_err());
    }
}
