//! A week of real earthquakes through an embedded broker and back, typed: `cargo run --release --example quickstart`.
//!
//! Starts a broker inside this process, creates a topic, writes 1,707 events as JSON, reads them back and shows what was
//! in them. The exit code is 0 only if what was read is what was written.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kestrel_broker::Broker;
use kestrel_client::admin::NewTopic;
use kestrel_client::{AutoOffsetReset, Client, ConsumerRecord, Timestamp};
use kestrel_examples::{Earthquake, Result, earthquakes, exit_code, thousands};
use kestrel_serde::{Json, Utf8};
use tokio::time::{Instant, timeout};

const TOPIC: &str = "earthquakes";
const PARTITIONS: i32 = 3;
/// What takes longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_secs(30);

type Event = ConsumerRecord<String, Earthquake>;

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(quickstart().await)
}

async fn quickstart() -> Result {
    let written = earthquakes()?;

    // A broker of our own, on a free port and with a temporary folder. Any Kafka client in any language could use it.
    let broker = Broker::test().await?;
    let client = Client::builder(broker.bootstrap_servers()).client_id("quickstart").connect().await?;
    client.admin().create_topics([NewTopic::new(TOPIC).partitions(PARTITIONS)]).await.into_result()?;
    println!("a broker on {}, a topic `{TOPIC}` with {PARTITIONS} partitions\n", broker.bootstrap_servers());

    let ((), producing) = timed(produce(&client, &written)).await?;
    let (read, consuming) = timed(consume(&client)).await?;

    print_networks(&read);
    print_throughput("produced", written.len(), producing);
    print_throughput("consumed", read.len(), consuming);
    verify(&written, &read)?;
    println!("every event came back as it was written, in order per network");
    Ok(())
}

/// Writes the events as JSON, keyed by network, each with the time at which it happened.
async fn produce(client: &Client, events: &[Earthquake]) -> Result {
    let producer = client.producer().build().await?;
    let topic = producer.topic::<str, Earthquake>(TOPIC).key(Utf8).value(Json).open().await?;

    let mut deliveries = Vec::with_capacity(events.len());
    for event in events {
        let record = topic.record(&event.network, event).timestamp(Timestamp::from_millis(event.time_ms));
        deliveries.push(record.send().await?); // the first await: the producer has accepted the record
    }
    for delivery in deliveries {
        delivery.await?; // the second await: the broker has stored it
    }
    Ok(())
}

/// Reads all events that the topic holds.
async fn consume(client: &Client) -> Result<Vec<Event>> {
    let consumer = client
        .assigned_consumer::<String, Earthquake>()
        .assign_topics([TOPIC])
        .key(Utf8)
        .value(Json)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;

    // A consumer is a stream without an end, so ask how many records there are, and take as many.
    let ends = consumer.end_offsets(consumer.assignment()).await?;
    let count = usize::try_from(ends.values().sum::<i64>())?;
    let events = timeout(PATIENCE, consumer.take(count).try_collect()).await;
    Ok(events.map_err(|_| format!("{count} records were not read within {PATIENCE:?}"))??)
}

async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<(T, Duration)> {
    let start = Instant::now();
    let done = work.await?;
    Ok((done, start.elapsed()))
}

/// What is shown of a seismic network.
struct Network<'a> {
    name: &'a str,
    events: usize,
    strongest: &'a Earthquake,
    partition: i32,
}

fn print_networks(events: &[Event]) {
    println!("network   events  strongest  place                                         partition");
    for Network { name, events, strongest, partition } in networks(events) {
        let Earthquake { magnitude, place, .. } = strongest;
        println!("{name:<7} {:>8} {magnitude:>10.1}  {place:<45} {partition:>9}", thousands(events as u64));
    }
    println!();
}

/// The networks that reported the events, the busiest first.
fn networks(events: &[Event]) -> Vec<Network<'_>> {
    let mut networks = BTreeMap::new();
    for event in events {
        let (Some(name), Some(quake)) = (&event.key, &event.value) else { continue };
        let partition = event.partition;
        let network =
            networks.entry(name).or_insert(Network { name, events: 0, strongest: quake, partition });
        network.events += 1;
        if quake.magnitude > network.strongest.magnitude {
            network.strongest = quake;
        }
    }
    let mut networks: Vec<_> = networks.into_values().collect();
    networks.sort_by_key(|network| std::cmp::Reverse(network.events));
    networks
}

fn print_throughput(what: &str, events: usize, took: Duration) {
    let per_second = events as f64 / took.as_secs_f64();
    let millis = took.as_secs_f64() * 1000.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate to look at")]
    let per_second = thousands(per_second as u64);
    println!("{what} {} events in {millis:.1} ms: {per_second} a second", thousands(events as u64));
}

/// The events of each network in their order, each with its record's timestamp.
type Histories<'a> = BTreeMap<&'a str, Vec<(Timestamp, &'a Earthquake)>>;

/// Whether each network's events came back unchanged and in order. Between networks Kafka promises no order.
fn verify(written: &[Earthquake], read: &[Event]) -> Result {
    if written.len() != read.len() {
        return Err(format!("{} events were written, {} were read", written.len(), read.len()).into());
    }
    let read = histories(read.iter().filter_map(parts));
    for (network, written) in histories(written.iter().map(record_of)) {
        let read = read.get(network).map(Vec::as_slice).unwrap_or_default();
        if let Some((written, read)) = written.iter().zip(read).find(|(written, read)| written != read) {
            return Err(format!("network {network}: wrote {written:?}, read {read:?}").into());
        }
        if written.len() != read.len() {
            return Err(
                format!("network {network}: wrote {} events, read {}", written.len(), read.len()).into()
            );
        }
    }
    Ok(())
}

/// What the record of an event should be: key, timestamp, value.
fn record_of(event: &Earthquake) -> (&str, Timestamp, &Earthquake) {
    (&event.network, Timestamp::from_millis(event.time_ms), event)
}

/// What a record is; `None` when its key or its value is null.
fn parts(record: &Event) -> Option<(&str, Timestamp, &Earthquake)> {
    Some((record.key.as_deref()?, record.timestamp, record.value.as_ref()?))
}

fn histories<'a>(records: impl Iterator<Item = (&'a str, Timestamp, &'a Earthquake)>) -> Histories<'a> {
    let mut histories = Histories::new();
    for (network, timestamp, event) in records {
        histories.entry(network).or_default().push((timestamp, event));
    }
    histories
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_read_is_what_was_written() {
        quickstart().await.unwrap();
    }

    #[tokio::test]
    async fn the_verdict_tells_lost_changed_and_reordered_events() {
        let written = earthquakes().unwrap();
        let broker = Broker::test().await.unwrap();
        let client = Client::builder(broker.bootstrap_servers()).connect().await.unwrap();
        client.admin().create_topics([NewTopic::new(TOPIC)]).await.into_result().unwrap();
        produce(&client, &written).await.unwrap();
        let read = consume(&client).await.unwrap();
        verify(&written, &read).unwrap();

        let spoiled = |spoil: fn(&mut Vec<Event>)| {
            let mut read = read.clone();
            spoil(&mut read);
            verify(&written, &read).unwrap_err().to_string()
        };
        assert_eq!(spoiled(|read| drop(read.pop())), "1707 events were written, 1706 were read");
        assert!(spoiled(|read| read[3].timestamp = Timestamp::from_millis(3)).starts_with("network "));
        assert!(spoiled(|read| read[3].value = read[4].value.clone()).starts_with("network "));
        assert!(spoiled(|read| read[3].key = None).starts_with("network "));
        assert!(spoiled(|read| read.reverse()).starts_with("network "));
    }
}
