//! Leftovers of a crash in a partition's folder: deletions and cleanings that did not end. Each is finished or undone.
//!
//! Apache Kafka's cleaner writes `.cleaned` files, renames them to `.swap` one after the other, deletes the originals,
//! then renames again. So with a `.cleaned` file left, the swap files from its offset on are not all there and are
//! dropped; without, the originals that they replace are. Orphan indexes and half-written small files go too.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::READ_BYTES;
use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;
use crate::log::format::file_names::{
    CLEANED_SUFFIX, DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, SNAPSHOT_SUFFIX, SWAP_SUFFIX,
    TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, file_names, offset_of, segment_file,
};
use crate::log::scan::{ScanOptions, scan};

/// The files of a segment.
const SEGMENT_SUFFIXES: [&str; 4] = [LOG_SUFFIX, INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX];

/// Finishes or undoes what was under way in `dir`.
pub(super) fn clear(dir: &Path) -> Result<(), LogError> {
    let names = file_names(dir)?;
    if names.iter().any(|name| is_leftover(name)) {
        remove_unfinished(dir, &names)?;
        finish_swaps(dir)?;
        disk::sync_dir(dir, FileSync::Yes)?;
    }
    remove_orphans(dir)
}

fn is_leftover(name: &str) -> bool {
    [DELETED_SUFFIX, CLEANED_SUFFIX, SWAP_SUFFIX].iter().any(|suffix| name.ends_with(suffix))
        || name.ends_with(".snapshot.tmp")
}

/// Deletes all but good swap files.
fn remove_unfinished(dir: &Path, names: &[String]) -> Result<(), LogError> {
    let first_cleaned = names.iter().filter_map(|name| offset_before(name, CLEANED_SUFFIX)).min();
    for name in names.iter().filter(|name| is_leftover(name)) {
        let good = offset_before(name, SWAP_SUFFIX)
            .is_some_and(|offset| first_cleaned.is_none_or(|first| offset < first));
        if !good {
            disk::remove_file(&dir.join(name))?;
        }
    }
    Ok(())
}

/// Replaces the originals by the swap files that are left.
fn finish_swaps(dir: &Path) -> Result<(), LogError> {
    let names = file_names(dir)?;
    let logs: Vec<i64> =
        names.iter().filter_map(|name| offset_of(name.strip_suffix(SWAP_SUFFIX)?, LOG_SUFFIX)).collect();
    if let Some(&first) = logs.iter().min() {
        let mut end = first;
        for &base_offset in &logs {
            end = end.max(swap_end(dir, base_offset)?);
        }
        remove_segments(dir, &names, first, end)?;
        // An original that came back when its swap file has the final name would be no leftover any more.
        disk::sync_dir(dir, FileSync::Yes)?;
    }
    for name in &names {
        if let Some(final_name) = name.strip_suffix(SWAP_SUFFIX) {
            disk::rename(&dir.join(name), &dir.join(final_name))?;
        }
    }
    Ok(())
}

/// The offset after the last batch of a swap file.
fn swap_end(dir: &Path, base_offset: i64) -> Result<i64, LogError> {
    let mut path = segment_file(dir, base_offset, LOG_SUFFIX).into_os_string();
    path.push(SWAP_SUFFIX);
    let path = Path::new(&path);
    let walk = || {
        let file = File::open(path)?;
        let size_bytes = file.metadata()?.len();
        scan(BufReader::with_capacity(READ_BYTES, file), ScanOptions { base_offset, size_bytes }, |_| {})
    };
    let end = walk().map_err(|error| LogError::io("read", path, error))?;
    match end.damage {
        // It was synced before it got its name: this is no torn write.
        Some(damage) => Err(LogError::corrupt(path, end.valid_bytes, damage)),
        None => Ok(end.next_offset),
    }
}

/// Deletes the files of the segments from `first` to before `end`.
fn remove_segments(dir: &Path, names: &[String], first: i64, end: i64) -> Result<(), LogError> {
    for name in names {
        let offset = SEGMENT_SUFFIXES.iter().find_map(|suffix| offset_of(name, suffix));
        if offset.is_some_and(|offset| (first..end).contains(&offset)) {
            disk::remove_file(&dir.join(name))?;
        }
    }
    Ok(())
}

/// Deletes indexes without a log.
fn remove_orphans(dir: &Path) -> Result<(), LogError> {
    let names = file_names(dir)?;
    let has_log = |offset| names.iter().any(|name| offset_of(name, LOG_SUFFIX) == Some(offset));
    for name in &names {
        let index = [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX]
            .iter()
            .find_map(|suffix| offset_of(name, suffix));
        if index.is_some_and(|offset| !has_log(offset)) {
            disk::remove_file(&dir.join(name))?;
        }
    }
    Ok(())
}

/// The offset of a segment's file (or a snapshot) that has one more suffix.
fn offset_before(name: &str, suffix: &str) -> Option<i64> {
    let name = name.strip_suffix(suffix)?;
    SEGMENT_SUFFIXES.iter().chain([&SNAPSHOT_SUFFIX]).find_map(|suffix| offset_of(name, suffix))
}
