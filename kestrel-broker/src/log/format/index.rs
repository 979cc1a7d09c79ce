//! An index of a segment: a file of entries that ascend, and the last one in memory.
//!
//! [`OffsetIndex`](super::offset_index::OffsetIndex) and [`TimeIndex`](super::time_index::TimeIndex) add what they are asked for.
//! One writer, any number of readers; an entry is written before it is counted.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::data_file::DataFile;
use crate::log::disk::{DiskFile, Existing};
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

/// How many bytes of entries are collected until they are written.
const COLLECTED_BYTES: usize = 64 << 10;
/// How many entries are fetched by one read at the end of a search.
const BLOCK_ENTRIES: u32 = 512;

/// One index of one segment.
#[derive(Debug)]
pub(in crate::log) struct Index<E, const BYTES: usize> {
    base_offset: i64,
    file: DataFile,
    count: AtomicU32,
    /// Entries that are not written and counted yet, while the index of a whole segment is made.
    collected: Mutex<Option<Vec<u8>>>,
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
        let file = DataFile::new(path);
        let Some(size_bytes) = file.size_bytes()? else { return Ok(None) };
        if size_bytes % BYTES as u64 != 0 {
            return Ok(None);
        }
        let Ok(count) = u32::try_from(size_bytes / BYTES as u64) else { return Ok(None) };
        let index = Self::new(base_offset, file, count, None);
        let last = match count.checked_sub(1) {
            Some(last) => index.read(last, 1)?.first().map(|entry| index.decode(entry)),
            None => None,
        };
        *index.last.lock() = last;
        Ok(last.is_none_or(|last| plausible(last, count)).then_some(index))
    }

    /// A new, empty index.
    pub(in crate::log) fn create(path: PathBuf, base_offset: i64) -> io::Result<Self> {
        DiskFile::open(&path, Existing::Emptied)?;
        Ok(Self::new(base_offset, DataFile::new(path), 0, None))
    }

    fn new(base_offset: i64, file: DataFile, count: u32, last: Option<E>) -> Self {
        let (count, collected, last) = (AtomicU32::new(count), Mutex::default(), Mutex::new(last));
        Self { base_offset, file, count, collected, last }
    }

    /// The last entry for which `is_before` holds; it must hold for a first part of the entries and no other.
    pub(super) fn last_before(&self, is_before: impl Fn(E) -> bool) -> io::Result<Option<E>> {
        let is_before = |entry: &[u8; BYTES]| is_before(self.decode(entry));
        // Everything below `low` is before, everything from `high` on is not.
        let (mut low, mut high) = (0, self.count());
        while high - low > BLOCK_ENTRIES {
            let middle = low + (high - low) / 2;
            match self.read(middle, 1)?.first() {
                Some(entry) if is_before(entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        // One entry more in front: it is the answer when none of the rest is before.
        let from = low.saturating_sub(1);
        let entries = self.read(from, high - from)?;
        let before = entries.partition_point(is_before);
        Ok(before.checked_sub(1).and_then(|last| entries.get(last)).map(|entry| self.decode(entry)))
    }

    /// Adds an entry at the end.
    pub(super) fn push(&self, entry: E) -> io::Result<()> {
        self.add(&entry.encode(self.base_offset))?;
        *self.last.lock() = Some(entry);
        Ok(())
    }

    fn add(&self, entry: &[u8; BYTES]) -> io::Result<()> {
        let mut collected = self.collected.lock();
        let Some(entries) = collected.as_mut() else { return self.write(entry) };
        entries.extend_from_slice(entry);
        if entries.len() < COLLECTED_BYTES {
            return Ok(());
        }
        let written = self.write(entries);
        entries.clear();
        written
    }

    /// Lets entries be written many at a time, until [`Self::write_collected`]. Until then nobody may look anything up.
    pub(in crate::log) fn collect(&self) {
        self.collected.lock().get_or_insert_default();
    }

    /// Writes the entries that were collected. From now on each is written at once.
    pub(in crate::log) fn write_collected(&self) -> io::Result<()> {
        let collected = self.collected.lock().take();
        collected.map_or(Ok(()), |entries| self.write(&entries))
    }

    /// Writes whole entries at the end.
    fn write(&self, entries: &[u8]) -> io::Result<()> {
        let count = self.count();
        let position = u64::from(count) * BYTES as u64;
        let file = self.file.create()?;
        if let Err(error) = file.write_all_at(&mut [IoSlice::new(entries)], position) {
            // No torn entry is left. When that fails too, it is no longer a shortage.
            return Err(file.set_len(position).map_or_else(io::Error::other, |()| error));
        }
        let added = u32::try_from(entries.len() / BYTES).expect("fewer entries are written at a time");
        self.count.store(count + added, Ordering::Release);
        Ok(())
    }

    /// Drops the entries after the first `count`, of which `last` is the last.
    pub(in crate::log) fn truncate(&self, count: u32, last: Option<E>) -> Result<(), LogError> {
        *self.last.lock() = last;
        if self.count.swap(count, Ordering::AcqRel) == count {
            return Ok(());
        }
        let cut = || self.file.open()?.set_len(u64::from(count) * BYTES as u64);
        cut().map_err(|error| LogError::io("truncate", self.path(), error))
    }

    /// How many entries there are.
    pub(in crate::log) fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
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
        let file = self.file.open().map_err(|error| LogError::io("open", self.path(), error))?;
        file.sync_all().map_err(|error| LogError::sync_failed(self.path(), error))
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
        Ok(Self::new(self.base_offset, self.file.under_name(path)?, self.count(), self.last()))
    }

    fn decode(&self, entry: &[u8; BYTES]) -> E {
        E::decode(self.base_offset, *entry)
    }

    fn read(&self, from: u32, count: u32) -> io::Result<Vec<[u8; BYTES]>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.file.open()?.read_at(u64::from(from) * BYTES as u64, count as usize * BYTES)?;
        let (entries, rest) = bytes.as_chunks::<BYTES>();
        if entries.len() == count as usize && rest.is_empty() {
            Ok(entries.to_vec())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
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
