//! Order: the value that all serializers write, the same in every language.

use serde::{Deserialize, Serialize};

/// How many different orders there are; then they begin again.
const DIFFERENT_ORDERS: i64 = 1_000;

/// An order of a few lines: about 90 bytes of Avro, 240 of JSON.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Counts nothing.
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// Who has ordered.
    #[prost(string, tag = "2")]
    pub customer: String,
    /// When, in milliseconds since the Unix epoch.
    #[prost(int64, tag = "3")]
    pub placed_at_ms: i64,
    /// One order in four has it.
    #[prost(string, optional, tag = "4")]
    pub note: Option<String>,
    /// One to three.
    #[prost(message, repeated, tag = "5")]
    pub lines: Vec<Line>,
}

/// What was ordered.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The article.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// How many of it.
    #[prost(int32, tag = "2")]
    pub quantity: i32,
    /// The price of one.
    #[prost(int64, tag = "3")]
    pub cents: i64,
}

/// The orders that are sent, in turn. `bench/peers/python` and `bench/peers/typed-java` make the same ones.
#[must_use]
pub fn made_up() -> Vec<Order> {
    (0..DIFFERENT_ORDERS).map(order).collect()
}

fn order(index: i64) -> Order {
    Order {
        id: 1_000_000 + index * 7_919,
        customer: format!("customer-{:04}", index * 37 % 1_000),
        placed_at_ms: 1_767_254_400_000 + index * 1_013,
        note: (index % 4 == 0).then(|| "leave it at the door".to_owned()),
        lines: (0..1 + index % 3).map(|number| line(index, number)).collect(),
    }
}

fn line(index: i64, number: i64) -> Line {
    let quantity = i32::try_from(1 + (index + number) % 5).expect("at most five");
    Line {
        sku: format!("sku-{:05}", (index * 31 + number * 17) % 100_000),
        quantity,
        cents: 199 + 100 * ((index + number) % 50),
    }
}
