//! The keys of the metadata log and its snapshots.

use std::time::Duration;

use kestrel_settings::settings;

settings! {
    /// The settings of the metadata log.
    #[derive(Copy, PartialEq, Eq)]
    pub(crate) struct MetadataLogSettings, keys METADATA_LOG: MetadataLogKeys;

    /// After how many bytes of records a snapshot of the metadata is written.
    snapshot_bytes: u64, "metadata.log.max.record.bytes.between.snapshots", Long, "20971520", [1..];
    /// How many milliseconds after the last snapshot of the metadata the next one is written, if anything changed; 0: not for
    /// the time alone.
    snapshot_interval: Option<Duration>, "metadata.log.max.snapshot.interval.ms", Long, "3600000", [0..];
    /// How large a segment of the metadata log may become, in bytes.
    segment_bytes: u32, "metadata.log.segment.bytes", Int, "1073741824", [8_388_608..];
    /// After how many milliseconds a new segment of the metadata log is started.
    segment_roll: Option<Duration>, "metadata.log.segment.ms", Long, "604800000", [any];
    /// From how many bytes of the metadata log and its snapshots on the oldest are deleted; -1: no limit. The newest snapshot
    /// stays.
    retention_bytes: Option<u64>, "metadata.max.retention.bytes", Long, "104857600", [any];
    /// How many milliseconds a snapshot of the metadata is kept after its last record, unless it is the newest; -1: no limit.
    retention_time: Option<Duration>, "metadata.max.retention.ms", Long, "604800000", [any];
}
