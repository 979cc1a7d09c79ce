//! Which leader epoch appended which offsets (KIP-101): a replayed machine and its `leader-epoch-checkpoint` file.
//!
//! Called by the log on append and recovery, and for OffsetForLeaderEpoch. One entry per epoch that appended.

use std::path::{Path, PathBuf};

use kestrel_protocol::LeaderEpoch;

use super::disk::FileSync;
use super::error::LogError;
use crate::log::format::checkpoint;

/// Where a leader epoch ends; epoch and offset are -1 when it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochEnd {
    /// The largest epoch of the log that is not larger than the one asked for.
    pub(crate) epoch: LeaderEpoch,
    /// The offset after its last record.
    pub(crate) end_offset: i64,
}

impl EpochEnd {
    /// The answer for an epoch that the log knows nothing of.
    pub(crate) const UNKNOWN: Self = Self { epoch: LeaderEpoch::NONE, end_offset: -1 };
}

/// The first offset of each epoch, both ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LeaderEpochCache {
    entries: Vec<EpochStart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct EpochStart {
    epoch: LeaderEpoch,
    start_offset: i64,
}

impl LeaderEpochCache {
    /// These epochs and `epoch`, which begins at `start_offset`; `None` when that is no news.
    pub(super) fn with(&self, epoch: LeaderEpoch, start_offset: i64) -> Option<Self> {
        if !self.is_news(epoch) {
            return None;
        }
        let mut more = self.clone();
        more.assign(epoch, start_offset);
        Some(more)
    }

    /// Notes that `epoch` begins at `start_offset`; whether that is news. Entries that contradict it are dropped.
    pub(super) fn assign(&mut self, epoch: LeaderEpoch, start_offset: i64) -> bool {
        if !self.is_news(epoch) {
            return false;
        }
        self.entries.retain(|entry| entry.start_offset < start_offset);
        self.entries.push(EpochStart { epoch, start_offset });
        true
    }

    fn is_news(&self, epoch: LeaderEpoch) -> bool {
        epoch >= LeaderEpoch(0) && self.latest().is_none_or(|latest| latest < epoch)
    }

    /// The newest epoch.
    pub(super) fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// The epoch of the record at `offset`.
    pub(super) fn epoch_at(&self, offset: i64) -> Option<LeaderEpoch> {
        let later = self.entries.partition_point(|entry| entry.start_offset <= offset);
        Some(self.entries.get(later.checked_sub(1)?)?.epoch)
    }

    /// Where `epoch` ends: where the next epoch of the log begins, or at the end of the log for the newest.
    pub(super) fn end_offset_for(&self, epoch: LeaderEpoch, log_end_offset: i64) -> EpochEnd {
        if epoch == LeaderEpoch::NONE {
            return EpochEnd::UNKNOWN;
        }
        if self.latest() == Some(epoch) {
            return EpochEnd { epoch, end_offset: log_end_offset };
        }
        let later = self.entries.partition_point(|entry| entry.epoch <= epoch);
        // A later epoch than any of ours: we cannot know where it ends.
        let Some(next) = self.entries.get(later) else { return EpochEnd::UNKNOWN };
        let known = later.checked_sub(1).and_then(|floor| self.entries.get(floor));
        EpochEnd { epoch: known.map_or(epoch, |entry| entry.epoch), end_offset: next.start_offset }
    }

    /// Drops the epochs that begin at `end_offset` or later: the log was cut there. Whether there were any.
    pub(super) fn truncate_from_end(&mut self, end_offset: i64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end_offset);
        self.entries.len() < before
    }

    /// Drops the epochs that end at `start_offset` or before: the log begins there now. Whether anything changed.
    pub(super) fn truncate_from_start(&mut self, start_offset: i64) -> bool {
        let later = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        let Some(first) = later.checked_sub(1) else { return false };
        let Some(entry) = self.entries.get_mut(first).filter(|entry| entry.start_offset < start_offset)
        else {
            let dropped = first > 0;
            self.entries.drain(..first);
            return dropped;
        };
        entry.start_offset = start_offset;
        self.entries.drain(..first);
        true
    }

    /// Reads the file; `None` when there is none, or none that can be understood.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, LogError> {
        let lines = match checkpoint::read_lines(path) {
            Ok(lines) => lines,
            Err(LogError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(lines.and_then(|lines| Self::parse(&lines)))
    }

    /// Replaces the file.
    pub(super) fn write(&self, path: &Path, sync: FileSync) -> Result<(), LogError> {
        let lines = self.entries.iter().map(|entry| format!("{} {}", entry.epoch, entry.start_offset));
        checkpoint::write_lines(path, lines, sync)
    }

    fn parse(lines: &[String]) -> Option<Self> {
        let mut cache = Self::default();
        for line in lines {
            let (epoch, start_offset) = line.split_once(' ')?;
            if !cache.assign(LeaderEpoch(epoch.parse().ok()?), start_offset.parse().ok()?) {
                return None;
            }
        }
        (cache.entries.len() == lines.len()).then_some(cache)
    }
}

/// Where the file of the log in `dir` is.
pub(super) fn checkpoint_path(dir: &Path) -> PathBuf {
    dir.join(crate::log::format::file_names::LEADER_EPOCH_CHECKPOINT)
}

#[cfg(test)]
mod tests;
