//! A file of entries of one fixed size in ascending order: what both indexes of a segment are.
//!
//! Called by [`OffsetIndex`](crate::log::format::offset_index::OffsetIndex) and [`TimeIndex`](crate::log::format::time_index::TimeIndex). One
//! writer, any number of readers; an entry is written before it is counted.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::log::disk::{DiskFile, Existing};
use crate::log::error::LogError;
use crate::log::format::data_file::DataFile;

/// How many bytes of entries are collected until they are written.
const COLLECTED_BYTES: usize = 64 << 10;
/// How many entries are fetched by one read at the end of a search.
const BLOCK_ENTRIES: u32 = 512;

/// A file of `ENTRY`-byte entries.
#[derive(Debug)]
pub(in crate::log) struct IndexFile<const ENTRY: usize> {
    file: DataFile,
    count: AtomicU32,
    /// Entries that are not written and counted yet, while the index of a whole segment is made.
    collected: Mutex<Option<Vec<u8>>>,
}

impl<const ENTRY: usize> IndexFile<ENTRY> {
    /// The index at `path`, with the entries that are in the file; `None` when the file is missing or torn.
    pub(in crate::log) fn open(path: PathBuf) -> io::Result<Option<Self>> {
        let file = DataFile::new(path);
        let Some(size_bytes) = file.size_bytes()? else { return Ok(None) };
        if size_bytes % ENTRY as u64 != 0 {
            return Ok(None);
        }
        let Ok(count) = u32::try_from(size_bytes / ENTRY as u64) else { return Ok(None) };
        Ok(Some(Self { file, count: AtomicU32::new(count), collected: Mutex::default() }))
    }

    /// A new, empty index at `path`.
    pub(in crate::log) fn create(path: PathBuf) -> io::Result<Self> {
        DiskFile::open(&path, Existing::Emptied)?;
        Ok(Self { file: DataFile::new(path), count: AtomicU32::new(0), collected: Mutex::default() })
    }

    /// How many entries there are.
    pub(in crate::log) fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// Where the file is.
    pub(in crate::log) fn path(&self) -> &Path {
        self.file.path()
    }

    /// The last entry.
    pub(in crate::log) fn last(&self) -> io::Result<Option<[u8; ENTRY]>> {
        match self.count() {
            0 => Ok(None),
            count => Ok(self.read(count - 1, 1)?.first().copied()),
        }
    }

    /// The last entry for which `is_before` holds; it must hold for a first part of the entries and no other.
    pub(in crate::log) fn last_before(
        &self,
        is_before: impl Fn(&[u8; ENTRY]) -> bool,
    ) -> io::Result<Option<[u8; ENTRY]>> {
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
        Ok(before.checked_sub(1).and_then(|last| entries.get(last).copied()))
    }

    /// Adds an entry at the end.
    pub(in crate::log) fn append(&self, entry: &[u8; ENTRY]) -> io::Result<()> {
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

    /// Lets [`Self::append`] write many entries at a time, until [`Self::write_collected`]. Until then nobody may read.
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
        let position = u64::from(count) * ENTRY as u64;
        let file = self.file.create()?;
        if let Err(error) = file.write_all_at(&mut [IoSlice::new(entries)], position) {
            // No torn entry is left. When that fails too, it is no longer a shortage.
            return Err(file.set_len(position).map_or_else(io::Error::other, |()| error));
        }
        let added = u32::try_from(entries.len() / ENTRY).expect("fewer entries are written at a time");
        self.count.store(count + added, Ordering::Release);
        Ok(())
    }

    /// Drops all entries but the first `count`.
    pub(in crate::log) fn truncate(&self, count: u32) -> Result<(), LogError> {
        if self.count.swap(count, Ordering::AcqRel) == count {
            return Ok(());
        }
        let cut = || self.file.open()?.set_len(u64::from(count) * ENTRY as u64);
        cut().map_err(|error| LogError::io("truncate", self.path(), error))
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
        Ok(Self {
            file: self.file.under_name(path)?,
            count: AtomicU32::new(self.count()),
            collected: Mutex::default(),
        })
    }

    fn read(&self, from: u32, count: u32) -> io::Result<Vec<[u8; ENTRY]>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.file.open()?.read_at(u64::from(from) * ENTRY as u64, count as usize * ENTRY)?;
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        if entries.len() == count as usize && rest.is_empty() {
            Ok(entries.to_vec())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
