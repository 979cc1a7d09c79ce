//! Schemas that a schema registry keeps: the client of its REST API, and the cache that formats use it by.
//!
//! Nothing of it is made here: it is kestrel-registry-client and the room `registry` of kestrel-serde under one name.
//!
//! ```no_run
//! # #[cfg(feature = "avro")]
//! # mod example {
//! use apache_avro::AvroSchema;
//! use kestrel_client::{Avro, Client, Utf8, registry};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, AvroSchema, Serialize, Deserialize)]
//! struct Position {
//!     truck: i32,
//!     speed: f64,
//! }
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = registry::connect("http://127.0.0.1:8081")?;
//! let positions = registry.format(Avro::of::<Position>()?);
//!
//! let client = Client::builder("localhost:9092").connect().await?;
//! let producer = client.producer().build().await?;
//! let topic = producer.topic::<str, Position>("truck_gps").key(Utf8).value(positions.clone()).open().await?;
//! topic.send("truck-7", &Position { truck: 7, speed: 80.5 }).await?.await?;
//!
//! let consumer = client.consumer::<String, Position>("dashboard").topics(["truck_gps"]);
//! let consumer = consumer.key(Utf8).value(positions).build().await?;
//! # Ok(()) }
//! # }
//! ```

pub use kestrel_registry_client::*;
pub use kestrel_serde::registry::{
    Asked, CompleteSchema, Import, InvalidFrame, Question, Registered, RegisteredSchema,
    RegisteredWithSchema, RegistryAnswer, RegistryObserver, SchemaFormat, SchemaKey, SchemaRegistry,
    SubjectStrategy, WireForm, WithSchema, WriteIn,
};
#[cfg(feature = "generic")]
pub use kestrel_serde::{AnySchema, AvroJson, ProtobufJson};
