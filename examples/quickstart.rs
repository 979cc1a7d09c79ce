//! A week of real earthquakes through an embedded broker and back, typed: `cargo run --release --example quickstart`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::StreamExt;
use kestrel_broker::Broker;
use kestrel_client::{Client, ConsumerRecord, NewTopic, OffsetReset};
use kestrel_examples::{Earthquake, earthquakes};
use kestrel_serde::{Json, Utf8};

const TOPIC: &str = "earthquakes";
const PARTITIONS: i32 = 3;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
type Event = ConsumerRecord<String, Earthquake>;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let written = earthquakes()?;
    let broker = Broker::test().await?;
    let client = Client::builder(broker.bootstrap_servers()).client_id("quickstart").connect().await?;
    client.admin().create_topics([NewTopic::new(TOPIC).partitions(PARTITIONS)]).await?;

    let (produced_in, _) = timed(produce(&client, &written)).await?;
    let (consumed_in, read) = timed(consume(&client, written.len())).await?;

    print_networks(&read);
    print_throughput("produced", written.len(), produced_in);
    print_throughput("consumed", read.len(), consumed_in);
    Ok(verdict(&written, &read))
}
