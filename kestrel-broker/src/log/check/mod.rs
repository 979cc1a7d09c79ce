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
pub(crate) use folder::CheckedFolder;
pub(crate) use holder::holder_of;
pub(crate) use partition::Walked;
pub(crate) use reader::Meter;

use super::error::LogError;

/// Hands the whole batches of the log in `dir` to `visit`, in order, up to the first damage.
///
/// # Errors
/// When the disk cannot be read.
pub(crate) fn for_each_batch(dir: &Path, mut visit: impl FnMut(&RecordBatch)) -> Result<(), LogError> {
    for base_offset in partition::segment_bases(&partition::file_names(dir)?) {
        let end = segment::walk(dir, base_offset, |file| file, |batch| visit(&batch.batch))?;
        if end.damage.is_some() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
