//! What was said about the broker, checked, and what it means.
//!
//! Made once at the start by `broker.rs`; from then on immutable. Reads a file only in [`Said::read_file`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kestrel_protocol::NodeId;
use kestrel_protocol::wire::MAX_STRING_BYTES;

use super::endpoint::{ENDPOINT_FORM, Endpoint, NamedEndpoint};
use super::foreign_keys::advice;
use super::keys::{Area, BrokerKey, Status};
use super::listener::{Listener, listeners};
use super::suggest::closest;
use super::value::{check, list};
use crate::log::Validation;
use kestrel_protocol::properties::{self, PropertiesError};

/// A key or value that cannot be used. The text is one sentence that names it and says what would do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// No key of Apache Kafka has this name.
    #[error("unknown configuration key {key}{}{}", place(.origin), hint(.suggestion))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it was said.
        origin: Origin,
        /// The key that was probably meant.
        suggestion: Option<&'static str>,
    },
    /// A key that Apache Kafka once had, or that is no broker's.
    #[error("configuration key {key}{}: {advice}", place(.origin))]
    ForeignKey {
        /// The key.
        key: String,
        /// Where it was said.
        origin: Origin,
        /// What to do.
        advice: &'static str,
    },
    /// The key does not take this value.
    #[error("{key}={value}{}: expected {expected}", place(.origin))]
    InvalidValue {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Where it was said.
        origin: Origin,
        /// What would be allowed.
        expected: String,
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
    pub(crate) fn endpoint(what: &str, address: &str) -> Self {
        Self::InvalidValue {
            key: what.to_owned(),
            value: address.to_owned(),
            origin: Origin::Set,
            expected: ENDPOINT_FORM.to_owned(),
        }
    }

    /// An address that cannot be advertised.
    pub(crate) fn advertise(address: &str, expected: &str) -> Self {
        Self::InvalidValue {
            key: "advertise".to_owned(),
            value: address.to_owned(),
            origin: Origin::Set,
            expected: expected.to_owned(),
        }
    }
}

/// The name of the listener that is there when nothing is said.
const PLAINTEXT: &str = "PLAINTEXT";

/// Where a value was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In a file, at a line.
    File(PathBuf, usize),
    /// With `--set` or the builder.
    Set,
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::File(file, line) => format!(" ({}, line {line})", file.display()),
        Origin::Set => String::new(),
    }
}

fn hint(suggestion: &Option<&'static str>) -> String {
    suggestion.map_or_else(
        || "; the keys are Apache Kafka's broker configs".to_owned(),
        |key| format!("; did you mean {key}?"),
    )
}

/// What was said: key, value, and where. What is said later counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said(BTreeMap<String, (String, Origin)>);

impl Said {
    /// Notes a value said with `--set` or the builder.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.insert(key.into(), (value.into(), Origin::Set));
    }

    /// Whether something was said for `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Notes one listener in place of whatever was said of listeners, under the name that needs no map.
    ///
    /// What is advertised under that name stays; names of other listeners are nobody's any more.
    pub(crate) fn listen_on(&mut self, endpoint: &Endpoint) {
        self.set("listeners", format!("{PLAINTEXT}://{endpoint}"));
        for key in ["inter.broker.listener.name", "listener.security.protocol.map"] {
            self.0.remove(key);
        }
        if let Some((advertised, _)) = self.0.get_mut("advertised.listeners") {
            let is_kept =
                |text: &&str| NamedEndpoint::parse(text).is_none_or(|named| named.name == PLAINTEXT);
            *advertised = list(advertised).filter(is_kept).collect::<Vec<_>>().join(",");
        }
    }

    /// Notes what the file says, below whatever was said otherwise.
    ///
    /// # Errors
    /// When the file cannot be read or is not a properties file.
    pub(crate) fn read_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::File { file: file.to_path_buf(), source })?;
        let read = properties::parse(&text)
            .map_err(|error| ConfigError::Syntax { file: file.to_path_buf(), error })?;
        let said_otherwise = std::mem::take(&mut self.0);
        self.0.extend(read.into_iter().map(|property| {
            (property.key, (property.value, Origin::File(file.to_path_buf(), property.line)))
        }));
        self.0.extend(said_otherwise);
        Ok(())
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|(value, _)| value.trim())
    }

    pub(super) fn invalid(&self, key: &str, expected: impl Into<String>) -> ConfigError {
        let (value, origin) = self.0.get(key).cloned().unwrap_or((String::new(), Origin::Set));
        ConfigError::InvalidValue { key: key.to_owned(), value, origin, expected: expected.into() }
    }
}

/// What the configuration means.
#[derive(Debug, Clone)]
pub(crate) struct BrokerConfig {
    said: BTreeMap<String, String>,
    /// Sentences for the log that somebody should read: keys without effect.
    pub(crate) warnings: Vec<String>,
    /// Sentences for the log that say what is as it should be: listeners that are not opened.
    pub(crate) notes: Vec<String>,
    /// `node.id`. Default 1.
    pub(crate) node_id: NodeId,
    /// `listeners` without those of controllers, at least one. Default PLAINTEXT://127.0.0.1:9092.
    pub(crate) listeners: Vec<Listener>,
    /// How closely it looks at what producers send: a setting that Apache Kafka has no key for.
    pub(crate) validation: Validation,
    /// `log.dirs`, or else `log.dir`. Default `./kestrel-data`.
    pub(crate) data_dir: PathBuf,
    /// `auto.create.topics.enable`. Default yes.
    pub(crate) auto_create_topics: bool,
    /// `delete.topic.enable`. Default yes.
    pub(crate) delete_topics: bool,
    /// `num.partitions`. Default 1.
    pub(crate) num_partitions: i32,
    /// `default.replication.factor`. Default 1.
    pub(crate) default_replication_factor: i16,
    /// `socket.request.max.bytes`. Default 100 MiB.
    pub(crate) request_max_bytes: usize,
    /// `fetch.max.bytes`. Default 55 MiB.
    pub(crate) fetch_max_bytes: usize,
    /// `max.incremental.fetch.session.cache.slots`. Default 1,000.
    pub(crate) fetch_sessions: usize,
    /// `max.connections`. Default no limit.
    pub(crate) max_connections: usize,
    /// `max.connections.per.ip`. Default no limit.
    pub(crate) max_connections_per_ip: usize,
    /// `connections.max.idle.ms`. Default 10 minutes; `None` is never.
    pub(crate) connections_max_idle: Option<Duration>,
    /// `socket.listen.backlog.size`. Default 1,024.
    pub(crate) listen_backlog: u32,
    /// `max.request.partition.size.limit`. Default 2,000.
    pub(crate) max_described_partitions: usize,
    /// `producer.id.expiration.ms`. Default 24 hours.
    pub(crate) producer_id_expiration: Duration,
    /// `log.retention.check.interval.ms`. Default 5 minutes.
    pub(crate) retention_check_interval: Duration,
    /// `num.recovery.threads.per.data.dir`: how many logs are recovered at the same time. Default 2.
    pub(crate) recovery_threads: usize,
    /// `log.cleaner.enable`. Default yes.
    pub(crate) cleans_logs: bool,
    /// The settings of groups.
    pub(crate) groups: GroupSettings,
    /// `offsets.topic.num.partitions`. Default 50.
    pub(crate) offsets_topic_partitions: i32,
    /// `offsets.topic.segment.bytes`. Default 100 MiB.
    pub(crate) offsets_topic_segment_bytes: i32,
    /// `offsets.commit.timeout.ms`. Default 5 s.
    pub(crate) offsets_commit_timeout: Duration,
    /// The settings of the metadata log.
    pub(crate) metadata_log: MetadataLogSettings,
}

/// The settings of the metadata log and its snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MetadataLogSettings {
    /// `metadata.log.max.record.bytes.between.snapshots`. Default 20 MiB.
    pub(crate) snapshot_bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`. Default 1 hour; `None` is never for the time alone.
    pub(crate) snapshot_interval: Option<Duration>,
    /// `metadata.log.segment.bytes`. Default 1 GiB.
    pub(crate) segment_bytes: u32,
    /// `metadata.log.segment.ms`. Default 7 days.
    pub(crate) segment_roll: Duration,
    /// `metadata.max.retention.bytes`: above this size of the log and its snapshots the oldest go. Default 100 MiB; `None` is no
    /// limit.
    pub(crate) retention_bytes: Option<u64>,
    /// `metadata.max.retention.ms`: a snapshot whose last record is older goes. Default 7 days; `None` is no limit.
    pub(crate) retention_time: Option<Duration>,
}

/// The settings of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupSettings {
    /// `group.initial.rebalance.delay.ms`. Default 0, unlike Apache Kafka's 3 s.
    pub(crate) initial_rebalance_delay: Duration,
    /// `group.min.session.timeout.ms`. Default 6 s.
    pub(crate) min_session_timeout: Duration,
    /// `group.max.session.timeout.ms`. Default 30 minutes.
    pub(crate) max_session_timeout: Duration,
    /// `group.max.size`: how many members a group has at most. Default no limit.
    pub(crate) max_size: usize,
    /// `offset.metadata.max.bytes`, which counts characters. Default 4,096.
    pub(crate) offset_metadata_max_bytes: usize,
    /// `offsets.retention.minutes`. Default 7 days.
    pub(crate) offsets_retention: Duration,
    /// `offsets.retention.check.interval.ms`. Default 10 minutes.
    pub(crate) offsets_retention_check_interval: Duration,
}

impl BrokerConfig {
    /// Checks everything that was said and gives its meaning.
    ///
    /// # Errors
    /// At the first key that is unknown or whose value is not allowed.
    pub(crate) fn new(said: &Said) -> Result<Self, ConfigError> {
        let mut warnings = check_keys(said)?;
        let mut notes = Vec::new();
        let listeners = listeners(said, &mut notes)?;
        check_roles(said, &mut warnings)?;
        Ok(Self {
            node_id: NodeId(node_id(said)?),
            listeners,
            validation: Validation::default(),
            data_dir: data_dir(said)?,
            auto_create_topics: boolean(said, "auto.create.topics.enable"),
            delete_topics: boolean(said, "delete.topic.enable"),
            num_partitions: number(said, "num.partitions"),
            default_replication_factor: number(said, "default.replication.factor"),
            request_max_bytes: number(said, "socket.request.max.bytes"),
            fetch_max_bytes: number(said, "fetch.max.bytes"),
            fetch_sessions: number(said, "max.incremental.fetch.session.cache.slots"),
            max_connections: number(said, "max.connections"),
            max_connections_per_ip: number(said, "max.connections.per.ip"),
            connections_max_idle: u64::try_from(number::<i64>(said, "connections.max.idle.ms"))
                .ok()
                .map(Duration::from_millis),
            listen_backlog: number(said, "socket.listen.backlog.size"),
            max_described_partitions: number(said, "max.request.partition.size.limit"),
            producer_id_expiration: Duration::from_millis(number(said, "producer.id.expiration.ms")),
            retention_check_interval: retention_check_interval(said)?,
            recovery_threads: number(said, "num.recovery.threads.per.data.dir"),
            cleans_logs: boolean(said, "log.cleaner.enable"),
            groups: group_settings(said)?,
            offsets_topic_partitions: number(said, "offsets.topic.num.partitions"),
            offsets_topic_segment_bytes: number(said, "offsets.topic.segment.bytes"),
            offsets_commit_timeout: Duration::from_millis(number(said, "offsets.commit.timeout.ms")),
            metadata_log: metadata_log_settings(said),
            said: said.0.iter().map(|(key, (value, _))| (key.clone(), value.trim().to_owned())).collect(),
            warnings,
            notes,
        })
    }

    /// Keeps all data in `dir`, whatever was said.
    pub(crate) fn keep_data_in(&mut self, dir: &Path) {
        self.said.insert("log.dirs".to_owned(), dir.display().to_string());
        self.data_dir = dir.to_path_buf();
    }

    /// The value that was said for `key`, if one was.
    pub(crate) fn said(&self, key: &str) -> Option<&str> {
        self.said.get(key).map(String::as_str)
    }
}

/// Checks each key and value by itself; gives warnings for those that have no effect.
fn check_keys(said: &Said) -> Result<Vec<String>, ConfigError> {
    let mut warnings = Vec::new();
    let mut without_effect: BTreeMap<Area, Vec<&str>> = BTreeMap::new();
    for (name, (value, origin)) in &said.0 {
        // A key may be given to one listener alone (KIP-103): what such keys are for, TLS and SASL, is not there.
        if name.starts_with("listener.name.") {
            warnings.push(format!("{name} has no effect: listeners have no settings of their own yet"));
            continue;
        }
        let Some(key) = BrokerKey::find(name) else {
            if let Some(advice) = advice(name) {
                return Err(ConfigError::ForeignKey { key: name.clone(), origin: origin.clone(), advice });
            }
            return Err(ConfigError::UnknownKey {
                key: name.clone(),
                origin: origin.clone(),
                suggestion: closest(name, BrokerKey::all().map(|key| key.name)),
            });
        };
        if value.len() > MAX_STRING_BYTES {
            return Err(said.invalid(name, format!("at most {MAX_STRING_BYTES} bytes")));
        }
        check(key.value_type, key.allowed, value)
            .map_err(|expected| said.invalid(name, expected.to_string()))?;
        if let Status::Accepted(area) = key.status {
            without_effect.entry(area).or_default().push(name);
        }
    }
    warnings.extend(without_effect.into_iter().map(|(area, names)| {
        format!("Kestrel does not act yet on keys of {}: {}", area.name(), names.join(", "))
    }));
    Ok(warnings)
}

/// What was said for `key`, or its default; checked by [`check_keys`].
pub(super) fn value<'a>(said: &'a Said, key: &str) -> &'a str {
    said.get(key)
        .or_else(|| BrokerKey::find(key)?.default)
        .expect("only keys of the table with a default are read this way")
}

fn boolean(said: &Said, key: &str) -> bool {
    value(said, key).eq_ignore_ascii_case("true")
}

/// The number that `key` has: at most the largest that its meaning can hold.
fn number<N: TryFrom<i64>>(said: &Said, key: &str) -> N {
    let number: i64 = value(said, key).parse().expect("the value was checked, and defaults are numbers");
    let in_range = N::try_from(number).or_else(|_| N::try_from(i64::from(i16::MAX)));
    in_range.unwrap_or_else(|_| unreachable!("every number type holds 32,767"))
}

fn group_settings(said: &Said) -> Result<GroupSettings, ConfigError> {
    let millis = |key| Duration::from_millis(number(said, key));
    let settings = GroupSettings {
        initial_rebalance_delay: millis("group.initial.rebalance.delay.ms"),
        min_session_timeout: millis("group.min.session.timeout.ms"),
        max_session_timeout: millis("group.max.session.timeout.ms"),
        max_size: number(said, "group.max.size"),
        offset_metadata_max_bytes: number(said, "offset.metadata.max.bytes"),
        offsets_retention: Duration::from_secs(
            number::<u64>(said, "offsets.retention.minutes").saturating_mul(60),
        ),
        offsets_retention_check_interval: millis("offsets.retention.check.interval.ms"),
    };
    if settings.min_session_timeout > settings.max_session_timeout {
        return Err(said.invalid("group.min.session.timeout.ms", "at most group.max.session.timeout.ms"));
    }
    Ok(settings)
}

fn metadata_log_settings(said: &Said) -> MetadataLogSettings {
    let unless_negative = |key| u64::try_from(number::<i64>(said, key)).ok();
    let interval: u64 = number(said, "metadata.log.max.snapshot.interval.ms");
    let segment_millis = unless_negative("metadata.log.segment.ms");
    MetadataLogSettings {
        snapshot_bytes: number(said, "metadata.log.max.record.bytes.between.snapshots"),
        snapshot_interval: (interval > 0).then(|| Duration::from_millis(interval)),
        segment_bytes: number(said, "metadata.log.segment.bytes"),
        segment_roll: segment_millis.map_or(Duration::MAX, Duration::from_millis),
        retention_bytes: unless_negative("metadata.max.retention.bytes"),
        retention_time: unless_negative("metadata.max.retention.ms").map(Duration::from_millis),
    }
}

/// How often old segments are looked for. How long they are kept is no concern of the broker but of each topic; it may not
/// be 0 for all of them, as in Apache Kafka.
fn retention_check_interval(said: &Said) -> Result<Duration, ConfigError> {
    /// What is longer is never; this much a clock can hold.
    const MOST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let keys = ["log.retention.ms", "log.retention.minutes", "log.retention.hours"];
    if let Some(key) = keys.into_iter().find(|key| said.get(key).is_some())
        && number::<i64>(said, key) == 0
    {
        return Err(said.invalid(key, "-1 or a whole number from 1"));
    }
    Ok(Duration::from_millis(number(said, "log.retention.check.interval.ms")).min(MOST))
}

fn node_id(said: &Said) -> Result<i32, ConfigError> {
    let key = if said.get("node.id").is_none() && said.get("broker.id").is_some() {
        "broker.id"
    } else {
        "node.id"
    };
    let id: i32 = number(said, key);
    if id < 0 { Err(said.invalid(key, "a whole number from 0 to 2147483647")) } else { Ok(id) }
}

/// Kestrel is broker and controller in one process; what else a file wants of it must not pass for done.
fn check_roles(said: &Said, warnings: &mut Vec<String>) -> Result<(), ConfigError> {
    let key = "process.roles";
    let roles: Vec<&str> = said.get(key).into_iter().flat_map(list).collect();
    match roles.as_slice() {
        ["controller"] => Err(said.invalid(
            key,
            "broker,controller or nothing: Kestrel is both in one process, and there is nothing for a controller of its own \
             to do; start one kestrel-broker in place of the whole cluster",
        )),
        ["broker"] => {
            warnings.push(
                "process.roles=broker: Kestrel is its own controller, and the one of \
                 controller.quorum.bootstrap.servers or controller.quorum.voters is not asked"
                    .to_owned(),
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

fn data_dir(said: &Said) -> Result<PathBuf, ConfigError> {
    let key = if said.get("log.dirs").is_some() { "log.dirs" } else { "log.dir" };
    let mut dirs = list(value(said, key));
    match (dirs.next(), dirs.next()) {
        (Some(dir), None) => Ok(PathBuf::from(dir)),
        _ => Err(said.invalid(key, "one folder: Kestrel keeps all data in a single one")),
    }
}

#[cfg(test)]
mod tests;
