//! Keeps the metadata log from growing: a snapshot now and then, and behind it the oldest segments and snapshots go.
//!
//! Called by the driver when a snapshot is due, with nothing appended that is not stored. In an order that a crash at any point
//! leaves whole:
//!
//! ```text
//!   snapshot on the disk, under another name ─► renamed ─► log start moved ─► segments, older snapshots deleted
//! ```

use tokio::task::spawn_blocking;

use kestrel_protocol::Timestamp;

use super::snapshot::{
    NewSnapshot, SnapshotFile, delete_snapshot, last_contained, lets_go, snapshots, write_snapshot,
};
use super::{MetadataError, MetadataLog, damaged};
use crate::cluster::image::ClusterImage;
use crate::log::LogError;

impl MetadataLog {
    /// How many bytes of records the log has.
    pub(in crate::cluster) fn size_bytes(&self) -> u64 {
        self.partition.size_bytes()
    }

    /// Writes `image`, which is that of the log's end, as a snapshot; then deletes what the settings do not keep.
    ///
    /// # Errors
    /// When the disk fails. The log and the snapshots before it are whole then.
    pub(in crate::cluster) async fn take_snapshot(
        &self,
        image: &ClusterImage,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        self.write_snapshot(image, now).await?;
        while self.delete_oldest(now).await? {}
        Ok(())
    }

    async fn write_snapshot(&self, image: &ClusterImage, now: Timestamp) -> Result<(), MetadataError> {
        let (dir, image) = (self.dir.clone(), image.clone());
        let mut snapshot = NewSnapshot {
            end_offset: self.end_offset(),
            leader_epoch: self.partition.leader_epoch(),
            last_contained: self.last_appended,
            quorum: self.quorum.clone(),
            values: Vec::new(),
        };
        let (partition, min_bytes) = (self.partition.clone(), self.settings.snapshot_bytes);
        blocking(move || {
            snapshot.values = image.to_records();
            let size_bytes = write_snapshot(&dir, &snapshot, now)?;
            tracing::info!(
                end_offset = snapshot.end_offset,
                records = snapshot.values.len(),
                size_bytes,
                "wrote a snapshot of the metadata"
            );
            // So that what the snapshot contains can go as a whole.
            partition.begin_segment(min_bytes, now)
        })
        .await
    }

    /// Deletes the oldest snapshot if the settings let it go, and the log up to where the next one ends; whether it did.
    async fn delete_oldest(&self, now: Timestamp) -> Result<bool, MetadataError> {
        let all = snapshots(&self.dir)?;
        let [oldest, next, ..] = &*all else { return Ok(false) };
        let total_bytes = self.size_bytes() + all.iter().map(SnapshotFile::size_bytes).sum::<u64>();
        if !lets_go(&self.settings, last_contained(oldest)?, total_bytes, now) {
            return Ok(false);
        }
        if self.partition.watermarks().log_start < next.end_offset {
            let deleted = self.partition.delete_records(next.end_offset).await;
            deleted.map_err(|code| damaged(&self.dir, &code.meaning()))?;
        }
        let oldest = oldest.clone();
        blocking(move || delete_snapshot(&oldest)).await?;
        Ok(true)
    }
}

async fn blocking(work: impl FnOnce() -> Result<(), LogError> + Send + 'static) -> Result<(), MetadataError> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(MetadataError::from),
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

#[cfg(test)]
mod tests;
