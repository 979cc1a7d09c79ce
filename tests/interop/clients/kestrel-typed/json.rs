//! The cases of JSON: a schema with every kind of rule, and one that refers to another.

use kestrel_schema::{Dependency, Reference, Schema};
use kestrel_serde::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Result;
use super::exchange::{Bytewise, Exchange, read_text};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parcel {
    id: String,
    grams: i64,
    #[serde(default, skip_serializing_if = "Insured::is_left_out")]
    insured: Insured,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<String>,
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distance: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fragile: Option<bool>,
}

/// An amount or null, or not there at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Insured {
    #[default]
    #[serde(skip)]
    LeftOut,
    Null,
    Amount(String),
}

impl Insured {
    fn is_left_out(&self) -> bool {
        *self == Self::LeftOut
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Sent,
    Delivered,
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Content {
    Coins(i64),
    Letter(String),
    Gift { from: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shipment {
    parcel: String,
    from: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Address>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    street: String,
    city: String,
}

fn parcels() -> Vec<Parcel> {
    let plain = Parcel {
        id: "0f8fad5b-d9cb-469f-a165-70867728950e".to_owned(),
        grams: 1_234,
        insured: Insured::LeftOut,
        sent_at: None,
        state: State::Sent,
        content: None,
        labels: None,
        distance: None,
        fragile: None,
    };
    let full = Parcel {
        id: "7c9e6679-7425-40de-944b-e07fc1f90ae7".to_owned(),
        grams: 9_007_199_254_740_991,
        insured: Insured::Amount("250.00".to_owned()),
        sent_at: Some("2026-03-02T10:00:00.123Z".to_owned()),
        state: State::Delivered,
        content: Some(Content::Coins(-7)),
        labels: Some(vec!["a".to_owned(), String::new()]),
        distance: Some(-12.5),
        fragile: Some(true),
    };
    let gift = Parcel {
        id: "00000000-0000-0000-0000-000000000000".to_owned(),
        grams: 1,
        insured: Insured::Null,
        state: State::Lost,
        content: Some(Content::Gift { from: "Ada ✓".to_owned() }),
        labels: Some(Vec::new()),
        distance: Some(0.1),
        fragile: Some(false),
        ..plain.clone()
    };
    let letter = Parcel {
        id: gift.id.clone(),
        grams: 2,
        state: State::Lost,
        content: Some(Content::Letter("läuten".to_owned())),
        ..plain.clone()
    };
    vec![plain, full, gift, letter]
}

fn shipments() -> Vec<Shipment> {
    let address = |street: &str, city: &str| Address { street: street.to_owned(), city: city.to_owned() };
    let shipment = |parcel: &str, from, to| Shipment { parcel: parcel.to_owned(), from, to };
    vec![
        shipment("p-1", address("Main 1", "Wien"), None),
        shipment("p-2", address("", "Szeged"), Some(address("Kossuth 2", "Győr"))),
    ]
}

// One document has many texts: members in any order, spaces or none.
pub(crate) async fn exchange(exchange: &Exchange, case: &str) -> Result {
    if case == "json" {
        let format = JsonSchema::parse(&read_text("parcel.schema.json")?)?;
        return exchange.run(case, &format, &parcels(), Bytewise::Free).await;
    }
    let address = ("address.schema.json", Schema::json(read_text("address.schema.json")?));
    let schema = Schema::json(read_text("shipment.schema.json")?);
    let reference = Reference { name: address.0.to_owned(), subject: address.0.to_owned(), version: 1 };
    let dependency = Dependency { reference, text: address.1.text.clone() };
    let format = JsonSchema::with_dependencies(schema.clone(), &[dependency])?;
    exchange.run_with_references(case, &format, &schema, &[address], &shipments(), Bytewise::Free).await
}
