//! The `.timeindex` of a segment: from a timestamp to an offset before which all records are older.
//!
//! Twelve bytes per entry, as in Apache Kafka: the largest timestamp so far, and the last offset of the batch that has
//! it, relative to the segment's base offset. Both ascend. Called by the segment only.

use std::io;
use std::path::PathBuf;

use kestrel_protocol::Timestamp;
use kestrel_protocol::record::RecordBatchHeader;

use super::index::{Entry, Index, relative_offset};

/// How many bytes an entry takes.
pub(in crate::log) const TIME_ENTRY_BYTES: usize = 12;

/// The time index of one segment.
pub(in crate::log) type TimeIndex = Index<TimestampOffset, TIME_ENTRY_BYTES>;

/// A timestamp and the offset where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::log) struct TimestampOffset {
    pub(in crate::log) timestamp: Timestamp,
    pub(in crate::log) offset: i64,
}

impl TimestampOffset {
    /// The largest timestamp of a batch's records, and the batch's last offset. A batch that compaction has emptied still
    /// says in its header when its records were made; it has none.
    pub(in crate::log) fn of(header: &RecordBatchHeader) -> Option<Self> {
        let timestamp = Timestamp::from_millis(header.max_timestamp);
        (header.record_count > 0).then(|| Self { timestamp, offset: header.last_offset() })
    }
}

impl TimeIndex {
    /// The index at `path`; `None` when it is missing or cannot be one.
    pub(in crate::log) fn open(path: PathBuf, base_offset: i64) -> io::Result<Option<Self>> {
        Self::open_if(path, base_offset, |last, count| {
            // Zeros at the end are a preallocated index that was never trimmed; a first entry may have the time 0.
            let least = if count == 1 { 0 } else { 1 };
            last.timestamp.as_millis() >= least && last.offset >= base_offset
        })
    }

    /// The last entry whose timestamp is below `target`: no record up to its offset has `target` or later.
    pub(in crate::log) fn lookup_before(&self, target: Timestamp) -> io::Result<Option<TimestampOffset>> {
        self.last_before(|entry| entry.timestamp < target)
    }

    /// Adds an entry if its timestamp is above the last one's, otherwise does nothing.
    ///
    /// # Panics
    /// When the offset is below the last entry's, or not within 2^31 of the base offset.
    pub(in crate::log) fn maybe_append(&self, entry: TimestampOffset) -> io::Result<()> {
        let last = self.last();
        if entry.timestamp <= last.map_or(Timestamp::NONE, |last| last.timestamp) {
            return Ok(());
        }
        assert!(last.is_none_or(|last| last.offset <= entry.offset), "index offsets ascend");
        self.push(entry)
    }
}

impl Entry<TIME_ENTRY_BYTES> for TimestampOffset {
    fn decode(base_offset: i64, bytes: [u8; TIME_ENTRY_BYTES]) -> Self {
        let (timestamp, relative) = bytes.split_at(8);
        let timestamp = timestamp.try_into().map_or(-1, i64::from_be_bytes);
        let relative = relative.try_into().map_or(0, u32::from_be_bytes);
        Self {
            timestamp: Timestamp::from_millis(timestamp),
            offset: base_offset.saturating_add(i64::from(relative)),
        }
    }

    fn encode(self, base_offset: i64) -> [u8; TIME_ENTRY_BYTES] {
        let mut bytes = [0; TIME_ENTRY_BYTES];
        let (timestamp, offset) = bytes.split_at_mut(8);
        timestamp.copy_from_slice(&self.timestamp.as_millis().to_be_bytes());
        offset.copy_from_slice(&relative_offset(base_offset, self.offset).to_be_bytes());
        bytes
    }
}
