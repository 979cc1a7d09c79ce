//! Configuration in two stages: settings as they are made (setters, properties) become checked ones that do not change.
//!
//! Each table is a struct with a typed field and a setter for each row: `ClientConfig`, [`ProducerConfig`], [`ConsumerConfig`] with
//! the `GroupConfig` in it. What comes as text is read into them at the door, in `sources`; `check` makes of each what travels
//! further inside, and a running part never reads configuration again. Whoever adds a setting adds a row.

mod checks;
mod client;
mod consumer;
mod foreign;
mod group;
mod keys;
mod producer;
mod security;
pub(crate) mod setters;
mod sources;

pub(crate) use checks::{argument_fits, fits};
pub use client::ClientBuilder;
pub(crate) use client::ClientSettings;
pub use consumer::{AutoOffsetReset, ConsumerConfig, IsolationLevel};
pub(crate) use consumer::{CONSUMER, ConsumerSettings, consumer_settings};
pub use group::CommitPolicy;
pub(crate) use group::group_settings;
pub use keys::Setting;
pub(crate) use keys::reference;
pub use producer::{Acks, ProducerConfig};
pub(crate) use producer::{PRODUCER, ProducerSettings, producer_settings};
pub(crate) use security::{SECURITY, SecurityConfig};

#[cfg(test)]
mod tests;
