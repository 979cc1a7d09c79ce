//! The `.index` of a segment: from an offset to a place in the `.log` at or before it.
//!
//! Eight bytes per entry, as in Apache Kafka: the last offset of a batch relative to the segment's base offset, and
//! the batch's position. Sparse: an entry per `index.interval.bytes`. Called by the segment only.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::error::LogError;
use super::index_file::IndexFile;

/// How many bytes an entry takes.
pub(super) const OFFSET_ENTRY_BYTES: usize = 8;

/// An offset and the position of the batch that ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OffsetEntry {
    /// The last offset of the batch.
    pub(super) offset: i64,
    /// Where the batch begins in the `.log`.
    pub(super) position: u32,
}

/// The offset index of one segment.
#[derive(Debug)]
pub(super) struct OffsetIndex {
    base_offset: i64,
    file: IndexFile<OFFSET_ENTRY_BYTES>,
    /// The last entry, so that a reader at the end of the log needs no search.
    last: Mutex<Option<OffsetEntry>>,
}

impl OffsetIndex {
    /// The index at `path`; `None` when it is missing or cannot belong to a log of `log_bytes` bytes.
    pub(super) fn open(path: PathBuf, base_offset: i64, log_bytes: u64) -> io::Result<Option<Self>> {
        let Some(file) = IndexFile::open(path)? else { return Ok(None) };
        let last = file.last()?.map(|entry| decode(base_offset, entry));
        // A preallocated index that was never trimmed ends with zeros: an entry of the base offset at position 0,
        // which no writer makes.
        let plausible = last.is_none_or(|entry| {
            entry.offset >= base_offset && entry.position > 0 && u64::from(entry.position) < log_bytes
        });
        Ok(plausible.then(|| Self { base_offset, file, last: Mutex::new(last) }))
    }

    /// A new, empty index.
    pub(super) fn create(path: PathBuf, base_offset: i64) -> io::Result<Self> {
        Ok(Self { base_offset, file: IndexFile::create(path)?, last: Mutex::new(None) })
    }

    /// The last entry whose offset is `target` or less: reading from its position on finds `target`.
    pub(super) fn lookup(&self, target: i64) -> io::Result<Option<OffsetEntry>> {
        if let Some(last) = self.last().filter(|last| last.offset <= target) {
            return Ok(Some(last));
        }
        let base_offset = self.base_offset;
        let found = self.file.last_before(|entry| decode(base_offset, *entry).offset <= target)?;
        Ok(found.map(|entry| decode(base_offset, entry)))
    }

    /// The last entry whose position is `position` or less.
    pub(super) fn at_or_before(&self, position: u64) -> io::Result<Option<OffsetEntry>> {
        let base_offset = self.base_offset;
        let is_before =
            |entry: &[u8; OFFSET_ENTRY_BYTES]| u64::from(decode(base_offset, *entry).position) <= position;
        Ok(self.file.last_before(is_before)?.map(|entry| decode(base_offset, entry)))
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// When the offset is not above the last entry's, or not within 2^31 of the base offset: the log checks both.
    pub(super) fn append(&self, entry: OffsetEntry) -> io::Result<()> {
        assert!(self.last().is_none_or(|last| last.offset < entry.offset), "index offsets ascend");
        let relative = relative_offset(self.base_offset, entry.offset);
        let mut bytes = [0; OFFSET_ENTRY_BYTES];
        let (offset, position) = bytes.split_at_mut(4);
        offset.copy_from_slice(&relative.to_be_bytes());
        position.copy_from_slice(&entry.position.to_be_bytes());
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
    pub(super) fn truncate(&self, count: u32, last: Option<OffsetEntry>) -> Result<(), LogError> {
        *self.last.lock() = last;
        self.file.truncate(count)
    }

    /// How many entries there are.
    pub(super) fn count(&self) -> u32 {
        self.file.count()
    }

    /// The last entry.
    pub(super) fn last(&self) -> Option<OffsetEntry> {
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

/// `offset` as an index stores it.
///
/// # Panics
/// When it is not within 2^31 of the base offset: the log rolls before that.
pub(super) fn relative_offset(base_offset: i64, offset: i64) -> u32 {
    offset
        .checked_sub(base_offset)
        .and_then(|relative| i32::try_from(relative).ok())
        .and_then(|relative| u32::try_from(relative).ok())
        .expect("a segment rolls before its offsets overflow")
}

/// The entry in these bytes of the index of the segment at `base_offset`.
pub(super) fn decode(base_offset: i64, entry: [u8; OFFSET_ENTRY_BYTES]) -> OffsetEntry {
    let (relative, position) = entry.split_at(4);
    let relative = relative.try_into().map_or(0, u32::from_be_bytes);
    let position = position.try_into().map_or(0, u32::from_be_bytes);
    OffsetEntry { offset: base_offset.saturating_add(i64::from(relative)), position }
}
