//! Keys of configurations as brokers describe them.

use std::sync::Arc;

use kestrel_protocol::ByteString;
use kestrel_protocol::messages::describe_configs::{DescribeConfigsResourceResult, DescribeConfigsSynonym};

use crate::admin::numbered::numbered;

numbered! {
    /// The place where a value was set.
    ConfigSource {
        /// On the topic.
        Topic = 1,
        /// On this broker, in the cluster.
        DynamicBroker = 2,
        /// On all brokers, in the cluster.
        DynamicDefaultBroker = 3,
        /// In the broker's properties file.
        StaticBroker = 4,
        /// Kafka's default: it was not set.
        Default = 5,
        /// On the level of this broker's loggers.
        DynamicBrokerLogger = 6,
        /// On the subscription to metrics of clients (KIP-714).
        ClientMetrics = 7,
        /// On the group (KIP-848).
        Group = 8,
    }
}

numbered! {
    /// The type of a key's values.
    ConfigType {
        /// `true` or `false`.
        Boolean = 1,
        /// A text.
        String = 2,
        /// A number of 32 bits.
        Int = 3,
        /// A number of 16 bits.
        Short = 4,
        /// A number of 64 bits.
        Long = 5,
        /// A number with a fraction.
        Double = 6,
        /// Texts with commas between them.
        List = 7,
        /// The name of a class of Java.
        Class = 8,
        /// A secret.
        Password = 9,
    }
}

/// A key of a configuration with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigEntry {
    /// The key.
    pub name: Arc<str>,
    /// The value; `None` when there is none, and for sensitive ones, which brokers never send.
    pub value: Option<Arc<str>>,
    /// Where the value was set.
    pub source: ConfigSource,
    /// Whether it cannot be altered while the broker runs.
    pub is_read_only: bool,
    /// Whether the value is a secret.
    pub is_sensitive: bool,
    /// All places where a value is set for the key, the one that counts first (KIP-226). The keys of brokers that stand in for a
    /// topic's have other names, such as `log.retention.ms`.
    pub synonyms: Vec<ConfigSynonym>,
    /// The type of the key's values, if the broker sent it (Apache Kafka 2.6).
    pub value_type: Option<ConfigType>,
    /// The meaning of the key in the broker's words, if the broker sent it.
    pub documentation: Option<Arc<str>>,
}

/// A value that counts for a key unless another one goes before it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigSynonym {
    /// The key at the place where it was set.
    pub name: Arc<str>,
    /// The value; `None` when there is none, and for sensitive ones.
    pub value: Option<Arc<str>>,
    /// Where the value was set.
    pub source: ConfigSource,
}

impl ConfigEntry {
    pub(super) fn read(config: &DescribeConfigsResourceResult) -> Self {
        Self {
            name: Arc::from(&*config.name),
            value: text(config.value.as_ref()),
            source: ConfigSource::from_wire(config.config_source),
            is_read_only: config.read_only,
            is_sensitive: config.is_sensitive,
            synonyms: config.synonyms.iter().map(ConfigSynonym::read).collect(),
            value_type: (config.config_type != 0).then(|| ConfigType::from_wire(config.config_type)),
            documentation: text(config.documentation.as_ref()),
        }
    }
}

impl ConfigSynonym {
    fn read(synonym: &DescribeConfigsSynonym) -> Self {
        Self {
            name: Arc::from(&*synonym.name),
            value: text(synonym.value.as_ref()),
            source: ConfigSource::from_wire(synonym.source),
        }
    }
}

fn text(text: Option<&ByteString>) -> Option<Arc<str>> {
    text.map(|text| Arc::from(&**text))
}
