//! Verifies a data folder and changes nothing: what `kestrel-broker check` does; and `repair`, which cuts damaged logs off.
//!
//! Called by the binary. Never opens a log.

mod metadata;
mod repair;

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;

use crate::log::LogError;
use crate::log::check::{CheckedFolder, Meter, Walked, holder_of};

pub use crate::log::check::{Finding, Severity};
pub use repair::{Cut, Repair};

/// The reports of a check while it runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CheckEvent {
    /// Something that was found.
    Found(Finding),
    /// How far the check is; every few MiB and at each partition.
    Progress {
        /// How many bytes of logs were read.
        done_bytes: u64,
        /// How many bytes of logs there are.
        total_bytes: u64,
    },
}

/// The verdict of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckSummary {
    /// How many partitions were checked, that of the metadata log included.
    pub partitions: u64,
    /// How many segments.
    pub segments: u64,
    /// How many record batches.
    pub batches: u64,
    /// How many records.
    pub records: u64,
    /// How many bytes of logs were read.
    pub bytes: u64,
    /// How many findings are damage.
    pub damages: u64,
    /// How many are of a format that Kestrel does not read: whole, but their partitions stay offline.
    pub old_formats: u64,
    /// How many are notes.
    pub notes: u64,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// Why a data folder could not be checked or repaired. The text is one sentence that names the file; what the system said is
/// the `source()`, and not in the text.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CheckError {
    message: String,
    source: Option<std::io::Error>,
}

impl CheckError {
    /// `wrong` is what is wrong, and what the system said.
    fn new(wrong: (String, Option<std::io::Error>)) -> Self {
        let (message, source) = wrong;
        Self { message, source }
    }
}

/// Verifies the data folder of a broker, Kestrel or Apache Kafka 4, and changes nothing in it.
///
/// Every record batch is read and its checksum verified; index entries are held against the batches that they point to,
/// producer snapshots, leader epochs and checkpoints against the log, and the replayed metadata against the folders.
/// `watch` hears of each finding and of the progress, and breaks the check off when it answers so: the summary then
/// covers what was checked. Takes one record batch of memory, and the metadata. Blocks.
///
/// A folder that a broker of another process holds can be checked too, which is a note: what is written meanwhile looks
/// like a torn end. Not for one that a broker of this process holds: looking at the lock would give it up.
///
/// # Errors
/// When the folder is not there, or a file in it cannot be read.
///
/// ```
/// use std::ops::ControlFlow;
/// use kestrel_broker::{CheckEvent, check_folder};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let broker = kestrel_broker::Broker::builder().listen("127.0.0.1:0").data_dir(folder.path()).start().await?;
/// broker.stop().await?;
/// let summary = check_folder(folder.path(), &mut |event| {
///     if let CheckEvent::Found(finding) = event {
///         println!("{finding}");
///     }
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!((summary.partitions, summary.damages), (1, 0)); // only the metadata log
/// # Ok(())
/// # }
/// ```
pub fn check_folder(
    data_dir: &Path,
    watch: &mut dyn FnMut(CheckEvent) -> ControlFlow<()>,
) -> Result<CheckSummary, CheckError> {
    run(data_dir, watch).map_err(|error| CheckError::new(error.into_parts()))
}

fn run(
    data_dir: &Path,
    watch: &mut dyn FnMut(CheckEvent) -> ControlFlow<()>,
) -> Result<CheckSummary, LogError> {
    let watch = std::cell::RefCell::new(watch);
    let mut summary = CheckSummary::default();
    let mut found = |finding: Finding| {
        match finding.severity {
            Severity::Damage => summary.damages += 1,
            Severity::OldFormat => summary.old_formats += 1,
            Severity::Note => summary.notes += 1,
        }
        // Whether to stop is asked where bytes are counted.
        let _ = (watch.borrow_mut())(CheckEvent::Found(finding));
    };
    let holder = holder_of(data_dir)?;
    if let Some(process) = holder {
        let what = format!(
            "a broker (process {process}) holds the folder: what it writes meanwhile looks like a torn end"
        );
        found(Finding::note(data_dir, what));
    }
    let folder = CheckedFolder::read(data_dir, &mut found)?;
    if folder.is_used && !folder.clean {
        found(Finding::note(data_dir, "the last stop was not clean: the next start recovers the logs"));
    }
    metadata::check(data_dir, &folder, &mut found)?;
    let total_bytes = folder.total_bytes;
    let mut ask = |done_bytes| (watch.borrow_mut())(CheckEvent::Progress { done_bytes, total_bytes });
    let mut meter = Meter::new(&mut ask);
    let (mut walked, mut partitions) = (Walked::default(), 0);
    for partition in &folder.partitions {
        let checked = folder.check(partition, &mut walked, &mut meter, &mut found);
        if meter.is_stopped() {
            break;
        }
        match checked {
            // Retention and compaction go on under a broker.
            Err(error) if holder.is_some() && error.is_gone() => {
                found(Finding::note(&partition.dir, format!("changed while it was checked: {error}")));
            }
            checked => checked?,
        }
        partitions += 1;
    }
    let Walked { segments, batches, records } = walked;
    let (bytes, stopped) = (meter.done_bytes(), meter.is_stopped());
    Ok(CheckSummary { partitions, segments, batches, records, bytes, stopped, ..summary })
}
