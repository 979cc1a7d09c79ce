//! Resolves the value that a key really has: set on the topic, on this broker, on all brokers, at the start, or its default.
//!
//! Used by DescribeConfigs, by the controller's checks, and when a topic's settings are handed to its logs. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytestring::ByteString;
use kestrel_settings::{Key, Row, Scope, ValueType, list};

use super::broker::BrokerConfig;
use super::cleaner::CleanerConfig;
use super::keys::{broker_key, meaning};
use super::topic::{TopicSettings, topic_key_inheriting_from};

/// Where a value comes from, with the number that DescribeConfigs has for it (KIP-226).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigSource {
    /// Set on the topic.
    Topic = 1,
    /// Set on this broker while it ran.
    DynamicBroker = 2,
    /// Set on all brokers while they ran.
    DynamicDefaultBroker = 3,
    /// Given when the broker was started.
    StaticBroker = 4,
    /// Not given anywhere.
    Default = 5,
    /// Set on the subscription of client metrics.
    ClientMetrics = 7,
}

impl ConfigSource {
    /// The number in answers.
    pub(crate) const fn wire(self) -> i8 {
        self as i8
    }
}

/// One of the places that a key could have its value from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigSynonym {
    /// The key that was set there.
    pub(crate) name: &'static str,
    /// Its value there; `None` is not shown.
    pub(crate) value: Option<String>,
    /// The place.
    pub(crate) source: ConfigSource,
}

/// A key with the value that it really has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DescribedConfig {
    /// The key.
    pub(crate) name: &'static str,
    /// Its value; `None` is null, or not shown.
    pub(crate) value: Option<String>,
    /// Where the value comes from.
    pub(crate) source: ConfigSource,
    /// Every place that has a value, the one that counts first.
    pub(crate) synonyms: Vec<ConfigSynonym>,
    /// Whether it can only be changed by a new start.
    pub(crate) is_read_only: bool,
    /// Whether its value is never shown.
    pub(crate) is_sensitive: bool,
    /// The type of its value.
    pub(crate) value_type: ValueType,
    /// What it means.
    pub(crate) doc: String,
}

type Set = BTreeMap<ByteString, ByteString>;

/// The places where keys are set, for a topic or, without one, for this broker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers<'a> {
    /// Set on the topic.
    pub(crate) topic: &'a Set,
    /// Set on this broker.
    pub(crate) broker: &'a Set,
    /// Set on all brokers.
    pub(crate) all_brokers: &'a Set,
    /// Given at the start.
    pub(crate) config: &'a BrokerConfig,
}

impl<'a> Layers<'a> {
    /// The settings of the topic. A value that cannot be read, as a later version may have written it, is as one that is not set.
    pub(crate) fn topic_settings(&self) -> TopicSettings {
        read(TopicSettings::ROWS, |key| self.topic_value(key))
    }

    /// The keys of the cleaner of this broker.
    pub(crate) fn cleaner_config(&self) -> CleanerConfig {
        read(CleanerConfig::ROWS, |key| self.broker_value(key.name).map(|(value, _)| value.into()))
    }

    /// The value that a topic key was given somewhere, in the key's unit.
    fn topic_value(&self, key: &Key) -> Option<Cow<'a, str>> {
        if let Some(value) = self.topic.get(key.name) {
            return Some(value.trim().into());
        }
        key.synonyms.iter().find_map(|synonym| {
            let (value, _) = self.broker_value(synonym.name)?;
            if synonym.factor == 1 {
                return Some(value.into());
            }
            let number: i64 = value.parse().ok()?;
            Some(number.saturating_mul(synonym.factor).to_string().into())
        })
    }

    /// The value that a broker key was given, and where.
    fn broker_value(&self, name: &str) -> Option<(&'a str, ConfigSource)> {
        BROKER_SOURCES.iter().find_map(|source| Some((self.said(name, *source)?, *source)))
    }

    fn said(&self, name: &str, source: ConfigSource) -> Option<&'a str> {
        match source {
            ConfigSource::Topic | ConfigSource::ClientMetrics => None,
            ConfigSource::DynamicBroker => self.broker.get(name).map(|value| value.trim()),
            ConfigSource::DynamicDefaultBroker => self.all_brokers.get(name).map(|value| value.trim()),
            ConfigSource::StaticBroker => self.config.given(name),
            ConfigSource::Default => broker_key(name).and_then(|key| key.default),
        }
    }

    /// Every place that has a value for `name` or for one of the keys that stand in for it, as Apache Kafka lists them: by
    /// place, and nothing before the first that has `name` itself. So what only a stand-in says is not listed.
    fn synonyms(&self, name: &str, chain: &[&'static str], is_sensitive: bool) -> Vec<ConfigSynonym> {
        let everything = BROKER_SOURCES.iter().chain(&[ConfigSource::Default]).flat_map(|source| {
            chain.iter().filter_map(|name| Some((*name, self.said(name, *source)?, *source)))
        });
        everything
            .skip_while(|(found, ..)| *found != name)
            .map(|(name, value, source)| ConfigSynonym {
                name,
                value: (!is_sensitive).then(|| value.to_owned()),
                source,
            })
            .collect()
    }
}

/// Reads the values that `value_of` has into a table; what it has not, or cannot be read, is the default.
fn read<'a, C: Default>(rows: &[Row<C>], value_of: impl Fn(&Key) -> Option<Cow<'a, str>>) -> C {
    let mut config = C::default();
    for row in rows {
        if let Some(value) = value_of(&row.key) {
            let _default_stays = (row.read)(&mut config, &value);
        }
    }
    config
}

/// The places that a broker key has its value from, the one that counts first.
const BROKER_SOURCES: [ConfigSource; 3] =
    [ConfigSource::DynamicBroker, ConfigSource::DynamicDefaultBroker, ConfigSource::StaticBroker];

/// A topic key of a topic.
pub(crate) fn describe_topic_key(key: &Key, layers: &Layers<'_>) -> DescribedConfig {
    let chain: Vec<&'static str> = key.synonyms.iter().map(|synonym| synonym.name).collect();
    let mut synonyms = chain.first().map_or_else(Vec::new, |first| layers.synonyms(first, &chain, false));
    if let Some(value) = layers.topic.get(key.name) {
        let own =
            ConfigSynonym { name: key.name, value: Some(value.to_string()), source: ConfigSource::Topic };
        synonyms.insert(0, own);
    }
    let value = layers.topic_value(key);
    let default = key.default.unwrap_or_default();
    DescribedConfig {
        name: key.name,
        value: Some(canonical(key.value_type, value.as_deref().unwrap_or(default), default).into_owned()),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        synonyms,
        is_read_only: false,
        is_sensitive: false,
        value_type: key.value_type,
        doc: meaning(key),
    }
}

/// A key of a subscription of client metrics, of which these are set.
pub(crate) fn describe_client_metrics_key(key: &Key, set: &Set) -> DescribedConfig {
    let default = key.default.unwrap_or_default();
    let said = set.get(key.name).map(|value| canonical(key.value_type, value, default).into_owned());
    let own = |value: &String| ConfigSynonym {
        name: key.name,
        value: Some(value.clone()),
        source: ConfigSource::ClientMetrics,
    };
    let synonyms: Vec<ConfigSynonym> = said.iter().map(own).collect();
    DescribedConfig {
        name: key.name,
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        value: Some(said.unwrap_or_else(|| default.to_owned())),
        synonyms,
        is_read_only: false,
        is_sensitive: false,
        value_type: key.value_type,
        doc: meaning(key),
    }
}

/// A broker key of this broker.
pub(crate) fn describe_broker_key(key: &Key, layers: &Layers<'_>) -> DescribedConfig {
    let is_sensitive = key.is_sensitive();
    let synonyms = layers.synonyms(key.name, &stand_ins(key), is_sensitive);
    let value = layers.broker_value(key.name).map(|(value, _)| value).or(key.default);
    DescribedConfig {
        name: key.name,
        value: value
            .filter(|_| !is_sensitive)
            .map(|value| canonical(key.value_type, value, value).into_owned()),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        synonyms,
        is_read_only: key.scope != Scope::Dynamic,
        is_sensitive,
        value_type: key.value_type,
        doc: meaning(key),
    }
}

/// The broker keys that were set on all brokers, with nothing else: what DescribeConfigs shows of the nameless broker.
pub(crate) fn describe_all_brokers_key(key: &Key, set: &Set) -> Option<DescribedConfig> {
    let is_sensitive = key.is_sensitive();
    let value = set.get(key.name).filter(|_| !is_sensitive);
    set.contains_key(key.name).then(|| DescribedConfig {
        name: key.name,
        value: value.map(|value| canonical(key.value_type, value, value).into_owned()),
        source: ConfigSource::DynamicDefaultBroker,
        synonyms: vec![ConfigSynonym {
            name: key.name,
            value: value.map(ToString::to_string),
            source: ConfigSource::DynamicDefaultBroker,
        }],
        is_read_only: key.scope != Scope::Dynamic,
        is_sensitive,
        value_type: key.value_type,
        doc: meaning(key),
    })
}

/// A broker key with those that stand in for it when it is not set.
fn stand_ins(key: &Key) -> Vec<&'static str> {
    match topic_key_inheriting_from(key.name) {
        Some(topic_key) => topic_key.synonyms.iter().map(|synonym| synonym.name).collect(),
        None => vec![key.name],
    }
}

/// A value as it is shown: one writing for each meaning, and for what is no number what stands `otherwise`.
fn canonical<'a>(value_type: ValueType, value: &'a str, otherwise: &'a str) -> Cow<'a, str> {
    let value = value.trim();
    match value_type {
        ValueType::Int | ValueType::Long => {
            value.parse().map_or_else(|_| otherwise.into(), |number: i64| number.to_string().into())
        }
        ValueType::Boolean => value.to_ascii_lowercase().into(),
        ValueType::List => without_repetition(value).into(),
        ValueType::Double => {
            value.parse().map_or_else(|_| value.into(), |number| shown_double(number).into())
        }
        _ => value.into(),
    }
}

/// A list with each item once, where it comes first.
fn without_repetition(value: &str) -> String {
    let mut items: Vec<&str> = Vec::new();
    for item in list(value) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items.join(",")
}

/// A number with a fraction as Java writes it in the usual range.
fn shown_double(number: f64) -> String {
    const LARGEST_WITHOUT_EXPONENT: f64 = 1e7;
    if number.abs() < LARGEST_WITHOUT_EXPONENT { format!("{number:?}") } else { format!("{number:E}") }
}

#[cfg(test)]
mod tests;
