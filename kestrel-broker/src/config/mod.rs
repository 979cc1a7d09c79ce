//! Configuration in two stages: what was said (a file, `--set`, the builder), and what it means ([`BrokerConfig`]).
//!
//! Each key is one row of a table: `keys.rs` for the broker, `topic.rs` for topics. Read by `broker.rs` at the start and by
//! handlers; a running component never reads it again but gets new settings handed in.

mod accepted_keys;
mod broker;
mod cleaner;
mod effective;
mod endpoint;
mod foreign_keys;
mod keys;
mod listener;
mod suggest;
pub(crate) mod topic;
pub(crate) mod value;

pub(crate) use broker::{BrokerConfig, ConfigError, GroupSettings, MetadataLogSettings, Said};
pub(crate) use cleaner::cleaner_settings;
pub(crate) use effective::{
    ConfigSource, DescribedConfig, Layers, describe_all_brokers_key, describe_broker_key, describe_topic_key,
    is_dynamic,
};
pub(crate) use endpoint::Endpoint;
pub(crate) use keys::{BrokerKey, Scope};
pub(crate) use listener::{Listener, SecurityProtocol};
