//! The table of settings: Kafka's key, librdkafka's name for it where that differs, default, meaning, and the setter.
//!
//! [`Client::from_properties`](crate::Client::from_properties) reads it; so does the test that each key is documented.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::wire::MAX_STRING_BYTES;

use super::client::ClientConfig;
use super::consumer::CONSUMER;
use super::foreign::{Foreign, judge};
use super::producer::PRODUCER;
use crate::error::Error;

/// One setting of the configuration `C`.
#[derive(Debug)]
pub(crate) struct Key<C> {
    /// Kafka's name.
    pub(crate) name: &'static str,
    /// Other names of the same setting, as librdkafka has them.
    pub(crate) aliases: &'static [&'static str],
    /// The default, as a properties file would say it.
    pub(crate) default: &'static str,
    /// What it means, in one sentence.
    pub(crate) doc: &'static str,
    /// Reads the text into the configuration; the error is the problem with it.
    pub(crate) set: fn(&mut C, &str) -> Result<(), String>,
}

impl<C> Key<C> {
    fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

macro_rules! keys {
    ($(#[$doc:meta])* $table:ident: $config:ty { $($name:literal $(| $alias:literal)*, $default:literal, $meaning:literal,
        |$c:ident, $text:ident| $set:expr;)+ }) => {
        $(#[$doc])*
        pub(crate) const $table: &[Key<$config>] = &[$(Key {
            name: $name,
            aliases: &[$($alias),*],
            default: $default,
            doc: $meaning,
            set: |$c, $text| { $set; Ok(()) },
        }),+];
    };
}
pub(crate) use keys;

keys! {
    /// The settings of a client.
    CLIENT: ClientConfig {
        "bootstrap.servers" | "metadata.broker.list", "", "Where to find the cluster first: host:port, several separated by commas.",
            |c, text| c.bootstrap_servers = text.to_owned();
        "client.id", "kestrel", "The name that brokers see in requests.",
            |c, text| c.client_id = text.to_owned();
        "request.timeout.ms" | "socket.timeout.ms", "30000", "How long a broker may take for an answer.",
            |c, text| c.request_timeout = millis(text)?;
        "socket.connection.setup.timeout.ms", "10000", "How long each address may take to connect.",
            |c, text| c.connection_setup_timeout = millis(text)?;
        "reconnect.backoff.ms", "50", "The first wait between attempts to connect to a broker.",
            |c, text| c.reconnect_backoff = millis(text)?;
        "reconnect.backoff.max.ms", "1000", "The longest wait between attempts to connect to a broker.",
            |c, text| c.reconnect_backoff_max = millis(text)?;
        "retry.backoff.ms", "100", "The first wait before a request is tried again.",
            |c, text| c.retry_backoff = millis(text)?;
        "retry.backoff.max.ms", "1000", "The longest wait before a request is tried again.",
            |c, text| c.retry_backoff_max = millis(text)?;
        "metadata.max.age.ms" | "topic.metadata.refresh.interval.ms", "300000", "How old the picture of the cluster may get.",
            |c, text| c.metadata_max_age = millis(text)?;
        "connections.max.idle.ms", "540000", "How long a connection may be silent before it is closed.",
            |c, text| c.connections_max_idle = millis(text)?;
        "receive.message.max.bytes", "100000000", "The largest answer that is accepted from a broker.",
            |c, text| c.receive_message_max_bytes = number(text)?;
        "unknown.keys", "error", "What becomes of a property that nobody knows: error, or warn. Kestrel's own setting.",
            |_c, text| refuses_unknown(text)?;
    }
}

/// One setting, as documentation shows it: see [`Client::settings_reference`](crate::Client::settings_reference).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    pub meaning: &'static str,
}

/// All settings of all tables.
pub(crate) fn reference() -> impl Iterator<Item = Setting> {
    settings_of("client", CLIENT)
        .chain(settings_of("producer", PRODUCER))
        .chain(settings_of("consumer", CONSUMER))
}

fn settings_of<C>(scope: &'static str, table: &'static [Key<C>]) -> impl Iterator<Item = Setting> {
    table.iter().map(move |key| Setting {
        scope,
        name: key.name,
        aliases: key.aliases,
        default: key.default,
        meaning: key.doc,
    })
}

/// A property as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) value: String,
    /// Where: ` (line 3 of client.properties)`, or nothing when the program itself said it.
    pub(super) place: String,
}

/// Properties by name, each known to one of the tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Properties(Arc<BTreeMap<String, Said>>);

impl Properties {
    /// Takes properties whose names are all in one of the tables. Of a name that comes twice the last one counts, as in
    /// Java; a name that means nothing here, but does elsewhere, is told of.
    pub(super) fn parse(properties: impl IntoIterator<Item = (String, Said)>) -> Result<Self, Error> {
        let mut all: BTreeMap<String, Said> = properties.into_iter().collect();
        let is_strict = match all.get(UNKNOWN_KEYS) {
            Some(said) => {
                refuses_unknown(&said.value).map_err(|problem| said.error(UNKNOWN_KEYS, &problem))?
            }
            None => true,
        };
        let known: HashSet<&str> = names().collect();
        let mut problem = None;
        all.retain(|name, said| {
            let name = name.as_str();
            let is_known = known.contains(name);
            if !is_known && let Err(error) = said.look_at_foreign(name, is_strict) {
                problem.get_or_insert(error);
            }
            is_known
        });
        match problem {
            Some(problem) => Err(problem),
            None => check_once(&all).map(|()| Self(Arc::new(all))),
        }
    }

    /// What was said about the setting with Kafka's name `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|said| said.value.trim())
    }
}

impl Said {
    fn error(&self, name: &str, problem: &str) -> Error {
        Error::config(name, format!("{problem}{}", self.place))
    }

    /// Refuses what must not be ignored, and warns of what is.
    fn look_at_foreign(&self, name: &str, is_strict: bool) -> Result<(), Error> {
        let place = &self.place;
        match judge(name, &self.value) {
            Foreign::Agrees => {}
            Foreign::NoEffect(reason) => {
                tracing::warn!("the setting {name} has no effect here, because {reason}{place}");
            }
            Foreign::Refused(problem) => return Err(self.error(name, &format!("`{}` {problem}", self.value))),
            Foreign::Unknown if is_strict => return Err(self.error(name, &unknown(name))),
            Foreign::Unknown => tracing::warn!("{name}: {}{place}", unknown(name)),
        }
        Ok(())
    }
}

/// The setting that says what becomes of unknown ones.
const UNKNOWN_KEYS: &str = "unknown.keys";

/// Reads what `unknown.keys` says.
fn refuses_unknown(text: &str) -> Result<bool, String> {
    match text.trim() {
        "error" => Ok(true),
        "warn" => Ok(false),
        _ => Err(format!("`{text}`: expected error or warn")),
    }
}

/// Fails when a setting was said by two of its names: nobody can tell which one was meant.
fn check_once(all: &BTreeMap<String, Said>) -> Result<(), Error> {
    for setting in reference() {
        let mut said =
            std::iter::once(&setting.name).chain(setting.aliases).filter_map(|name| all.get_key_value(*name));
        if let (Some((name, _)), Some((other, said))) = (said.next(), said.next()) {
            return Err(
                said.error(other, &format!("says the same as {name}, which is there too: say it once"))
            );
        }
    }
    Ok(())
}

/// Sets all of `properties` that are in `table`.
pub(crate) fn apply<C>(table: &[Key<C>], properties: &Properties, config: &mut C) -> Result<(), Error> {
    for (name, said) in properties.0.iter() {
        for key in table.iter().filter(|key| key.is_named(name)) {
            (key.set)(config, said.value.trim())
                .map_err(|problem| said.error(name, &format!("`{}`: {problem}", said.value)))?;
        }
    }
    Ok(())
}

/// Every name and alias of every table.
fn names() -> impl Iterator<Item = &'static str> {
    reference().flat_map(|setting| std::iter::once(setting.name).chain(setting.aliases.iter().copied()))
}

fn unknown(name: &str) -> String {
    let nearest = names().min_by_key(|known| distance(name, known));
    match nearest {
        Some(known) if distance(name, known) <= name.len() / 2 => {
            format!("unknown setting; did you mean `{known}`?")
        }
        _ => "unknown setting".to_owned(),
    }
}

/// How many letters must be changed, added or removed to get from one word to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, left) in from.bytes().enumerate() {
        let mut diagonal = index;
        let mut current = index + 1;
        for (cell, right) in row.iter_mut().zip(std::iter::once(None).chain(to.bytes().map(Some))) {
            let above = *cell;
            current = match right {
                None => index + 1,
                Some(right) => (above + 1).min(current + 1).min(diagonal + usize::from(left != right)),
            };
            diagonal = above;
            *cell = current;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Whether the protocol has room for the text of a setting.
///
/// # Errors
/// [`Error::Config`] when it has not.
pub(crate) fn fits(key: &str, text: &str) -> Result<(), Error> {
    room_for(text).map_err(|problem| Error::config(key, problem))
}

/// As [`fits`], for the text of an argument.
///
/// # Errors
/// [`Error::InvalidArgument`] when it does not.
pub(crate) fn argument_fits(argument: &'static str, text: &str) -> Result<(), Error> {
    room_for(text).map_err(|problem| Error::invalid_argument(argument, problem))
}

fn room_for(text: &str) -> Result<(), String> {
    match text.len() {
        0..=MAX_STRING_BYTES => Ok(()),
        length => Err(format!("{length} bytes long; the protocol has room for {MAX_STRING_BYTES}")),
    }
}

/// Reads a duration given in milliseconds.
pub(crate) fn millis(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_millis).map_err(|_| "expected a number of milliseconds".to_owned())
}

/// Reads a number.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a number in range".to_owned())
}

/// Reads `true` or `false`.
pub(crate) fn flag(text: &str) -> Result<bool, String> {
    // In any case, as Java reads it.
    text.to_ascii_lowercase().parse().map_err(|_| "expected true or false".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::producer::ProducerConfig;
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
        for setting in reference() {
            for name in std::iter::once(&setting.name).chain(setting.aliases) {
                assert!(seen.insert((setting.scope, *name)), "{name}");
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
            "request.timeout.ms: `30s`: expected a number of milliseconds"
        );
    }

    #[test]
    fn both_names_of_a_setting_mean_the_same() {
        let set = |name: &str| {
            let mut config = ProducerConfig::default();
            let said = |value: &str| Said { value: value.to_owned(), place: String::new() };
            let pairs = [(name.to_owned(), said("50")), ("client.id".to_owned(), said("not the producer's"))];
            let properties = Properties::parse(pairs).unwrap();
            apply(PRODUCER, &properties, &mut config).unwrap();
            config.linger
        };
        assert_eq!(set("linger.ms"), Duration::from_millis(50));
        assert_eq!(set("queue.buffering.max.ms"), Duration::from_millis(50));
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, expected) in
            [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("linger.msec", "linger.ms", 2)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }
}
