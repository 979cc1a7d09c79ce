//! Positions of trucks as typed Avro: `cargo run --release --example avro`.
//!
//! Twelve trucks drive for ten simulated minutes and say every 20 seconds where they are. The positions go through the
//! topic `truck_gps`, keyed by truck, in the Avro schema that is derived from the Rust type, and come back typed. Runs on
//! a broker of its own, or on any Kafka cluster with `--bootstrap`. The exit code is 0 only if what was read is what was
//! written.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use apache_avro::AvroSchema;
use clap::Parser;
use futures::{StreamExt, TryStreamExt};
use kestrel_broker::Broker;
use kestrel_client::{Client, ConsumerRecord, RecordMetadata, Timestamp};
use kestrel_examples::{Result, connect, create_topic, exit_code};
use kestrel_serde::{Avro, Int32};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

const TOPIC: &str = "truck_gps";
const PARTITIONS: i32 = 10;
const TRUCKS: i32 = 12;
/// Between two positions of a truck, in simulated time.
const INTERVAL_SECONDS: i64 = 20;
const DRIVE_SECONDS: i64 = 600;
/// What takes longer than this has gone wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// Drive trucks, and send their positions as Avro through a Kafka topic and back.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas. Default: a broker inside this process.
    #[arg(long, value_name = "HOST:PORT")]
    bootstrap: Option<String>,
}

/// Where a truck was: the value of a record. Its key is the truck, its timestamp the time.
#[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "kestrel.examples")]
struct TruckPosition {
    truck: i32,
    time_ms: i64,
    latitude: f64,
    longitude: f64,
    speed_kmh: f64,
    /// The next stop, once the driver knows it.
    next_stop: Option<String>,
}

type Event = ConsumerRecord<i32, TruckPosition>;

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(avro(Options::parse()).await)
}

async fn avro(options: Options) -> Result {
    match options.bootstrap {
        Some(bootstrap) => round_trip(&connect(&bootstrap, "avro").await?).await,
        None => {
            let broker = Broker::test().await?;
            round_trip(&connect(broker.bootstrap_servers(), "avro").await?).await
        }
    }
}

async fn round_trip(client: &Client) -> Result {
    // The schema of the Rust type. `Avro::parse` takes one as text instead, for a topic that others have defined.
    let format = Avro::of::<TruckPosition>()?;
    println!("schema: {}\n", format.schema().canonical_form());

    create_topic(client, TOPIC, PARTITIONS).await?;
    let written = drive();
    let receipts = produce(client, &format, &written).await?;
    let read = consume(client, &format, &receipts).await?;
    print_trucks(&read);
    verify(&written, &read)?;
    println!("\n{} positions came back as they were written, in order per truck", read.len());
    Ok(())
}

async fn produce(client: &Client, format: &Avro, positions: &[TruckPosition]) -> Result<Vec<RecordMetadata>> {
    let producer = client.producer().build().await?;
    let topic = producer.topic::<i32, TruckPosition>(TOPIC).key(Int32).value(format.clone()).open().await?;

    let mut deliveries = Vec::with_capacity(positions.len());
    for position in positions {
        let record = topic.record(&position.truck, position);
        deliveries.push(record.timestamp(Timestamp::from_millis(position.time_ms)).send().await?);
    }
    Ok(futures::future::try_join_all(deliveries).await?)
}

/// Reads what the receipts are of: the topic may hold positions of earlier runs.
async fn consume(client: &Client, format: &Avro, receipts: &[RecordMetadata]) -> Result<Vec<Event>> {
    let starts = first_offsets(receipts)?;
    let consumer = client
        .assigned_consumer::<i32, TruckPosition>()
        .assign(starts.keys().map(|partition| (TOPIC, *partition)))
        .key(Int32)
        .value(format.clone())
        .build()
        .await?;
    for (partition, offset) in starts {
        consumer.seek((TOPIC, partition), offset)?;
    }
    let count = receipts.len();
    let events = timeout(PATIENCE, consumer.take(count).try_collect()).await;
    Ok(events.map_err(|_| format!("{count} records were not read within {PATIENCE:?}"))??)
}

/// The partitions that were written to, each with the offset of its first new record.
fn first_offsets(receipts: &[RecordMetadata]) -> Result<BTreeMap<i32, i64>> {
    let mut first = BTreeMap::new();
    for receipt in receipts {
        let offset = receipt.offset.ok_or("the cluster did not say where it stored a record")?;
        let first = first.entry(receipt.partition).or_insert(offset);
        *first = offset.min(*first);
    }
    Ok(first)
}

/// Each truck's records in the order in which they were read.
fn by_truck(events: &[Event]) -> BTreeMap<i32, Vec<&Event>> {
    let mut trucks = BTreeMap::<i32, Vec<&Event>>::new();
    for event in events {
        trucks.entry(event.key.unwrap_or_default()).or_default().push(event);
    }
    trucks
}

/// Whether each truck's positions came back unchanged and in order, with their times.
fn verify(written: &[TruckPosition], read: &[Event]) -> Result {
    for (truck, read) in by_truck(read) {
        let read = read.iter().map(|event| (event.timestamp.as_millis(), event.value.as_ref()));
        let written = written.iter().filter(|position| position.truck == truck);
        let written = written.map(|position| (position.time_ms, Some(position)));
        if !read.eq(written) {
            return Err(format!("the positions of truck {truck} are not what was written").into());
        }
    }
    if written.len() != read.len() {
        return Err(format!("{} positions were written, {} were read", written.len(), read.len()).into());
    }
    Ok(())
}

fn print_trucks(events: &[Event]) {
    println!("truck  positions  km driven  last position       partition");
    for (truck, events) in by_truck(events) {
        let positions: Vec<_> = events.iter().filter_map(|event| event.value.as_ref()).collect();
        let (Some(last), Some(event)) = (positions.last(), events.last()) else { continue };
        let km = kilometres(&positions);
        let TruckPosition { latitude, longitude, .. } = last;
        println!(
            "{truck:>5} {:>10} {km:>10.2}  {latitude:>8.4} {longitude:>9.4} {:>11}",
            positions.len(),
            event.partition
        );
    }
}

fn kilometres(positions: &[&TruckPosition]) -> f64 {
    positions.windows(2).map(|pair| distance_km(pair[0], pair[1])).sum()
}

const KM_PER_DEGREE: f64 = 111.195;

/// On a flat earth, which it is between two positions of a truck.
fn distance_km(from: &TruckPosition, to: &TruckPosition) -> f64 {
    let north = (to.latitude - from.latitude) * KM_PER_DEGREE;
    let east = (to.longitude - from.longitude) * KM_PER_DEGREE * from.latitude.to_radians().cos();
    north.hypot(east)
}

/// The positions of all trucks, in the order of time: the same in every run.
fn drive() -> Vec<TruckPosition> {
    let mut trucks: Vec<_> = (1..=TRUCKS).map(at_the_depot).collect();
    let mut positions = trucks.clone();
    for _ in 0..DRIVE_SECONDS / INTERVAL_SECONDS {
        trucks.iter_mut().for_each(drive_on);
        positions.extend_from_slice(&trucks);
    }
    positions
}

fn at_the_depot(truck: i32) -> TruckPosition {
    let depart_ms = 1_767_254_400_000; // 2026-01-01 08:00 UTC
    TruckPosition {
        truck,
        time_ms: depart_ms,
        latitude: 47.4979,
        longitude: 19.0402,
        speed_kmh: 0.0,
        next_stop: None,
    }
}

/// Drives for one interval: each truck in a direction of its own that bends slowly, at a speed that comes and goes.
fn drive_on(truck: &mut TruckPosition) {
    let minutes = (truck.time_ms / 1_000 % 3_600) as f64 / 60.0;
    let number = f64::from(truck.truck);
    let direction = (number * 30.0 + minutes * 4.0).to_radians();
    let speed_kmh = 55.0 + 25.0 * (minutes + number).sin();
    let km = speed_kmh * INTERVAL_SECONDS as f64 / 3_600.0;
    truck.longitude += km * direction.sin() / (KM_PER_DEGREE * truck.latitude.to_radians().cos());
    truck.latitude += km * direction.cos() / KM_PER_DEGREE;
    truck.time_ms += INTERVAL_SECONDS * 1_000;
    truck.speed_kmh = speed_kmh;
    truck.next_stop = (minutes >= 5.0).then(|| format!("stop {}", truck.truck * 10));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn positions_come_back_as_they_were_written() {
        avro(Options { bootstrap: None }).await.unwrap();
    }

    #[test]
    fn the_drive_is_the_same_each_time() {
        let positions = drive();
        assert_eq!(positions.len(), 12 * 31);
        assert_eq!(positions, drive());
        let first: Vec<_> = positions.iter().filter(|position| position.truck == 1).collect();
        assert!((8.0..10.0).contains(&kilometres(&first)), "{}", kilometres(&first));
    }
}
