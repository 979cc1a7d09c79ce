//! A broker inside a test: `cargo run --release --example embedded_broker`.
//!
//! The test at the end is what such a test looks like in a crate of yours, with kestrel-broker among its
//! dev-dependencies. This one checks that records live through a restart of the broker, and that the same client and
//! producer go on after it. `Broker::faults` makes the broker refuse, delay or cut connections for other tests.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;
use std::time::Duration;

use kestrel_broker::Broker;
use kestrel_client::admin::NewTopic;
use kestrel_client::{AssignedConsumer, AutoOffsetReset, Client};
use kestrel_examples::{Result, exit_code};
use kestrel_serde::{Int64, Utf8};
use tokio::time::timeout;

const TOPIC: &str = "balances";
/// What takes longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(restart().await)
}

async fn restart() -> Result {
    let broker = Broker::test().await?;
    let client = Client::builder(broker.bootstrap_servers()).connect().await?;
    client.admin().create_topics([NewTopic::new(TOPIC)]).await.into_result()?;
    let producer = client.producer().build().await?;
    let balances = producer.topic::<str, i64>(TOPIC).key(Utf8).value(Int64).open().await?;

    balances.send("ada", &1_250).await?.await?;
    println!("stored a balance on {}", broker.bootstrap_servers());

    // Address and data stay. Connections break; clients, producers and consumers come back by themselves.
    broker.restart().await?;
    balances.send("ada", &990).await?.await?;
    println!("stored another one after the restart, on {}", broker.bootstrap_servers());

    let mut consumer = client
        .assigned_consumer::<String, i64>()
        .assign([(TOPIC, 0)])
        .key(Utf8)
        .value(Int64)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let read = [next_balance(&mut consumer).await?, next_balance(&mut consumer).await?];
    if read != [1_250, 990] {
        return Err(format!("wrote 1250 and 990, read {read:?}").into());
    }
    println!("read both: {read:?}");
    Ok(())
}

async fn next_balance(consumer: &mut AssignedConsumer<String, i64>) -> Result<i64> {
    let record = timeout(PATIENCE, consumer.next()).await?.ok_or("nothing is assigned")??;
    Ok(record.value.ok_or("a record without a value")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn records_survive_a_restart_of_the_broker() {
        restart().await.unwrap();
    }
}
