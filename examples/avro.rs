//! Positions of trucks as Avro, with a schema registry: `cargo run --release --example avro`.
//!
//! ```text
//!   trucks ──Avro──► truck_gps, 10 partitions, keyed by truck ──┬──► dashboard: where each truck is, and how far it has come
//!      └─ schema ─► registry ◄─ schemas ─────────────────────── ┴──► alerts: who drives too fast
//! ```
//!
//! Twelve trucks drive for ten minutes and say every 20 simulated seconds where they are. The schema is derived from the Rust type and registered
//! when the producer opens the topic; each record begins with its id, as those of Confluent's serializers do. Two groups read the
//! same records, each all of them. A broker and a registry run inside this process, unless `--bootstrap` and `--registry` name
//! others. The exit code is 0 only if both groups have seen what happened.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use apache_avro::AvroSchema;
use clap::Parser;
use kestrel_client::registry::{Registered, Registry, connect as connect_registry};
use kestrel_client::{AutoOffsetReset, Client, Consumer, Timestamp};
use kestrel_examples::{Result, WithRegistry, connect, create_new_topics, exit_code, in_time, utc};
use kestrel_serde::{Avro, Int32};
use serde::{Deserialize, Serialize};

const PARTITIONS: i32 = 10;
const TRUCKS: i32 = 12;
/// Between two positions of a truck, in simulated time.
const INTERVAL_SECONDS: i64 = 20;
const DRIVE_SECONDS: i64 = 600;
/// Faster is an alert.
const SPEED_LIMIT_KMH: f64 = 79.5;

/// Drive trucks, and watch them.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    at: WithRegistry,
    /// The topic, which must not be there yet; the groups are named after it.
    #[arg(long, default_value = "truck_gps")]
    name: String,
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

/// What positions are written and read as.
type Positions = Registered<Avro>;

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(avro(Options::parse()).await)
}

async fn avro(Options { at, name }: Options) -> Result {
    at.run(async |bootstrap, registry_url| {
        let client = connect(bootstrap, "avro").await?;
        // One handle for the whole program: what it knows of schemas is shared by all formats and consumers.
        let registry = connect_registry(registry_url)?;
        // Three tasks' worth of state, which does not belong on a stack.
        Box::pin(show(&client, &registry, &name)).await
    })
    .await
}

async fn show(client: &Client, registry: &Registry, topic: &str) -> Result {
    create_new_topics(client, [topic], PARTITIONS).await?;
    let positions: Positions = registry.format(Avro::of::<TruckPosition>()?);

    let written = drive();
    let count = written.len();
    let (dashboard, alerts, ()) = tokio::try_join!(
        in_time("the dashboard", watch(client, topic, &positions, count)),
        in_time("the alerts", find_alerts(client, topic, &positions, count)),
        produce(client, topic, &positions, &written),
    )?;

    let latest = registry.inner().latest(&format!("{topic}-value")).await?;
    let id = latest.id.ok_or("the registry did not say the id of the schema")?;
    println!("schema {id} of {topic}-value: {}\n", latest.schema.text);
    print_dashboard(&dashboard);
    print_alerts(&alerts);
    verify(&written, &dashboard, &alerts)
}

/// The trucks' side: registers the schema, then writes.
async fn produce(client: &Client, topic: &str, format: &Positions, positions: &[TruckPosition]) -> Result {
    let producer = client.producer().build().await?;
    let topic = producer.topic::<i32, TruckPosition>(topic).key(Int32).value(format.clone()).open().await?;
    let mut deliveries = Vec::with_capacity(positions.len());
    for position in positions {
        let record = topic.record(&position.truck, position);
        deliveries.push(record.timestamp(Timestamp::from_millis(position.time_ms)).send().await?);
    }
    futures::future::try_join_all(deliveries).await?;
    Ok(())
}

/// A member of a group that reads positions.
async fn member(
    client: &Client,
    group: String,
    topic: &str,
    format: &Positions,
) -> Result<Consumer<i32, TruckPosition>> {
    Ok(client
        .consumer(group)
        .topics([topic])
        .key(Int32)
        .value(format.clone())
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?)
}

/// What the dashboard knows of a truck.
#[derive(Debug, Clone, PartialEq)]
struct Trip {
    last: TruckPosition,
    positions: usize,
    km: f64,
}

/// The first group: the last position of each truck, and how far it has come.
async fn watch(
    client: &Client,
    topic: &str,
    format: &Positions,
    count: usize,
) -> Result<BTreeMap<i32, Trip>> {
    let mut positions = member(client, format!("{topic}-dashboard"), topic, format).await?;
    let mut trips = BTreeMap::new();
    for _ in 0..count {
        let record = positions.next().await.ok_or("the consumer was closed")??;
        if let Some(position) = record.value {
            if record.key != Some(position.truck) {
                return Err(
                    format!("a position of truck {} has the key {:?}", position.truck, record.key).into()
                );
            }
            drive_to(&mut trips, position);
        }
    }
    positions.close().await?;
    Ok(trips)
}

fn drive_to(trips: &mut BTreeMap<i32, Trip>, position: TruckPosition) {
    match trips.get_mut(&position.truck) {
        Some(trip) => {
            trip.km += distance_km(&trip.last, &position);
            trip.positions += 1;
            trip.last = position;
        }
        None => _ = trips.insert(position.truck, Trip { last: position, positions: 1, km: 0.0 }),
    }
}

/// The second group: the positions at which trucks were too fast.
async fn find_alerts(
    client: &Client,
    topic: &str,
    format: &Positions,
    count: usize,
) -> Result<Vec<TruckPosition>> {
    let mut positions = member(client, format!("{topic}-alerts"), topic, format).await?;
    let mut alerts = Vec::new();
    for _ in 0..count {
        let record = positions.next().await.ok_or("the consumer was closed")??;
        alerts.extend(record.value.filter(is_too_fast));
    }
    positions.close().await?;
    Ok(alerts)
}

fn is_too_fast(position: &TruckPosition) -> bool {
    position.speed_kmh > SPEED_LIMIT_KMH
}

fn print_dashboard(trips: &BTreeMap<i32, Trip>) {
    println!("truck  positions  km driven  last position       next stop");
    for (truck, Trip { last, positions, km }) in trips {
        let TruckPosition { latitude, longitude, next_stop, .. } = last;
        let next_stop = next_stop.as_deref().unwrap_or("-");
        println!("{truck:>5} {positions:>10} {km:>10.2}  {latitude:>8.4} {longitude:>9.4}  {next_stop}");
    }
}

fn print_alerts(alerts: &[TruckPosition]) {
    println!("\n{} alerts:", alerts.len());
    for TruckPosition { truck, time_ms, speed_kmh, .. } in alerts {
        println!("  {} truck {truck}: {speed_kmh:.1} km/h", utc(Timestamp::from_millis(*time_ms)));
    }
}

/// Whether both groups have seen what happened. Between trucks Kafka promises no order.
fn verify(written: &[TruckPosition], trips: &BTreeMap<i32, Trip>, alerts: &[TruckPosition]) -> Result {
    let mut expected = BTreeMap::new();
    written.iter().for_each(|position| drive_to(&mut expected, position.clone()));
    if trips != &expected {
        return Err(format!("the dashboard shows {trips:?}, and should show {expected:?}").into());
    }
    let by_truck = |position: &&TruckPosition| (position.truck, position.time_ms);
    let (mut found, mut expected): (Vec<_>, Vec<_>) =
        (alerts.iter().collect(), written.iter().filter(|position| is_too_fast(position)).collect());
    found.sort_by_key(by_truck);
    expected.sort_by_key(by_truck);
    if found != expected {
        return Err(format!("the alerts are {found:?}, and should be {expected:?}").into());
    }
    println!("\nboth groups have seen all {} positions, in order per truck", written.len());
    Ok(())
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
    async fn both_groups_see_what_happened() {
        avro(Options { at: WithRegistry::default(), name: "truck_gps".to_owned() }).await.unwrap();
    }

    #[test]
    fn the_drive_is_the_same_each_time() {
        let positions = drive();
        assert_eq!(positions.len(), 12 * 31);
        assert_eq!(positions, drive());
        let mut trips = BTreeMap::new();
        positions.into_iter().for_each(|position| drive_to(&mut trips, position));
        assert!((8.0..10.0).contains(&trips[&1].km), "{}", trips[&1].km);
    }

    #[test]
    fn the_verdict_tells_what_was_not_seen() {
        let positions = drive();
        let mut trips = BTreeMap::new();
        positions.iter().for_each(|position| drive_to(&mut trips, position.clone()));
        let alerts: Vec<_> = positions.iter().filter(|position| is_too_fast(position)).cloned().collect();
        assert!(!alerts.is_empty());
        verify(&positions, &trips, &alerts).unwrap();
        assert!(verify(&positions, &trips, &alerts[1..]).is_err());
        trips.pop_first();
        assert!(verify(&positions, &trips, &alerts).is_err());
    }
}
