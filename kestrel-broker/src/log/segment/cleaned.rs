//! A segment that the log cleaner writes beside the log, and its way into it: `.cleaned`, `.swap`, then its final names.
//!
//! Called by the log cleaner only. Nobody reads it before it is whole, synced and part of the log.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kestrel_protocol::Timestamp;
use kestrel_protocol::record::RecordBatch;
use parking_lot::Mutex;

use super::{ActiveSegment, LogSegment};
use crate::log::config::LogConfig;
use crate::log::disk::{self, DiskFile, Existing};
use crate::log::error::LogError;
use crate::log::format::data_file::DataFile;
use crate::log::format::file_names::{
    CLEANED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, SWAP_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, segment_file,
};
use crate::log::format::offset_index::OffsetIndex;
use crate::log::format::time_index::TimeIndex;
use crate::log::format::txn_index::{self, AbortedTransaction};

/// The files in the order in which they are renamed: the `.log` first, as what the loader finds depends on it.
const SUFFIXES: [&str; 4] = [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX];

/// A segment that is being written with the names of a cleaning that did not end.
#[derive(Debug)]
pub(in crate::log) struct CleanedSegment {
    dir: PathBuf,
    active: ActiveSegment,
    /// Bytes of the log that were not written yet.
    buffer: Vec<u8>,
    buffer_bytes: usize,
    /// How many bytes the log has, those in the buffer included.
    size_bytes: u64,
    aborted: Vec<AbortedTransaction>,
}

impl CleanedSegment {
    /// A new, empty one at `base_offset`, which gathers `buffer_bytes` before it writes. Files of an earlier cleaning that did
    /// not end are emptied.
    pub(in crate::log) fn create(
        dir: &Path,
        base_offset: i64,
        buffer_bytes: usize,
    ) -> Result<Self, LogError> {
        let path = |suffix| name(dir, base_offset, suffix, CLEANED_SUFFIX);
        let log = path(LOG_SUFFIX);
        let create = || {
            DiskFile::open(&log, Existing::Emptied)?;
            let offset_index = OffsetIndex::create(path(INDEX_SUFFIX), base_offset)?;
            Ok((offset_index, TimeIndex::create(path(TIME_INDEX_SUFFIX), base_offset)?))
        };
        let (offset_index, time_index) = create().map_err(|error| LogError::io("create", &log, error))?;
        let segment = Arc::new(LogSegment::new(base_offset, log, 0, offset_index, time_index));
        Ok(Self {
            dir: dir.to_path_buf(),
            active: ActiveSegment::rebuilding(segment, Timestamp::NONE),
            buffer: Vec::with_capacity(buffer_bytes),
            buffer_bytes,
            size_bytes: 0,
            aborted: Vec::new(),
        })
    }

    /// The offset in the names.
    pub(in crate::log) fn base_offset(&self) -> i64 {
        self.active.segment().base_offset
    }

    /// How many bytes of records there are.
    pub(in crate::log) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds a batch at the end.
    pub(in crate::log) fn append(&mut self, batch: &RecordBatch, config: &LogConfig) -> Result<(), LogError> {
        if self.size_bytes > u64::from(u32::MAX) {
            let why = "what is left of the segment is larger than 4 GiB";
            return Err(LogError::corrupt(self.active.segment().path(), self.size_bytes, why));
        }
        self.active.index(batch.header(), self.size_bytes, config)?;
        self.buffer.extend_from_slice(batch.bytes());
        self.size_bytes += batch.bytes().len() as u64;
        if self.buffer.len() >= self.buffer_bytes { self.write() } else { Ok(()) }
    }

    /// Adds a transaction that was aborted to the transaction index.
    pub(in crate::log) fn note_aborted(&mut self, transaction: AbortedTransaction) {
        self.aborted.push(transaction);
    }

    /// Writes what is left, makes everything durable, and dates the log as `like`, the last segment that it replaces: by that
    /// retention judges records without timestamps.
    pub(in crate::log) fn finish(&mut self, like: &LogSegment) -> Result<(), LogError> {
        self.write()?;
        self.active.finish()?;
        let segment = self.active.segment();
        if !self.aborted.is_empty() {
            let path = name(&self.dir, segment.base_offset, TXN_INDEX_SUFFIX, CLEANED_SUFFIX);
            txn_index::write(&path, &self.aborted)?;
        }
        let modified = std::fs::metadata(like.path()).and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|error| LogError::io("look at", like.path(), error))?;
        let file = segment.open_log()?;
        file.set_modified(modified).map_err(|error| LogError::io("date", segment.path(), error))?;
        file.sync_all().map_err(|error| LogError::sync_failed(segment.path(), error))?;
        // Those of an empty segment were never opened, only made.
        segment.sync_indexes()
    }

    /// Gives the files their second name: from the last of them on the cleaning is finished by the loader, if need be.
    pub(in crate::log) fn rename_to_swap(&self) -> Result<(), LogError> {
        self.rename(CLEANED_SUFFIX, SWAP_SUFFIX)
    }

    /// Gives the files their final names.
    pub(in crate::log) fn rename_to_final(&self) -> Result<(), LogError> {
        self.rename(SWAP_SUFFIX, "")
    }

    /// The segment as the log has it from now on, on files that are open: their names come later, with
    /// [`Self::rename_to_final`].
    pub(in crate::log) fn to_segment(&self) -> Result<LogSegment, LogError> {
        let segment = self.active.segment();
        let path = |suffix| segment_file(&self.dir, segment.base_offset, suffix);
        let open = || -> std::io::Result<(DataFile, OffsetIndex, TimeIndex)> {
            let log = segment.log.under_name(path(LOG_SUFFIX))?;
            let offset_index = segment.offset_index.under_name(path(INDEX_SUFFIX))?;
            Ok((log, offset_index, segment.time_index.under_name(path(TIME_INDEX_SUFFIX))?))
        };
        let (log, offset_index, time_index) =
            open().map_err(|error| LogError::io("open", segment.path(), error))?;
        Ok(LogSegment {
            base_offset: segment.base_offset,
            log,
            size_bytes: AtomicU64::new(self.size_bytes),
            offset_index,
            time_index,
            largest: Mutex::new(segment.largest_timestamp()),
            aborted: Mutex::new(Arc::new(self.aborted.clone())),
        })
    }

    /// Deletes the files as they are called first.
    pub(in crate::log) fn delete(&self) -> Result<(), LogError> {
        self.delete_with(CLEANED_SUFFIX)
    }

    /// Deletes the files as they are called second: of a segment that only said that others have nothing left.
    pub(in crate::log) fn delete_swap(&self) -> Result<(), LogError> {
        self.delete_with(SWAP_SUFFIX)
    }

    fn delete_with(&self, ending: &str) -> Result<(), LogError> {
        SUFFIXES
            .iter()
            .try_for_each(|suffix| disk::remove_file(&name(&self.dir, self.base_offset(), suffix, ending)))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), LogError> {
        for suffix in SUFFIXES {
            if suffix == TXN_INDEX_SUFFIX && self.aborted.is_empty() {
                continue;
            }
            let path = |ending| name(&self.dir, self.base_offset(), suffix, ending);
            disk::rename(&path(from), &path(to))?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), LogError> {
        let segment = self.active.segment();
        let start = self.size_bytes - self.buffer.len() as u64;
        let write = || {
            let file = segment.log.create()?;
            file.write_all_at(&mut [IoSlice::new(&self.buffer)], start)
        };
        write().map_err(|error| LogError::io("write", segment.path(), error))?;
        segment.size_bytes.store(self.size_bytes, Ordering::Release);
        self.buffer.clear();
        Ok(())
    }
}

fn name(dir: &Path, base_offset: i64, suffix: &str, ending: &str) -> PathBuf {
    let mut name = segment_file(dir, base_offset, suffix).into_os_string();
    name.push(ending);
    name.into()
}
