//! Cuts a partition's log off at its first bad batch, where a start refuses to: the bytes are kept in files beside it.
//!
//! Called by the crate's `check` room after its user agreed. In an order that a crash at any point leaves repairable:
//!
//! ```text
//!   bytes copied and synced ─► later segments renamed ─► checkpoints lowered ─► log truncated
//! ```

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use crate::log::check::{self, FirstBad};
use crate::log::disk::DirLock;
use crate::log::disk::{self, DiskFile, Existing, FileSync};
use crate::log::error::{LogError, StorageError};
use crate::log::format::checkpoint::{self, Offsets};
use crate::log::format::clean_shutdown;
use crate::log::format::file_names::{
    CLEAN_SHUTDOWN, CUT_SUFFIX, HIGH_WATERMARK_CHECKPOINT, INDEX_SUFFIX, LOCK, LOG_SUFFIX, PartitionName,
    RECOVERY_POINT_CHECKPOINT, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, segment_file,
};

/// How many bytes are copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// A data folder whose lock is held while its logs are repaired.
#[derive(Debug)]
pub(crate) struct LogRepair {
    data_dir: PathBuf,
    clean: bool,
    recovery_points: Offsets,
    high_watermarks: Offsets,
    _lock: DirLock,
}

/// A log that a start refuses or would cut off before whole batches.
#[derive(Debug, Clone)]
pub(crate) struct DamagedLog {
    name: PartitionName,
    dir: PathBuf,
    /// Where its first bad batch is, and what follows.
    pub(crate) bad: FirstBad,
    /// The segment with it.
    pub(crate) file: PathBuf,
    /// Everything below had been flushed.
    pub(crate) flushed_offset: i64,
    /// How many bytes are to be cut off, later segments included.
    pub(crate) cut_bytes: u64,
}

impl LogRepair {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`StorageError::Locked`] while a broker runs on it.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, StorageError> {
        let lock_path = data_dir.join(LOCK);
        let lock = DirLock::take(&lock_path)
            .map_err(|error| LogError::io("lock", &lock_path, error))?
            .ok_or_else(|| StorageError::Locked { dir: data_dir.to_path_buf() })?;
        Ok(Self {
            data_dir: data_dir.to_path_buf(),
            clean: data_dir.join(CLEAN_SHUTDOWN).exists(),
            recovery_points: checkpoint::read_offsets(&data_dir.join(RECOVERY_POINT_CHECKPOINT))?,
            high_watermarks: checkpoint::read_offsets(&data_dir.join(HIGH_WATERMARK_CHECKPOINT))?,
            _lock: lock,
        })
    }

    /// The damage of a partition's log that a start does not deal with by itself.
    pub(crate) fn find(&self, topic: &str, partition: i32) -> Result<Option<DamagedLog>, LogError> {
        let name = PartitionName { topic: topic.to_owned(), partition };
        let dir = self.data_dir.join(name.dir_name());
        let flushed_offset = self.recovery_points.get(&name).copied().unwrap_or(0);
        let Some(bad) = check::first_bad(&dir, flushed_offset)? else { return Ok(None) };
        let followed = bad.batches_behind > 0 || !bad.later_segments.is_empty();
        if !self.clean && bad.next_offset >= flushed_offset && !followed {
            return Ok(None);
        }
        let file = segment_file(&dir, bad.base_offset, LOG_SUFFIX);
        let mut cut_bytes = disk::size_of(&file)?.saturating_sub(bad.position);
        for &later in &bad.later_segments {
            cut_bytes += disk::size_of(&segment_file(&dir, later, LOG_SUFFIX))?;
        }
        Ok(Some(DamagedLog { name, dir, bad, file, flushed_offset, cut_bytes }))
    }

    /// Cuts the log off, keeping what is cut in `.cut` files; gives those files.
    pub(crate) fn cut(&mut self, log: &DamagedLog) -> Result<Vec<PathBuf>, LogError> {
        let DamagedLog { name, dir, bad, file, .. } = log;
        // The next start is to look at the log again.
        clean_shutdown::remove(&self.data_dir.join(CLEAN_SHUTDOWN), FileSync::Yes)?;
        let mut kept = Vec::new();
        if disk::size_of(file)? > bad.position {
            kept.push(copy_from(file, bad.position)?);
        }
        for &base_offset in bad.later_segments.iter().rev() {
            let path = segment_file(dir, base_offset, LOG_SUFFIX);
            let target = free_name(&path, 0);
            disk::rename(&path, &target)?;
            remove_indexes(dir, base_offset)?;
            kept.push(target);
        }
        disk::sync_dir(dir, FileSync::Yes)?;
        self.lower_checkpoints(name, bad.next_offset)?;
        remove_indexes(dir, bad.base_offset)?;
        let truncate = || {
            let file = DiskFile::open(file, Existing::Needed)?;
            file.set_len(bad.position)?;
            file.sync_all()
        };
        truncate().map_err(|error| LogError::io("truncate", file, error))?;
        disk::sync_dir(dir, FileSync::Yes)?;
        Ok(kept)
    }

    /// Nothing from `end_offset` on is said to be flushed or committed any more.
    fn lower_checkpoints(&mut self, name: &PartitionName, end_offset: i64) -> Result<(), LogError> {
        for (file, offsets) in [
            (HIGH_WATERMARK_CHECKPOINT, &mut self.high_watermarks),
            (RECOVERY_POINT_CHECKPOINT, &mut self.recovery_points),
        ] {
            if let Some(offset) = offsets.get_mut(name) {
                *offset = end_offset.min(*offset);
            }
            checkpoint::write_offsets(&self.data_dir.join(file), offsets, FileSync::Yes)?;
        }
        Ok(())
    }
}

/// Copies the end of a log to a file of its own, on the disk when this returns.
fn copy_from(path: &Path, position: u64) -> Result<PathBuf, LogError> {
    let target = free_name(path, position);
    let copy = || -> io::Result<()> {
        let source = DiskFile::open(path, Existing::Needed)?;
        let copy = DiskFile::open(&target, Existing::Refused)?;
        let mut copied = 0;
        loop {
            let bytes = source.read_at(position + copied, COPY_BYTES)?;
            if bytes.is_empty() {
                return copy.sync_all();
            }
            copy.write_all_at(&mut [IoSlice::new(&bytes)], copied)?;
            copied += bytes.len() as u64;
        }
    };
    copy().map_err(|error| LogError::io("write", &target, error))?;
    Ok(target)
}

/// A name beside the log that no earlier repair has taken.
fn free_name(path: &Path, position: u64) -> PathBuf {
    let name = |count: u64| {
        let mut name = path.as_os_str().to_owned();
        let count = if count == 0 { String::new() } else { format!(".{count}") };
        name.push(format!(".{position}{count}{CUT_SUFFIX}"));
        PathBuf::from(name)
    };
    (0..).map(name).find(|path| !path.exists()).expect("there are more names than files")
}

fn remove_indexes(dir: &Path, base_offset: i64) -> Result<(), LogError> {
    [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]
        .iter()
        .try_for_each(|suffix| disk::remove_file(&segment_file(dir, base_offset, suffix)))
}
