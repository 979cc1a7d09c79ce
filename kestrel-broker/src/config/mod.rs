//! Configuration in two stages: settings as text (a file, `--set`, the builder), and what they mean ([`BrokerConfig`]).
//!
//! A table of `settings!` declares keys and the struct that has their values: `settings` for what stands by itself, and one
//! for each room that is handed its own. `topic/` has the keys of topics. Read at the start and, in layers, by handlers and
//! the publisher; a running component gets new settings handed in.

mod accepted_keys;
mod authorizer;
mod broker;
mod cleaner;
mod client_metrics;
mod effective;
mod endpoint;
mod foreign_keys;
mod groups;
mod keys;
mod listener;
mod listener_keys;
mod metadata_log;
mod metrics;
mod node;
mod quotas;
mod sasl;
mod settings;
mod tls;
mod tokens;
pub(crate) mod topic;
mod topic_defaults;
mod transactions;

pub(crate) use authorizer::STANDARD_AUTHORIZER;
pub(crate) use broker::{BrokerConfig, ConfigError, read_file};
pub(crate) use client_metrics::{CLIENT_METRICS, INTERVALS_MS, client_metrics_key, client_metrics_keys};
pub(crate) use effective::{
    ConfigSource, DescribedConfig, Layers, describe_all_brokers_key, describe_broker_key,
    describe_client_metrics_key, describe_topic_key,
};
pub(crate) use endpoint::Endpoint;
pub(crate) use groups::GroupSettings;
pub(crate) use kestrel_security::SecurityProtocol;
#[cfg(test)]
pub(crate) use kestrel_settings::RawSettings;
pub(crate) use keys::{broker_key, shown_broker_keys};
pub(crate) use listener::{Listener, advertise_at, listen_on, listener_names, names_listeners};
pub(crate) use metadata_log::MetadataLogSettings;
pub(crate) use metrics::{Detail, MetricsSettings};
pub(crate) use node::data_dir;
pub(crate) use quotas::QuotaSettings;
pub(crate) use sasl::{MECHANISMS_KEY, SaslListener};
#[cfg(feature = "tls")]
pub(crate) use tls::ListenerTls;
pub(crate) use tokens::{ALLOWED_URLS_KEY, JWKS_URL_KEY, TokenChecks, UNSECURED_VALIDATOR, VALIDATOR_KEY};
#[cfg(feature = "oauthbearer")]
pub(crate) use tokens::{KeySource, SignedChecks};
pub(crate) use transactions::TransactionSettings;

#[cfg(test)]
mod tests;
