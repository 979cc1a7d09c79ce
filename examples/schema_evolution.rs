//! A struct that changes while its records stay: `cargo run --release --example schema_evolution`.
//!
//! An order is a struct in three versions. The second adds a field with a default: programs of both versions read the records
//! of both. The third adds a field without one: the schema lock names the field before anything runs, and the registry refuses
//! it. The exit code is 0 only if all of that happens.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;

use apache_avro::AvroSchema;
use clap::Parser;
use futures::TryStreamExt;
use kestrel_client::registry::{Level, Registry, RegistryClient};
use kestrel_client::{Client, Place};
use kestrel_examples::{Result, WithRegistry, connect, create_new_topics, exit_code, in_time};
use kestrel_serde::{Avro, Utf8, schema_lock};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The folder `schemas/` beside this file has the versions of this subject, and is committed.
const LOCKED: &str = "orders-value";

/// The order as it was first.
mod first {
    use apache_avro::AvroSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
    pub(crate) struct Order {
        pub(crate) id: String,
        pub(crate) cents: i64,
    }
}

/// The order as it is now: what was written before there was a currency is in euros.
mod second {
    use apache_avro::AvroSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
    pub(crate) struct Order {
        pub(crate) id: String,
        pub(crate) cents: i64,
        #[avro(default = "\"EUR\"")]
        pub(crate) currency: String,
    }
}

/// A mistake: no record that is there already has a warehouse.
mod broken {
    use apache_avro::AvroSchema;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, AvroSchema, Serialize, Deserialize)]
    pub(crate) struct Order {
        pub(crate) id: String,
        pub(crate) cents: i64,
        #[avro(default = "\"EUR\"")]
        pub(crate) currency: String,
        pub(crate) warehouse: String,
    }
}

/// Let a struct evolve, and see what a schema lock and a schema registry make of it.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    at: WithRegistry,
    /// The topic, which must not be there yet.
    #[arg(long, default_value = "orders")]
    name: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(schema_evolution(Options::parse()).await)
}

async fn schema_evolution(Options { at, name }: Options) -> Result {
    println!("1. The lock: files beside the program, no network. `cargo test` asks it.");
    println!(
        "   Version 2 adds `currency`, with a default: the lock has it as {}.",
        ask_lock::<second::Order>()?
    );
    let refused =
        ask_lock::<broken::Order>().expect_err_text("the lock has taken an order with a warehouse")?;
    println!("   A version that adds `warehouse` without a default:\n     {}\n", indented(&refused));
    must_name_the_field(&refused)?;
    at.run(async |bootstrap, url| {
        let client = connect(bootstrap, "schema-evolution").await?;
        in_time("orders of two versions", on_cluster(&client, RegistryClient::new(url)?, &name)).await
    })
    .await
}

/// What the lock says of the order's schema; nothing is added to it.
fn ask_lock<T: AvroSchema>() -> Result<String> {
    let lock = schema_lock!("schemas").accepting(false);
    // An error of the lock has a line for each thing that breaks in its `Debug`, which is what a failing test prints.
    let standing =
        lock.check(LOCKED, Level::Backward, &Avro::of::<T>()?).map_err(|error| format!("{error:?}"))?;
    Ok(standing.to_string())
}

async fn on_cluster(client: &Client, registry_client: RegistryClient, topic: &str) -> Result {
    let registry = Registry::from(registry_client.clone());
    create_new_topics(client, [topic], 1).await?;

    println!("2. The registry: the first record of a program brings the program's schema.");
    let old = first::Order { id: "order-1".into(), cents: 1_250 };
    write(client, &registry, topic, &old.id, &old).await?;
    let new = second::Order { id: "order-2".into(), cents: 900, currency: "HUF".into() };
    write(client, &registry, topic, &new.id, &new).await?;
    let subject = registry_client.subject(format!("{topic}-value"));
    println!(
        "   An old and a new program have written an order each: versions {:?}.",
        subject.versions().await?
    );

    let warehouse =
        broken::Order { id: "order-3".into(), cents: 1, currency: "EUR".into(), warehouse: "north".into() };
    let refused = write(client, &registry, topic, &warehouse.id, &warehouse).await;
    let refused = refused.expect_err_text("the registry has taken an order with a warehouse")?;
    println!(
        "   The order with a warehouse is refused, and no record of it is sent:\n     {}\n",
        indented(&refused)
    );
    must_name_the_field(&refused)?;
    if subject.versions().await? != [1, 2] {
        return Err("the registry has other versions than 1 and 2".into());
    }

    println!("3. The readers: each gets its own struct, whichever version a record was written in.");
    let seen_by_old: Vec<first::Order> = read(client, &registry, topic).await?;
    let seen_by_new: Vec<second::Order> = read(client, &registry, topic).await?;
    println!("   The old program reads:\n     {seen_by_old:?}");
    println!("   The new program reads, with the default where nothing was written:\n     {seen_by_new:?}");
    verify(&old, &new, &seen_by_old, &seen_by_new)
}

/// A program of one version that writes an order. Opening the topic registers the schema of `T`.
async fn write<T>(client: &Client, registry: &Registry, topic: &str, key: &str, order: &T) -> Result
where
    T: AvroSchema + Serialize + Send + Sync + 'static,
{
    let producer = client.producer().build().await?;
    let orders = registry.format(Avro::of::<T>()?);
    let orders = producer.topic::<str, T>(topic).key(Utf8).value(orders).open().await?;
    orders.send(key, order).await?.await?;
    Ok(())
}

/// A program of one version that reads all orders.
async fn read<T>(client: &Client, registry: &Registry, topic: &str) -> Result<Vec<T>>
where
    T: AvroSchema + DeserializeOwned + Send + 'static,
{
    let records = client
        .assigned_consumer::<String, T>()
        .assign_topics([topic])
        .key(Utf8)
        .value(registry.format(Avro::of::<T>()?))
        .between(Place::Beginning, Place::End)
        .build()
        .await?;
    let orders: Vec<_> = records.map_ok(|record| record.value).try_collect().await?;
    Ok(orders.into_iter().flatten().collect())
}

fn verify(
    old: &first::Order,
    new: &second::Order,
    seen_by_old: &[first::Order],
    seen_by_new: &[second::Order],
) -> Result {
    let without_currency = first::Order { id: new.id.clone(), cents: new.cents };
    let in_euros = second::Order { id: old.id.clone(), cents: old.cents, currency: "EUR".into() };
    if seen_by_old != [old.clone(), without_currency] || seen_by_new != [in_euros, new.clone()] {
        return Err("what was read is not what was written".into());
    }
    println!("\nboth programs read both versions");
    Ok(())
}

fn must_name_the_field(refused: &str) -> Result {
    if !refused.contains("warehouse") {
        return Err(format!("this does not name the field that breaks: {refused}").into());
    }
    Ok(())
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n     ")
}

/// The text of an error that has to be there.
trait ExpectErrText {
    fn expect_err_text(self, otherwise: &str) -> Result<String>;
}

impl<T> ExpectErrText for Result<T> {
    fn expect_err_text(self, otherwise: &str) -> Result<String> {
        match self {
            Ok(_) => Err(otherwise.into()),
            Err(error) => Ok(format!("{error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test that a program with schemas has.
    #[test]
    fn orders_evolve() {
        schema_lock!("schemas").assert(LOCKED, Level::Backward, &Avro::of::<second::Order>().unwrap());
    }

    #[test]
    fn the_lock_names_the_field_that_breaks() {
        let refused = ask_lock::<broken::Order>().unwrap_err().to_string();
        assert!(refused.contains("BACKWARD is broken with version 2"), "{refused}");
        assert!(
            refused.contains("field warehouse of Order: it was not written, and has no default"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn both_programs_read_both_versions_and_the_third_is_refused() {
        schema_evolution(Options { at: WithRegistry::default(), name: "orders".into() }).await.unwrap();
    }
}
