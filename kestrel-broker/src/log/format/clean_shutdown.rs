//! `.kafka_cleanshutdown`: written last by a clean stop, removed before the first change after a start. Without it logs are recovered.

use std::path::Path;

use crate::log::disk::{self, FileSync};
use crate::log::error::LogError;

/// Whether the file is there.
pub(in crate::log) fn is_there(path: &Path) -> Result<bool, LogError> {
    Ok(disk::read_file(path)?.is_some())
}

/// Removes the file. Its absence is durable before anything is written.
pub(in crate::log) fn remove(path: &Path, sync: FileSync) -> Result<(), LogError> {
    disk::remove_file(path)?;
    match path.parent() {
        Some(dir) => disk::sync_dir(dir, sync),
        None => Ok(()),
    }
}

/// Writes the file, with the epoch of the broker's registration (KIP-966); -1 without one.
pub(in crate::log) fn write(path: &Path, broker_epoch: i64, sync: FileSync) -> Result<(), LogError> {
    let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    disk::replace(path, text.as_bytes(), sync)
}
