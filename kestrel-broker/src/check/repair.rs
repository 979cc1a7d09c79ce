//! Carries out `kestrel-broker repair`: finds the logs that a start refuses, and cuts them off once its user agreed.

use std::fmt;
use std::path::{Path, PathBuf};

use super::CheckError;
use crate::cluster::METADATA_TOPIC;
use crate::log::StorageError;
use crate::log::check::CheckedFolder;
use crate::log::repair::{DamagedLog, LogRepair};

/// A data folder that is held to be repaired: what is damaged, and what cutting it off would lose.
///
/// Only logs with damage that no start deals with by itself are in it: below the recovery point, or with whole batches behind.
/// A torn end is left to the next start, the metadata log is never cut, and missing segments do not come back. Blocks.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let broker = kestrel_broker::Broker::builder().listen("127.0.0.1:0").data_dir(folder.path()).start().await?;
/// # broker.stop().await?;
/// let repair = kestrel_broker::Repair::find(folder.path())?;
/// for cut in repair.cuts() {
///     println!("{cut}");
/// }
/// let kept = repair.apply()?; // the files with the bytes that were cut off
/// assert!(kept.is_empty()); // nothing was damaged
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Repair {
    logs: LogRepair,
    cuts: Vec<Cut>,
}

/// A log that a repair would cut off. As text it says where, why, and what would be lost.
#[derive(Debug, Clone)]
pub struct Cut {
    log: DamagedLog,
}

impl Repair {
    /// Takes the data folder and reads all its logs. Nothing is changed yet.
    ///
    /// # Errors
    /// When a broker, Kestrel or Apache Kafka, runs on the folder; when a file cannot be read.
    pub fn find(data_dir: &Path) -> Result<Self, CheckError> {
        Self::look(data_dir).map_err(|error| CheckError::new(error.into_parts()))
    }

    /// The logs that would be cut off.
    #[must_use]
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// Cuts the logs off; gives the files beside them that keep the bytes. The next start recovers all logs.
    ///
    /// # Errors
    /// When a file cannot be written; the repair can be begun again then.
    pub fn apply(mut self) -> Result<Vec<PathBuf>, CheckError> {
        let mut kept = Vec::new();
        for cut in &self.cuts {
            let files = self.logs.cut(&cut.log).map_err(|error| CheckError::new(error.into_parts()))?;
            kept.extend(files);
        }
        Ok(kept)
    }

    fn look(data_dir: &Path) -> Result<Self, StorageError> {
        let folder = CheckedFolder::read(data_dir, &mut |_| {})?;
        let logs = LogRepair::open(data_dir)?;
        let mut cuts = Vec::new();
        for partition in folder.partitions.iter().filter(|partition| partition.topic != METADATA_TOPIC) {
            let found = logs.find(&partition.topic, partition.partition)?;
            cuts.extend(found.map(|log| Cut { log }));
        }
        Ok(Self { logs, cuts })
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DamagedLog { bad, file, flushed_offset, cut_bytes, .. } = &self.log;
        write!(f, "{} at byte {}: {}; ", file.display(), bad.position, bad.damage)?;
        write!(f, "the log would end at offset {} and lose {cut_bytes} bytes", bad.next_offset)?;
        if bad.batches_behind > 0 {
            write!(f, ", with {} whole batches", bad.batches_behind)?;
        }
        if !bad.later_segments.is_empty() {
            write!(f, ", with {} later segments", bad.later_segments.len())?;
        }
        if bad.next_offset < *flushed_offset {
            write!(f, "; offsets {} to {} had been flushed", bad.next_offset, flushed_offset - 1)?;
        }
        Ok(())
    }
}
