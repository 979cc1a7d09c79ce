//! The state that the logs of one data folder share: whether it still works, how durable it is, the log starts, the flush queue.
//!
//! Made by the manager, held by each log.

mod poison;
mod shortage;
mod space;

pub(super) use poison::Poison;
pub(super) use shortage::{Shortage, ShortageWatch};
pub(crate) use space::Space;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::config::{Durability, Validation};
use super::disk::FileSync;
use super::error::LogError;
use crate::log::format::checkpoint::{self, Offsets};
use crate::log::format::file_names::{LOG_START_CHECKPOINT, PartitionName};
use crate::log::upkeep::FlushQueue;

/// The state that the logs of one data folder share.
#[derive(Debug)]
pub(super) struct DataDir {
    pub(super) path: PathBuf,
    pub(super) durability: Durability,
    pub(super) validation: Validation,
    pub(super) producer_id_expiration: Duration,
    pub(super) poison: Poison,
    pub(super) shortages: ShortageWatch,
    pub(super) flush_queue: Arc<FlushQueue>,
    /// The logs that do not begin where their first segment does.
    pub(super) log_starts: Mutex<Offsets>,
}

impl DataDir {
    /// Whether small files and folders are synced: not where only the process may die.
    pub(super) fn sync(&self) -> FileSync {
        match self.durability {
            Durability::Group | Durability::Interval => FileSync::Yes,
            Durability::Os => FileSync::No,
        }
    }

    /// Writes down where a log begins now, before anything below is deleted.
    pub(super) fn write_log_start(
        &self,
        name: &PartitionName,
        log_start_offset: i64,
    ) -> Result<(), LogError> {
        let mut log_starts = self.log_starts.lock();
        let before = log_starts.insert(name.clone(), log_start_offset);
        let written =
            checkpoint::write_offsets(&self.path.join(LOG_START_CHECKPOINT), &log_starts, self.sync());
        if written.is_err() {
            match before {
                Some(before) => log_starts.insert(name.clone(), before),
                None => log_starts.remove(name),
            };
        }
        written
    }

    /// Takes the folder out of service when the disk failed; counts a failure that may pass.
    pub(super) fn guard<T>(&self, result: Result<T, LogError>) -> Result<T, LogError> {
        self.note_shortage(&result);
        self.poison.guard(result)
    }

    /// Counts a failure that may pass: of a read, which takes nothing out of service.
    pub(super) fn note_shortage<T>(&self, result: &Result<T, LogError>) {
        if let Err(error @ LogError::Short { shortage, .. }) = result {
            self.shortages.refused(&self.path, *shortage, error);
        }
    }

    /// Forgets where a log begins: it is deleted.
    pub(super) fn forget_log_start(&self, name: &PartitionName) -> Result<(), LogError> {
        let mut log_starts = self.log_starts.lock();
        let Some(before) = log_starts.remove(name) else { return Ok(()) };
        let written =
            checkpoint::write_offsets(&self.path.join(LOG_START_CHECKPOINT), &log_starts, self.sync());
        if written.is_err() {
            // It is to be forgotten again: the next log of the name would begin there.
            log_starts.insert(name.clone(), before);
        }
        written
    }
}
