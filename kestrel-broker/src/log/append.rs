//! The words of an append: who asks for it, in which epoch and when, and where the records went.

use kestrel_protocol::{LeaderEpoch, Timestamp};

/// Who appends; what is allowed follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOrigin {
    /// A producer: exactly one batch, no control records, everything checked.
    Client,
    /// The controller, writing the metadata log: one or more batches, control records allowed.
    Controller,
    /// A coordinator, writing its state: one or more batches.
    Coordinator,
}

/// What an append needs beside the records.
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
