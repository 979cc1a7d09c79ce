//! The cases of Avro: every logical type, unions, and a schema that refers to another one.

use std::collections::BTreeMap;

use apache_avro::Decimal;
use kestrel_schema::Schema;
use kestrel_serde::Avro;
use serde::{Deserialize, Serialize};

use super::Result;
use super::exchange::{Bytewise, Exchange, read_text};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Parcel {
    id: String,
    weight: Decimal,
    insured: Decimal,
    sent_on: i32,
    collected_at: i32,
    sorted_at: i64,
    sent_at: i64,
    seen_at: i64,
    state: State,
    note: Option<String>,
    content: Content,
    labels: Vec<String>,
    counts: BTreeMap<String, i64>,
    #[serde(with = "apache_avro::serde::fixed")]
    stamp: [u8; 4],
    #[serde(with = "apache_avro::serde::bytes")]
    picture: Vec<u8>,
    distance: f64,
    fragile: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    #[serde(rename = "SENT")]
    Sent,
    #[serde(rename = "DELIVERED")]
    Delivered,
    #[serde(rename = "LOST")]
    Lost,
}

/// A union of four types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Content {
    Nothing,
    Coins(i64),
    Letter(String),
    Gift(Gift),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Gift {
    from: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shipment {
    parcel: String,
    from: Address,
    to: Option<Address>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Address {
    street: String,
    city: String,
}

fn parcels() -> Vec<Parcel> {
    let plain = Parcel {
        id: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        weight: Decimal::from(1_234_i16.to_be_bytes()),
        insured: Decimal::from(25_000_i64.to_be_bytes()),
        sent_on: 20_514,
        collected_at: 36_930_123,
        sorted_at: 43_200_000_007,
        sent_at: 1_772_445_600_123,
        seen_at: 1_772_445_600_123_456,
        state: State::Sent,
        note: None,
        content: Content::Nothing,
        labels: Vec::new(),
        counts: BTreeMap::new(),
        stamp: [0, 1, 0xfe, 0xff],
        picture: Vec::new(),
        distance: 0.0,
        fragile: false,
    };
    let full = Parcel {
        id: "7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned(),
        weight: Decimal::from((-98_765_432_i32).to_be_bytes()),
        insured: Decimal::from((-1_i64).to_be_bytes()),
        sent_on: -1,
        collected_at: 0,
        sorted_at: 86_399_999_999,
        sent_at: -1,
        seen_at: -1_000_001,
        state: State::Delivered,
        note: Some("bitte läuten ✓".to_owned()),
        content: Content::Coins(-2_251_799_813_685_249),
        labels: vec!["a".to_owned(), String::new()],
        counts: BTreeMap::from([("x".to_owned(), 300)]),
        stamp: *b"kest",
        picture: vec![0, 0x80, 0xff],
        distance: -12.5,
        fragile: true,
    };
    let extreme = Parcel {
        id: "00000000-0000-0000-0000-000000000000".to_owned(),
        weight: Decimal::from([0]),
        insured: Decimal::from(999_999_999_999_999_999_i64.to_be_bytes()),
        sent_on: 0,
        collected_at: 86_399_999,
        sorted_at: 0,
        sent_at: 253_402_300_799_999,
        seen_at: 0,
        state: State::Lost,
        note: Some(String::new()),
        content: Content::Gift(Gift { from: "Ada".to_owned() }),
        labels: ["one", "two", "three"].map(str::to_owned).into(),
        counts: BTreeMap::from([("y".to_owned(), -1)]),
        stamp: [0; 4],
        picture: vec![b'p'; 200],
        distance: 1e300,
        fragile: false,
    };
    let letter = Parcel {
        weight: Decimal::from(128_i16.to_be_bytes()),
        insured: Decimal::from(0_i64.to_be_bytes()),
        sent_on: 1,
        collected_at: 1,
        sorted_at: 1,
        sent_at: 1,
        seen_at: 1,
        content: Content::Letter("a letter".to_owned()),
        stamp: [0x7f, 0x80, 0x81, 0x82],
        distance: 0.1,
        fragile: true,
        ..plain.clone()
    };
    vec![plain, full, extreme, letter]
}

fn shipments() -> Vec<Shipment> {
    let address = |street: &str, city: &str| Address { street: street.to_owned(), city: city.to_owned() };
    let shipment = |parcel: &str, from, to| Shipment { parcel: parcel.to_owned(), from, to };
    vec![
        shipment("p-1", address("Main 1", "Wien"), None),
        shipment("p-2", address("", "Szeged"), Some(address("Kossuth 2", "Győr"))),
    ]
}

pub(crate) async fn exchange(exchange: &Exchange, case: &str) -> Result {
    if case == "avro" {
        let format = Avro::parse(&read_text("parcel.avsc")?)?;
        return exchange.run(case, &format, &parcels(), Bytewise::Same).await;
    }
    let (shipment, address) = (read_text("shipment.avsc")?, read_text("address.avsc")?);
    // The format's own schema has everything in it.
    let complete = shipment.replacen("\"kestrel.interop.Address\"", &address, 1);
    let format = Avro::parse(&complete)?;
    let references = [("kestrel.interop.Address", Schema::avro(address))];
    let schema = Schema::avro(shipment);
    exchange.run_with_references(case, &format, &schema, &references, &shipments(), Bytewise::Same).await
}
