//! The configuration of a broker, checked: from text to what it means.
//!
//! Made once at the start of a broker; from then on immutable.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::NodeId;
use kestrel_protocol::wire::MAX_STRING_BYTES;
use kestrel_settings::properties::PropertiesError;
use kestrel_settings::{InvalidSetting, Key, Origin, RawSettings, RawValue, Row, Secret, closest};

use super::authorizer::AuthorizerSettings;
use super::endpoint::ENDPOINT_FORM;
use super::foreign_keys::advice;
use super::groups::{GROUPS, GroupSettings};
use super::keys::{broker_key, broker_keys};
use super::listener::{Listener, ListenerSettings};
use super::listener_keys::settings_of_listener;
use super::listener_keys::{
    is_login_of_nobody, is_of_one_listener, is_read, key_of_one_listener, keys_of_listeners,
};
use super::metadata_log::MetadataLogSettings;
use super::metrics::MetricsSettings;
use super::node::{NODE, NodeSettings};
use super::quotas::QuotaSettings;
use super::settings::BrokerSettings;
use super::tls::ListenerTls;
use super::tls::TlsSettings;
use super::topic::TOPIC;
use super::transactions::TransactionSettings;
use crate::authorizer::Authorizer;
use crate::log::Validation;

/// A key or value that cannot be used. The text is one sentence that names it and says what would do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// No key of Apache Kafka has this name.
    #[error("unknown configuration key {key}{origin}{}", hint(.suggestion))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it was said.
        origin: Origin,
        /// The key that was probably meant.
        suggestion: Option<String>,
    },
    /// A key that Apache Kafka once had, or that is no broker's.
    #[error("configuration key {key}{origin}: {advice}")]
    ForeignKey {
        /// The key.
        key: String,
        /// Where it was said.
        origin: Origin,
        /// What to do.
        advice: &'static str,
    },
    /// A key that does not take its value.
    #[error(transparent)]
    Invalid(#[from] InvalidSetting),
    /// A listener whose TLS cannot be used.
    #[error("the listener {listener} cannot encrypt: {problem}")]
    Tls {
        /// The listener.
        listener: String,
        /// What is wrong.
        problem: String,
    },
    /// The file could not be read.
    #[error("cannot read the configuration file {}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not in the format of a properties file.
    #[error("{}, {error}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// What is wrong and where.
        error: PropertiesError,
    },
}

impl ConfigError {
    /// An address that is none.
    pub(crate) fn endpoint(what: &'static str, address: &str) -> Self {
        Self::argument(what, address, ENDPOINT_FORM)
    }

    /// An address that cannot be advertised.
    pub(crate) fn advertise(address: &str, expected: &str) -> Self {
        Self::argument("advertise", address, expected)
    }

    fn argument(name: &'static str, value: &str, expected: &str) -> Self {
        InvalidSetting::new(&Key { name, ..Key::EMPTY }, value.to_owned(), expected).into()
    }
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map_or_else(
        || "; the keys are Apache Kafka's broker configs".to_owned(),
        |key| format!("; did you mean {key}?"),
    )
}

/// Reads the settings of a properties file.
///
/// # Errors
/// When the file cannot be read or is not a properties file.
pub(crate) fn read_file(file: &Path) -> Result<RawSettings, ConfigError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| ConfigError::File { file: file.to_path_buf(), source })?;
    RawSettings::from_file(file, &text)
        .map_err(|error| ConfigError::Syntax { file: file.to_path_buf(), error })
}

/// The configuration of a broker, checked: its settings, of which those of [`BrokerSettings`] are read as if they were its own,
/// and what follows from several keys.
#[derive(Debug, Clone)]
pub(crate) struct BrokerConfig {
    raw: RawSettings,
    settings: BrokerSettings,
    /// Sentences for the log that somebody should read: keys without effect.
    pub(crate) warnings: Vec<String>,
    /// Sentences for the log that say what is as it should be: listeners that are not opened.
    pub(crate) notes: Vec<String>,
    /// The number of this node.
    pub(crate) node_id: NodeId,
    /// The listeners without those of controllers: at least one.
    pub(crate) listeners: Vec<Listener>,
    /// The rules by which requests are allowed; `None` when all of them are.
    pub(crate) authorizer: Option<Arc<Authorizer>>,
    /// How closely it looks at what producers send: a setting that Apache Kafka has no key for.
    pub(crate) validation: Validation,
    /// Where metrics are served, if they are: a setting that Apache Kafka has no key for.
    pub(crate) metrics: Option<MetricsSettings>,
    /// Users with their passwords, known to PLAIN and SCRAM from the start: a setting that Apache Kafka has no key for.
    pub(crate) users: Vec<(String, Secret)>,
    /// The folder of all data.
    pub(crate) data_dir: PathBuf,
    /// The settings of groups.
    pub(crate) groups: GroupSettings,
    /// The settings of transactions.
    pub(crate) transactions: TransactionSettings,
    /// The settings of the metadata log.
    pub(crate) metadata_log: MetadataLogSettings,
    /// The settings of quotas and of the limits on connections.
    pub(crate) quotas: QuotaSettings,
    /// The same as each listener has them, by its place: how many connections, and how many a second.
    pub(crate) listener_quotas: Vec<QuotaSettings>,
    /// How many connections some addresses may have open at once, instead of `max.connections.per.ip`.
    pub(crate) max_connections_of_ip: HashMap<IpAddr, usize>,
}

impl Deref for BrokerConfig {
    type Target = BrokerSettings;

    fn deref(&self) -> &BrokerSettings {
        &self.settings
    }
}

impl BrokerConfig {
    /// Checks all settings and gives their meaning.
    ///
    /// # Errors
    /// At the first key that is unknown or whose value is not allowed.
    pub(crate) fn new(raw: &RawSettings) -> Result<Self, ConfigError> {
        let mut warnings = check_keys(raw)?;
        let mut notes = Vec::new();
        let listeners = read(raw, ListenerSettings::ROWS)?;
        check_keys_of_listeners(raw, &listeners.names(), &mut warnings)?;
        let mut listeners = listeners.open(raw, &mut notes)?;
        for listener in listeners.iter_mut().filter(|listener| listener.protocol.has_tls()) {
            listener.tls = listener_tls(raw, &listener.name)?;
        }
        let node = read(raw, NodeSettings::ROWS)?;
        node.check_roles(raw, &mut warnings)?;
        let authorizer = read(raw, AuthorizerSettings::ROWS)?.open(raw, &mut warnings)?;
        let quotas = read(raw, QuotaSettings::ROWS)?;
        let listener_quotas = listeners
            .iter()
            .map(|listener| read(&settings_of_listener(raw, &listener.name), QuotaSettings::ROWS))
            .collect::<Result<_, _>>()?;
        check_retention(raw)?;
        Ok(Self {
            raw: raw.clone(),
            settings: broker_settings(raw)?,
            warnings,
            notes,
            node_id: node.node_id(raw)?,
            listeners,
            authorizer,
            validation: Validation::default(),
            metrics: None,
            users: Vec::new(),
            data_dir: node.data_dir(raw)?,
            groups: group_settings(raw)?,
            transactions: read(raw, TransactionSettings::ROWS)?,
            metadata_log: metadata_log_settings(raw)?,
            max_connections_of_ip: quotas.per_ip_overrides(raw)?,
            quotas,
            listener_quotas,
        })
    }

    /// Keeps all data in `dir`, whatever the settings say.
    pub(crate) fn keep_data_in(&mut self, dir: &Path) {
        self.raw.set(NODE.log_dirs.name, dir.display().to_string());
        self.data_dir = dir.to_path_buf();
    }

    /// Makes users known from the start.
    pub(crate) fn know(&mut self, users: Vec<(String, Secret)>) {
        if !users.is_empty() && !self.listeners.iter().any(|listener| listener.protocol.has_sasl()) {
            self.warnings.push(
                "no listener asks its clients to log in, so that users have no effect: give one the protocol SASL_PLAINTEXT or SASL_SSL"
                    .to_owned(),
            );
        }
        self.users = users;
    }

    /// The value that `key` was given at the start, if it was given one.
    pub(crate) fn given(&self, key: &str) -> Option<&str> {
        self.raw.get(key)
    }
}

/// Checks each key and value by itself; gives warnings for those that have no effect.
fn check_keys(raw: &RawSettings) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    let mut without_effect: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in raw.iter() {
        let key = key_of(name).ok_or_else(|| unknown(name, value))?;
        let invalid = |expected: String| {
            let mut error = InvalidSetting::new(&key, value.text.clone(), expected);
            (error.name, error.origin) = (name.to_owned(), value.origin.clone());
            error
        };
        if value.text.len() > MAX_STRING_BYTES {
            return Err(invalid(format!("at most {MAX_STRING_BYTES} bytes")).into());
        }
        key.check(&value.text).map_err(|expected| invalid(expected.to_string()))?;
        if let Some(area) = key.belongs_to {
            without_effect.entry(area).or_default().push(name);
        }
    }
    warnings.extend(
        without_effect
            .into_iter()
            .map(|(area, names)| format!("Kestrel does not act yet on keys of {area}: {}", names.join(", "))),
    );
    Ok(warnings)
}

/// The key that a name means, which may be given to one listener alone.
fn key_of(name: &str) -> Option<Key> {
    if is_of_one_listener(name) { key_of_one_listener(name) } else { broker_key(name) }
}

/// Checks that each key that is given to one listener alone is read there: it would say that something is so, and nothing would be.
fn check_keys_of_listeners(
    raw: &RawSettings,
    listeners: &[String],
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    for (name, value) in raw.iter() {
        if is_of_one_listener(name) && !is_read(name, listeners) {
            let (key, origin) = (name.to_owned(), value.origin.clone());
            let known = keys_of_listeners(listeners);
            let suggestion = closest(&name.to_ascii_lowercase(), known.iter().map(String::as_str));
            return Err(match suggestion.map(str::to_owned) {
                Some(key_of_one) => ConfigError::UnknownKey { key, origin, suggestion: Some(key_of_one) },
                None => ConfigError::ForeignKey { key, origin, advice: NOBODYS_KEY },
            });
        }
        if is_login_of_nobody(name, listeners) {
            warnings.push(format!(
                "{name} has no effect: users of PLAIN stand in listener.name.NAME.plain.sasl.jaas.config"
            ));
        }
    }
    Ok(())
}

/// What is wrong with a key of one listener that none reads.
const NOBODYS_KEY: &str = "no listener reads it: after listener.name. stands the name of one of listeners in lower case, then the \
                           name of a mechanism of SASL if it is for that alone, and then a key that listeners may have for themselves";

fn unknown(name: &str, value: &RawValue) -> ConfigError {
    let (key, origin) = (name.to_owned(), value.origin.clone());
    match advice(name) {
        Some(advice) => ConfigError::ForeignKey { key, origin, advice },
        None => {
            let suggestion = closest(name, broker_keys().map(|key| key.name)).map(str::to_owned);
            ConfigError::UnknownKey { key, origin, suggestion }
        }
    }
}

/// Reads a table.
fn read<C: Default>(raw: &RawSettings, rows: &[Row<C>]) -> Result<C, InvalidSetting> {
    let mut config = C::default();
    raw.apply(rows, &mut config).map(|()| config)
}

/// The certificates of a listener that encrypts.
fn listener_tls(raw: &RawSettings, listener: &str) -> Result<Option<ListenerTls>, ConfigError> {
    let raw = settings_of_listener(raw, listener);
    let tls = read(&raw, TlsSettings::ROWS)?.listener_tls(&raw);
    tls.map(Some)
        .map_err(|problem| ConfigError::Tls { listener: listener.to_owned(), problem: problem.to_string() })
}

fn broker_settings(raw: &RawSettings) -> Result<BrokerSettings, InvalidSetting> {
    /// Longer intervals mean never; this much a clock can hold.
    const MOST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let mut settings = read(raw, BrokerSettings::ROWS)?;
    settings.retention_check_interval = settings.retention_check_interval.min(MOST);
    Ok(settings)
}

fn group_settings(raw: &RawSettings) -> Result<GroupSettings, InvalidSetting> {
    let settings = read(raw, GroupSettings::ROWS)?;
    if settings.min_session_timeout > settings.max_session_timeout {
        return Err(raw.invalid(&GROUPS.min_session_timeout, "at most group.max.session.timeout.ms"));
    }
    Ok(settings)
}

fn metadata_log_settings(raw: &RawSettings) -> Result<MetadataLogSettings, InvalidSetting> {
    let mut settings = read(raw, MetadataLogSettings::ROWS)?;
    settings.snapshot_interval = settings.snapshot_interval.filter(|interval| !interval.is_zero());
    Ok(settings)
}

/// Checks that records are kept for some time: how long is no concern of the broker but of each topic, and still it may not be 0
/// for all of them, as in Apache Kafka. Only the first of the keys that is given counts.
fn check_retention(raw: &RawSettings) -> Result<(), InvalidSetting> {
    let given = TOPIC.retention_time.synonyms.iter().find(|synonym| raw.has(synonym.name));
    let Some(key) = given.and_then(|synonym| broker_key(synonym.name)) else { return Ok(()) };
    match raw.get(key.name).map(str::parse) {
        Some(Ok(0)) => Err(raw.invalid(&key, "-1 or a whole number from 1")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
