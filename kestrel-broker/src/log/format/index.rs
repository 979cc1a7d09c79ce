//! An index of a segment: a file of entries that ascend, and the last one in memory.
//!
//! [`OffsetIndex`](super::offset_index::OffsetIndex) and [`TimeIndex`](super::time_index::TimeIndex) add what they are asked for.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::index_file::IndexFile;
use crate::log::error::LogError;

/// An entry of an index, which takes `BYTES` bytes.
pub(in crate::log) trait Entry<const BYTES: usize>: Copy {
    /// The entry in these bytes of the index of the segment at `base_offset`.
    fn decode(base_offset: i64, bytes: [u8; BYTES]) -> Self;

    /// The bytes of the entry in that index.
    ///
    /// # Panics
    /// When its offset is not within 2^31 of the base offset: the log rolls before that.
    fn encode(self, base_offset: i64) -> [u8; BYTES];
}

/// One index of one segment.
#[derive(Debug)]
pub(in crate::log) struct Index<E, const BYTES: usize> {
    base_offset: i64,
    file: IndexFile<BYTES>,
    /// The last entry, so that a reader at the end of the log needs no search.
    last: Mutex<Option<E>>,
}

impl<E: Entry<BYTES>, const BYTES: usize> Index<E, BYTES> {
    /// The index at `path`; `None` when it is missing, torn, or has a last entry that is not `plausible` as the last of so many.
    pub(super) fn open_if(
        path: PathBuf,
        base_offset: i64,
        plausible: impl FnOnce(E, u32) -> bool,
    ) -> io::Result<Option<Self>> {
        let Some(file) = IndexFile::open(path)? else { return Ok(None) };
        let last = file.last()?.map(|entry| E::decode(base_offset, entry));
        let plausible = last.is_none_or(|last| plausible(last, file.count()));
        Ok(plausible.then(|| Self { base_offset, file, last: Mutex::new(last) }))
    }

    /// A new, empty index.
    pub(in crate::log) fn create(path: PathBuf, base_offset: i64) -> io::Result<Self> {
        Ok(Self { base_offset, file: IndexFile::create(path)?, last: Mutex::new(None) })
    }

    /// The last entry for which `is_before` holds; it must hold for a first part of the entries and no other.
    pub(super) fn last_before(&self, is_before: impl Fn(E) -> bool) -> io::Result<Option<E>> {
        let decode = |entry| E::decode(self.base_offset, entry);
        Ok(self.file.last_before(|entry| is_before(decode(*entry)))?.map(decode))
    }

    /// Adds an entry at the end.
    pub(super) fn push(&self, entry: E) -> io::Result<()> {
        self.file.append(&entry.encode(self.base_offset))?;
        *self.last.lock() = Some(entry);
        Ok(())
    }

    /// Lets entries be written many at a time, until [`Self::write_collected`]. Until then nobody may look anything up.
    pub(in crate::log) fn collect(&self) {
        self.file.collect();
    }

    /// Writes the entries that were collected.
    pub(in crate::log) fn write_collected(&self) -> io::Result<()> {
        self.file.write_collected()
    }

    /// Drops the entries after the first `count`, of which `last` is the last.
    pub(in crate::log) fn truncate(&self, count: u32, last: Option<E>) -> Result<(), LogError> {
        *self.last.lock() = last;
        self.file.truncate(count)
    }

    /// How many entries there are.
    pub(in crate::log) fn count(&self) -> u32 {
        self.file.count()
    }

    /// How many bytes its entries take.
    pub(in crate::log) fn size_bytes(&self) -> u64 {
        u64::from(self.count()) * BYTES as u64
    }

    /// The last entry.
    pub(in crate::log) fn last(&self) -> Option<E> {
        *self.last.lock()
    }

    /// Where the file is.
    pub(in crate::log) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Makes the file durable.
    pub(in crate::log) fn sync(&self) -> Result<(), LogError> {
        self.file.sync()
    }

    /// Closes the file; from now on it is opened for each use.
    pub(in crate::log) fn release(&self) {
        self.file.release();
    }

    /// Closes the file; a reader that opens it from now on finds it gone.
    pub(in crate::log) fn retire(&self) {
        self.file.retire();
    }

    /// The same open index under another name, which it gets later.
    pub(in crate::log) fn under_name(&self, path: PathBuf) -> io::Result<Self> {
        let file = self.file.under_name(path)?;
        Ok(Self { base_offset: self.base_offset, file, last: Mutex::new(self.last()) })
    }
}

/// `offset` as an index stores it.
///
/// # Panics
/// When it is not within 2^31 of the base offset.
pub(super) fn relative_offset(base_offset: i64, offset: i64) -> u32 {
    offset
        .checked_sub(base_offset)
        .and_then(|relative| i32::try_from(relative).ok())
        .and_then(|relative| u32::try_from(relative).ok())
        .expect("a segment rolls before its offsets overflow")
}
