//! The cases of Protobuf: every kind of field, messages inside of messages, and a file that imports another one.

use std::collections::BTreeMap;
use std::fmt::Debug;

use kestrel_serde::{ProtoFiles, Protobuf};
use prost::Message;

use super::Result;
use super::exchange::{Bytewise, Exchange, read_text};

#[derive(Clone, PartialEq, Message)]
struct Parcel {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(int64, tag = "2")]
    grams: i64,
    #[prost(sint32, tag = "3")]
    floor: i32,
    #[prost(fixed64, tag = "4")]
    stamp: u64,
    #[prost(double, tag = "5")]
    distance: f64,
    #[prost(bool, tag = "6")]
    fragile: bool,
    #[prost(bytes = "vec", tag = "7")]
    picture: Vec<u8>,
    #[prost(enumeration = "State", tag = "8")]
    state: i32,
    #[prost(string, optional, tag = "9")]
    note: Option<String>,
    #[prost(string, repeated, tag = "10")]
    labels: Vec<String>,
    #[prost(btree_map = "string, int64", tag = "11")]
    counts: BTreeMap<String, i64>,
    #[prost(message, repeated, tag = "12")]
    stops: Vec<Stop>,
    #[prost(message, optional, tag = "13")]
    sent_at: Option<Timestamp>,
    #[prost(oneof = "Content", tags = "14, 15, 16")]
    content: Option<Content>,
    #[prost(int32, repeated, tag = "17")]
    rooms: Vec<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum State {
    Sent = 0,
    Delivered = 1,
    Lost = 2,
}

#[derive(Clone, PartialEq, Eq, Hash, prost::Oneof)]
enum Content {
    #[prost(int64, tag = "14")]
    Coins(i64),
    #[prost(string, tag = "15")]
    Letter(String),
    #[prost(message, tag = "16")]
    Gift(Gift),
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Gift {
    #[prost(string, tag = "1")]
    from: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Stop {
    #[prost(string, tag = "1")]
    city: String,
    #[prost(message, repeated, tag = "2")]
    notes: Vec<Note>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Note {
    #[prost(string, tag = "1")]
    text: String,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Shipment {
    #[prost(string, tag = "1")]
    parcel: String,
    #[prost(message, optional, tag = "2")]
    from: Option<Address>,
    #[prost(message, optional, tag = "3")]
    to: Option<Address>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Address {
    #[prost(string, tag = "1")]
    street: String,
    #[prost(string, tag = "2")]
    city: String,
}

fn parcels() -> Vec<Parcel> {
    let full = Parcel {
        id: "7c9e6679".to_owned(),
        grams: -9_007_199_254_740_993,
        floor: -2,
        stamp: u64::MAX,
        distance: -12.5,
        fragile: true,
        picture: vec![0, 0x80, 0xff],
        state: State::Delivered.into(),
        note: Some(String::new()),
        labels: vec!["a".to_owned(), String::new()],
        counts: BTreeMap::from([("x".to_owned(), 300)]),
        stops: vec![Stop { city: "Linz".to_owned(), notes: notes(&["n"]) }, Stop::default()],
        sent_at: Some(Timestamp { seconds: 1_772_445_600, nanos: 123_456_789 }),
        content: Some(Content::Coins(0)),
        rooms: vec![1, -1, 300],
    };
    let gift = Parcel {
        id: "läuten ✓".to_owned(),
        grams: 1,
        state: State::Lost.into(),
        note: Some("n".to_owned()),
        sent_at: Some(Timestamp { seconds: -1, nanos: 0 }),
        content: Some(Content::Gift(Gift { from: "Ada".to_owned() })),
        ..Parcel::default()
    };
    let letter = Parcel {
        content: Some(Content::Letter(String::new())),
        counts: BTreeMap::from([("y".to_owned(), 7)]),
        ..Parcel::default()
    };
    vec![Parcel::default(), full, gift, letter]
}

fn notes(texts: &[&str]) -> Vec<Note> {
    texts.iter().map(|text| Note { text: (*text).to_owned() }).collect()
}

fn stops() -> Vec<Stop> {
    vec![Stop { city: "Linz".to_owned(), notes: notes(&["a", ""]) }, Stop::default()]
}

fn shipments() -> Vec<Shipment> {
    let address =
        |street: &str, city: &str| Some(Address { street: street.to_owned(), city: city.to_owned() });
    vec![
        Shipment { parcel: "p-1".to_owned(), from: address("Main 1", "Wien"), to: None },
        Shipment { parcel: "p-2".to_owned(), from: address("", ""), to: address("Kossuth 2", "Győr") },
    ]
}

pub(crate) async fn exchange(exchange: &Exchange, case: &str) -> Result {
    let parcel = read_text("parcel.proto")?;
    match case {
        "protobuf" => run(exchange, case, parcel, "kestrel.interop.Parcel", &parcels()).await,
        "protobuf-nested" => run(exchange, case, parcel, "kestrel.interop.Parcel.Stop", &stops()).await,
        "protobuf-deep" => {
            let deep = notes(&["", "nested twice ✓"]);
            run(exchange, case, parcel, "kestrel.interop.Parcel.Stop.Note", &deep).await
        }
        _ => {
            let shipment = ProtoFiles::new(read_text("shipment.proto")?);
            let files = shipment.import("address.proto", read_text("address.proto")?);
            run(exchange, case, files, "kestrel.interop.Shipment", &shipments()).await
        }
    }
}

async fn run<T>(
    exchange: &Exchange,
    case: &str,
    files: impl Into<ProtoFiles>,
    full_name: &str,
    values: &[T],
) -> Result
where
    T: Message + Default + PartialEq + Debug + 'static,
{
    exchange.run(case, &Protobuf::from_proto(files, full_name)?, values, Bytewise::Same).await
}
