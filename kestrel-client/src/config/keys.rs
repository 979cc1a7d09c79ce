//! The keys of all tables: what is known, and what is documented of each.

use kestrel_settings::{Key, Row, closest};

use super::client::ClientConfig;
use super::consumer::ConsumerConfig;
use super::group::GroupConfig;
use super::producer::ProducerConfig;
use super::security::SecurityConfig;

/// One setting, as documentation shows it: see [`Client::settings_reference`](crate::Client::settings_reference).
///
/// ```
/// let setting = kestrel_client::Client::settings_reference().find(|setting| setting.name == "acks");
/// assert_eq!(setting.map(|setting| (setting.scope, setting.default)), Some(("producer", "all")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// What it is a setting of: `client`, `producer` or `consumer`.
    pub scope: &'static str,
    /// Kafka's name.
    pub name: &'static str,
    /// Other names that are understood, as librdkafka has them.
    pub aliases: &'static [&'static str],
    /// The default, as a properties file would say it; empty when there is none.
    pub default: &'static str,
    /// What it means, in one sentence.
    pub meaning: String,
    /// The values that it takes, in words; empty when that is all of its type.
    pub values: String,
}

/// All settings of all tables.
pub(crate) fn reference() -> impl Iterator<Item = Setting> {
    keys().map(|(scope, key)| Setting {
        scope,
        name: key.name,
        aliases: key.aliases,
        default: key.default.unwrap_or_default(),
        meaning: key.summary(),
        values: key.allowed.range(),
    })
}

/// The keys of all tables, with what they are settings of.
pub(super) fn keys() -> impl Iterator<Item = (&'static str, &'static Key)> {
    fn of<C>(
        scope: &'static str,
        rows: &'static [Row<C>],
    ) -> impl Iterator<Item = (&'static str, &'static Key)> {
        rows.iter().map(move |row| (scope, &row.key))
    }
    of("client", ClientConfig::ROWS)
        .chain(of("client", SecurityConfig::ROWS))
        .chain(of("producer", ProducerConfig::ROWS))
        .chain(of("consumer", ConsumerConfig::ROWS))
        .chain(of("consumer", GroupConfig::ROWS))
}

/// What is wrong with a name that nobody knows.
pub(super) fn unknown(name: &str) -> String {
    match closest(name, keys().flat_map(|(_, key)| key.names())) {
        Some(known) => format!("unknown setting; did you mean `{known}`?"),
        None => "unknown setting".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::client::Client;

    #[test]
    fn each_key_is_documented_and_takes_its_own_default() {
        for setting in reference() {
            assert!(setting.meaning.ends_with('.') && setting.meaning.len() > 20, "{}", setting.name);
            let servers = ("bootstrap.servers", "a:1");
            if !setting.default.is_empty() {
                let _builder = Client::from_properties([servers, (setting.name, setting.default)]).unwrap();
            }
        }
    }

    #[test]
    fn no_table_has_a_name_twice() {
        let mut seen = HashSet::new();
        for (scope, key) in keys() {
            for name in key.names() {
                assert!(seen.insert((scope, name)), "{name}");
            }
        }
    }

    fn problem(name: &str, value: &str) -> String {
        Client::from_properties([("bootstrap.servers", "a:1"), (name, value)]).unwrap_err().to_string()
    }

    #[test]
    fn a_key_that_is_misspelt_is_met_with_the_right_one() {
        assert_eq!(problem("client.ids", "x"), "client.ids: unknown setting; did you mean `client.id`?");
        assert_eq!(problem("batch-size", "1"), "batch-size: unknown setting; did you mean `batch.size`?");
        assert_eq!(problem("xyzzy", "1"), "xyzzy: unknown setting");
    }

    #[test]
    fn a_value_that_is_malformed_is_shown() {
        assert_eq!(
            problem("request.timeout.ms", "30s"),
            "request.timeout.ms: `30s`: expected a whole number from 1 to 9223372036854775807"
        );
        assert_eq!(
            problem("auto.offset.reset", "soon"),
            "auto.offset.reset: `soon`: expected earliest, latest, none or by_duration:"
        );
    }

    #[test]
    fn both_names_of_a_setting_mean_the_same() {
        for name in ["linger.ms", "queue.buffering.max.ms"] {
            let pairs = [("bootstrap.servers", "a:1"), (name, "50"), ("client.id", "not the producer's")];
            let settings = Client::from_properties(pairs).unwrap().check().unwrap();
            assert_eq!(settings.producer.linger, Duration::from_millis(50), "{name}");
        }
    }
}
