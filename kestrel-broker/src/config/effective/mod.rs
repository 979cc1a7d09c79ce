//! The value that a key really has: what was set on the topic, on this broker, on all brokers, at the start, or its default.
//!
//! Used by DescribeConfigs, by the controller's checks, and when a topic's settings are handed to its logs. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bytestring::ByteString;

use super::broker::BrokerConfig;
use super::cleaner::is_cleaner_key;
use super::keys::{BrokerKey, Scope};
use super::topic::{TopicKey, limit};
use super::value::{ValueType, list};

/// Where a value comes from, with the number that DescribeConfigs has for it (KIP-226).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigSource {
    /// Set on the topic.
    Topic = 1,
    /// Set on this broker while it ran.
    DynamicBroker = 2,
    /// Set on all brokers while they ran.
    DynamicDefaultBroker = 3,
    /// Said when the broker was started.
    StaticBroker = 4,
    /// Nobody said anything.
    Default = 5,
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

/// Everything that was said about a topic, or without one about this broker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers<'a> {
    /// Set on the topic.
    pub(crate) topic: &'a Set,
    /// Set on this broker.
    pub(crate) broker: &'a Set,
    /// Set on all brokers.
    pub(crate) all_brokers: &'a Set,
    /// Said at the start.
    pub(crate) config: &'a BrokerConfig,
}

impl<'a> Layers<'a> {
    /// The value of a topic key, as it was written; empty when the key's default is.
    pub(crate) fn text(&self, topic_key: &str) -> &'a str {
        self.find(topic_key)
            .map_or_else(|| TopicKey::find(topic_key).map_or("", |key| key.default), |(value, _)| value)
    }

    /// The value of a topic key that is a whole number.
    pub(crate) fn number(&self, topic_key: &str) -> i64 {
        let default = || TopicKey::find(topic_key).and_then(|key| key.default.parse().ok());
        self.find(topic_key)
            .and_then(|(value, factor)| Some(value.trim().parse::<i64>().ok()?.saturating_mul(factor)))
            .or_else(default)
            .unwrap_or_default()
    }

    /// The value of a topic key that is a number with a fraction.
    pub(super) fn fraction(&self, topic_key: &str) -> f64 {
        let default = || TopicKey::find(topic_key).and_then(|key| key.default.parse().ok());
        self.text(topic_key).trim().parse().ok().or_else(default).unwrap_or_default()
    }

    /// The value of a topic key that is true or false.
    pub(crate) fn flag(&self, topic_key: &str) -> bool {
        self.text(topic_key).trim().eq_ignore_ascii_case("true")
    }

    /// The value of a topic key that is a size.
    pub(super) fn bytes(&self, topic_key: &str) -> u32 {
        u32::try_from(self.number(topic_key)).unwrap_or_default()
    }

    /// The value of a topic key that is a compression level.
    pub(super) fn level(&self, topic_key: &str) -> Option<i32> {
        i32::try_from(self.number(topic_key)).ok()
    }

    /// The value of a topic key that is milliseconds; none for the largest number, which means no limit.
    pub(super) fn duration(&self, topic_key: &str) -> Option<Duration> {
        limit(self.number(topic_key)).map(Duration::from_millis)
    }

    /// What was said that decides a topic key: a value, and how many of the key's unit it counts.
    fn find(&self, topic_key: &str) -> Option<(&'a str, i64)> {
        if let Some(value) = self.topic.get(topic_key) {
            return Some((value.trim(), 1));
        }
        let key = TopicKey::find(topic_key)?;
        key.synonyms.iter().find_map(|synonym| {
            let (value, _) = self.broker_value(synonym.name)?;
            Some((value, synonym.factor))
        })
    }

    /// What was said for a broker key, as it was written.
    pub(super) fn broker_text(&self, broker_key: &str) -> Option<&'a str> {
        self.broker_value(broker_key).map(|(value, _)| value)
    }

    /// What was said for a broker key, and where.
    fn broker_value(&self, name: &str) -> Option<(&'a str, ConfigSource)> {
        BROKER_SOURCES.iter().find_map(|source| Some((self.said(name, *source)?, *source)))
    }

    fn said(&self, broker_key: &str, source: ConfigSource) -> Option<&'a str> {
        match source {
            ConfigSource::Topic => None,
            ConfigSource::DynamicBroker => self.broker.get(broker_key).map(|value| value.trim()),
            ConfigSource::DynamicDefaultBroker => self.all_brokers.get(broker_key).map(|value| value.trim()),
            ConfigSource::StaticBroker => self.config.said(broker_key),
            ConfigSource::Default => BrokerKey::find(broker_key).and_then(|key| key.default),
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

/// The places that a broker key has its value from, the one that counts first.
const BROKER_SOURCES: [ConfigSource; 3] =
    [ConfigSource::DynamicBroker, ConfigSource::DynamicDefaultBroker, ConfigSource::StaticBroker];

/// A topic key of a topic.
pub(crate) fn describe_topic_key(key: &'static TopicKey, layers: &Layers<'_>) -> DescribedConfig {
    let chain: Vec<&'static str> = key.synonyms.iter().map(|synonym| synonym.name).collect();
    let mut synonyms = chain.first().map_or_else(Vec::new, |first| layers.synonyms(first, &chain, false));
    if let Some(value) = layers.topic.get(key.name) {
        let own =
            ConfigSynonym { name: key.name, value: Some(value.to_string()), source: ConfigSource::Topic };
        synonyms.insert(0, own);
    }
    let value = match key.value_type {
        ValueType::Int | ValueType::Long => layers.number(key.name).to_string(),
        value_type => canonical(value_type, layers.text(key.name)).into_owned(),
    };
    DescribedConfig {
        name: key.name,
        value: Some(value),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        synonyms,
        is_read_only: false,
        is_sensitive: false,
        value_type: key.value_type,
        doc: key.doc.to_owned(),
    }
}

/// A broker key of this broker.
pub(crate) fn describe_broker_key(key: &BrokerKey, layers: &Layers<'_>) -> DescribedConfig {
    let is_sensitive = key.value_type == ValueType::Password;
    let synonyms = layers.synonyms(key.name, &stand_ins(key.name), is_sensitive);
    let value = layers.broker_value(key.name).map(|(value, _)| value).or(key.default);
    DescribedConfig {
        name: key.name,
        value: value.filter(|_| !is_sensitive).map(|value| canonical(key.value_type, value).into_owned()),
        source: synonyms.first().map_or(ConfigSource::Default, |synonym| synonym.source),
        synonyms,
        is_read_only: !is_dynamic(key),
        is_sensitive,
        value_type: key.value_type,
        doc: key.doc(),
    }
}

/// The broker keys that were set on all brokers, with nothing else: what DescribeConfigs shows of the nameless broker.
pub(crate) fn describe_all_brokers_key(key: &BrokerKey, set: &Set) -> Option<DescribedConfig> {
    let is_sensitive = key.value_type == ValueType::Password;
    let value = set.get(key.name).filter(|_| !is_sensitive);
    set.contains_key(key.name).then(|| DescribedConfig {
        name: key.name,
        value: value.map(|value| canonical(key.value_type, value).into_owned()),
        source: ConfigSource::DynamicDefaultBroker,
        synonyms: vec![ConfigSynonym {
            name: key.name,
            value: value.map(ToString::to_string),
            source: ConfigSource::DynamicDefaultBroker,
        }],
        is_read_only: !is_dynamic(key),
        is_sensitive,
        value_type: key.value_type,
        doc: key.doc(),
    })
}

/// Whether Kestrel applies a new value of this broker key while it runs: the defaults of topics, which are read anew
/// whenever they change, and the settings of the log cleaner.
pub(crate) fn is_dynamic(key: &BrokerKey) -> bool {
    key.scope == Scope::ClusterWide && (TopicKey::inheriting_from(key.name).is_some() || is_cleaner_key(key))
}

/// A broker key with those that stand in for it when it is not set.
fn stand_ins(name: &str) -> Vec<&'static str> {
    if let Some(topic_key) = TopicKey::inheriting_from(name) {
        return topic_key.synonyms.iter().map(|synonym| synonym.name).collect();
    }
    BrokerKey::find(name).map(|key| key.name).into_iter().collect()
}

/// A value as it is shown: one writing for each meaning.
fn canonical(value_type: ValueType, value: &str) -> Cow<'_, str> {
    let value = value.trim();
    match value_type {
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
