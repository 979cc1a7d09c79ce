//! Events that follow a JSON schema: `cargo run --release --example json_schema`.
//!
//! Sensors send temperatures. Their JSON schema is in a registry, and every document is checked against it twice: a producer
//! refuses to send one that breaks it, and a consumer puts one that was written past the format aside, in a topic for dead
//! letters. The exit code is 0 only if all of that happens.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;

use clap::Parser;
use kestrel_client::registry::{Registered, Registry, RegistryClient};
use kestrel_client::{AutoOffsetReset, Bytes, Client, ConsumerRecord, Record, Remedy, TypedProducer};
use kestrel_examples::{Result, WithRegistry, connect, create_new_topics, exit_code, in_time};
use kestrel_serde::{JsonSchema, Utf8};
use serde::{Deserialize, Serialize};

/// No temperature on Earth is outside of these.
const SCHEMA: &str = r#"{
    "title": "Reading",
    "type": "object",
    "properties": {
        "sensor": {"type": "string", "minLength": 1},
        "celsius": {"type": "number", "minimum": -90, "maximum": 60}
    },
    "required": ["sensor", "celsius"]
}"#;

/// What a sensor has measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Reading {
    sensor: String,
    celsius: f64,
}

/// Send events that are checked against a JSON schema, and see what becomes of those that break it.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    at: WithRegistry,
    /// The topic, which must not be there yet; dead letters go to `<name>.dlq`.
    #[arg(long, default_value = "readings")]
    name: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(json_schema(Options::parse()).await)
}

async fn json_schema(Options { at, name }: Options) -> Result {
    at.run(async |bootstrap, url| {
        let client = connect(bootstrap, "json-schema").await?;
        in_time("readings", readings(&client, RegistryClient::new(url)?, &name)).await
    })
    .await
}

async fn readings(client: &Client, registry_client: RegistryClient, topic: &str) -> Result {
    let dead_letters = format!("{topic}.dlq");
    create_new_topics(client, [topic, dead_letters.as_str()], 1).await?;
    let format = Registry::from(registry_client.clone()).format(JsonSchema::parse(SCHEMA)?);

    let producer = client.producer().build().await?;
    let sender = producer.topic::<str, Reading>(topic).key(Utf8).value(format.clone()).open().await?;
    let registered = registry_client.subject(format!("{topic}-value")).latest().await?;
    let id = registered.id.ok_or("the registry did not say the id of the schema")?;
    println!("the schema is in the registry, with the id {id}");

    let inside = Reading { sensor: "yard".into(), celsius: 21.5 };
    let outside = Reading { sensor: "roof".into(), celsius: -3.25 };
    send(&sender, &inside).await?;
    refuse(&sender, &Reading { sensor: "oven".into(), celsius: 230.0 }).await?;
    // Another program, which has the id and frames its records itself, but checks nothing.
    let poison = framed(id, r#"{"sensor": "attic", "celsius": "warm"}"#);
    producer.send(Record::to(topic).key("attic").value(poison.clone())).await?.await?;
    println!("written past the format: attic, \"warm\"");
    send(&sender, &outside).await?;

    let read = read(client, topic, format, &dead_letters, 2).await?;
    println!("read: {read:?}");
    if read != [inside, outside] {
        return Err("what was read is not what was written".into());
    }
    verify_letter(&dead_letter(client, &dead_letters).await?, &poison)
}

async fn send(sender: &TypedProducer<str, Reading>, reading: &Reading) -> Result {
    sender.send(&reading.sensor, reading).await?.await?;
    println!("sent: {reading:?}");
    Ok(())
}

/// Sends what the schema does not have: nothing leaves this process, and the error says where in the document it is wrong.
async fn refuse(sender: &TypedProducer<str, Reading>, reading: &Reading) -> Result {
    let Err(error) = sender.send(&reading.sensor, reading).await else {
        return Err(format!("{reading:?} was sent").into());
    };
    let error = format!("{error:#}");
    println!("refused: {error}");
    if !error.contains("at /celsius: ") {
        return Err("this does not say where the document is wrong".into());
    }
    Ok(())
}

/// A document as Confluent's serializers frame it: a zero, the schema's id, the document.
fn framed(id: i32, document: &str) -> Vec<u8> {
    [&[0][..], &id.to_be_bytes(), document.as_bytes()].concat()
}

/// Reads `count` events as a group. What is none goes to the topic for dead letters before the group passes it.
async fn read(
    client: &Client,
    topic: &str,
    format: Registered<JsonSchema>,
    dead_letters: &str,
    count: usize,
) -> Result<Vec<Reading>> {
    let mut consumer = client
        .consumer::<String, Reading>(format!("{topic}-readers"))
        .topics([topic])
        .key(Utf8)
        .value(format)
        .on_poison(Remedy::dead_letter(dead_letters))
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    let mut events = Vec::with_capacity(count);
    while events.len() < count {
        let record = consumer.next().await.ok_or("the stream has ended")??;
        events.extend(record.value);
    }
    consumer.close().await?;
    Ok(events)
}

async fn dead_letter(client: &Client, topic: &str) -> Result<ConsumerRecord<Bytes, Bytes>> {
    let mut letters = client
        .assigned_consumer::<Bytes, Bytes>()
        .assign([(topic, 0)])
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await?;
    Ok(letters.next().await.ok_or("the stream has ended")??)
}

/// Whether a letter is the record as it was, with the place where it is wrong.
fn verify_letter(letter: &ConsumerRecord<Bytes, Bytes>, poison: &[u8]) -> Result {
    let reason = letter.headers.last("__connect.errors.exception.message").flatten();
    let reason = String::from_utf8_lossy(reason.ok_or("the letter does not say why it is one")?);
    println!("dead letter: {reason}");
    if letter.value.as_deref() != Some(poison) || !reason.contains("/celsius") {
        return Err("the letter is not the record that was written past the format".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_breaks_the_schema_is_refused_or_put_aside() {
        json_schema(Options { at: WithRegistry::default(), name: "readings".into() }).await.unwrap();
    }
}
