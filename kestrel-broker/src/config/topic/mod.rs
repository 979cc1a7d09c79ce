//! Every topic key of Apache Kafka 4.3: name, type, default, range, the broker keys that it inherits from, meaning.
//!
//! The controller checks with it what clients set, DescribeConfigs shows it, and [`log_config`] makes of it what the log
//! is told. Pure.

use std::time::Duration;

use kestrel_protocol::record::{Codec, Compression, TimestampType};

use super::effective::Layers;
use super::value::Allowed::{self, Any, AtLeast, Between, Each, Fraction, MinusOneOrBetween, OneOf};
use super::value::ValueType::{self, Boolean, Double, Int, List, Long, String};
use super::value::{check, list};
use crate::log::{Compaction, CompressionType, LogConfig, Retention};

/// A topic key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TopicKey {
    /// Its name.
    pub(crate) name: &'static str,
    /// The type of its value.
    pub(crate) value_type: ValueType,
    /// Its value when nobody says anything.
    pub(crate) default: &'static str,
    /// The values of the type that it takes.
    pub(crate) allowed: Allowed,
    /// The broker keys whose values it takes over, in the order in which they are asked.
    pub(crate) synonyms: &'static [Synonym],
    /// What it means, for whoever reads DescribeConfigs.
    pub(crate) doc: &'static str,
}

/// A broker key that is the default of a topic key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Synonym {
    /// The broker key.
    pub(crate) name: &'static str,
    /// How many of the topic key's unit one of the broker key's is.
    pub(crate) factor: i64,
}

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;
/// A limit that is none.
const NO_LIMIT: &str = "9223372036854775807";
/// Segments of any size, for tests of Apache Kafka and of ours; not shown.
const INTERNAL_SEGMENT_BYTES: &str = "internal.segment.bytes";

impl TopicKey {
    /// The key of this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        TOPIC_KEYS.iter().find(|key| key.name == name)
    }

    /// The keys that are shown, by name.
    pub(crate) fn described() -> impl Iterator<Item = &'static Self> {
        TOPIC_KEYS.iter().filter(|key| key.name != INTERNAL_SEGMENT_BYTES)
    }

    /// The key that takes its value from this broker key, if one does.
    pub(crate) fn inheriting_from(broker_key: &str) -> Option<&'static Self> {
        TOPIC_KEYS.iter().find(|key| key.synonyms.iter().any(|synonym| synonym.name == broker_key))
    }

    /// Whether the key takes this value.
    ///
    /// # Errors
    /// With a sentence that names both and says what would be allowed.
    pub(crate) fn check(&self, value: &str) -> Result<(), std::string::String> {
        let invalid = |expected: &dyn std::fmt::Display| {
            format!("Invalid value {value} for configuration {}: expected {expected}", self.name)
        };
        if self.name.ends_with(".throttled.replicas") && !is_replica_list(value) {
            return Err(invalid(&"the literal '*' or a list of PARTITION:BROKER"));
        }
        check(self.value_type, self.allowed, value).map_err(|expected| invalid(&expected))
    }
}

/// Whether the values that a topic would have go together.
///
/// # Errors
/// With a sentence that names the keys.
pub(crate) fn check_together(layers: &Layers<'_>) -> Result<(), std::string::String> {
    let (least, most) = (layers.number("min.compaction.lag.ms"), layers.number("max.compaction.lag.ms"));
    if least > most {
        return Err(format!(
            "conflict topic config setting min.compaction.lag.ms ({least}) > max.compaction.lag.ms ({most})"
        ));
    }
    if layers.flag("remote.storage.enable") {
        return Err("Kestrel has no tiered storage: remote.storage.enable must be false".to_owned());
    }
    Ok(())
}

/// What the values of a topic mean to its logs.
pub(crate) fn log_config(layers: &Layers<'_>) -> LogConfig {
    let segment_bytes = match layers.text(INTERNAL_SEGMENT_BYTES) {
        "" => layers.bytes("segment.bytes"),
        _ => layers.bytes(INTERNAL_SEGMENT_BYTES),
    };
    LogConfig {
        segment_bytes,
        segment_roll: segment_roll(layers),
        segment_index_bytes: layers.bytes("segment.index.bytes"),
        index_interval_bytes: layers.bytes("index.interval.bytes"),
        max_message_bytes: layers.bytes("max.message.bytes"),
        compact: cleans(layers, "compact"),
        compaction: compaction(layers),
        retention: retention(layers),
        file_delete_delay: layers.duration("file.delete.delay.ms").unwrap_or(Duration::MAX),
        compression: compression(layers),
        timestamp_type: match layers.text("message.timestamp.type") {
            "LogAppendTime" => TimestampType::LogAppend,
            _ => TimestampType::Create,
        },
        timestamp_before_max: layers.duration("message.timestamp.before.max.ms"),
        timestamp_after_max: layers.duration("message.timestamp.after.max.ms"),
        flush_messages: limit(layers.number("flush.messages")),
        flush_interval: layers.duration("flush.ms"),
    }
}

/// Whether `cleanup.policy` has this policy.
pub(crate) fn cleans(layers: &Layers<'_>, policy: &str) -> bool {
    list(layers.text("cleanup.policy")).any(|item| item == policy)
}

/// How long a segment is written: with compaction no longer than a record may stay uncompacted, as the segment that is written
/// never is compacted.
fn segment_roll(layers: &Layers<'_>) -> Duration {
    let roll = layers.duration("segment.ms").unwrap_or(Duration::MAX);
    match layers.duration("max.compaction.lag.ms") {
        Some(max_lag) if cleans(layers, "compact") => roll.min(max_lag),
        _ => roll,
    }
}

fn compaction(layers: &Layers<'_>) -> Compaction {
    Compaction {
        min_dirty_ratio: layers.fraction("min.cleanable.dirty.ratio"),
        min_lag: layers.duration("min.compaction.lag.ms").unwrap_or(Duration::MAX),
        max_lag: layers.duration("max.compaction.lag.ms"),
        delete_retention: layers.duration("delete.retention.ms").unwrap_or(Duration::MAX),
    }
}

/// What is kept of the past; everything without the policy `delete`.
fn retention(layers: &Layers<'_>) -> Retention {
    if !cleans(layers, "delete") {
        return Retention::default();
    }
    Retention { time: layers.duration("retention.ms"), bytes: limit(layers.number("retention.bytes")) }
}

fn compression(layers: &Layers<'_>) -> CompressionType {
    let (codec, level) = match layers.text("compression.type") {
        "uncompressed" => return CompressionType::Codec(Codec::NONE),
        // The level -1 is zlib's own default.
        "gzip" => (Compression::Gzip, layers.level("compression.gzip.level").filter(|level| *level > 0)),
        "snappy" => (Compression::Snappy, None),
        "lz4" => (Compression::Lz4, layers.level("compression.lz4.level")),
        "zstd" => (Compression::Zstd, layers.level("compression.zstd.level")),
        _ => return CompressionType::Producer,
    };
    // Levels were checked when they were set; every codec is compiled into the broker.
    Codec::new(codec, level).map_or(CompressionType::Producer, CompressionType::Codec)
}

/// A limit as the log takes it: the largest number is none.
pub(super) fn limit(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|_| number != i64::MAX)
}

fn is_replica_list(value: &str) -> bool {
    let is_number = |text: &str| text.trim().parse::<i32>().is_ok_and(|number| number >= 0);
    let is_replica =
        |item: &str| item.split_once(':').is_some_and(|(left, right)| is_number(left) && is_number(right));
    value.trim() == "*" || list(value).all(is_replica)
}

/// A row without broker keys.
const NONE: &[Synonym] = &[];

/// One broker key in the same unit.
macro_rules! from {
    ($($name:literal $(* $factor:expr)?),+) => {
        &[$(Synonym { name: $name, factor: 1 $(* $factor)? }),+]
    };
}

macro_rules! rows {
    ($($name:expr, $value_type:expr, $default:expr, $allowed:expr, $synonyms:expr, $doc:literal;)+) => {
        &[$(TopicKey {
            name: $name,
            value_type: $value_type,
            default: $default,
            allowed: $allowed,
            synonyms: $synonyms,
            doc: $doc,
        }),+]
    };
}

/// The keys, by name.
#[rustfmt::skip]
const TOPIC_KEYS: &[TopicKey] = rows! {
    "cleanup.policy", List, "delete", Each(&["compact", "delete"]), from!("log.cleanup.policy"),
        "What becomes of old records: delete drops whole segments by age and size, compact keeps the last record of each key, and both may be given. With neither, everything is kept.";
    "compression.gzip.level", Int, "-1", MinusOneOrBetween(1, 9), from!("compression.gzip.level"),
        "The level of gzip, when compression.type is gzip; -1 is the codec's own default.";
    "compression.lz4.level", Int, "9", Between(1, 17), from!("compression.lz4.level"),
        "The level of lz4, when compression.type is lz4.";
    "compression.type", String, "producer", OneOf(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), from!("compression.type"),
        "How batches are stored: as the producer sent them, uncompressed, or with one codec whatever the producer chose.";
    "compression.zstd.level", Int, "3", Between(-131_072, 22), from!("compression.zstd.level"),
        "The level of zstd, when compression.type is zstd.";
    "delete.retention.ms", Long, "86400000", AtLeast(0), from!("log.cleaner.delete.retention.ms"),
        "How long compaction keeps a tombstone, so that readers who began before it was written see it.";
    "file.delete.delay.ms", Long, "60000", AtLeast(0), from!("log.segment.delete.delay.ms"),
        "How long a deleted file stays on the disk.";
    "flush.messages", Long, NO_LIMIT, AtLeast(1), from!("log.flush.interval.messages"),
        "How many records may be appended before they are flushed to the disk, with durability interval.";
    "flush.ms", Long, NO_LIMIT, AtLeast(0), from!("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
        "How long a record may wait before it is flushed to the disk, with durability interval.";
    "follower.replication.throttled.replicas", List, "", Any, NONE,
        "The replicas whose followers are throttled, as PARTITION:BROKER, or * for all.";
    "index.interval.bytes", Int, "4096", AtLeast(0), from!("log.index.interval.bytes"),
        "How many bytes of the log lie between two entries of the offset index, at least.";
    INTERNAL_SEGMENT_BYTES, Int, "", Any, NONE,
        "As segment.bytes, without a lower bound.";
    "leader.replication.throttled.replicas", List, "", Any, NONE,
        "The replicas whose leaders are throttled, as PARTITION:BROKER, or * for all.";
    "local.retention.bytes", Long, "-2", AtLeast(-2), from!("log.local.retention.bytes"),
        "How many bytes of a partition stay on the broker's disk with tiered storage; -2 is retention.bytes.";
    "local.retention.ms", Long, "-2", AtLeast(-2), from!("log.local.retention.ms"),
        "How long a segment stays on the broker's disk with tiered storage; -2 is retention.ms.";
    "max.compaction.lag.ms", Long, NO_LIMIT, AtLeast(1), from!("log.cleaner.max.compaction.lag.ms"),
        "How long a record may stay uncompacted.";
    "max.message.bytes", Int, "1048588", AtLeast(0), from!("message.max.bytes"),
        "How large a record batch may be, in bytes, compressed as it comes.";
    "message.timestamp.after.max.ms", Long, "3600000", AtLeast(0), from!("log.message.timestamp.after.max.ms"),
        "How far a record's timestamp may lie ahead of the broker's clock; ignored with LogAppendTime.";
    "message.timestamp.before.max.ms", Long, NO_LIMIT, AtLeast(0), from!("log.message.timestamp.before.max.ms"),
        "How far a record's timestamp may lie behind the broker's clock; ignored with LogAppendTime.";
    "message.timestamp.type", String, "CreateTime", OneOf(&["CreateTime", "LogAppendTime"]), from!("log.message.timestamp.type"),
        "Whose time records have: the producer's (CreateTime) or the broker's (LogAppendTime).";
    "min.cleanable.dirty.ratio", Double, "0.5", Fraction(0.0, 1.0), from!("log.cleaner.min.cleanable.ratio"),
        "Which part of a log must be uncompacted before it is compacted.";
    "min.compaction.lag.ms", Long, "0", AtLeast(0), from!("log.cleaner.min.compaction.lag.ms"),
        "How long a record stays uncompacted at least.";
    "min.insync.replicas", Int, "1", AtLeast(1), from!("min.insync.replicas"),
        "How many replicas must be in sync for a write with acks=all to be accepted.";
    "preallocate", Boolean, "false", Any, from!("log.preallocate"),
        "Whether a new segment takes its full size on the disk at once.";
    "remote.log.copy.disable", Boolean, "false", Any, NONE,
        "Whether tiered storage takes no new segments.";
    "remote.log.delete.on.disable", Boolean, "false", Any, NONE,
        "Whether switching tiered storage off deletes what is in it.";
    "remote.storage.enable", Boolean, "false", Any, NONE,
        "Whether segments go to tiered storage, which Kestrel does not have.";
    "retention.bytes", Long, "-1", Any, from!("log.retention.bytes"),
        "How large a partition may become before its oldest segments are deleted, with the policy delete; -1: no limit.";
    "retention.ms", Long, "604800000", AtLeast(-1), from!("log.retention.ms", "log.retention.minutes" * MINUTE, "log.retention.hours" * HOUR),
        "How long a record is kept before its segment may be deleted, with the policy delete; -1: no limit.";
    "segment.bytes", Int, "1073741824", AtLeast(1_048_576), from!("log.segment.bytes"),
        "How large a segment may become, in bytes, before the next one is begun.";
    "segment.index.bytes", Int, "10485760", AtLeast(4), from!("log.index.size.max.bytes"),
        "How large an index may become, in bytes, before the next segment is begun.";
    "segment.jitter.ms", Long, "0", AtLeast(0), from!("log.roll.jitter.ms", "log.roll.jitter.hours" * HOUR),
        "How much earlier than segment.ms a segment may be followed by the next one, at random.";
    "segment.ms", Long, "604800000", AtLeast(1), from!("log.roll.ms", "log.roll.hours" * HOUR),
        "How old a segment may become before the next one is begun.";
    "unclean.leader.election.enable", Boolean, "false", Any, from!("unclean.leader.election.enable"),
        "Whether a replica that is not in sync may become leader, at the cost of records.";
};

#[cfg(test)]
mod tests;
