//! The `.txnindex` of a segment: the aborted transactions whose markers are in it (KIP-98), 34 bytes each, as in Apache Kafka.
//!
//! Read when a log is opened, and kept in memory by its segment; rewritten by the log cleaner and by a recovery; grown when a
//! marker is appended. A segment without aborted transactions has no such file.

use std::io::IoSlice;
use std::path::Path;

use bytes::{Buf, BufMut};
use kestrel_protocol::ProducerId;

use crate::log::disk::{self, DiskFile, Existing};
use crate::log::error::LogError;

const VERSION: i16 = 0;
const ENTRY_BYTES: usize = 34;

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedTransaction {
    /// Whose it was.
    pub(crate) producer_id: ProducerId,
    /// The offset of its first record.
    pub(crate) first_offset: i64,
    /// The offset of its marker.
    pub(crate) last_offset: i64,
    /// The last stable offset when it had ended.
    pub(crate) last_stable_offset: i64,
}

impl AbortedTransaction {
    fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        let mut fields = &mut bytes[..];
        fields.put_i16(VERSION);
        fields.put_i64(self.producer_id.0);
        fields.put_i64(self.first_offset);
        fields.put_i64(self.last_offset);
        fields.put_i64(self.last_stable_offset);
        bytes
    }

    /// The entry in these bytes; `None` when it cannot be one.
    fn decode(mut entry: &[u8]) -> Option<Self> {
        let version = entry.get_i16();
        let transaction = Self {
            producer_id: ProducerId(entry.get_i64()),
            first_offset: entry.get_i64(),
            last_offset: entry.get_i64(),
            last_stable_offset: entry.get_i64(),
        };
        let is_sound = version >= VERSION && transaction.first_offset <= transaction.last_offset;
        is_sound.then_some(transaction)
    }
}

/// Reads the index of the segment at `base_offset`, none without a file; `None` when it is damaged.
pub(in crate::log) fn read(
    path: &Path,
    base_offset: i64,
) -> Result<Option<Vec<AbortedTransaction>>, LogError> {
    let Some(bytes) = disk::read_file(path)? else { return Ok(Some(Vec::new())) };
    let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
    let transactions: Option<Vec<_>> =
        entries.iter().map(|entry| AbortedTransaction::decode(entry)).collect();
    let ascend = |all: &Vec<AbortedTransaction>| {
        all.first().is_none_or(|first| first.last_offset >= base_offset)
            && all.is_sorted_by(|a, b| a.last_offset < b.last_offset)
    };
    Ok(transactions.filter(|all| rest.is_empty() && ascend(all)))
}

/// Adds a transaction at the end of the index, which has `count` of them.
pub(in crate::log) fn append(
    path: &Path,
    count: usize,
    transaction: &AbortedTransaction,
) -> Result<(), LogError> {
    let write = || {
        let file = DiskFile::open(path, Existing::Opened)?;
        file.write_all_at(&mut [IoSlice::new(&transaction.encode())], (count * ENTRY_BYTES) as u64)
    };
    write().map_err(|error| LogError::io("write", path, error))
}

/// Makes an index that was grown durable.
pub(in crate::log) fn sync(path: &Path) -> Result<(), LogError> {
    let file = DiskFile::open(path, Existing::Needed).map_err(|error| LogError::io("open", path, error))?;
    file.sync_data().map_err(|error| LogError::sync_failed(path, error))
}

/// Writes an index as a whole and makes it durable.
pub(in crate::log) fn write(path: &Path, transactions: &[AbortedTransaction]) -> Result<(), LogError> {
    let bytes: Vec<u8> = transactions.iter().flat_map(AbortedTransaction::encode).collect();
    let create = || {
        let file = DiskFile::open(path, Existing::Emptied)?;
        file.write_all_at(&mut [IoSlice::new(&bytes)], 0)?;
        Ok(file)
    };
    let file = create().map_err(|error| LogError::io("write", path, error))?;
    file.sync_all().map_err(|error| LogError::sync_failed(path, error))
}
