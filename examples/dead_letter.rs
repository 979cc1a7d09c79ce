//! Retries and dead letters: `cargo run --release --example dead_letter -- --bootstrap 127.0.0.1:9092`.
//!
//! What fails in passing is tried again after a pause that grows. What cannot be worked on, and what is no earthquake at all,
//! goes to the topic `<topic>.dlq` as it was, with headers that say where it came from and why; then the record is done. Each
//! partition has a task of its own, so that a record that is tried again holds up no other partition.
//!
//! A pause must stay well below `max.poll.interval.ms` (5 minutes).

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use kestrel_client::{
    AutoOffsetReset, CancellationToken, Client, Consumer, ConsumerRecord, Error, PartitionStream, Producer,
    Record,
};
use kestrel_examples::{Earthquake, Result, connect, exit_code};
use kestrel_serde::deserialize_with;
use tokio::signal::ctrl_c;

/// How often work is tried, and how long the pause after the first failure is; the later ones are twice as long each.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Read earthquakes, as `produce` sends them, and keep what cannot be worked on; until Ctrl-C.
#[derive(Debug, Parser)]
struct Options {
    /// Addresses of the cluster, separated by commas.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    bootstrap: String,
    /// The topic.
    #[arg(long, default_value = "earthquakes")]
    topic: String,
    /// The group: a second run with the same name goes on where the first has ended.
    #[arg(long, default_value = "dead-letter")]
    group: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run(Options::parse()).await)
}

async fn run(options: Options) -> Result {
    let client = connect(&options.bootstrap, "dead-letter").await?;
    let until = CancellationToken::new();
    let interrupt = async {
        ctrl_c().await?;
        until.cancel();
        Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    };
    tokio::try_join!(consume(&client, &options.topic, &options.group, until.clone()), interrupt)?;
    Ok(())
}

/// An earthquake and the bytes that it came as, for the day on which it is a dead letter.
struct Kept {
    quake: Earthquake,
    bytes: Bytes,
}

/// Works until the token is cancelled: then all that is done is committed.
async fn consume(client: &Client, topic: &str, group: &str, until: CancellationToken) -> Result {
    let keep = |bytes: &Bytes| Ok(Kept { quake: serde_json::from_slice(bytes)?, bytes: bytes.clone() });
    let mut consumer: Consumer<Bytes, Kept> = client
        .consumer(group)
        .topics([topic])
        .value(deserialize_with(keep))
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let letters = client.producer().build().await?;
    consumer.for_each_partition_until(until, |partition| work_through(partition, letters.clone())).await?;
    consumer.close().await?;
    Ok(())
}

async fn work_through(mut partition: PartitionStream<Bytes, Kept>, letters: Producer) -> Result {
    while let Some(item) = partition.next().await {
        let letter = match item {
            Ok(record) => match try_repeatedly(&record).await {
                Ok(()) => continue,
                Err(cause) => dead_letter(&record, record.value.as_ref().map(|kept| &kept.bytes), &cause),
            },
            Err(Error::Deserialize(poison)) => {
                let record = &poison.record;
                dead_letter(record, record.value.as_ref(), &format!("{:#}", poison.cause))
            }
            Err(error) if error.is_retriable() => {
                eprintln!("{error:#}");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        // Stored before the next record is asked for, which says that this one is done.
        letters.send(letter).await?.await?;
    }
    Ok(())
}

/// The record as it was, for the topic of dead letters, and why it is there.
fn dead_letter<V>(record: &ConsumerRecord<Bytes, V>, value: Option<&Bytes>, cause: &str) -> Record {
    eprintln!("{}-{}@{}: {cause}", record.topic, record.partition, record.offset);
    let mut letter = Record::to(format!("{}.dlq", record.topic));
    letter.timestamp = record.timestamp.to_system_time().map(Into::into);
    (letter.key, letter.value, letter.headers) = (record.key.clone(), value.cloned(), record.headers.clone());
    letter
        .header("dlq.topic", record.topic.to_string())
        .header("dlq.partition", record.partition.to_string())
        .header("dlq.offset", record.offset.to_string())
        .header("dlq.error", cause.to_owned())
}

async fn try_repeatedly(record: &ConsumerRecord<Bytes, Kept>) -> std::result::Result<(), String> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match work(record) {
            Err(Failure::Passing(_)) => {}
            Err(Failure::Lasting(cause)) => return Err(cause),
            Ok(()) => return Ok(()),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    match work(record) {
        Ok(()) => Ok(()),
        Err(Failure::Passing(cause) | Failure::Lasting(cause)) => Err(format!("{cause}, {ATTEMPTS} times")),
    }
}

/// Why work has failed: whether there is hope.
enum Failure {
    Passing(String),
    Lasting(String),
}

/// The work: there is none for earthquakes in the sky, and those of magnitude 0 fail for some reason that might pass.
fn work(record: &ConsumerRecord<Bytes, Kept>) -> std::result::Result<(), Failure> {
    match &record.value {
        Some(Kept { quake, .. }) if quake.depth_km < -10.0 => {
            Err(Failure::Lasting(format!("{} km above ground", -quake.depth_km)))
        }
        Some(Kept { quake, .. }) if quake.magnitude == 0.0 => Err(Failure::Passing("no answer".to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use kestrel_broker::Broker;
    use kestrel_client::admin::NewTopic;
    use kestrel_client::{AssignedConsumer, Headers};
    use kestrel_examples::earthquakes;

    use super::*;

    #[tokio::test]
    async fn what_cannot_be_worked_on_is_kept_as_it_was() {
        let broker = Broker::test().await.unwrap();
        let client = Client::builder(broker.bootstrap_servers()).connect().await.unwrap();
        let topics = ["quakes", "quakes.dlq"].map(|name| NewTopic::new(name).partitions(1));
        client.admin().create_topics(topics).await.into_result().unwrap();
        let good = earthquakes().unwrap().swap_remove(0);
        let sky = Earthquake { depth_km: -20.0, ..good.clone() };
        let stubborn = Earthquake { magnitude: 0.0, ..good.clone() };
        let json = |quake: &Earthquake| serde_json::to_vec(quake).unwrap();
        let values = [json(&good), b"no quake".to_vec(), json(&sky), json(&stubborn), json(&good)];
        let producer = client.producer().build().await.unwrap();
        for value in values.clone() {
            let record = Record::to("quakes").key(&b"\xff"[..]).value(value).header("trace", "7f3a");
            producer.send(record).await.unwrap().await.unwrap();
        }
        let until = CancellationToken::new();
        let letters = async {
            let mut letters: AssignedConsumer<Bytes, Bytes> = client
                .assigned_consumer()
                .assign([("quakes.dlq", 0)])
                .auto_offset_reset(AutoOffsetReset::Earliest)
                .build()
                .await?;
            for (offset, cause) in [(1, "expected"), (2, "20 km above ground"), (3, "no answer, 4 times")] {
                let letter = letters.next().await.ok_or("it has no end")??;
                assert_eq!(letter.key.as_deref(), Some(&b"\xff"[..]));
                assert_eq!(letter.value.as_deref(), Some(&values[offset][..]));
                let text = |headers: &Headers, key| {
                    String::from_utf8(headers.last(key).flatten().unwrap().to_vec()).unwrap()
                };
                assert_eq!(text(&letter.headers, "trace"), "7f3a");
                assert_eq!(text(&letter.headers, "dlq.topic"), "quakes");
                assert_eq!(text(&letter.headers, "dlq.partition"), "0");
                assert_eq!(text(&letter.headers, "dlq.offset"), offset.to_string());
                assert!(text(&letter.headers, "dlq.error").contains(cause), "{:?}", letter.headers);
            }
            // The last record is done too, as soon as its task asks for more.
            until.cancel();
            Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
        };
        tokio::try_join!(consume(&client, "quakes", "readers", until.clone()), letters).unwrap();
        let mut group = client.admin().list_group_offsets(["readers"]).await.into_result().unwrap();
        let (_, offsets) = group.pop().unwrap();
        let committed = offsets.values().map(|offset| offset.offset).max();
        assert!(committed >= Some(4), "{committed:?}: all letters are done");
    }
}
