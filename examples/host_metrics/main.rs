//! Readings of many hosts, sent with acks=0, 1 and all side by side to a broker that is killed twice: `cargo run --release --example
//! host_metrics`.
//!
//! ```text
//!                                  ┌─acks=0──► readings-acks-0 ───┐
//!   fleet: a reading of each host ─┼─acks=1──► readings-acks-1 ───┼─► minutes: how busy the hosts were
//!   each second                    └─acks=all► readings-acks-all ─┘
//! ```
//!
//! The broker is a process of its own, so that `kill -9` is what it says ([`victim`]). First it is killed while it works, then while
//! it hangs, as on a machine that has run out of memory. What its producers were told, and what the minutes were made of, is
//! compared at the end. On several brokers acks=1 loses more: what a leader had and nobody has copied yet when it dies.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod fleet;
mod minutes;
mod victim;

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_client::{Acks, AutoOffsetReset, Client};
use kestrel_examples::{Result, connect, create_new_topics, exit_code, in_time, thousands};
use kestrel_serde::{Json, Utf8};

use self::fleet::{Fleet, Reading};
use self::minutes::Minutes;
use self::victim::Victim;

/// A producer that asks for less than `all` cannot be idempotent: what it sends again may be there twice.
const ACKS: [(&str, Acks); 3] = [("0", Acks::None), ("1", Acks::Leader), ("all", Acks::All)];
const PARTITIONS: i32 = 4;

/// Send readings of many hosts to a broker that is killed, and count what is left.
#[derive(Debug, Parser)]
struct Options {
    /// How many hosts there are.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    hosts: u64,
    /// For how many minutes each says once a second how busy it is.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u64).range(1..=60))]
    minutes: u64,
    /// How many seconds these minutes take.
    #[arg(long, default_value_t = 9)]
    seconds: u32,
    /// Decides how busy the hosts are.
    #[arg(long, default_value_t = 2011)]
    seed: u64,
}

fn main() -> ExitCode {
    exit_code(run())
}

#[tokio::main]
async fn run() -> Result {
    match victim::place() {
        // This is the process that will be killed.
        Some(place) => victim::serve(&place).await,
        None => {
            let options = Options::parse();
            show(Victim::start(&[]).await?, &options).await
        }
    }
}

async fn show(mut victim: Victim, options: &Options) -> Result {
    let client = connect(victim.address(), "host-metrics").await?;
    let topics = ACKS.map(|(name, _)| format!("readings-acks-{name}"));
    create_new_topics(&client, topics.iter().map(String::as_str), PARTITIONS).await?;

    let seconds = options.minutes * 60;
    let pace = Duration::from_secs(options.seconds.into()) / u32::try_from(seconds)?;
    let mut fleet = Fleet::new(options.hosts, options.seed);
    for (topic, (_, acks)) in topics.iter().zip(ACKS) {
        // Each with connections of its own, as agents of three kinds would have.
        fleet.add(&connect(victim.address(), topic).await?, topic, acks).await?;
    }
    let (told, minutes) = tokio::try_join!(
        in_time("sending the readings", fleet.report(seconds, pace, &mut victim)),
        in_time("reading the readings", aggregate(&client, &topics)),
    )?;
    let sent = options.hosts * seconds;
    minutes::print(&minutes.each_ref());
    verify(sent, &told, &minutes)
}

/// Makes minutes of what is in the topics, while it comes, until each partition has its end.
async fn aggregate(client: &Client, topics: &[String; 3]) -> Result<[Minutes; 3]> {
    let mut readings = client
        .assigned_consumer::<String, Reading>()
        .assign_topics(topics)
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let mut minutes = [Minutes::default(), Minutes::default(), Minutes::default()];
    let mut ended = HashSet::new();
    while ended.len() < topics.len() * usize::try_from(PARTITIONS)? {
        let record = match readings.next().await.ok_or("the consumer was closed")? {
            Ok(record) => record,
            // The broker is dead just now; the consumer goes on where it was.
            Err(error) if error.is_retriable() => continue,
            Err(error) => return Err(error.into()),
        };
        let index = topics.iter().position(|topic| **topic == *record.topic).ok_or("another topic")?;
        match (record.key, record.value) {
            (Some(host), Some(reading)) => minutes[index].add(host, &reading),
            _ => _ = ended.insert((index, record.partition)),
        }
    }
    Ok(minutes)
}

/// Says what was lost, and whether it was what may be lost.
fn verify(sent: u64, told: &[u64], minutes: &[Minutes; 3]) -> Result {
    println!("acks   said to be stored     lost    twice");
    for (((name, _), told), minutes) in ACKS.iter().zip(told).zip(minutes) {
        let (told, lost, twice) =
            (thousands(*told), thousands(minutes.lost(sent)), thousands(minutes.twice()));
        println!("{name:<4} {told:>19} {lost:>8} {twice:>8}");
    }
    let [_, leader, all] = minutes;
    for (name, minutes) in [("1", leader), ("all", all)] {
        if minutes.lost(sent) > 0 {
            return Err(format!("{} readings of acks={name} are lost", minutes.lost(sent)).into());
        }
    }
    if all.twice() > 0 {
        return Err(format!("{} readings of acks=all are there twice", all.twice()).into());
    }
    println!(
        "\nwith acks=0 a reading counts as stored when it was given to the system: what the broker had not taken died with it.\n\
         With acks=1 nothing that was said to be stored is lost here; what had no answer is sent again, and may be there twice.\n\
         With acks=all and idempotence, the default, each reading is there once"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this program is started with to be the broker.
    const AS_BROKER: [&str; 4] = ["tests::the_broker_that_is_killed", "--exact", "--ignored", "--nocapture"];

    #[tokio::test(flavor = "multi_thread")]
    async fn what_may_be_lost_is_lost_and_nothing_else() {
        let options = Options { hosts: 10, minutes: 1, seconds: 3, seed: 7 };
        show(Victim::start(&AS_BROKER).await.unwrap(), &options).await.unwrap();
    }

    #[tokio::test]
    #[ignore = "the broker of the other test, in a process of its own"]
    async fn the_broker_that_is_killed() {
        if let Some(place) = victim::place() {
            victim::serve(&place).await.unwrap();
        }
    }

    #[test]
    fn the_verdict_tells_what_must_not_be() {
        let readings = |seconds: &[u64]| {
            let mut minutes = Minutes::default();
            for &second in seconds {
                minutes.add("host-1".to_owned(), &Reading { second, cpu_percent: 50.0 });
            }
            minutes
        };
        let verdict = |none: &[u64], leader: &[u64], all: &[u64]| {
            verify(3, &[3, 3, 3], &[readings(none), readings(leader), readings(all)])
        };
        verdict(&[0, 2], &[0, 1, 2, 2], &[0, 1, 2]).unwrap();
        assert!(verdict(&[0, 1, 2], &[0, 1], &[0, 1, 2]).is_err());
        assert!(verdict(&[0, 1, 2], &[0, 1, 2], &[0, 1]).is_err());
        assert!(verdict(&[0, 1, 2], &[0, 1, 2], &[0, 1, 2, 1]).is_err());
    }
}
