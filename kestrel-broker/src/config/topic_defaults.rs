//! The keys of the broker that are defaults of its topics: the table in `topic/` names them as synonyms of topic keys.
//!
//! Nobody reads the fields. What a topic has comes from its own table, which asks these keys in each layer.

use std::time::Duration;

use kestrel_settings::Scope::Dynamic;
use kestrel_settings::settings;

use super::accepted_keys::{CLUSTER, ENGINE, LOG, TIERED_STORAGE};

settings! {
    /// The values of topics that have none themselves.
    pub(crate) struct TopicDefaults, keys DEFAULTS: TopicDefaultKeys;

    /// The cleanup policy of topics that do not say. With compact each record needs a key.
    cleanup_policy: String, "log.cleanup.policy", List, "delete", [each "compact" | "delete"], scope: Dynamic;
    /// The level of gzip in topics that do not say; -1 is the codec's own default.
    compression_gzip_level: i32, "compression.gzip.level", Int, "-1", [-1 | 1..=9], scope: Dynamic, belongs_to: Some(ENGINE);
    /// The level of lz4 in topics that do not say.
    compression_lz4_level: i32, "compression.lz4.level", Int, "9", [1..=17], scope: Dynamic, belongs_to: Some(ENGINE);
    /// How batches are stored in topics that do not say: as the producer sent them, or with one codec.
    compression_type: String, "compression.type", String, "producer", ["uncompressed" | "zstd" | "lz4" | "snappy" | "gzip" | "producer"], scope: Dynamic;
    /// The level of zstd in topics that do not say.
    compression_zstd_level: i32, "compression.zstd.level", Int, "3", [-131_072..=22], scope: Dynamic, belongs_to: Some(ENGINE);
    /// How many milliseconds compaction keeps a tombstone, in topics that do not say.
    delete_retention: Option<Duration>, "log.cleaner.delete.retention.ms", Long, "86400000", [0..], scope: Dynamic;
    /// How many milliseconds the files of a deleted segment stay on the disk, renamed.
    file_delete_delay: Option<Duration>, "log.segment.delete.delay.ms", Long, "60000", [0..], scope: Dynamic;
    /// With durability interval: how many records of a partition may wait for a flush.
    flush_messages: Option<u64>, "log.flush.interval.messages", Long, "9223372036854775807", [1..], scope: Dynamic;
    /// With durability interval: how many milliseconds a record may wait for a flush.
    flush_interval: Option<Duration>, "log.flush.interval.ms", Long, null, [any], scope: Dynamic;
    /// As log.flush.interval.ms, where that is not given.
    flush_scheduler_interval: Option<Duration>, "log.flush.scheduler.interval.ms", Long, "9223372036854775807", [any], belongs_to: Some(LOG);
    /// How many bytes of a log lie between two entries of its offset index, at least.
    index_interval_bytes: u32, "log.index.interval.bytes", Int, "4096", [0..], scope: Dynamic;
    /// How many bytes of a partition stay on the broker's disk with tiered storage; -2 is log.retention.bytes.
    local_retention_bytes: i64, "log.local.retention.bytes", Long, "-2", [-2..], scope: Dynamic, belongs_to: Some(TIERED_STORAGE);
    /// How long a segment stays on the broker's disk with tiered storage; -2 is log.retention.ms.
    local_retention_ms: i64, "log.local.retention.ms", Long, "-2", [-2..], scope: Dynamic, belongs_to: Some(TIERED_STORAGE);
    /// How many milliseconds a record may stay uncompacted, in topics that do not say; a segment is not written longer than
    /// that either.
    max_compaction_lag: Option<Duration>, "log.cleaner.max.compaction.lag.ms", Long, "9223372036854775807", [1..], scope: Dynamic;
    /// How large a record batch may be, in bytes, in topics that do not say.
    max_message_bytes: u32, "message.max.bytes", Int, "1048588", [0..], scope: Dynamic;
    /// How many milliseconds a record's timestamp may lie in the future.
    timestamp_after_max: Option<Duration>, "log.message.timestamp.after.max.ms", Long, "3600000", [0..], scope: Dynamic;
    /// How many milliseconds a record's timestamp may lie in the past.
    timestamp_before_max: Option<Duration>, "log.message.timestamp.before.max.ms", Long, "9223372036854775807", [0..], scope: Dynamic;
    /// Whether records of topics that do not say keep the producer's timestamp or get the broker's.
    timestamp_type: String, "log.message.timestamp.type", String, "CreateTime", ["CreateTime" | "LogAppendTime"], scope: Dynamic;
    /// Which part of a log must be uncompacted before it is compacted, in topics that do not say.
    min_cleanable_ratio: f64, "log.cleaner.min.cleanable.ratio", Double, "0.5", [fraction 0.0..=1.0], scope: Dynamic;
    /// How many milliseconds a record stays uncompacted at least, in topics that do not say.
    min_compaction_lag: Option<Duration>, "log.cleaner.min.compaction.lag.ms", Long, "0", [0..], scope: Dynamic;
    /// How many replicas must be in sync for acks=all, in topics that do not say.
    min_insync_replicas: i32, "min.insync.replicas", Int, "1", [1..], scope: Dynamic;
    /// Whether a new segment takes its full size on the disk at once.
    preallocate: bool, "log.preallocate", Boolean, "false", [any], scope: Dynamic, belongs_to: Some(LOG);
    /// How large a partition may become, in bytes, before its oldest segments are deleted; -1: no limit.
    retention_bytes: Option<u64>, "log.retention.bytes", Long, "-1", [any], scope: Dynamic;
    /// How many milliseconds a segment is kept after its largest timestamp; -1: forever. Default: log.retention.minutes, then
    /// log.retention.hours.
    retention_ms: Option<Duration>, "log.retention.ms", Long, null, [any], scope: Dynamic;
    /// How many minutes a segment is kept after its largest timestamp; -1: forever. Used when log.retention.ms is not given.
    retention_minutes: Option<i32>, "log.retention.minutes", Int, null, [any];
    /// How many hours a segment is kept after its largest timestamp; -1: forever. Used when neither log.retention.ms nor
    /// log.retention.minutes is given.
    retention_hours: Option<i32>, "log.retention.hours", Int, "168", [any];
    /// After how many milliseconds a new segment is started.
    roll_ms: Option<Duration>, "log.roll.ms", Long, null, [any], scope: Dynamic;
    /// After how many hours a new segment is started; used when log.roll.ms is not given.
    roll_hours: Option<i32>, "log.roll.hours", Int, "168", [1..];
    /// How much earlier than log.roll.ms a segment may be followed by the next one, at random.
    roll_jitter_ms: Option<Duration>, "log.roll.jitter.ms", Long, null, [any], scope: Dynamic, belongs_to: Some(LOG);
    /// As log.roll.jitter.ms, in hours.
    roll_jitter_hours: Option<i32>, "log.roll.jitter.hours", Int, "0", [0..], belongs_to: Some(LOG);
    /// How large a segment may become, in bytes.
    segment_bytes: u32, "log.segment.bytes", Int, "1073741824", [1_048_576..], scope: Dynamic;
    /// The size at which an offset index is full, which starts a new segment.
    segment_index_bytes: u32, "log.index.size.max.bytes", Int, "10485760", [4..], scope: Dynamic;
    /// Whether a replica that is not in sync may become leader, at the cost of records.
    unclean_leader_election: bool, "unclean.leader.election.enable", Boolean, "false", [any], scope: Dynamic, belongs_to: Some(CLUSTER);
}
