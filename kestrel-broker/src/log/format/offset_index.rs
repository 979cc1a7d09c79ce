//! The `.index` of a segment: from an offset to a place in the `.log` at or before it.
//!
//! Eight bytes per entry, as in Apache Kafka: the last offset of a batch relative to the segment's base offset, and
//! the batch's position. Sparse: an entry per `index.interval.bytes`. Called by the segment only.

use std::io;
use std::path::PathBuf;

use super::index::{Entry, Index, relative_offset};

/// How many bytes an entry takes.
pub(in crate::log) const OFFSET_ENTRY_BYTES: usize = 8;

/// The offset index of one segment.
pub(in crate::log) type OffsetIndex = Index<OffsetEntry, OFFSET_ENTRY_BYTES>;

/// An offset and the position of the batch that ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct OffsetEntry {
    /// The last offset of the batch.
    pub(in crate::log) offset: i64,
    /// Where the batch begins in the `.log`.
    pub(in crate::log) position: u32,
}

impl OffsetIndex {
    /// The index at `path`; `None` when it is missing or cannot belong to a log of `log_bytes` bytes.
    pub(in crate::log) fn open(path: PathBuf, base_offset: i64, log_bytes: u64) -> io::Result<Option<Self>> {
        // A preallocated index that was never trimmed ends with zeros: an entry of the base offset at position 0,
        // which no writer makes.
        Self::open_if(path, base_offset, |last, _| {
            last.offset >= base_offset && last.position > 0 && u64::from(last.position) < log_bytes
        })
    }

    /// The last entry whose offset is `target` or less: reading from its position on finds `target`.
    pub(in crate::log) fn lookup(&self, target: i64) -> io::Result<Option<OffsetEntry>> {
        match self.last().filter(|last| last.offset <= target) {
            Some(last) => Ok(Some(last)),
            None => self.last_before(|entry| entry.offset <= target),
        }
    }

    /// The last entry whose position is `position` or less.
    pub(in crate::log) fn at_or_before(&self, position: u64) -> io::Result<Option<OffsetEntry>> {
        self.last_before(|entry| u64::from(entry.position) <= position)
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// When the offset is not above the last entry's, or not within 2^31 of the base offset: the log checks both.
    pub(in crate::log) fn append(&self, entry: OffsetEntry) -> io::Result<()> {
        assert!(self.last().is_none_or(|last| last.offset < entry.offset), "index offsets ascend");
        self.push(entry)
    }
}

impl Entry<OFFSET_ENTRY_BYTES> for OffsetEntry {
    fn decode(base_offset: i64, bytes: [u8; OFFSET_ENTRY_BYTES]) -> Self {
        let (relative, position) = bytes.split_at(4);
        let relative = relative.try_into().map_or(0, u32::from_be_bytes);
        let position = position.try_into().map_or(0, u32::from_be_bytes);
        Self { offset: base_offset.saturating_add(i64::from(relative)), position }
    }

    fn encode(self, base_offset: i64) -> [u8; OFFSET_ENTRY_BYTES] {
        let mut bytes = [0; OFFSET_ENTRY_BYTES];
        let (offset, position) = bytes.split_at_mut(4);
        offset.copy_from_slice(&relative_offset(base_offset, self.offset).to_be_bytes());
        position.copy_from_slice(&self.position.to_be_bytes());
        bytes
    }
}
