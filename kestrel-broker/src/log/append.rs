//! The input and the outcome of an append, beside its records.

use super::producer_state::VerificationGuard;
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId, Timestamp};

/// The kind of caller that appends, which decides what is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendOrigin {
    /// A producer: exactly one batch, no control records, everything checked.
    Client,
    /// The controller, writing the metadata log: one or more batches, control records allowed.
    Controller,
    /// A coordinator, writing its state: one or more batches.
    Coordinator,
}

/// The input of an append beside the records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendContext {
    /// The epoch of the leader that appends; stamped on each batch.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The time at which it happens.
    pub(crate) now: Timestamp,
    /// The kind of caller.
    pub(crate) origin: AppendOrigin,
    /// The verification of the transaction that the records begin here.
    pub(crate) guard: Option<VerificationGuard>,
}

/// The outcome of an append: where the records went.
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

/// A transaction as a log knows it: records that belong to it count from its end on (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Transaction {
    /// The producer whose transaction it is.
    pub(crate) producer_id: ProducerId,
    /// The epoch of the producer.
    pub(crate) producer_epoch: ProducerEpoch,
}
