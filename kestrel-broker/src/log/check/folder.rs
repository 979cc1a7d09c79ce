//! The data folder: its identity, its checkpoints, and which partitions it has. Hands each of those to its check.

use std::fs;
use std::path::{Path, PathBuf};

use kestrel_protocol::{NodeId, TopicId, Uuid};

use super::finding::{Finding, Severity};
use super::partition::{self, Noted, Walked};
use super::reader::Meter;
use crate::log::error::{LogError, StorageError};
use crate::log::format::checkpoint::{self, Offsets};
use crate::log::format::file_names::{
    CLEAN_SHUTDOWN, CLEANER_CHECKPOINT, DELETE_DIR_SUFFIX, HIGH_WATERMARK_CHECKPOINT, LOCK,
    LOG_START_CHECKPOINT, LOG_SUFFIX, META_PROPERTIES, PartitionName, RECOVERY_POINT_CHECKPOINT, file_names,
    segment_bases,
};
use crate::log::format::meta_properties::MetaProperties;

/// The endings of folders that are no partition's any more, or not yet.
const STRAY: &str = "-stray";
const FUTURE: &str = "-future";

/// Whose data folder it is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// `node.id`.
    pub(crate) node_id: NodeId,
    /// `directory.id`.
    pub(crate) directory_id: Option<Uuid>,
}

/// A partition's folder.
#[derive(Debug, Clone)]
pub(crate) struct CheckedPartition {
    /// The folder.
    pub(crate) dir: PathBuf,
    /// The topic in its name.
    pub(crate) topic: String,
    /// The partition in its name.
    pub(crate) partition: i32,
    /// The id in its `partition.metadata`, if that can be read.
    pub(crate) topic_id: Option<TopicId>,
}

/// A data folder as its small files describe it.
#[derive(Debug)]
pub(crate) struct CheckedFolder {
    /// Whose it is; `None` when `meta.properties` is missing or damaged.
    pub(crate) identity: Option<Identity>,
    /// Whether the last stop was clean.
    pub(crate) clean: bool,
    /// Whether a broker has ever begun a log in it.
    pub(crate) is_used: bool,
    /// The partitions, by name.
    pub(crate) partitions: Vec<CheckedPartition>,
    /// How many bytes their logs have.
    pub(crate) total_bytes: u64,
    recovery_points: Offsets,
    high_watermarks: Offsets,
    log_starts: Offsets,
    cleaned: Offsets,
}

impl CheckedFolder {
    /// Reads the small files of the data folder.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub(crate) fn read(data_dir: &Path, found: &mut dyn FnMut(Finding)) -> Result<Self, LogError> {
        // Before anything is missed in it: the folder is there and can be read.
        let names = file_names(data_dir)?;
        let (partitions, total_bytes) = find_partitions(data_dir, &names, found)?;
        let is_used = total_bytes > 0 || partitions.iter().any(CheckedPartition::has_segments);
        let identity = read_identity(data_dir, is_used, found)?;
        // What is missing of a folder that nobody has used is made by whoever uses it first.
        let mut offsets =
            |file, missing: Severity| read_offsets(&data_dir.join(file), is_used.then_some(missing), found);
        let recovery_points = offsets(RECOVERY_POINT_CHECKPOINT, Severity::Damage)?;
        let high_watermarks = offsets(HIGH_WATERMARK_CHECKPOINT, Severity::Note)?;
        let log_starts = offsets(LOG_START_CHECKPOINT, Severity::Damage)?;
        let cleaned = offsets(CLEANER_CHECKPOINT, Severity::Note)?;
        let clean = data_dir.join(CLEAN_SHUTDOWN).exists();
        if !is_used {
            found(Finding::note(data_dir, unused(&names, identity.as_ref())));
        }
        Ok(Self {
            identity,
            clean,
            is_used,
            partitions,
            total_bytes,
            recovery_points,
            high_watermarks,
            log_starts,
            cleaned,
        })
    }

    /// Whether some topic lacks partitions before its last one: then they are in other folders, or lost.
    pub(crate) fn has_gaps(&self) -> bool {
        let mut expected: Option<(&str, i32)> = None;
        self.partitions.iter().any(|CheckedPartition { topic, partition, .. }| {
            let next = expected.filter(|(before, _)| before == topic).map_or(0, |(_, next)| next);
            expected = Some((topic, partition + 1));
            *partition != next
        })
    }

    /// Walks a partition.
    ///
    /// # Errors
    /// When the disk cannot be read, and when `meter` broke off.
    pub(crate) fn check(
        &self,
        partition: &CheckedPartition,
        walked: &mut Walked,
        meter: &mut Meter<'_>,
        found: &mut dyn FnMut(Finding),
    ) -> Result<(), LogError> {
        let name = PartitionName { topic: partition.topic.clone(), partition: partition.partition };
        let noted = Noted {
            clean: self.clean,
            recovery_point: self.recovery_points.get(&name).copied(),
            high_watermark: self.high_watermarks.get(&name).copied(),
            log_start: self.log_starts.get(&name).copied(),
            is_compacted: self.cleaned.contains_key(&name),
        };
        if meter.ask() {
            return Ok(());
        }
        partition::check(&partition.dir, noted, walked, meter, found)
    }

    /// Whether the partition may have been created just before a crash, so that it has no folder yet: no checkpoint knows it.
    pub(crate) fn may_be_new(&self, topic: &str, partition: i32) -> bool {
        let name = PartitionName { topic: topic.to_owned(), partition };
        !self.clean && !self.recovery_points.contains_key(&name)
    }

    /// Finds the partitions that had flushed records and have no folder. The metadata knows better: it also knows what was
    /// deleted after the checkpoint was written.
    pub(crate) fn find_missing(&self, data_dir: &Path, found: &mut dyn FnMut(Finding)) {
        for (name, &flushed) in &self.recovery_points {
            let dir = data_dir.join(name.dir_name());
            if flushed > 0 && !dir.is_dir() {
                let what = format!("the folder is missing, and offsets up to {flushed} had been flushed");
                found(Finding::damage(&dir, None, what));
            }
        }
    }
}

/// The partitions in the folder, by name, and how many bytes their logs have. Other folders and half-written files are found.
fn find_partitions(
    data_dir: &Path,
    names: &[String],
    found: &mut dyn FnMut(Finding),
) -> Result<(Vec<CheckedPartition>, u64), LogError> {
    let (mut partitions, mut total_bytes) = (Vec::new(), 0);
    for name in names {
        let dir = data_dir.join(name);
        if !dir.is_dir() {
            if name.ends_with(".tmp") {
                let what = "a small file that was not written to its end; it is not used";
                found(Finding::note(&dir, what));
            }
        } else if name.ends_with(DELETE_DIR_SUFFIX) {
            found(Finding::note(&dir, "the folder of a deleted partition; the next start unlinks it"));
        } else if name.ends_with(STRAY) {
            let what = "a partition that the metadata did not know, set aside; nobody reads it";
            found(Finding::note(&dir, what));
        } else if name.ends_with(FUTURE) {
            found(Finding::note(&dir, "a partition that was being moved here from another folder"));
        } else if let Some(PartitionName { topic, partition }) = PartitionName::parse(name) {
            total_bytes += log_bytes(&dir)?;
            // What is wrong with the file is found by the partition's check.
            let topic_id = checkpoint::read_topic_id(&dir).ok().flatten();
            partitions.push(CheckedPartition { dir, topic, partition, topic_id });
        }
    }
    partitions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Ok((partitions, total_bytes))
}

impl CheckedPartition {
    fn has_segments(&self) -> bool {
        file_names(&self.dir).is_ok_and(|names| !segment_bases(&names).is_empty())
    }
}

/// What a folder is in which no log was ever begun.
fn unused(names: &[String], identity: Option<&Identity>) -> &'static str {
    match identity {
        Some(_) => "was formatted and not used yet: the first start begins its logs",
        None if names.iter().all(|name| name == LOCK) => {
            "is empty: the first start makes a data folder of it"
        }
        None => "holds nothing of a broker: the first start makes a data folder of it",
    }
}

fn read_identity(
    data_dir: &Path,
    is_used: bool,
    found: &mut dyn FnMut(Finding),
) -> Result<Option<Identity>, LogError> {
    let file = data_dir.join(META_PROPERTIES);
    match MetaProperties::read(&file) {
        Ok(Some(MetaProperties { node_id, directory_id, .. })) => {
            return Ok(Some(Identity { node_id, directory_id }));
        }
        Ok(None) if is_used => {
            found(Finding::damage(&file, None, "is missing: whose folder it is cannot be told"));
        }
        Ok(None) => {}
        Err(StorageError::Damaged { file, why }) => {
            found(Finding::damage(&file, None, format!("cannot be understood: {why}")));
        }
        Err(StorageError::Log(error)) => return Err(error),
        Err(error) => found(Finding::damage(&file, None, error.to_string())),
    }
    Ok(None)
}

/// The offsets in a checkpoint file; none when it is missing or damaged, which is found.
fn read_offsets(
    path: &Path,
    missing: Option<Severity>,
    found: &mut dyn FnMut(Finding),
) -> Result<Offsets, LogError> {
    if !path.exists() {
        if let Some(severity) = missing {
            found(Finding::new(severity, path, None, "is missing"));
        }
        return Ok(Offsets::new());
    }
    checkpoint::read_offsets(path).or_else(|error| {
        found(partition::unreadable(error)?);
        Ok(Offsets::new())
    })
}

fn log_bytes(dir: &Path) -> Result<u64, LogError> {
    let mut bytes = 0;
    for name in file_names(dir)?.iter().filter(|name| name.ends_with(LOG_SUFFIX)) {
        let path = dir.join(name);
        bytes += fs::metadata(&path).map_err(|error| LogError::io("read", &path, error))?.len();
    }
    Ok(bytes)
}
