//! The records of a machine's log: how they are read and written, and where they are. Pure.

use std::fmt::Debug;

use bytes::Bytes;
use kestrel_protocol::DecodeError;

use crate::log::Transaction;

/// A record of a machine's log.
pub(in crate::coordinator) trait LogRecord: Debug + Clone + Send + 'static {
    /// Reads the key and value of a record.
    ///
    /// # Errors
    /// [`Unreadable::Foreign`] for a type of record that the machine keeps no state of, [`Unreadable::Damaged`] for bytes
    /// that are not what their type says.
    fn decode(key: Bytes, value: Option<Bytes>) -> Result<Self, Unreadable>;

    /// The key and value of the record; without a value it deletes what the key names.
    fn encode(&self) -> (Bytes, Option<Bytes>);
}

/// Why a record of the log is not replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coordinator) enum Unreadable {
    /// Its type is none that the machine keeps state of: it is skipped. With what is known about the type.
    Foreign(&'static str),
    /// Its bytes are damaged: the log is out of service.
    Damaged(DecodeError),
}

impl From<DecodeError> for Unreadable {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(error)
    }
}

/// Where a record is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::coordinator) struct LogPlace {
    /// Its offset.
    pub(in crate::coordinator) offset: i64,
    /// The transaction that it is part of.
    pub(in crate::coordinator) transaction: Option<Transaction>,
}
