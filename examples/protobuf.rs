//! Parcels on their way as Protobuf, with a schema registry and without protoc: `cargo run --release --example protobuf`.
//!
//! ```text
//!   the shop ──Parcel────────────────────► parcels ───────┐
//!   depots ────Parcel.Scan───────────────► parcels.scans ─┼──► the board: where each parcel has been
//!   depots with a scale ──Parcel.Scan,───►       "        ┘
//!                         with a weight
//! ```
//!
//! The types are structs with prost's derive, the schema is the text of two `.proto` files, one of which imports the other. A depot that
//! has a scale runs a newer program, whose scans have one field more: both boards, the old and the new one, read the scans of both. A
//! third version, which gives a field's number to something else, is refused. The exit code is 0 only if all of that happens.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::process::ExitCode;

use clap::Parser;
use futures::TryStreamExt;
use kestrel_client::registry::{Registered, Registry, RegistryClient};
use kestrel_client::{Bytes, Client, Place, Producer};
use kestrel_examples::{Result, WithRegistry, connect, create_new_topics, exit_code, in_time};
use kestrel_serde::{Deserializer, ProtoFiles, Protobuf, ProtobufMessage, Raw, Utf8};
use prost::Message;

/// A file that others import: the registry keeps it once, under its path.
const DEPOT_PROTO: &str = r#"syntax = "proto3";
package post;

message Depot {
  string city = 1;
  string country = 2;
}
"#;

/// Two messages of it are written: `post.Parcel`, the first of the file, and `post.Parcel.Scan`, the second in it.
const PARCEL_PROTO: &str = r#"syntax = "proto3";
package post;
import "post/depot.proto";

message Parcel {
  string number = 1;
  Address to = 2;

  message Address {
    string name = 1;
    Depot nearest = 2;
  }

  message Scan {
    string parcel = 1;
    Depot at = 2;
    Event event = 3;
  }

  enum Event {
    ACCEPTED = 0;
    SORTED = 1;
    DELIVERED = 2;
  }
}
"#;

/// In a program: `include_str!` of the file as it is now.
fn parcel_proto_with_weight() -> String {
    PARCEL_PROTO.replace("Event event = 3;", "Event event = 3;\n    optional uint32 grams = 4;")
}

/// A mistake: in the records that are there, the number 3 is an event.
fn parcel_proto_that_breaks() -> String {
    PARCEL_PROTO.replace("Event event = 3;", "string remark = 3;")
}

#[derive(Clone, PartialEq, Message)]
struct Depot {
    #[prost(string, tag = "1")]
    city: String,
    #[prost(string, tag = "2")]
    country: String,
}

#[derive(Clone, PartialEq, Message)]
struct Parcel {
    #[prost(string, tag = "1")]
    number: String,
    #[prost(message, tag = "2")]
    to: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Address {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, tag = "2")]
    nearest: Option<Depot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
enum Event {
    Accepted = 0,
    Sorted = 1,
    Delivered = 2,
}

/// The scan as it was first.
mod first {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Scan {
        #[prost(string, tag = "1")]
        pub(crate) parcel: String,
        #[prost(message, tag = "2")]
        pub(crate) at: Option<super::Depot>,
        #[prost(enumeration = "super::Event", tag = "3")]
        pub(crate) event: i32,
    }
}

/// The scan of a depot that has a scale.
#[derive(Clone, PartialEq, Message)]
struct Scan {
    #[prost(string, tag = "1")]
    parcel: String,
    #[prost(message, tag = "2")]
    at: Option<Depot>,
    #[prost(enumeration = "Event", tag = "3")]
    event: i32,
    /// Where nothing was written, nothing is read.
    #[prost(uint32, optional, tag = "4")]
    grams: Option<u32>,
}

impl Scan {
    fn city(&self) -> &str {
        self.at.as_ref().map_or("?", |depot| &depot.city)
    }

    /// What an older program knows of it.
    fn without_weight(&self) -> first::Scan {
        first::Scan { parcel: self.parcel.clone(), at: self.at.clone(), event: self.event }
    }
}

/// Send parcels through depots of two versions, and watch them.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    at: WithRegistry,
    /// The topic of the parcels, which must not be there yet; their scans are in `<name>.scans`.
    #[arg(long, default_value = "parcels")]
    name: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(protobuf(Options::parse()).await)
}

async fn protobuf(Options { at, name }: Options) -> Result {
    at.run(async |bootstrap, url| {
        let client = connect(bootstrap, "protobuf").await?;
        let registry_client = RegistryClient::new(url)?;
        // Three tasks' worth of state, which does not belong on a stack.
        in_time("parcels", Box::pin(deliver(&client, registry_client, &name))).await
    })
    .await
}

/// The formats of the two messages, and those of both versions of a scan.
struct Formats {
    parcels: Registered<ProtobufMessage>,
    first_scans: Registered<ProtobufMessage>,
    scans: Registered<ProtobufMessage>,
    broken_scans: Registered<ProtobufMessage>,
}

impl Formats {
    fn of(registry: &Registry) -> Result<Self> {
        let message = |parcel_proto: &str, full_name: &str| -> Result<_> {
            let files = ProtoFiles::new(parcel_proto).import("post/depot.proto", DEPOT_PROTO);
            Ok(registry.format(Protobuf::from_proto(files, full_name)?))
        };
        Ok(Self {
            parcels: message(PARCEL_PROTO, "post.Parcel")?,
            first_scans: message(PARCEL_PROTO, "post.Parcel.Scan")?,
            scans: message(&parcel_proto_with_weight(), "post.Parcel.Scan")?,
            broken_scans: message(&parcel_proto_that_breaks(), "post.Parcel.Scan")?,
        })
    }
}

async fn deliver(client: &Client, registry: RegistryClient, topic: &str) -> Result {
    let scans_topic = format!("{topic}.scans");
    create_new_topics(client, [topic, &scans_topic], 1).await?;
    let formats = Formats::of(&Registry::from(registry.clone()))?;
    let producer = client.producer().build().await?;
    let (parcels, scans) = made_up();
    send_parcels(&producer, topic, &formats, &parcels).await?;
    send_scans(&producer, &scans_topic, &formats, &scans).await?;

    println!("1. The registry knows two files, and each record says which message of which file it is:");
    show_schemas(&registry, topic, &scans_topic).await?;
    show_frame(client, topic, "post.Parcel", &[0]).await?;
    show_frame(client, &scans_topic, "post.Parcel.Scan", &[4, 0, 2]).await?;

    println!("\n2. The board, whose program is the new one:");
    let seen_parcels: Vec<Parcel> = read_all(client, topic, formats.parcels).await?;
    let seen: Vec<Scan> = read_all(client, &scans_topic, formats.scans).await?;
    seen_parcels.iter().for_each(|parcel| println!("   {}", journey(parcel, &seen)));
    let seen_by_old: Vec<first::Scan> = read_all(client, &scans_topic, formats.first_scans).await?;
    println!("   A board that was not updated reads the same {} scans, without weights.", seen_by_old.len());

    println!("\n3. A program that gives the number 3 to something else does not get to write:");
    refuse(&producer, &scans_topic, formats.broken_scans).await?;

    let expected_by_old: Vec<_> = scans.iter().map(Scan::without_weight).collect();
    if seen_parcels != parcels || seen != scans || seen_by_old != expected_by_old {
        return Err("what was read is not what was written".into());
    }
    println!("\nboth boards have read the scans of both programs");
    Ok(())
}

async fn send_parcels(producer: &Producer, topic: &str, formats: &Formats, parcels: &[Parcel]) -> Result {
    let topic = producer.topic::<str, Parcel>(topic).key(Utf8).value(formats.parcels.clone()).open().await?;
    for parcel in parcels {
        topic.send(&parcel.number, parcel).await?.await?;
    }
    Ok(())
}

/// The depots' side: those without a scale have the old program.
async fn send_scans(producer: &Producer, topic: &str, formats: &Formats, scans: &[Scan]) -> Result {
    let old = producer.topic::<str, first::Scan>(topic).key(Utf8).value(formats.first_scans.clone());
    let old = old.open().await?;
    let new = producer.topic::<str, Scan>(topic).key(Utf8).value(formats.scans.clone()).open().await?;
    for scan in scans {
        let delivery = match scan.grams {
            Some(_) => new.send(&scan.parcel, scan).await?,
            None => old.send(&scan.parcel, &scan.without_weight()).await?,
        };
        delivery.await?;
    }
    Ok(())
}

/// Each version of the topics' subjects, with what it imports.
async fn show_schemas(registry: &RegistryClient, topic: &str, scans_topic: &str) -> Result {
    for subject in [format!("{topic}-value"), format!("{scans_topic}-value")] {
        for version in registry.subject(&*subject).versions().await? {
            let stored = registry.subject(&*subject).version(version).await?;
            let id = stored.id.ok_or("the registry did not say the id of the schema")?;
            let schema = stored.schema.ok_or("the registry did not say the schema")?;
            let imports: Vec<_> = schema.references.iter().map(|it| it.name.as_str()).collect();
            println!("   {subject} {version}: the schema {id}, which imports {}", imports.join(", "));
            if imports != ["post/depot.proto"] {
                return Err(format!("the schema {id} refers to {imports:?}").into());
            }
        }
    }
    Ok(())
}

/// What a topic's first record has in front of its message.
async fn show_frame(client: &Client, topic: &str, message: &str, path: &[u8]) -> Result {
    let values: Vec<Bytes> = read_all(client, topic, Raw).await?;
    let value = values.first().ok_or("the topic is empty")?;
    let (magic_and_id, rest) = value.split_at_checked(5).ok_or("a record without a schema's id")?;
    let in_front = rest.get(..path.len()).ok_or("a record without a message")?;
    println!(
        "   {magic_and_id:02x?} the schema, {in_front:02x?} the place of {message} in it, then the message"
    );
    if in_front != path {
        return Err(format!("the place of {message} should be {path:02x?}").into());
    }
    Ok(())
}

/// All that is in a topic now.
async fn read_all<T: Send + 'static>(
    client: &Client,
    topic: &str,
    format: impl Deserializer<T>,
) -> Result<Vec<T>> {
    let records = client
        .assigned_consumer::<String, T>()
        .assign_topics([topic])
        .key(Utf8)
        .value(format)
        .between(Place::Beginning, Place::End)
        .build()
        .await?;
    let values: Vec<_> = records.map_ok(|record| record.value).try_collect().await?;
    Ok(values.into_iter().flatten().collect())
}

/// Where a parcel has been.
fn journey(parcel: &Parcel, scans: &[Scan]) -> String {
    let name = parcel.to.as_ref().map_or("?", |to| &to.name);
    let stops = scans.iter().filter(|scan| scan.parcel == parcel.number).map(|scan| {
        let event = match scan.event() {
            Event::Accepted => "accepted",
            Event::Sorted => "sorted",
            Event::Delivered => "delivered",
        };
        let weight = scan.grams.map(|grams| format!(", {grams} g")).unwrap_or_default();
        format!("{} ({event}{weight})", scan.city())
    });
    format!("{} for {name}: {}", parcel.number, stops.collect::<Vec<_>>().join(" → "))
}

/// Opens the topic with a schema that the registry does not take: nothing is sent.
async fn refuse(producer: &Producer, topic: &str, broken: Registered<ProtobufMessage>) -> Result {
    let Err(error) = producer.topic::<str, Scan>(topic).key(Utf8).value(broken).open().await else {
        return Err("the registry has taken a schema that breaks the records that are there".into());
    };
    let error = format!("{error:#}");
    // Then comes the older schema as a whole.
    println!("   {}", error.split(", {oldSchema").next().unwrap_or(&error));
    if !error.contains("the field event became string") {
        return Err("this does not name the field that breaks".into());
    }
    Ok(())
}

/// The parcels, and what becomes of them depot by depot. Budapest has no scale, nor has Szolnok.
fn made_up() -> (Vec<Parcel>, Vec<Scan>) {
    const ROUTES: [(&str, &str, u32, [&str; 3]); 3] = [
        ("KP-1", "Ada", 2_310, ["Budapest", "Tatabánya", "Győr"]),
        ("KP-2", "Grace", 640, ["Budapest", "Kecskemét", "Szeged"]),
        ("KP-3", "Barbara", 1_175, ["Budapest", "Szolnok", "Debrecen"]),
    ];
    let depot = |city: &str| Some(Depot { city: city.into(), country: "HU".into() });
    let parcels = ROUTES.map(|(number, name, _, [.., last])| Parcel {
        number: number.into(),
        to: Some(Address { name: name.into(), nearest: depot(last) }),
    });
    let mut scans = Vec::new();
    for (stop, event) in [Event::Accepted, Event::Sorted, Event::Delivered].into_iter().enumerate() {
        for (number, _, grams, cities) in &ROUTES {
            let city = cities[stop];
            let has_scale = !["Budapest", "Szolnok"].contains(&city);
            scans.push(Scan {
                parcel: (*number).into(),
                at: depot(city),
                event: event.into(),
                grams: has_scale.then_some(*grams),
            });
        }
    }
    (parcels.into(), scans)
}

#[cfg(test)]
mod tests {
    use kestrel_serde::{ProtobufValue, SerdeContext};

    use super::*;

    #[tokio::test]
    async fn both_boards_read_the_scans_of_both_programs() {
        protobuf(Options { at: WithRegistry::default(), name: "parcels".into() }).await.unwrap();
    }

    /// A struct is taken at its word: this is the test that holds it against the text.
    #[test]
    fn a_scan_is_what_the_text_says() {
        let files = ProtoFiles::new(parcel_proto_with_weight()).import("post/depot.proto", DEPOT_PROTO);
        let format = ProtobufValue::from_proto(files, "post.Parcel.Scan").unwrap();
        let (_, scans) = made_up();
        let scan = scans.into_iter().rfind(|scan| scan.grams.is_some()).unwrap();
        let bytes = Bytes::from(scan.encode_to_vec());
        let read = format.deserialize(&SerdeContext::value("scans").reading(), &bytes).unwrap();
        let field = |name: &str| read.get_field_by_name(name).unwrap().into_owned();
        assert_eq!(field("parcel").as_str(), Some("KP-3"));
        assert_eq!(field("event").as_enum_number(), Some(2));
        assert_eq!(field("grams").as_u32(), Some(1_175));
        let at = field("at");
        let city = at.as_message().unwrap().get_field_by_name("city").unwrap().into_owned();
        assert_eq!(city.as_str(), Some("Debrecen"));
        assert_eq!(read.unknown_fields().count(), 0);
    }
}
