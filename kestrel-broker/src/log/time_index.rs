//! The `.timeindex` of a segment: from a timestamp to an offset before which all records are older.
//!
//! Twelve bytes per entry, as in Apache Kafka: the largest timestamp so far, and the last offset of the batch that has
//! it, relative to the segment's base offset. Both ascend. Called by the segment only.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use kestrel_protocol::Timestamp;

use super::error::LogError;
use super::index_file::IndexFile;
use super::offset_index::relative_offset;
use super::timestamp::TimestampOffset;

/// How many bytes an entry takes.
pub(super) const TIME_ENTRY_BYTES: usize = 12;

/// The time index of one segment.
#[derive(Debug)]
pub(super) struct TimeIndex {
    base_offset: i64,
    file: IndexFile<TIME_ENTRY_BYTES>,
    last: Mutex<Option<TimestampOffset>>,
}

impl TimeIndex {
    /// The index at `path`; `None` when it is missing or cannot be one.
    pub(super) fn open(path: PathBuf, base_offset: i64) -> io::Result<Option<Self>> {
        let Some(file) = IndexFile::open(path)? else { return Ok(None) };
        let last = file.last()?.map(|entry| decode(base_offset, entry));
        // Zeros at the end are a preallocated index that was never trimmed; a first entry may have the time 0.
        let least = if file.count() == 1 { 0 } else { 1 };
        let plausible =
            last.is_none_or(|entry| entry.timestamp.as_millis() >= least && entry.offset >= base_offset);
        Ok(plausible.then(|| Self { base_offset, file, last: Mutex::new(last) }))
    }

    /// A new, empty index.
    pub(super) fn create(path: PathBuf, base_offset: i64) -> io::Result<Self> {
        Ok(Self { base_offset, file: IndexFile::create(path)?, last: Mutex::new(None) })
    }

    /// The last entry whose timestamp is below `target`: no record up to its offset has `target` or later.
    pub(super) fn lookup_before(&self, target: Timestamp) -> io::Result<Option<TimestampOffset>> {
        let base_offset = self.base_offset;
        let found = self.file.last_before(|entry| decode(base_offset, *entry).timestamp < target)?;
        Ok(found.map(|entry| decode(base_offset, entry)))
    }

    /// Adds an entry if its timestamp is above the last one's, otherwise does nothing.
    ///
    /// # Panics
    /// When the offset is below the last entry's, or not within 2^31 of the base offset.
    pub(super) fn maybe_append(&self, entry: TimestampOffset) -> io::Result<()> {
        let last = self.last();
        if entry.timestamp <= last.map_or(Timestamp::NONE, |last| last.timestamp) {
            return Ok(());
        }
        assert!(last.is_none_or(|last| last.offset <= entry.offset), "index offsets ascend");
        let relative = relative_offset(self.base_offset, entry.offset);
        let mut bytes = [0; TIME_ENTRY_BYTES];
        let (timestamp, offset) = bytes.split_at_mut(8);
        timestamp.copy_from_slice(&entry.timestamp.as_millis().to_be_bytes());
        offset.copy_from_slice(&relative.to_be_bytes());
        self.file.append(&bytes)?;
        *self.last.lock() = Some(entry);
        Ok(())
    }

    /// Lets entries be written many at a time, until [`Self::write_collected`]. Until then nobody may look anything up.
    pub(super) fn collect(&self) {
        self.file.collect();
    }

    /// Writes the entries that were collected.
    pub(super) fn write_collected(&self) -> io::Result<()> {
        self.file.write_collected()
    }

    /// Drops the entries after the first `count`, of which `last` is the last.
    pub(super) fn truncate(&self, count: u32, last: Option<TimestampOffset>) -> Result<(), LogError> {
        *self.last.lock() = last;
        self.file.truncate(count)
    }

    /// How many entries there are.
    pub(super) fn count(&self) -> u32 {
        self.file.count()
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<TimestampOffset> {
        *self.last.lock()
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Makes the file durable.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        self.file.sync()
    }

    /// Closes the file; from now on it is opened for each use.
    pub(super) fn release(&self) {
        self.file.release();
    }

    /// Closes the file; whoever reads it from now on finds it gone.
    pub(super) fn retire(&self) {
        self.file.retire();
    }

    /// The same open index under another name, which it gets later.
    pub(super) fn under_name(&self, path: PathBuf) -> io::Result<Self> {
        let file = self.file.under_name(path)?;
        Ok(Self { base_offset: self.base_offset, file, last: Mutex::new(self.last()) })
    }
}

/// The entry in these bytes of the index of the segment at `base_offset`.
pub(super) fn decode(base_offset: i64, entry: [u8; TIME_ENTRY_BYTES]) -> TimestampOffset {
    let (timestamp, relative) = entry.split_at(8);
    let timestamp = timestamp.try_into().map_or(-1, i64::from_be_bytes);
    let relative = relative.try_into().map_or(0, u32::from_be_bytes);
    TimestampOffset {
        timestamp: Timestamp::from_millis(timestamp),
        offset: base_offset.saturating_add(i64::from(relative)),
    }
}
