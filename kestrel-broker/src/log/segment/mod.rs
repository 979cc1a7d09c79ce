//! One `.log` file with its indexes: what readers share. Writing to the last one is [`ActiveSegment`]'s.
//!
//! Called by the log and the loader. Never moves the end of the log: a reader brings the offset up to which it may look.

mod active;
mod byte_run;
mod cleaned;
mod read;
mod read_request;

pub(super) use active::{ActiveSegment, Incoming, StoredBatch};
pub(crate) use byte_run::{ByteRun, FileRun};
pub(super) use cleaned::CleanedSegment;
pub(super) use read::SegmentRead;
pub(crate) use read_request::{FirstBatch, FoundOffset, ReadRequest};

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use parking_lot::Mutex;

use kestrel_protocol::Timestamp;

use super::disk::{self, DiskFile, Existing};
use super::error::LogError;
use crate::log::format::data_file::DataFile;
use crate::log::format::file_names::{
    DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX,
    segment_file,
};
use crate::log::format::offset_index::OffsetIndex;
use crate::log::format::time_index::{TimeIndex, TimestampOffset};
use crate::log::format::txn_index::{self, AbortedTransaction};

/// One segment of a log.
#[derive(Debug)]
pub(super) struct LogSegment {
    base_offset: i64,
    log: DataFile,
    size_bytes: AtomicU64,
    offset_index: OffsetIndex,
    time_index: TimeIndex,
    /// The largest timestamp, and the last offset of the first batch that has it.
    largest: Mutex<Option<TimestampOffset>>,
    /// The aborted transactions whose markers are in it, by their markers: what its transaction index holds.
    aborted: Mutex<Arc<Vec<AbortedTransaction>>>,
}

impl LogSegment {
    /// A new, empty segment. Files of that name that were left behind are emptied.
    pub(super) fn create(dir: &Path, base_offset: i64) -> Result<Self, LogError> {
        let path = segment_file(dir, base_offset, LOG_SUFFIX);
        let create = || {
            DiskFile::open(&path, Existing::Emptied)?;
            empty_indexes(dir, base_offset)
        };
        let (offset_index, time_index) = create().map_err(|error| LogError::io("create", &path, error))?;
        Ok(Self::new(base_offset, path, 0, offset_index, time_index))
    }

    /// A segment of files that exist; `None` when an index is missing or cannot be right and has to be rebuilt.
    pub(super) fn open(dir: &Path, base_offset: i64) -> Result<Option<Self>, LogError> {
        let path = segment_file(dir, base_offset, LOG_SUFFIX);
        let open = || {
            let size_bytes = std::fs::metadata(&path)?.len();
            let offset_index =
                OffsetIndex::open(segment_file(dir, base_offset, INDEX_SUFFIX), base_offset, size_bytes)?;
            let time_index = TimeIndex::open(segment_file(dir, base_offset, TIME_INDEX_SUFFIX), base_offset)?;
            Ok((size_bytes, offset_index, time_index))
        };
        let (size_bytes, offset_index, time_index) =
            open().map_err(|error| LogError::io("open", &path, error))?;
        let (Some(offset_index), Some(time_index)) = (offset_index, time_index) else { return Ok(None) };
        Ok(Some(Self::new(base_offset, path, size_bytes, offset_index, time_index)))
    }

    /// A segment whose log has `size_bytes` and whose indexes were just created; filled by the loader.
    pub(super) fn with_empty_indexes(dir: &Path, base_offset: i64) -> Result<Self, LogError> {
        let path = segment_file(dir, base_offset, LOG_SUFFIX);
        let create = || {
            let indexes = empty_indexes(dir, base_offset)?;
            Ok((std::fs::metadata(&path)?.len(), indexes))
        };
        let (size_bytes, (offset_index, time_index)) =
            create().map_err(|error| LogError::io("rebuild the indexes of", &path, error))?;
        Ok(Self::new(base_offset, path, size_bytes, offset_index, time_index))
    }

    fn new(
        base_offset: i64,
        path: PathBuf,
        size_bytes: u64,
        offset_index: OffsetIndex,
        time_index: TimeIndex,
    ) -> Self {
        let largest = Mutex::new(time_index.last());
        let size_bytes = AtomicU64::new(size_bytes);
        let (log, aborted) = (DataFile::new(path), Mutex::default());
        Self { base_offset, log, size_bytes, offset_index, time_index, largest, aborted }
    }

    /// The aborted transactions whose markers are in the segment, by their markers.
    pub(super) fn aborted(&self) -> Arc<Vec<AbortedTransaction>> {
        Arc::clone(&self.aborted.lock())
    }

    /// Reads the transaction index; false when it is damaged.
    pub(super) fn read_aborted(&self) -> Result<bool, LogError> {
        let read = txn_index::read(&self.txn_index_path(), self.base_offset)?;
        Ok(read.map(|aborted| self.set_aborted(aborted)).is_some())
    }

    /// Replaces the transaction index by what a walk over the log has found.
    pub(super) fn rewrite_aborted(&self, aborted: Vec<AbortedTransaction>) -> Result<(), LogError> {
        let path = self.txn_index_path();
        if aborted.is_empty() {
            disk::remove_file(&path)?;
        } else {
            txn_index::write(&path, &aborted)?;
        }
        self.set_aborted(aborted);
        Ok(())
    }

    /// Adds the transaction that the marker just appended has aborted.
    pub(super) fn note_aborted(&self, transaction: AbortedTransaction) -> Result<(), LogError> {
        let mut aborted = self.aborted.lock();
        txn_index::append(&self.txn_index_path(), aborted.len(), &transaction)?;
        Arc::make_mut(&mut aborted).push(transaction);
        Ok(())
    }

    fn set_aborted(&self, aborted: Vec<AbortedTransaction>) {
        *self.aborted.lock() = Arc::new(aborted);
    }

    fn txn_index_path(&self) -> PathBuf {
        segment_file(self.dir(), self.base_offset, TXN_INDEX_SUFFIX)
    }

    /// The offset in the file's name: none in the segment is smaller.
    pub(super) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    /// Whether an index entry can name the offset. Those further away are found by walking on from the last entry: Apache Kafka
    /// before 2.0 compacted segments into one whose offsets are 2^31 apart and more.
    fn can_index(&self, offset: i64) -> bool {
        offset - self.base_offset <= i64::from(i32::MAX)
    }

    /// Where the `.log` is.
    pub(super) fn path(&self) -> &Path {
        self.log.path()
    }

    /// How many bytes of records there are.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Acquire)
    }

    /// The largest timestamp of the segment and an offset at or after the first record that has it.
    pub(super) fn largest_timestamp(&self) -> Option<TimestampOffset> {
        *self.largest.lock()
    }

    /// Remembers `batch` if its timestamp is the largest so far.
    pub(super) fn note_timestamp(&self, batch: TimestampOffset) {
        let mut largest = self.largest.lock();
        if batch.timestamp > largest.map_or(Timestamp::NONE, |largest| largest.timestamp) {
            *largest = Some(batch);
        }
    }

    /// Forgets batches that were noted and then not written.
    fn set_largest_timestamp(&self, largest: Option<TimestampOffset>) {
        *self.largest.lock() = largest;
    }

    /// Cuts the `.log` off after `size_bytes`: its end is torn.
    pub(super) fn truncate_log(&self, size_bytes: u64) -> Result<(), LogError> {
        let file = self.log.open().map_err(|error| LogError::io("open", self.path(), error))?;
        file.set_len(size_bytes).map_err(|error| LogError::io("truncate", self.path(), error))?;
        file.sync_all().map_err(|error| LogError::sync_failed(self.path(), error))?;
        self.size_bytes.store(size_bytes, Ordering::Release);
        Ok(())
    }

    /// Makes the records durable.
    pub(super) fn sync_log(&self) -> Result<(), LogError> {
        let file = self.log.open().map_err(|error| LogError::io("open", self.path(), error))?;
        file.sync_data().map_err(|error| LogError::sync_failed(self.path(), error))
    }

    /// Makes the indexes durable: for a segment that is not written any more.
    pub(super) fn sync_indexes(&self) -> Result<(), LogError> {
        if !self.aborted().is_empty() {
            txn_index::sync(&self.txn_index_path())?;
        }
        self.offset_index.sync()?;
        self.time_index.sync()
    }

    /// Closes the files: from now on they are opened for each use.
    pub(super) fn release(&self) {
        self.log.release();
        self.offset_index.release();
        self.time_index.release();
    }

    /// When the newest record was made: the largest timestamp, or without any, when the `.log` was last written.
    pub(super) fn newest(&self) -> Result<Timestamp, LogError> {
        if let Some(largest) = self.largest_timestamp() {
            return Ok(largest.timestamp);
        }
        let modified = std::fs::metadata(self.path()).and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|error| LogError::io("look at", self.path(), error))?;
        let since_epoch = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Timestamp::from_millis(0).saturating_add(since_epoch))
    }

    /// Deletes all files of the segment at once: for the loader, while nobody reads it.
    pub(super) fn delete(&self) -> Result<(), LogError> {
        delete_files(self.dir(), self.base_offset)
    }

    /// Renames the files to `*.deleted`, the `.log` first. A reader that has them open reads on; one that opens them finds them
    /// gone.
    pub(super) fn retire(&self) -> Result<(), LogError> {
        self.release();
        self.rename_retired(&FILE_SUFFIXES)
    }

    fn rename_retired(&self, suffixes: &[&str]) -> Result<(), LogError> {
        for suffix in suffixes {
            let path = segment_file(self.dir(), self.base_offset, suffix);
            match disk::rename(&path, &retired(&path)) {
                Err(error) if error.is_gone() => {}
                renamed => renamed?,
            }
        }
        Ok(())
    }

    /// As [`Self::retire`], for a segment whose records are in another one now, at the same base offset if `replaced_in_place`:
    /// then the producers' snapshot there stays, and a reader that opens the segment finds it gone although there are files of its
    /// names again.
    pub(super) fn retire_cleaned(&self, replaced_in_place: bool) -> Result<(), LogError> {
        self.log.retire();
        self.offset_index.retire();
        self.time_index.retire();
        let [own @ .., _snapshot] = &FILE_SUFFIXES;
        self.rename_retired(if replaced_in_place { own } else { &FILE_SUFFIXES })
    }

    /// How many bytes each of the two indexes takes.
    pub(super) fn index_bytes(&self) -> (u64, u64) {
        (self.offset_index.size_bytes(), self.time_index.size_bytes())
    }

    /// Deletes the files that [`Self::retire`] renamed.
    pub(super) fn unlink_retired(&self) -> Result<(), LogError> {
        FILE_SUFFIXES.iter().try_for_each(|suffix| {
            disk::remove_file(&retired(&segment_file(self.dir(), self.base_offset, suffix)))
        })
    }

    fn dir(&self) -> &Path {
        self.path().parent().expect("a segment lies in a folder")
    }
}

/// Creates both indexes of a segment.
fn empty_indexes(dir: &Path, base_offset: i64) -> io::Result<(OffsetIndex, TimeIndex)> {
    let offset_index = OffsetIndex::create(segment_file(dir, base_offset, INDEX_SUFFIX), base_offset)?;
    let time_index = TimeIndex::create(segment_file(dir, base_offset, TIME_INDEX_SUFFIX), base_offset)?;
    Ok((offset_index, time_index))
}

/// All files of a segment: the `.log` first, as the rest is nothing without it; and the snapshot last, which belongs to an offset.
const FILE_SUFFIXES: [&str; 5] =
    [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, SNAPSHOT_SUFFIX];

/// The last name of a file.
fn retired(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(DELETED_SUFFIX);
    name.into()
}

/// Deletes the files of the segment with this base offset.
pub(super) fn delete_files(dir: &Path, base_offset: i64) -> Result<(), LogError> {
    FILE_SUFFIXES.iter().try_for_each(|suffix| disk::remove_file(&segment_file(dir, base_offset, suffix)))
}
