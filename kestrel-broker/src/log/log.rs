//! One partition's log: an ordered run of segments. Called by `partition/` and by `cluster/` for the metadata log.


use bytes::Bytes;
use kestrel_protocol::LeaderEpoch;

use super::config::LogConfig;
use super::error::{AppendError, LogError};
use super::timestamp::Timestamp;

/// Who appends; what is allowed follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOrigin {
    /// A producer: exactly one batch, no control records, everything checked.
    Client,
    /// A coordinator of this broker: one or more batches, control records allowed.
    Coordinator,
    /// The controller, writing the metadata log: as the coordinator.
    Controller,
}

/// What an append is told beside the records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendContext {
    /// The epoch of the leader that appends; stamped on each batch.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The time at which it happens.
    pub(crate) now: Timestamp,
    /// Who asked for it.
    pub(crate) origin: AppendOrigin,
}

/// Where records went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The offset of the first record.
    pub(crate) base_offset: i64,
    /// The offset of the last record.
    pub(crate) last_offset: i64,
    /// The broker's timestamp of the records, if it set one (or, for a duplicate, that of the original).
    pub(crate) log_append_time: Option<Timestamp>,
    /// The first offset of the log.
    pub(crate) log_start_offset: i64,
    /// Whether the records had been appended before: nothing was written, the offsets are the original ones.
    pub(crate) duplicate: bool,
}

/// Whether the first batch of a read may be larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstBatch {
    /// It is returned whole, whatever its size: a reader always gets on (KIP-74).
    Always,
    /// It is left out when it does not fit.
    IfItFits,
}

/// What a reader wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadRequest {
    /// The first offset wanted.
    pub(crate) fetch_offset: i64,
    /// How many bytes to return at most.
    pub(crate) max_bytes: usize,
    /// No batch that reaches this offset is returned: the high watermark or the last stable offset.
    pub(crate) up_to_offset: i64,
    /// What of a first batch larger than `max_bytes`.
    pub(crate) first_batch: FirstBatch,
}

/// What a reader gets.
#[derive(Debug, Clone)]
pub(crate) struct LogRead {
    /// Whole batches, the first of which contains the offset asked for; empty when there is nothing below the bound.
    pub(crate) records: Bytes,
    /// The first offset of the log when it was read.
    pub(crate) log_start_offset: i64,
}

/// A record found by its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FoundOffset {
    /// The record's timestamp.
    pub(crate) timestamp: Timestamp,
    /// The record's offset.
    pub(crate) offset: i64,
    /// The epoch of the leader that appended it.
    pub(crate) leader_epoch: LeaderEpoch,
}

/// Where a leader epoch ends (KIP-101); `epoch` -1 and `end_offset` -1 when it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    /// The largest epoch of the log that is not larger than the one asked for.
    pub(crate) epoch: LeaderEpoch,
    /// The offset after its last record.
    pub(crate) end_offset: i64,
}

/// One partition's log. Shared by `Arc`; every method may be called from any thread.
#[derive(Debug)]
pub(crate) struct Log {}

impl Log {
    /// The first offset that can be read.
    pub(crate) fn log_start_offset(&self) -> i64 {
        unimplemented!()
    }

    /// The offset that the next record gets.
    pub(crate) fn log_end_offset(&self) -> i64 {
        unimplemented!()
    }

    /// Everything below this offset is on the disk.
    pub(crate) fn flushed_end_offset(&self) -> i64 {
        unimplemented!()
    }

    /// The first offset of the oldest open transaction, if one is open.
    pub(crate) fn first_unstable_offset(&self) -> Option<i64> {
        unimplemented!()
    }

    /// Replaces the settings, from the next append on.
    pub(crate) fn set_config(&self, _config: LogConfig) {
        unimplemented!()
    }

    /// Called with the flushed end each time it moved: from the flusher's thread, outside of the log's locks. Set once.
    pub(crate) fn on_flushed(&self, _listener: Box<dyn Fn(i64) + Send + Sync>) {
        unimplemented!()
    }

    /// Remembers the high watermark for the checkpoint file.
    pub(crate) fn note_high_watermark(&self, _high_watermark: i64) {
        unimplemented!()
    }

    /// Appends whole record batches. With [`Durability::Group`](super::Durability::Group) a flush is requested too.
    pub(crate) fn append(&self, _records: Bytes, _context: AppendContext) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// Reads whole batches, beginning with the one that contains the offset; one read from the file in most cases.
    pub(crate) fn read(&self, _request: ReadRequest) -> Result<LogRead, LogError> {
        unimplemented!()
    }

    /// The first record below `up_to_offset` whose timestamp is `target` or later.
    pub(crate) fn offset_for_timestamp(
        &self,
        _target: Timestamp,
        _up_to_offset: i64,
    ) -> Result<Option<FoundOffset>, LogError> {
        unimplemented!()
    }

    /// The first record below `up_to_offset` that has the largest timestamp (KIP-734).
    pub(crate) fn max_timestamp_offset(&self, _up_to_offset: i64) -> Result<Option<FoundOffset>, LogError> {
        unimplemented!()
    }

    /// Where `epoch` ends in this log (KIP-101).
    pub(crate) fn end_offset_for_epoch(&self, _epoch: LeaderEpoch) -> EpochEnd {
        unimplemented!()
    }

    /// The epoch of the leader that appended (or will append) the record at `offset`.
    pub(crate) fn epoch_at(&self, _offset: i64) -> Option<LeaderEpoch> {
        unimplemented!()
    }

    /// Notes that a leader with `epoch` appends from the end of the log on: at the start of its leadership.
    pub(crate) fn assign_epoch(&self, _epoch: LeaderEpoch) -> Result<(), LogError> {
        unimplemented!()
    }

    /// Moves the log start up to `offset`, makes that durable, deletes the segments below; gives the log start.
    pub(crate) fn delete_records_before(&self, _offset: i64) -> Result<i64, LogError> {
        unimplemented!()
    }

    /// Writes everything appended so far to the disk; gives the flushed end.
    pub(crate) fn flush(&self) -> Result<i64, LogError> {
        unimplemented!()
    }
}

