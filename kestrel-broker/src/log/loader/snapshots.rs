//! The producer snapshots in a partition's folder: which to begin with, which to drop.

use std::path::Path;
use std::sync::Arc;

use super::LoadOptions;
use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;
use crate::log::format::file_names::{SNAPSHOT_SUFFIX, file_names, offset_of, segment_file};
use crate::log::producer_state::ProducerState;
use crate::log::segment::LogSegment;

/// The latest good snapshot at `at_most` or before, with its offset. Damaged and later ones are deleted.
pub(super) fn latest(
    dir: &Path,
    at_most: i64,
    options: &LoadOptions,
) -> Result<Option<(i64, ProducerState)>, LogError> {
    for offset in offsets(dir)?.into_iter().rev() {
        let path = segment_file(dir, offset, SNAPSHOT_SUFFIX);
        if offset <= at_most {
            let state = ProducerState::read_snapshot(&path, options.now, options.producer_id_expiration)?;
            if let Some(state) = state {
                return Ok(Some((offset, state)));
            }
            tracing::warn!(file = %path.display(), "a producer snapshot is damaged: the state is taken from before it");
        }
        disk::remove_file(&path)?;
    }
    Ok(None)
}

/// Writes the state at `offset`.
pub(super) fn write(
    dir: &Path,
    producers: &ProducerState,
    offset: i64,
    sync: FileSync,
) -> Result<(), LogError> {
    producers.write_snapshot(&segment_file(dir, offset, SNAPSHOT_SUFFIX), sync)
}

/// Deletes the snapshots that belong to no segment, but for the one at the log's end.
pub(super) fn remove_strays(dir: &Path, segments: &[Arc<LogSegment>], log_end: i64) -> Result<(), LogError> {
    for offset in offsets(dir)? {
        let belongs = segments.binary_search_by_key(&offset, |segment| segment.base_offset()).is_ok();
        if !belongs && offset != log_end {
            disk::remove_file(&segment_file(dir, offset, SNAPSHOT_SUFFIX))?;
        }
    }
    Ok(())
}

/// The offsets of all snapshots, ascending.
fn offsets(dir: &Path) -> Result<Vec<i64>, LogError> {
    let mut offsets: Vec<i64> =
        file_names(dir)?.iter().filter_map(|name| offset_of(name, SNAPSHOT_SUFFIX)).collect();
    offsets.sort_unstable();
    Ok(offsets)
}
