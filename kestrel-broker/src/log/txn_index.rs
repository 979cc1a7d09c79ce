//! The `.txnindex` of a segment: the aborted transactions whose markers are in it (KIP-98), 34 bytes each, as in Apache Kafka.
//!
//! Written by the log cleaner, for brokers that serve transactions from it. Nothing here is read back: which transactions were
//! aborted stands in their markers.

use std::io::IoSlice;
use std::path::Path;

use kestrel_protocol::ProducerId;

use super::disk::{DiskFile, Existing};
use super::error::LogError;

const VERSION: i16 = 0;
const ENTRY_BYTES: usize = 34;

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AbortedTransaction {
    /// Whose it was.
    pub(super) producer_id: ProducerId,
    /// The offset of its first record.
    pub(super) first_offset: i64,
    /// The offset of its marker.
    pub(super) last_offset: i64,
    /// The last stable offset when it had ended.
    pub(super) last_stable_offset: i64,
}

/// Writes an index as a whole and makes it durable.
pub(super) fn write(path: &Path, transactions: &[AbortedTransaction]) -> Result<(), LogError> {
    let mut bytes = Vec::with_capacity(transactions.len() * ENTRY_BYTES);
    for transaction in transactions {
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        for number in [
            transaction.producer_id.0,
            transaction.first_offset,
            transaction.last_offset,
            transaction.last_stable_offset,
        ] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
    let create = || {
        let file = DiskFile::open(path, Existing::Emptied)?;
        file.write_all_at(&mut [IoSlice::new(&bytes)], 0)?;
        Ok(file)
    };
    let file = create().map_err(|error| LogError::io("write", path, error))?;
    file.sync_all().map_err(|error| LogError::sync_failed(path, error))
}
