//! The settings of a log, from its topic's configuration. Made by `config/`, replaced at run time with `Log::set_config`.

use std::time::Duration;

use kestrel_protocol::record::{Codec, TimestampType};

/// The settings of one log; the names are those of Apache Kafka's topic configs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogConfig {
    /// `segment.bytes`: a batch that would make the segment larger goes to a new one. Default 1 GiB.
    pub(crate) segment_bytes: u32,
    /// `segment.ms`: a segment older than this is followed by a new one at the next append. Default 7 days.
    pub(crate) segment_roll: Duration,
    /// `segment.index.bytes`: the size at which an index is full, which rolls the segment. Default 10 MiB.
    pub(crate) segment_index_bytes: u32,
    /// `index.interval.bytes`: how many log bytes lie between two index entries, at least. Default 4,096.
    pub(crate) index_interval_bytes: u32,
    /// `max.message.bytes`: the largest record batch that is accepted. Default 1,048,588.
    pub(crate) max_message_bytes: u32,
    /// Whether `cleanup.policy` has `compact`: each record then needs a key. Default no.
    pub(crate) compact: bool,
    /// When and how the log is compacted, if it is.
    pub(crate) compaction: Compaction,
    /// How much of the past is kept. Default 7 days, of any size; everything when `cleanup.policy` lacks `delete`.
    pub(crate) retention: Retention,
    /// `file.delete.delay.ms`: how long the files of a deleted segment stay, renamed. Default 1 minute.
    pub(crate) file_delete_delay: Duration,
    /// `compression.type`: how batches are stored. Default as the producer sent them.
    pub(crate) compression: CompressionType,
    /// `message.timestamp.type`. Default the producer's.
    pub(crate) timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far a record's timestamp may lie in the past. Default no limit.
    pub(crate) timestamp_before_max: Option<Duration>,
    /// `message.timestamp.after.max.ms`: how far it may lie in the future. Default 1 hour.
    pub(crate) timestamp_after_max: Option<Duration>,
    /// `flush.messages`: how many records may wait for a flush. Default no limit.
    pub(crate) flush_messages: Option<u64>,
    /// `flush.ms`: how long a record may wait for a flush. Default no limit.
    pub(crate) flush_interval: Option<Duration>,
}

impl LogConfig {
    /// Whether old records go by age or size too, so that the log may begin anywhere.
    pub(crate) fn retains(&self) -> bool {
        self.retention != Retention::default()
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_roll: Duration::from_secs(7 * 24 * 60 * 60),
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            max_message_bytes: 1_048_588,
            compact: false,
            compaction: Compaction::default(),
            retention: Retention { time: Some(Duration::from_secs(7 * 24 * 60 * 60)), bytes: None },
            file_delete_delay: Duration::from_secs(60),
            compression: CompressionType::Producer,
            timestamp_type: TimestampType::Create,
            timestamp_before_max: None,
            timestamp_after_max: Some(Duration::from_secs(60 * 60)),
            flush_messages: None,
            flush_interval: None,
        }
    }
}

/// When a log with the policy `compact` is compacted, and how long tombstones stay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compaction {
    /// `min.cleanable.dirty.ratio`: more than this part of the log has to be dirty. Default 0.5.
    pub(crate) min_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: a segment whose newest record is younger stays as it is. Default 0.
    pub(crate) min_lag: Duration,
    /// `max.compaction.lag.ms`: a segment whose first record is older is compacted whatever the ratio. Default no limit.
    pub(crate) max_lag: Option<Duration>,
    /// `delete.retention.ms`: how long tombstones and transaction markers stay once nothing else of theirs is left. Default 1
    /// day.
    pub(crate) delete_retention: Duration,
}

impl Default for Compaction {
    fn default() -> Self {
        Self {
            min_dirty_ratio: 0.5,
            min_lag: Duration::ZERO,
            max_lag: None,
            delete_retention: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The part of the past that `cleanup.policy` keeps when it has `delete`. Without, everything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Retention {
    /// `retention.ms`: a segment whose largest timestamp is older may go. Without: no limit.
    pub(crate) time: Option<Duration>,
    /// `retention.bytes`: the oldest segments go as long as the others have this many bytes. Without: no limit.
    pub(crate) bytes: Option<u64>,
}

/// `compression.type` of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CompressionType {
    /// Stored as the producer sent it: no byte is touched.
    Producer,
    /// Stored with this codec: what comes otherwise is recompressed.
    Codec(Codec),
}

/// The depth to which the broker checks the records that a producer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Validation {
    /// At each record: compressed ones are decompressed, a piece at a time, and a batch that no consumer could read is refused,
    /// as Apache Kafka does.
    #[default]
    Records,
    /// At the header of each batch, its checksum and its counts: for producers that are known to be right. Where a topic is
    /// compacted, limits the age of records or wants another codec, at each record all the same.
    Headers,
}

/// The condition under which an append counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The data is on the disk: each append asks for a flush, and one flush answers all that waited.
    Group,
    /// The data is in the page cache. Segments are still flushed when they roll.
    Os,
    /// As [`Durability::Os`], with a flush as often as `flush.ms` and `flush.messages` say.
    Interval,
}
