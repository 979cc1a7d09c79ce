//! Verifies the folders of partitions and the small files beside them, and changes nothing.
//!
//! Called by the crate's `check` room, which joins it to the metadata. Reads with the log's own scan, index entries and
//! checkpoint readers; never opens a [`Log`](super::Log), whose recovery would repair what is to be shown.
//!
//! ```text
//!   folder ──► partition ──► segment ──► scan, batch by batch
//!                  │             └─────► indexes: each entry against the batch that it points to
//!                  └───► snapshots, epochs, checkpoints
//! ```

mod finding;
mod folder;
mod holder;
mod indexes;
mod partition;
mod reader;
mod segment;

use std::path::Path;

use kestrel_protocol::record::RecordBatch;

pub use finding::{Finding, Severity};
pub(crate) use folder::{CheckedFolder, CheckedPartition};
pub(crate) use holder::holder_of;
pub(crate) use partition::Walked;
pub(crate) use reader::Meter;

use super::error::LogError;
use super::format::file_names::{file_names, segment_bases};

/// Hands the whole batches of the log in `dir` to `visit`, in order, up to the first damage.
///
/// # Errors
/// When the disk cannot be read.
pub(crate) fn for_each_batch(dir: &Path, mut visit: impl FnMut(&RecordBatch)) -> Result<(), LogError> {
    for base_offset in segment_bases(&file_names(dir)?) {
        let end = segment::walk(dir, base_offset, |file| file, |batch| visit(&batch.batch))?;
        if end.damage.is_some() {
            break;
        }
    }
    Ok(())
}

/// Whether there is a segment of a log in `dir`.
///
/// # Errors
/// When the disk cannot be read.
pub(crate) fn has_log(dir: &Path) -> Result<bool, LogError> {
    Ok(!segment_bases(&file_names(dir)?).is_empty())
}

/// The first bad batch of a log, or its end where that comes too early.
#[derive(Debug, Clone)]
pub(crate) struct FirstBad {
    /// The segment with it.
    pub(crate) base_offset: i64,
    /// Where it begins in the segment.
    pub(crate) position: u64,
    /// The offset after the last whole batch before it.
    pub(crate) next_offset: i64,
    /// What is wrong with it.
    pub(crate) damage: String,
    /// How many whole batches of the segment follow it, as far as that can be told.
    pub(crate) batches_behind: u64,
    /// The segments that follow.
    pub(crate) later_segments: Vec<i64>,
}

/// Walks the log in `dir` up to its first bad batch; a log that ends before `flushed_offset` is bad at its end. None in a log with
/// messages of an old format.
///
/// # Errors
/// When the disk cannot be read.
pub(crate) fn first_bad(dir: &Path, flushed_offset: i64) -> Result<Option<FirstBad>, LogError> {
    let bases = segment_bases(&file_names(dir)?);
    let mut last = None;
    for (index, &base_offset) in bases.iter().enumerate() {
        let later_segments = bases.get(index + 1..).unwrap_or_default().to_vec();
        let end = segment::walk(dir, base_offset, |file| file, |_| {})?;
        if end.old_format.is_some() {
            // Whatever follows: what is not read here is not judged here.
            return Ok(None);
        }
        let bad = FirstBad {
            base_offset,
            position: end.valid_bytes,
            next_offset: end.next_offset,
            damage: end.damage.clone().unwrap_or_default(),
            batches_behind: 0,
            later_segments,
        };
        if end.damage.is_some() {
            let batches_behind = segment::batches_behind(dir, base_offset, &end)?;
            return Ok(Some(FirstBad { batches_behind, ..bad }));
        }
        last = Some(bad);
    }
    let early = last.filter(|last| last.next_offset < flushed_offset);
    Ok(early.map(|last| FirstBad { damage: "the log ends too early".to_owned(), ..last }))
}

#[cfg(test)]
mod tests;
