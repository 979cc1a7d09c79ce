//! Retries and dead letters: `cargo run --release --example dead_letter -- --bootstrap 127.0.0.1:9092`.
//!
//! What fails in passing is tried again after a pause that grows. What cannot be worked on, and what is no earthquake at all,
//! goes to the topic `<topic>.dlq` as it was, with headers that say where it came from and why; then the record is done. A record
//! that is tried again holds up no other partition.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kestrel_client::{
    AutoOffsetReset, Bytes, CancellationToken, Client, Consumer, ConsumerRecord, Failure, Json, Raw, Remedy,
};
use kestrel_examples::{Earthquake, Result, connect, exit_code};
use tokio::signal::ctrl_c;

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

/// Works until the token is cancelled: then all that is done is committed.
async fn consume(client: &Client, topic: &str, group: &str, until: CancellationToken) -> Result {
    let dead_letters = Remedy::dead_letter(format!("{topic}.dlq"));
    let mut consumer: Consumer<Bytes, Earthquake> = client
        .consumer(group)
        .topics([topic])
        .key(Raw)
        .value(Json)
        .on_poison(dead_letters.clone())
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    consumer
        .handling()
        .attempts(4)
        .backoff(Duration::from_millis(50), Duration::from_secs(5))
        .then(dead_letters)
        .stop_on(until)
        .run(|record| async move { work(&record) })
        .await?;
    consumer.close().await?;
    Ok(())
}

/// The work: there is none for earthquakes in the sky, and those of magnitude 0 fail for some reason that might pass.
fn work(record: &ConsumerRecord<Bytes, Earthquake>) -> std::result::Result<(), Failure> {
    match &record.value {
        Some(quake) if quake.depth_km < -10.0 => {
            Err(Failure::lasting(format!("{} km above ground", -quake.depth_km)))
        }
        Some(quake) if quake.magnitude == 0.0 => Err(Failure::passing("no answer")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use kestrel_broker::Broker;
    use kestrel_client::admin::NewTopic;
    use kestrel_client::{AssignedConsumer, Headers, Record};
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
                assert_eq!(text(&letter.headers, "__connect.errors.topic"), "quakes");
                assert_eq!(text(&letter.headers, "__connect.errors.partition"), "0");
                assert_eq!(text(&letter.headers, "__connect.errors.offset"), offset.to_string());
                assert!(
                    text(&letter.headers, "__connect.errors.exception.message").contains(cause),
                    "{:?}",
                    letter.headers
                );
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
