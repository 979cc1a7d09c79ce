//! The records of a machine's log: how they are read and written, and where they are. Pure.

use std::fmt::Debug;

use bytes::Bytes;
use kestrel_protocol::wire::{Reader, Writer};
use kestrel_protocol::{DecodeError, Message};

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

/// A key or a value with its version in front.
pub(in crate::coordinator) fn versioned(message: &impl Message, version: i16) -> Bytes {
    let mut writer = Writer::default();
    writer.put_i16(version);
    message.encode(&mut writer, version);
    writer.into_bytes().expect("texts are as long as they were in requests, and member ids are cut")
}

/// Reads a value with its version in front. One of a newer version is read as the newest that is known: it differs in tagged
/// fields only, and those are skipped (KIP-915).
pub(in crate::coordinator) fn decode_versioned<M: Message>(
    value: Bytes,
    what: &'static str,
) -> Result<M, DecodeError> {
    let mut reader = Reader::new(value);
    let version = reader.get_i16(what)?;
    decode(&mut reader, version.min(*M::VERSIONS.end()))
}

/// Reads the message that the rest of the bytes is.
pub(in crate::coordinator) fn decode<M: Message>(
    reader: &mut Reader,
    version: i16,
) -> Result<M, DecodeError> {
    let message = M::decode(reader, version)?;
    reader.finish(M::NAME)?;
    Ok(message)
}

/// Where a record is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::coordinator) struct LogPlace {
    /// Its offset.
    pub(in crate::coordinator) offset: i64,
    /// The transaction that it is part of.
    pub(in crate::coordinator) transaction: Option<Transaction>,
}
