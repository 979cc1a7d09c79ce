//! Every topic key of Apache Kafka 4.3: name, type, default, range, the broker keys that it inherits from, meaning.
//!
//! The controller checks with it what clients set, DescribeConfigs shows it, and [`TopicSettings::log_config`] makes of it the settings of
//! its logs. Pure.

use std::time::Duration;

use kestrel_protocol::record::{Codec, Compression, TimestampType};
use kestrel_settings::{Key, Synonym, Value, list, settings};

use super::topic_defaults::DEFAULTS;
use crate::log::{Compaction, CompressionType, LogConfig, Retention};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;

/// The broker keys that a topic key takes its value from, each with how many of the topic key's unit it counts.
macro_rules! from {
    ($($key:ident $(* $factor:expr)?),+) => {
        &[$(Synonym { name: DEFAULTS.$key.name, factor: 1 $(* $factor)? }),+]
    };
}

settings! {
    /// The settings of a topic: what its own keys say, or else those of the broker.
    pub(crate) struct TopicSettings, keys TOPIC: TopicKeys;

    /// What becomes of old records: delete drops whole segments by age and size, compact keeps the last record of each key, and
    /// both may be given. With neither, everything is kept.
    cleanup_policy: CleanupPolicy, "cleanup.policy", List, "delete", [each "compact" | "delete"], synonyms: from!(cleanup_policy);
    /// The level of gzip, when compression.type is gzip; -1 is the codec's own default.
    compression_gzip_level: i32, "compression.gzip.level", Int, "-1", [-1 | 1..=9], synonyms: from!(compression_gzip_level);
    /// The level of lz4, when compression.type is lz4.
    compression_lz4_level: i32, "compression.lz4.level", Int, "9", [1..=17], synonyms: from!(compression_lz4_level);
    /// How batches are stored: as the producer sent them, uncompressed, or with one codec whatever the producer chose.
    compression_type: StoredAs, "compression.type", String, "producer", ["uncompressed" | "zstd" | "lz4" | "snappy" | "gzip" | "producer"], synonyms: from!(compression_type);
    /// The level of zstd, when compression.type is zstd.
    compression_zstd_level: i32, "compression.zstd.level", Int, "3", [-131_072..=22], synonyms: from!(compression_zstd_level);
    /// How long compaction keeps a tombstone, so that readers who began before it was written see it.
    delete_retention: Option<Duration>, "delete.retention.ms", Long, "86400000", [0..], synonyms: from!(delete_retention);
    /// How long a deleted file stays on the disk.
    file_delete_delay: Option<Duration>, "file.delete.delay.ms", Long, "60000", [0..], synonyms: from!(file_delete_delay);
    /// How many records may be appended before they are flushed to the disk, with durability interval.
    flush_messages: Option<u64>, "flush.messages", Long, "9223372036854775807", [1..], synonyms: from!(flush_messages);
    /// How long a record may wait before it is flushed to the disk, with durability interval.
    flush_interval: Option<Duration>, "flush.ms", Long, "9223372036854775807", [0..], synonyms: from!(flush_interval, flush_scheduler_interval);
    /// The replicas whose followers are throttled, as PARTITION:BROKER, or * for all.
    throttled_followers: String, "follower.replication.throttled.replicas", List, "", [replicas];
    /// How many bytes of the log lie between two entries of the offset index, at least.
    index_interval_bytes: u32, "index.interval.bytes", Int, "4096", [0..], synonyms: from!(index_interval_bytes);
    /// As segment.bytes, without a lower bound.
    internal_segment_bytes: Option<u64>, "internal.segment.bytes", Int, null, [any];
    /// The replicas whose leaders are throttled, as PARTITION:BROKER, or * for all.
    throttled_leaders: String, "leader.replication.throttled.replicas", List, "", [replicas];
    /// How many bytes of a partition stay on the broker's disk with tiered storage; -2 is retention.bytes.
    local_retention_bytes: i64, "local.retention.bytes", Long, "-2", [-2..], synonyms: from!(local_retention_bytes);
    /// How long a segment stays on the broker's disk with tiered storage; -2 is retention.ms.
    local_retention_ms: i64, "local.retention.ms", Long, "-2", [-2..], synonyms: from!(local_retention_ms);
    /// How long a record may stay uncompacted.
    max_compaction_lag: Option<Duration>, "max.compaction.lag.ms", Long, "9223372036854775807", [1..], synonyms: from!(max_compaction_lag);
    /// How large a record batch may be, in bytes, compressed as it comes.
    max_message_bytes: u32, "max.message.bytes", Int, "1048588", [0..], synonyms: from!(max_message_bytes);
    /// How far a record's timestamp may lie ahead of the broker's clock; ignored with LogAppendTime.
    timestamp_after_max: Option<Duration>, "message.timestamp.after.max.ms", Long, "3600000", [0..], synonyms: from!(timestamp_after_max);
    /// How far a record's timestamp may lie behind the broker's clock; ignored with LogAppendTime.
    timestamp_before_max: Option<Duration>, "message.timestamp.before.max.ms", Long, "9223372036854775807", [0..], synonyms: from!(timestamp_before_max);
    /// Whose time records have: the producer's (CreateTime) or the broker's (LogAppendTime).
    timestamp_type: StampedBy, "message.timestamp.type", String, "CreateTime", ["CreateTime" | "LogAppendTime"], synonyms: from!(timestamp_type);
    /// Which part of a log must be uncompacted before it is compacted.
    min_cleanable_dirty_ratio: f64, "min.cleanable.dirty.ratio", Double, "0.5", [fraction 0.0..=1.0], synonyms: from!(min_cleanable_ratio);
    /// How long a record stays uncompacted at least.
    min_compaction_lag: Option<Duration>, "min.compaction.lag.ms", Long, "0", [0..], synonyms: from!(min_compaction_lag);
    /// How many replicas must be in sync for a write with acks=all to be accepted.
    min_insync_replicas: i32, "min.insync.replicas", Int, "1", [1..], synonyms: from!(min_insync_replicas);
    /// Whether a new segment takes its full size on the disk at once.
    preallocate: bool, "preallocate", Boolean, "false", [any], synonyms: from!(preallocate);
    /// Whether tiered storage takes no new segments.
    remote_log_copy_disable: bool, "remote.log.copy.disable", Boolean, "false", [any];
    /// Whether switching tiered storage off deletes what is in it.
    remote_log_delete_on_disable: bool, "remote.log.delete.on.disable", Boolean, "false", [any];
    /// Whether segments go to tiered storage, which Kestrel does not have.
    remote_storage: bool, "remote.storage.enable", Boolean, "false", [any];
    /// How large a partition may become before its oldest segments are deleted, with the policy delete; -1: no limit.
    retention_bytes: Option<u64>, "retention.bytes", Long, "-1", [any], synonyms: from!(retention_bytes);
    /// How long a record is kept before its segment may be deleted, with the policy delete; -1: no limit.
    retention_time: Option<Duration>, "retention.ms", Long, "604800000", [-1..], synonyms: from!(retention_ms, retention_minutes * MINUTE, retention_hours * HOUR);
    /// How large a segment may become, in bytes, before the next one is begun.
    segment_bytes: u32, "segment.bytes", Int, "1073741824", [1_048_576..], synonyms: from!(segment_bytes);
    /// How large an index may become, in bytes, before the next segment is begun.
    segment_index_bytes: u32, "segment.index.bytes", Int, "10485760", [4..], synonyms: from!(segment_index_bytes);
    /// How much earlier than segment.ms a segment may be followed by the next one, at random.
    segment_jitter: Option<Duration>, "segment.jitter.ms", Long, "0", [0..], synonyms: from!(roll_jitter_ms, roll_jitter_hours * HOUR);
    /// How old a segment may become before the next one is begun.
    segment_roll: Option<Duration>, "segment.ms", Long, "604800000", [1..], synonyms: from!(roll_ms, roll_hours * HOUR);
    /// Whether a replica that is not in sync may become leader, at the cost of records.
    unclean_leader_election: bool, "unclean.leader.election.enable", Boolean, "false", [any], synonyms: from!(unclean_leader_election);
}

/// All topic keys, by name.
pub(crate) fn topic_keys() -> impl Iterator<Item = &'static Key> {
    TopicSettings::ROWS.iter().map(|row| &row.key)
}

/// The topic key of this name, if there is one.
pub(crate) fn topic_key(name: &str) -> Option<&'static Key> {
    topic_keys().find(|key| key.name == name)
}

/// The keys that are shown of a topic, by name: the internal one only if the topic has it, as in Apache Kafka.
pub(crate) fn shown_topic_keys(is_set: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static Key> {
    topic_keys().filter(move |key| key.name != TOPIC.internal_segment_bytes.name || is_set(key.name))
}

/// The topic key that takes its value from this broker key, if one does.
pub(super) fn topic_key_inheriting_from(broker_key: &str) -> Option<&'static Key> {
    topic_keys().find(|key| key.synonyms.iter().any(|synonym| synonym.name == broker_key))
}

/// The policies in `cleanup.policy`. With neither, everything is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CleanupPolicy {
    /// Whether whole segments are deleted by age and size.
    pub(crate) deletes: bool,
    /// Whether the last record of each key is kept.
    pub(crate) compacts: bool,
}

impl Value for CleanupPolicy {
    fn parse(text: &str) -> Result<Self, String> {
        let has = |policy| list(text).any(|item| item == policy);
        Ok(Self { deletes: has("delete"), compacts: has("compact") })
    }

    fn print(&self) -> String {
        let policies = [(self.deletes, "delete"), (self.compacts, "compact")];
        policies.into_iter().filter_map(|(has, policy)| has.then_some(policy)).collect::<Vec<_>>().join(",")
    }
}

/// How batches are stored, without the codec's level.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StoredAs {
    /// As the producer sent them.
    Sent,
    /// With one codec, or with none.
    Compressed(Compression),
}

impl Value for StoredAs {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "producer" => Ok(Self::Sent),
            "uncompressed" => Ok(Self::Compressed(Compression::None)),
            codec => codec.parse().map(Self::Compressed).map_err(|error| format!("{error}")),
        }
    }

    fn print(&self) -> String {
        match self {
            Self::Sent => "producer".to_owned(),
            Self::Compressed(Compression::None) => "uncompressed".to_owned(),
            Self::Compressed(codec) => codec.name().to_owned(),
        }
    }
}

/// Whose time records have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StampedBy(TimestampType);

impl Value for StampedBy {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self(if text == "LogAppendTime" { TimestampType::LogAppend } else { TimestampType::Create }))
    }

    fn print(&self) -> String {
        if self.0 == TimestampType::LogAppend { "LogAppendTime" } else { "CreateTime" }.to_owned()
    }
}

impl TopicSettings {
    /// Checks that the values go together.
    ///
    /// # Errors
    /// With a sentence that names the keys.
    pub(crate) fn check(&self) -> Result<(), String> {
        let never = Duration::MAX;
        let (least, most) = (self.min_compaction_lag, self.max_compaction_lag);
        if least.unwrap_or(never) > most.unwrap_or(never) {
            return Err(format!(
                "conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
                least.print(),
                most.print()
            ));
        }
        if self.remote_storage {
            return Err("Kestrel has no tiered storage: remote.storage.enable must be false".to_owned());
        }
        Ok(())
    }

    /// What the settings mean to the topic's logs.
    pub(crate) fn log_config(&self) -> LogConfig {
        LogConfig {
            segment_bytes: match self.internal_segment_bytes {
                Some(bytes) => u32::try_from(bytes).unwrap_or(u32::MAX),
                None => self.segment_bytes,
            },
            segment_roll: self.segment_roll(),
            segment_index_bytes: self.segment_index_bytes,
            index_interval_bytes: self.index_interval_bytes,
            max_message_bytes: self.max_message_bytes,
            compact: self.cleanup_policy.compacts,
            compaction: Compaction {
                min_dirty_ratio: self.min_cleanable_dirty_ratio,
                min_lag: self.min_compaction_lag.unwrap_or(Duration::MAX),
                max_lag: self.max_compaction_lag,
                delete_retention: self.delete_retention.unwrap_or(Duration::MAX),
            },
            retention: self.retention(),
            file_delete_delay: self.file_delete_delay.unwrap_or(Duration::MAX),
            compression: self.compression(),
            timestamp_type: self.timestamp_type.0,
            timestamp_before_max: self.timestamp_before_max,
            timestamp_after_max: self.timestamp_after_max,
            flush_messages: self.flush_messages,
            flush_interval: self.flush_interval,
        }
    }

    /// How long a segment is written: with compaction no longer than a record may stay uncompacted, as the segment that is
    /// written never is compacted.
    fn segment_roll(&self) -> Duration {
        let roll = self.segment_roll.unwrap_or(Duration::MAX);
        match self.max_compaction_lag {
            Some(max_lag) if self.cleanup_policy.compacts => roll.min(max_lag),
            _ => roll,
        }
    }

    /// What is kept of the past; everything without the policy `delete`.
    fn retention(&self) -> Retention {
        if !self.cleanup_policy.deletes {
            return Retention::default();
        }
        Retention { time: self.retention_time, bytes: self.retention_bytes }
    }

    fn compression(&self) -> CompressionType {
        let StoredAs::Compressed(codec) = self.compression_type else { return CompressionType::Producer };
        let level = match codec {
            // The level -1 is zlib's own default.
            Compression::Gzip => Some(self.compression_gzip_level).filter(|level| *level > 0),
            Compression::Lz4 => Some(self.compression_lz4_level),
            Compression::Zstd => Some(self.compression_zstd_level),
            _ => None,
        };
        // Levels were checked when they were set; every codec is compiled into the broker.
        Codec::new(codec, level).map_or(CompressionType::Producer, CompressionType::Codec)
    }
}

#[cfg(test)]
mod tests;
