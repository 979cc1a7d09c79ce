//! `.kafka_cleanshutdown`: written last by a clean stop, removed first by a start. Without it logs are recovered.

use std::path::Path;

use super::disk::{self, Sync};
use super::error::LogError;

/// Removes the file; whether it was there. Its absence is durable before anything is written.
pub(super) fn take(path: &Path, sync: Sync) -> Result<bool, LogError> {
    if disk::read_file(path)?.is_none() {
        return Ok(false);
    }
    disk::remove_file(path)?;
    if let Some(dir) = path.parent() {
        disk::sync_dir(dir, sync)?;
    }
    Ok(true)
}

/// Writes the file, with the epoch of the broker's registration (KIP-966); -1 without one.
pub(super) fn write(path: &Path, broker_epoch: i64, sync: Sync) -> Result<(), LogError> {
    let text = format!("{{\"version\":0,\"brokerEpoch\":{broker_epoch}}}");
    disk::replace(path, text.as_bytes(), sync)
}
