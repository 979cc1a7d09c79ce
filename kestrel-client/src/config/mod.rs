//! Configuration in two stages: what was said (builders, properties) becomes what it means (checked settings).
//!
//! Setters and properties have Kafka's key names; [`keys`] is the single table that joins them. Only settings travel
//! further inside, and a running part never reads configuration again.

pub(crate) mod client;
pub(crate) mod consumer;
pub(crate) mod keys;
pub(crate) mod producer;

pub use client::ClientBuilder;
pub(crate) use client::ClientSettings;
pub(crate) use consumer::ConsumerSettings;
pub use consumer::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
