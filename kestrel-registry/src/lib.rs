//! A schema registry with Confluent's REST API, over any Apache Kafka: one command, or one line in a test.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use kestrel_broker::Broker;
//! use kestrel_registry::Registry;
//!
//! let broker = Broker::test().await?;
//! let registry = Registry::start(broker.bootstrap_servers()).await?;
//! assert!(registry.url().starts_with("http://127.0.0.1:")); // for any client of a schema registry
//! registry.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! It keeps everything in the compacted topic `_schemas`, in the format of Confluent's registry, and answers questions from memory,
//! but for those to which nothing is known, which wait until the topic was read to its end.
//! Avro, Protobuf and JSON Schema are judged by `kestrel-schema`. Several registries may have one topic: a write is one transaction of
//! a producer that fences the other ones.
//!
//! # What is not there
//! Associations of subjects with topics, exporters, encryption keys (DEK), tags that are edited into schemas, and carrying out rules:
//! their paths are not found (404). Rules and metadata are kept, and are part of a schema's identity.

mod builder;
mod error;
mod failure;
mod http;
mod machine;
mod part;
mod record;
mod registry;
mod settings;
mod start_error;
mod store;
mod subject;

pub use builder::RegistryBuilder;
pub use failure::Failure;
pub use kestrel_client::Secret;
pub use registry::Registry;
pub use start_error::StartError;

#[cfg(test)]
mod tests;
