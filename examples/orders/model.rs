//! What travels through the topics, and their names.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

/// Orders as JSON, keyed by customer.
pub(crate) const ORDERS: &str = "orders";
/// The total of each customer as Avro, keyed by customer; compacted.
pub(crate) const TOTALS: &str = "order-totals";
/// What is no order, as it came.
pub(crate) const DEAD_LETTERS: &str = "orders.dlq";

/// One order of a customer, who is the record's key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What was ordered.
    pub(crate) article: String,
    /// How many of it.
    pub(crate) quantity: u32,
    /// The price of one, in cents.
    pub(crate) unit_cents: u64,
}

impl Order {
    /// What the order is worth, in cents.
    pub(crate) fn cents(&self) -> u64 {
        u64::from(self.quantity) * self.unit_cents
    }
}

/// What a customer has ordered so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "kestrel.examples")]
pub(crate) struct Total {
    pub(crate) orders: i64,
    pub(crate) cents: i64,
    /// The offset of the last order that is in it: one that comes again is not counted again.
    pub(crate) counted_to: i64,
}
