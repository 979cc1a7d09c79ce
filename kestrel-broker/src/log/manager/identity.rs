//! Whose data folder it is, and what is in it: read when the manager takes the folder.

use std::fs;
use std::path::{Path, PathBuf};

use kestrel_protocol::Uuid;

use super::{FoundPartition, ManagerOptions};
use crate::log::disk::{self, FileSync};
use crate::log::error::{LogError, StorageError};
use crate::log::format::checkpoint::{self, Offsets};
use crate::log::format::file_names::{
    CLEANER_CHECKPOINT, DELETE_DIR_SUFFIX, HIGH_WATERMARK_CHECKPOINT, LOG_START_CHECKPOINT, META_PROPERTIES,
    PartitionName, RECOVERY_POINT_CHECKPOINT,
};
use crate::log::format::meta_properties::MetaProperties;

/// Creates the data folder with those above it, durably.
pub(super) fn create_data_dir(path: &Path) -> Result<(), LogError> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|error| LogError::io("create", path, error))?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => disk::sync_dir(parent, FileSync::Yes),
        None => Ok(()),
    }
}

/// Whose folder it is: as the file says and the options agree, or as they say when there is no file yet.
pub(super) fn take_identity(
    dir: &Path,
    options: ManagerOptions,
    found: &[FoundPartition],
    sync: FileSync,
) -> Result<MetaProperties, StorageError> {
    let file = dir.join(META_PROPERTIES);
    let Some(mut meta) = MetaProperties::read(&file)? else {
        // It is written before the first log: somebody has removed it, and nobody knows whose logs these are.
        if let Some(FoundPartition { topic, partition, .. }) = found.first() {
            let why = format!("is missing, but the folder holds logs ({topic}-{partition})");
            return Err(StorageError::Damaged { file, why });
        }
        let meta = MetaProperties {
            cluster_id: options.cluster_id.unwrap_or_else(|| random_uuid().to_string()),
            node_id: options.node_id,
            directory_id: Some(random_uuid()),
        };
        meta.write(&file, sync)?;
        return Ok(meta);
    };
    if meta.node_id != options.node_id {
        let (found, configured) = (meta.node_id, options.node_id);
        return Err(StorageError::NodeIdMismatch { file, found, configured });
    }
    if let Some(configured) = options.cluster_id.filter(|configured| *configured != meta.cluster_id) {
        return Err(StorageError::ClusterIdMismatch { file, found: meta.cluster_id, configured });
    }
    if meta.directory_id.is_none() {
        meta.directory_id = Some(random_uuid());
        meta.write(&file, sync)?;
    }
    Ok(meta)
}

/// Makes the checkpoint files that are missing, as Apache Kafka does. Where there are logs, that is said: what they said of them
/// is lost.
pub(super) fn make_checkpoints(dir: &Path, found: &[FoundPartition], sync: FileSync) -> Result<(), LogError> {
    for (file, lost) in [
        (RECOVERY_POINT_CHECKPOINT, "up to where its logs had been flushed"),
        (HIGH_WATERMARK_CHECKPOINT, "up to where its logs had been committed"),
        (LOG_START_CHECKPOINT, "where its logs begin whose first records were deleted"),
        (CLEANER_CHECKPOINT, "up to where its logs had been compacted"),
    ] {
        let path = dir.join(file);
        if disk::read_file(&path)?.is_some() {
            continue;
        }
        if !found.is_empty() {
            tracing::warn!("{} is missing: it is not known {lost}", path.display());
        }
        checkpoint::write_offsets(&path, &Offsets::new(), sync)?;
    }
    Ok(())
}

/// The folders of partitions, and those of deleted ones.
pub(super) fn find_partitions(data_dir: &Path) -> Result<(Vec<FoundPartition>, Vec<PathBuf>), LogError> {
    let (mut found, mut deleted) = (Vec::new(), Vec::new());
    let entries = fs::read_dir(data_dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    for entry in entries.map_err(|error| LogError::io("list", data_dir, error))? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        if name.ends_with(DELETE_DIR_SUFFIX) {
            deleted.push(path);
        } else if let Some(PartitionName { topic, partition }) = PartitionName::parse(&name) {
            found.push(FoundPartition { topic, partition, topic_id: checkpoint::read_topic_id(&path)? });
        }
    }
    found.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    Ok((found, deleted))
}

pub(super) fn random_uuid() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    Uuid::from_random_bytes(bytes)
}
