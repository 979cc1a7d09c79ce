//! KRaft snapshots: the metadata as of one offset in a file of its own (KIP-630). `bootstrap.checkpoint` is one too: what a
//! new cluster begins with.
//!
//! Read by the metadata log at start. Written only for a new folder: its bootstrap file.
//!
//! ```text
//!   <data>/bootstrap.checkpoint
//!   <data>/__cluster_metadata-0/00000000000000000644-0000000002.checkpoint   up to offset 644, in epoch 2
//!       control batch (header) │ batches of metadata records ... │ control batch (footer)
//! ```

use std::path::{Path, PathBuf};

use bytes::Bytes;
use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::record::control::{ControlPlace, ControlRecord, control_batch};
use kestrel_protocol::{DecodeError, DecodeErrorKind, LeaderEpoch};

use super::entry::{Entry, entries, metadata_batch};
use crate::log::{FileSync, LogError, Timestamp, read_file, replace_file};

/// The file in the data folder that says what a new cluster begins with.
const BOOTSTRAP: &str = "bootstrap.checkpoint";
const SUFFIX: &str = ".checkpoint";
/// The digits of the offset and of the epoch in a snapshot's name.
const NAME_DIGITS: (usize, usize) = (20, 10);
const WHAT: &str = "snapshot";

/// A snapshot of the metadata that lies beside its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SnapshotFile {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The offset after the last record that it contains: where the log goes on.
    pub(super) end_offset: i64,
}

/// What a snapshot holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SnapshotContents {
    /// The metadata records, still framed.
    pub(super) values: Vec<Bytes>,
    /// Whether the footer was there: without it the file was not written to its end.
    is_whole: bool,
}

/// The newest snapshot in the folder of the metadata log.
pub(super) fn newest_snapshot(dir: &Path) -> std::io::Result<Option<SnapshotFile>> {
    let mut newest: Option<SnapshotFile> = None;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let Some(end_offset) = entry.file_name().to_str().and_then(parse_name) else { continue };
        if newest.as_ref().is_none_or(|newest| end_offset > newest.end_offset) {
            newest = Some(SnapshotFile { path: entry.path(), end_offset });
        }
    }
    Ok(newest)
}

/// The end offset in a snapshot's name; `None` for any other name.
fn parse_name(name: &str) -> Option<i64> {
    let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_form = (offset.len(), epoch.len()) == NAME_DIGITS && all_digits(offset) && all_digits(epoch);
    has_form.then(|| offset.parse().ok()).flatten()
}

/// Reads a snapshot of the metadata.
///
/// # Errors
/// The outer one when the disk fails, the inner one when the file is damaged or not whole.
pub(super) fn read_snapshot(path: &Path) -> Result<Result<SnapshotContents, DecodeError>, LogError> {
    let bytes = read_file(path)?.unwrap_or_default();
    Ok(parse(bytes.into()))
}

/// The framed records of the bootstrap file; `None` when there is none.
///
/// # Errors
/// As [`read_snapshot`].
pub(super) fn read_bootstrap(
    data_dir: &Path,
) -> Result<Option<Result<SnapshotContents, DecodeError>>, LogError> {
    Ok(read_file(&data_dir.join(BOOTSTRAP))?.map(|bytes| parse(bytes.into())))
}

/// Writes the bootstrap file.
pub(super) fn write_bootstrap(
    data_dir: &Path,
    values: &[Bytes],
    now: Timestamp,
    sync: FileSync,
) -> Result<(), LogError> {
    let leader_epoch = LeaderEpoch(0);
    let place = |base_offset| ControlPlace { base_offset, leader_epoch, timestamp: now.0 };
    let header = ControlRecord::SnapshotHeader { last_contained_log_timestamp: 0 };
    let after = i64::try_from(values.len()).unwrap_or(i64::MAX - 1) + 1;
    let records = metadata_batch(values, 1, leader_epoch, now);
    let parts = [
        control_batch(place(0), &[header]).into_bytes(),
        records.into_bytes(),
        control_batch(place(after), &[ControlRecord::SnapshotFooter]).into_bytes(),
    ];
    replace_file(&data_dir.join(BOOTSTRAP), &parts.concat(), sync)
}

fn parse(bytes: Bytes) -> Result<SnapshotContents, DecodeError> {
    let mut contents = SnapshotContents::default();
    for batch in RecordBatches::new(bytes) {
        for (_, entry) in entries(&batch?)? {
            match entry {
                Entry::Metadata(value) => contents.values.push(value),
                Entry::Control(ControlRecord::SnapshotFooter) => contents.is_whole = true,
                Entry::Control(_) => {}
            }
        }
    }
    if contents.is_whole { Ok(contents) } else { Err(DecodeError::new(DecodeErrorKind::Truncated, WHAT)) }
}

#[cfg(test)]
mod tests;
