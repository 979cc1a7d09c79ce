//! Format: which language the orders' schema is in, and Kestrel's serializers for each.

use clap::ValueEnum;
use kestrel_client::registry;
use kestrel_client::serde::{Avro, Deserializer, JsonSchema, Protobuf, Serializer};

use crate::{BoxError, Order};

/// The language of the schema. The texts are in `bench/schemas`, for all programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A record with an array of records.
    Avro,
    /// The first message of a file.
    Protobuf,
    /// JSON that is checked against a schema when it is written and when it is read.
    Json,
}

impl Format {
    /// The schema's text.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Avro => include_str!("../schemas/order.avsc"),
            Self::Protobuf => include_str!("../schemas/order.proto"),
            Self::Json => include_str!("../schemas/order.json"),
        }
    }

    /// Kestrel's serializer and deserializer, with a registry.
    ///
    /// # Errors
    /// When the registry's address is none.
    pub fn kestrel(self, registry_url: &str) -> Result<Box<dyn OrderFormat>, BoxError> {
        let registry = registry::connect(registry_url)?;
        Ok(match self {
            Self::Avro => Box::new(registry.format(Avro::parse(self.schema())?)),
            Self::Protobuf => Box::new(registry.format(Protobuf::from_proto(self.schema(), "bench.Order")?)),
            Self::Json => Box::new(registry.format(JsonSchema::parse(self.schema())?)),
        })
    }
}

/// Whatever of Kestrel's writes and reads orders.
pub trait OrderFormat: Serializer<Order> + Deserializer<Order> {}

impl<F: Serializer<Order> + Deserializer<Order>> OrderFormat for F {}
