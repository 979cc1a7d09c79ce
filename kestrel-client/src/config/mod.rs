//! Configuration in two stages: what was said (builders, properties) becomes what it means (checked settings).
//!
//! Setters and properties have Kafka's key names; [`keys`] is the single table that joins them. Only settings travel
//! further inside, and a running part never reads configuration again.

pub(crate) mod client;
pub(crate) mod consumer;
mod foreign;
pub(crate) mod group;
pub(crate) mod keys;
pub(crate) mod producer;
mod sources;

pub use client::ClientBuilder;
pub(crate) use client::ClientSettings;
pub use consumer::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
pub(crate) use consumer::{CONSUMER, ConsumerSettings};
pub use group::CommitPolicy;
pub use keys::Setting;
pub(crate) use keys::{apply, argument_fits, fits, millis};
pub use producer::Acks;
pub(crate) use producer::{PRODUCER, ProducerConfig, ProducerSettings};
