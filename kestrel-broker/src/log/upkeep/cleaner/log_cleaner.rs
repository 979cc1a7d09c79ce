//! Which logs were cleaned how far, which cannot be, and the next one to clean: the cleaner's part of a data folder.
//!
//! Owned by the [`LogManager`], called by the housekeeper's cleaner, one call at a time. What it knows is in
//! `cleaner-offset-checkpoint`, so that the next broker on the folder, this one or Apache Kafka, goes on from there.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use kestrel_protocol::Timestamp;

use super::cleanable::{Cleanable, LogFacts, SegmentFacts};
use super::cleaning::{Cleaning, CleaningStats, Ended};
use super::key_hash::HashKey;
use super::{CleanerHost, CleanerSettings};
use crate::log::disk::FileSync;
use crate::log::error::LogError;
use crate::log::format::checkpoint::{self, Offsets};
use crate::log::format::file_names::{CLEANER_CHECKPOINT, PartitionName};
use crate::log::log::Log;
use crate::log::manager::LogManager;

/// The outcome of [`LogManager::clean_next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cleaned {
    /// One was cleaned, or turned out not to be cleanable: there may be another one.
    One,
    /// None is worth it, or the broker stops.
    None,
}

/// The state of the cleanings of a data folder.
#[derive(Debug)]
pub(in crate::log) struct LogCleaner {
    /// Up to where each log was cleaned.
    offsets: Mutex<Offsets>,
    /// Logs that cannot be read: left alone until the next start.
    uncleanable: Mutex<BTreeSet<PartitionName>>,
    hash_key: HashKey,
}

impl LogCleaner {
    /// Reads the checkpoint in `data_dir`. One that cannot be understood is as good as none: the logs are cleaned from their
    /// start on.
    pub(in crate::log) fn open(data_dir: &Path) -> Result<Self, LogError> {
        let offsets = match checkpoint::read_offsets(&data_dir.join(CLEANER_CHECKPOINT)) {
            Err(error @ LogError::Corrupt { .. }) => {
                tracing::warn!(%error, "every compacted log is cleaned as a whole next time");
                Offsets::new()
            }
            offsets => offsets?,
        };
        let mut random = [0; 16];
        getrandom::fill(&mut random).expect("the system has random numbers");
        Ok(Self {
            offsets: Mutex::new(offsets),
            uncleanable: Mutex::default(),
            hash_key: HashKey::new(random),
        })
    }

    /// Forgets a log that is deleted, or whose folder was moved away.
    pub(in crate::log) fn forget(
        &self,
        data_dir: &Path,
        name: &PartitionName,
        sync: FileSync,
    ) -> Result<(), LogError> {
        self.uncleanable.lock().remove(name);
        let mut offsets = self.offsets.lock();
        let Some(before) = offsets.remove(name) else { return Ok(()) };
        let written = checkpoint::write_offsets(&data_dir.join(CLEANER_CHECKPOINT), &offsets, sync);
        if written.is_err() {
            offsets.insert(name.clone(), before);
        }
        written
    }

    /// Whether anything is known of a log.
    pub(in crate::log) fn knows(&self, name: &PartitionName) -> bool {
        self.offsets.lock().contains_key(name)
    }
}

/// A log that is to be cleaned.
struct Job {
    name: PartitionName,
    log: Arc<Log>,
    cleanable: Cleanable,
}

impl LogManager {
    /// Cleans the log that needs it most, if one is worth it. Can take long: call it where blocking is allowed, and not twice at
    /// a time.
    pub(crate) fn clean_next(&self, settings: &CleanerSettings, host: &dyn CleanerHost) -> Cleaned {
        if host.is_stopping() || self.poisoned().is_some() {
            return Cleaned::None;
        }
        let Some(job) = self.dirtiest(host.wall()) else { return Cleaned::None };
        let cleaning = Cleaning::new(&job.log, job.cleanable, settings, host);
        // From now on offsets may be missing: a check of the folder has to know before the first one is.
        let outcome = match self.note_clean(&job, job.cleanable.first_dirty_offset) {
            Ok(()) => cleaning.run(self.cleaner.hash_key),
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok((clean_offset, stats)) => {
                report(&job, clean_offset, &stats);
                if let Err(error) = self.note_clean(&job, clean_offset) {
                    tracing::error!(%error, "what was cleaned cannot be noted, and will be again");
                }
                Cleaned::One
            }
            Err(Ended::Early) => {
                tracing::info!(log = job.log.dir_name(), "the cleaning was ended early");
                if host.is_stopping() { Cleaned::None } else { Cleaned::One }
            }
            Err(Ended::Failed(error)) => self.give_up(&job, &error),
        }
    }

    /// The log with the largest dirty part among those worth it.
    fn dirtiest(&self, now: Timestamp) -> Option<Job> {
        let logs: Vec<(PartitionName, Arc<Log>)> =
            self.logs.lock().iter().map(|(name, log)| (name.clone(), Arc::clone(log))).collect();
        let jobs = logs.into_iter().filter_map(|(name, log)| self.job(name, log, now));
        jobs.max_by(|one, other| one.cleanable.dirty_ratio().total_cmp(&other.cleanable.dirty_ratio()))
    }

    /// The cleaning of a log, if it is worth it.
    fn job(&self, name: PartitionName, log: Arc<Log>, now: Timestamp) -> Option<Job> {
        if !log.may_be_cleaned() || self.cleaner.uncleanable.lock().contains(&name) {
            return None;
        }
        let last_clean_offset = self.cleaner.offsets.lock().get(&name).copied();
        let rules = log.config().compaction;
        let cleanable = match log.cleaning_facts(last_clean_offset) {
            Ok(facts) => Cleanable::of(&facts, &rules, now),
            Err(error) => {
                let cleanable = Cleanable::of(&LogFacts::default(), &rules, now);
                self.give_up(&Job { name, log, cleanable }, &error);
                return None;
            }
        };
        if cleanable.is_checkpoint_wrong && !log.config().retains() {
            tracing::warn!(
                log = log.dir_name(),
                last_clean_offset,
                "was cleaned up to an offset that it does not have"
            );
        }
        cleanable.is_worth_it(&rules).then_some(Job { name, log, cleanable })
    }

    /// Notes up to where a log is clean, unless it was deleted meanwhile.
    fn note_clean(&self, job: &Job, clean_offset: i64) -> Result<(), LogError> {
        let mut offsets = self.cleaner.offsets.lock();
        let is_there = self.logs.lock().get(&job.name).is_some_and(|log| Arc::ptr_eq(log, &job.log));
        if !is_there {
            return Ok(());
        }
        if offsets.insert(job.name.clone(), clean_offset) == Some(clean_offset) {
            return Ok(());
        }
        let path = self.data_dir.path.join(CLEANER_CHECKPOINT);
        // A failure leaves the old file, and costs a cleaning that need not have been.
        checkpoint::write_offsets(&path, &offsets, self.data_dir.sync())
    }

    /// Leaves a log alone from now on that cannot be cleaned, unless that is no fault of it.
    fn give_up(&self, job: &Job, error: &LogError) -> Cleaned {
        let log = job.log.dir_name();
        if !job.log.may_be_cleaned() {
            tracing::info!(log, "the cleaning was ended early");
            return Cleaned::One;
        }
        if let Some(shortage) = error.shortage() {
            tracing::warn!(log, %error, "the log cannot be compacted now: {shortage}; it is tried again later");
            return Cleaned::None;
        }
        tracing::error!(
            log,
            %error,
            "THE LOG CANNOT BE COMPACTED and is left as it is until the next start: it grows; \
             kestrel-broker check tells what is wrong with the folder"
        );
        self.cleaner.uncleanable.lock().insert(job.name.clone());
        Cleaned::One
    }
}

impl Log {
    /// The facts that decide whether to clean the log.
    pub(super) fn cleaning_facts(&self, last_clean_offset: Option<i64>) -> Result<LogFacts, LogError> {
        let rules = self.config().compaction;
        let view = self.view();
        let mut segments = Vec::with_capacity(view.segments.len());
        for segment in view.segments.iter() {
            segments.push(SegmentFacts {
                base_offset: segment.base_offset(),
                size_bytes: segment.size_bytes(),
                newest: if rules.min_lag.is_zero() { None } else { Some(segment.newest()?) },
                first: if rules.max_lag.is_none() { None } else { segment.first_timestamp()? },
            });
        }
        let high_watermark = self.upkeep().high_watermark();
        Ok(LogFacts {
            segments,
            log_start_offset: view.log_start_offset,
            log_end_offset: view.log_end_offset,
            last_stable_offset: view
                .first_unstable_offset
                .map_or(high_watermark, |first| first.min(high_watermark)),
            last_clean_offset,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures to be read")]
fn report(job: &Job, clean_offset: i64, stats: &CleaningStats) {
    let seconds = stats.took.as_secs_f64().max(1e-6);
    let megabytes_per_second = (stats.bytes_before as f64 / 1e6 / seconds * 10.0).round() / 10.0;
    tracing::info!(
        log = job.log.dir_name(),
        clean_offset,
        bytes_before = stats.bytes_before,
        bytes_after = stats.bytes_after,
        records_before = stats.records_before,
        records_after = stats.records_after,
        without_key = stats.without_key,
        keys = stats.keys,
        map_bytes = stats.map_bytes,
        took = ?stats.took,
        megabytes_per_second,
        "cleaned"
    );
}
