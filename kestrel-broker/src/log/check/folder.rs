//! The data folder: its identity, its checkpoints, and which partitions it has. Hands each of those to its check.

use std::fs;
use std::path::{Path, PathBuf};

use kestrel_protocol::{NodeId, TopicId, Uuid};

use super::finding::Finding;
use super::partition::{self, Noted, Walked};
use super::reader::Meter;
use crate::log::checkpoint::{self, Offsets};
use crate::log::error::{LogError, StorageError};
use crate::log::file_names::{
    CLEAN_SHUTDOWN, CLEANER_CHECKPOINT, DELETE_DIR_SUFFIX, HIGH_WATERMARK_CHECKPOINT, LOG_START_CHECKPOINT,
    LOG_SUFFIX, META_PROPERTIES, PartitionName, RECOVERY_POINT_CHECKPOINT,
};
use crate::log::meta_properties::MetaProperties;

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
        partition::file_names(data_dir)?;
        let identity = read_identity(data_dir, found)?;
        let mut offsets = |file| read_offsets(&data_dir.join(file), found);
        let recovery_points = offsets(RECOVERY_POINT_CHECKPOINT)?;
        let high_watermarks = offsets(HIGH_WATERMARK_CHECKPOINT)?;
        let log_starts = offsets(LOG_START_CHECKPOINT)?;
        let cleaned = offsets(CLEANER_CHECKPOINT)?;
        let mut folder = Self {
            identity,
            clean: data_dir.join(CLEAN_SHUTDOWN).exists(),
            partitions: Vec::new(),
            total_bytes: 0,
            recovery_points,
            high_watermarks,
            log_starts,
            cleaned,
        };
        folder.find_partitions(data_dir, found)?;
        Ok(folder)
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

    fn find_partitions(&mut self, data_dir: &Path, found: &mut dyn FnMut(Finding)) -> Result<(), LogError> {
        for name in partition::file_names(data_dir)? {
            let dir = data_dir.join(&name);
            if !dir.is_dir() {
                if name.ends_with(".tmp") {
                    found(Finding::note(
                        &dir,
                        "a small file that was not written to its end; it is not used",
                    ));
                }
            } else if name.ends_with(DELETE_DIR_SUFFIX) {
                found(Finding::note(&dir, "the folder of a deleted partition; the next start unlinks it"));
            } else if name.ends_with(STRAY) {
                found(Finding::note(
                    &dir,
                    "a partition that the metadata did not know, set aside; nobody reads it",
                ));
            } else if name.ends_with(FUTURE) {
                found(Finding::note(&dir, "a partition that was being moved here from another folder"));
            } else if let Some(PartitionName { topic, partition }) = PartitionName::parse(&name) {
                self.total_bytes += log_bytes(&dir)?;
                // What is wrong with the file is found by the partition's check.
                let topic_id = checkpoint::read_topic_id(&dir).ok().flatten();
                self.partitions.push(CheckedPartition { dir, topic, partition, topic_id });
            }
        }
        self.partitions.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(())
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

fn read_identity(data_dir: &Path, found: &mut dyn FnMut(Finding)) -> Result<Option<Identity>, LogError> {
    let file = data_dir.join(META_PROPERTIES);
    match MetaProperties::read(&file) {
        Ok(Some(MetaProperties { node_id, directory_id, .. })) => {
            return Ok(Some(Identity { node_id, directory_id }));
        }
        Ok(None) => found(Finding::damage(&file, None, "is missing: whose folder it is cannot be told")),
        Err(StorageError::Damaged { file, why }) => {
            found(Finding::damage(&file, None, format!("cannot be understood: {why}")));
        }
        Err(StorageError::Log(error)) => return Err(error),
        Err(error) => found(Finding::damage(&file, None, error.to_string())),
    }
    Ok(None)
}

/// The offsets in a checkpoint file; none when it is missing or damaged, which is found.
fn read_offsets(path: &Path, found: &mut dyn FnMut(Finding)) -> Result<Offsets, LogError> {
    if !path.exists() {
        found(Finding::damage(path, None, "is missing"));
        return Ok(Offsets::new());
    }
    checkpoint::read_offsets(path).or_else(|error| {
        found(partition::unreadable(error)?);
        Ok(Offsets::new())
    })
}

fn log_bytes(dir: &Path) -> Result<u64, LogError> {
    let mut bytes = 0;
    for name in partition::file_names(dir)?.iter().filter(|name| name.ends_with(LOG_SUFFIX)) {
        let path = dir.join(name);
        bytes += fs::metadata(&path).map_err(|error| LogError::io("read", &path, error))?.len();
    }
    Ok(bytes)
}
