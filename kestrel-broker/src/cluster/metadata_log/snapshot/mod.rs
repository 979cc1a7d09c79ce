//! KRaft snapshots: the metadata as of one offset in a file of its own (KIP-630). `bootstrap.checkpoint` is one too: what a
//! new cluster begins with.
//!
//! Read by the metadata log at start, and written now and then, so that the log before can go: see `retention.rs`. A file has
//! its name once it is whole and on the disk.
//!
//! ```text
//!   <data>/bootstrap.checkpoint
//!   <data>/__cluster_metadata-0/00000000000000000644-0000000002.checkpoint   up to offset 644, in epoch 2
//!       control batch (header, voters) │ batches of metadata records ... │ control batch (footer)
//! ```

mod retention;
mod schedule;

use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kestrel_protocol::record::control::{ControlPlace, ControlRecord, control_batch};
use kestrel_protocol::record::{RecordBatch, RecordBatches};
use kestrel_protocol::{DecodeError, DecodeErrorKind, LeaderEpoch, Timestamp};

use crate::cluster::metadata_log::entry::{Entry, entries, metadata_batch};
use crate::log::{FileSync, LogError, read_file, remove_file, replace_file, replace_file_by};

pub(super) use retention::lets_go;
pub(in crate::cluster) use schedule::SnapshotSchedule;

/// The file in the data folder that says what a new cluster begins with.
const BOOTSTRAP: &str = "bootstrap.checkpoint";
const SUFFIX: &str = ".checkpoint";
/// How the names of files end that are no snapshot yet, or none any more. Apache Kafka deletes them at its start, too.
const LEFTOVER_SUFFIXES: [&str; 2] = [".checkpoint.part", ".checkpoint.deleted"];
/// How many bytes of records a batch of a snapshot has, about.
const BATCH_BYTES: usize = 1 << 20;
/// How many bytes of a snapshot are read to find its header.
const HEAD_BYTES: u64 = 4096;
/// The digits of the offset and of the epoch in a snapshot's name.
const NAME_DIGITS: (usize, usize) = (20, 10);
const WHAT: &str = "snapshot";

/// A snapshot of the metadata that lies beside its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cluster) struct SnapshotFile {
    /// Where it is.
    pub(in crate::cluster) path: PathBuf,
    /// The offset after the last record that it contains: where the log goes on.
    pub(super) end_offset: i64,
}

impl SnapshotFile {
    /// How large it is; nothing when it is gone.
    pub(super) fn size_bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

/// A snapshot that is to be written.
#[derive(Debug, Clone)]
pub(super) struct NewSnapshot {
    /// The offset after the last record that it contains.
    pub(super) end_offset: i64,
    /// The epoch of that record.
    pub(super) leader_epoch: LeaderEpoch,
    /// When that record was appended.
    pub(super) last_contained: Timestamp,
    /// Who votes, where that stands in the log.
    pub(super) quorum: Vec<ControlRecord>,
    /// The metadata records, framed.
    pub(super) values: Vec<Bytes>,
}

/// The content of a snapshot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) struct SnapshotContents {
    /// The metadata records, still framed.
    pub(in crate::cluster) values: Vec<Bytes>,
    /// Who votes, where that is said.
    pub(super) quorum: Vec<ControlRecord>,
    /// Whether the footer was there: without it the file was not written to its end.
    is_whole: bool,
}

/// The snapshots in the folder of the metadata log, from the oldest to the newest.
pub(super) fn snapshots(dir: &Path) -> Result<Vec<SnapshotFile>, LogError> {
    let mut found = Vec::new();
    for path in files(dir)? {
        let end_offset = path.file_name().and_then(|name| parse_name(name.to_str()?));
        found.extend(end_offset.map(|end_offset| SnapshotFile { path, end_offset }));
    }
    // Of two with the same end, the one of the later epoch counts: the names have it second.
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The newest snapshot in the folder of the metadata log.
pub(in crate::cluster) fn newest_snapshot(dir: &Path) -> Result<Option<SnapshotFile>, LogError> {
    Ok(snapshots(dir)?.pop())
}

/// Deletes what is left of snapshots that were not written to their end, or not deleted to theirs.
pub(super) fn remove_leftovers(dir: &Path) -> Result<(), LogError> {
    let is_leftover = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| LEFTOVER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)))
    };
    files(dir)?.iter().filter(|path| is_leftover(path)).try_for_each(|path| remove_file(path))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, LogError> {
    let list = || std::fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>();
    list().map_err(|source| LogError::Io { doing: "list", file: dir.to_path_buf(), source })
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
pub(in crate::cluster) fn read_snapshot(
    path: &Path,
) -> Result<Result<SnapshotContents, DecodeError>, LogError> {
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

/// Writes a snapshot beside the log in `dir`: on the disk before it has its name, and its name before this returns. Gives the
/// file's size in bytes.
///
/// # Errors
/// When the disk fails. What was begun then counts for nothing.
pub(super) fn write_snapshot(dir: &Path, snapshot: &NewSnapshot, now: Timestamp) -> Result<u64, LogError> {
    let NewSnapshot { end_offset, leader_epoch, .. } = snapshot;
    let path =
        dir.join(format!("{end_offset:020}-{leader_epoch:010}{SUFFIX}", leader_epoch = leader_epoch.0));
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let bytes = encode(snapshot, now);
    // Also where nothing else is synced: what is in it may be deleted from the log next.
    replace_file_by(Path::new(&temporary), &path, &bytes, FileSync::Yes)?;
    Ok(bytes.len() as u64)
}

/// Deletes a snapshot; one that is not there is deleted already.
pub(super) fn delete_snapshot(snapshot: &SnapshotFile) -> Result<(), LogError> {
    remove_file(&snapshot.path)
}

/// When the last record was appended that the snapshot has; `None` when it does not say.
pub(super) fn last_contained(snapshot: &SnapshotFile) -> Result<Option<Timestamp>, LogError> {
    let read = || {
        let mut head = Vec::new();
        std::fs::File::open(&snapshot.path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
        Ok(head)
    };
    let head: Vec<u8> =
        read().map_err(|source| LogError::Io { doing: "read", file: snapshot.path.clone(), source })?;
    let entries = RecordBatch::parse(head.into()).and_then(|(batch, _)| entries(&batch)).unwrap_or_default();
    Ok(entries.into_iter().find_map(|(_, entry)| match entry {
        Entry::Control(ControlRecord::SnapshotHeader { last_contained_log_timestamp }) => {
            Some(Timestamp::from_millis(last_contained_log_timestamp))
        }
        _ => None,
    }))
}

/// Writes the bootstrap file.
pub(super) fn write_bootstrap(
    data_dir: &Path,
    values: &[Bytes],
    now: Timestamp,
    sync: FileSync,
) -> Result<(), LogError> {
    let snapshot = NewSnapshot {
        end_offset: 0,
        leader_epoch: LeaderEpoch(0),
        last_contained: Timestamp::from_millis(0),
        quorum: Vec::new(),
        values: values.to_vec(),
    };
    replace_file(&data_dir.join(BOOTSTRAP), &encode(&snapshot, now), sync)
}

/// The bytes of a snapshot. Its batches count their offsets from 0.
fn encode(snapshot: &NewSnapshot, now: Timestamp) -> Vec<u8> {
    let NewSnapshot { leader_epoch, last_contained, quorum, values, .. } = snapshot;
    let place =
        |base_offset| ControlPlace { base_offset, leader_epoch: *leader_epoch, timestamp: now.as_millis() };
    let mut head =
        vec![ControlRecord::SnapshotHeader { last_contained_log_timestamp: last_contained.as_millis() }];
    head.extend(quorum.iter().cloned());
    let mut bytes = control_batch(place(0), &head).into_bytes().to_vec();
    let mut next_offset = offset_after(0, head.len());
    for values in batches(values) {
        let batch = metadata_batch(values, next_offset, *leader_epoch, now);
        bytes.extend_from_slice(&batch.into_bytes());
        next_offset = offset_after(next_offset, values.len());
    }
    bytes
        .extend_from_slice(&control_batch(place(next_offset), &[ControlRecord::SnapshotFooter]).into_bytes());
    bytes
}

fn offset_after(base_offset: i64, records: usize) -> i64 {
    base_offset.saturating_add(i64::try_from(records).unwrap_or(i64::MAX))
}

/// Cuts the records into batches of a bounded size, each of one record at least.
fn batches(mut values: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    std::iter::from_fn(move || {
        let mut size_bytes = 0;
        let fitting = values.iter().take_while(|value| {
            size_bytes += value.len();
            size_bytes <= BATCH_BYTES
        });
        let count = fitting.count().max(1).min(values.len());
        let (batch, rest) = values.split_at(count);
        values = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

fn parse(bytes: Bytes) -> Result<SnapshotContents, DecodeError> {
    let mut contents = SnapshotContents::default();
    for batch in RecordBatches::new(bytes) {
        for (_, entry) in entries(&batch?)? {
            match entry {
                Entry::Metadata(value) => contents.values.push(value),
                Entry::Control(ControlRecord::SnapshotFooter) => contents.is_whole = true,
                Entry::Control(record @ (ControlRecord::KRaftVersion(_) | ControlRecord::KRaftVoters(_))) => {
                    contents.quorum.push(record);
                }
                Entry::Control(_) => {}
            }
        }
    }
    if contents.is_whole { Ok(contents) } else { Err(DecodeError::new(DecodeErrorKind::Truncated, WHAT)) }
}

#[cfg(test)]
mod tests;
