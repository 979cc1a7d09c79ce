//! The input of a read, and the outcome of a search by time.

use kestrel_protocol::{LeaderEpoch, Timestamp};

/// Whether the first batch of a read may be larger than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstBatch {
    /// It is returned whole, whatever its size: a reader always gets on (KIP-74).
    Always,
    /// It is left out when it does not fit.
    IfItFits,
}

/// A read of a log from an offset on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadRequest {
    /// The first offset wanted.
    pub(crate) fetch_offset: i64,
    /// How many bytes to return at most.
    pub(crate) max_bytes: usize,
    /// No batch that reaches this offset is returned: the high watermark or the last stable offset.
    pub(crate) up_to_offset: i64,
    /// Whether a first batch larger than `max_bytes` is returned.
    pub(crate) first_batch: FirstBatch,
    /// From how many bytes on they are left in their file: fewer are read, which costs less than to look for their ends.
    pub(crate) file_run_min_bytes: usize,
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
