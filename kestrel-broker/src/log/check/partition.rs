//! One partition's folder: its segments one after the other, its snapshots, its small files, what a crash left in it.
//!
//! Called by the folder's check. Holds one segment's findings at a time.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use kestrel_protocol::Timestamp;

use super::finding::{Finding, Severity};
use super::reader::Meter;
use super::segment::{self, CheckedSegment, SegmentContext};
use crate::log::disk::size_of;
use crate::log::error::LogError;
use crate::log::format::checkpoint;
use crate::log::format::file_names::{
    CLEANED_SUFFIX, CUT_SUFFIX, DELETED_SUFFIX, INDEX_SUFFIX, LOG_SUFFIX, PARTITION_METADATA,
    SNAPSHOT_SUFFIX, SWAP_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX, file_names, offset_of, segment_bases,
    segment_file,
};
use crate::log::format::txn_index;
use crate::log::leader_epoch::{self, LeaderEpochCache};
use crate::log::producer_state::ProducerState;

/// The offsets of a partition in the checkpoints of the data folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted {
    /// Whether the last stop was clean.
    pub(super) clean: bool,
    pub(super) recovery_point: Option<i64>,
    pub(super) high_watermark: Option<i64>,
    pub(super) log_start: Option<i64>,
    /// Whether compaction has begun to take records out of it.
    pub(super) is_compacted: bool,
}

/// The sum of the segments that were walked so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Walked {
    /// How many segments.
    pub(crate) segments: u64,
    /// How many record batches.
    pub(crate) batches: u64,
    /// How many records.
    pub(crate) records: u64,
}

/// Checks the folder of a partition.
pub(super) fn check(
    dir: &Path,
    noted: Noted,
    walked: &mut Walked,
    meter: &mut Meter<'_>,
    found: &mut dyn FnMut(Finding),
) -> Result<(), LogError> {
    let names = file_names(dir)?;
    let bases = segment_bases(&names);
    let small = SmallFiles { dir, noted, found };
    small.check(&names, &bases)?;
    let epochs = LeaderEpochCache::read(&leader_epoch::checkpoint_path(dir))?;
    let recovery_point = noted.recovery_point.unwrap_or(0);
    // As the loader has it: the segment with the recovery point is walked too.
    let trusted = if noted.clean {
        bases.len()
    } else {
        bases.partition_point(|&base| base <= recovery_point).saturating_sub(1)
    };
    let mut log = LogCheck { dir, noted, next_offset: None, has_gaps: noted.is_compacted };
    for (index, &base_offset) in bases.iter().enumerate() {
        let finished = index + 1 < bases.len();
        let context =
            SegmentContext { dir, base_offset, epochs: epochs.as_ref(), trusted: index < trusted, finished };
        let mut findings = Vec::new();
        log.check_start(base_offset, &mut findings);
        let segment = segment::check(context, meter, &mut findings);
        findings.into_iter().for_each(&mut *found);
        let segment = segment?;
        if let Some((position, why)) = segment.end.doubtful(bases.get(index + 1).copied()) {
            let path = segment_file(dir, base_offset, LOG_SUFFIX);
            found(Finding::new(Severity::OldFormat, &path, Some(position), why));
        }
        walked.segments += 1;
        walked.batches += segment.batches;
        walked.records += segment.records;
        let later = bases.len() - index - 1;
        if let Some(finding) = log.take(base_offset, &segment, later)? {
            found(finding);
            // What follows has no offset to begin with; a start cuts it off or refuses the partition.
            return Ok(());
        }
    }
    log.check_end(found);
    Ok(())
}

/// The log over its segments.
struct LogCheck<'a> {
    dir: &'a Path,
    noted: Noted,
    next_offset: Option<i64>,
    has_gaps: bool,
}

impl LogCheck<'_> {
    fn check_start(&self, base_offset: i64, findings: &mut Vec<Finding>) {
        let path = segment_file(self.dir, base_offset, LOG_SUFFIX);
        match self.next_offset {
            Some(next) if base_offset < next => {
                let what =
                    format!("begins at offset {base_offset}, but the segment before ends with {}", next - 1);
                findings.push(Finding::damage(&path, None, what));
            }
            // Where compaction ran, offsets and whole segments are missing rightly.
            Some(next) if base_offset > next && !self.has_gaps => {
                let what = format!(
                    "begins at offset {base_offset}: offsets {next} to {} are missing",
                    base_offset - 1
                );
                findings.push(Finding::damage(&path, None, what));
            }
            None if self.noted.log_start.is_some_and(|start| start < base_offset) => {
                let start = self.noted.log_start.unwrap_or(0);
                // As a stop between a deletion by retention and the next checkpoint leaves it.
                let what =
                    format!("is the first segment, but log-start-offset-checkpoint says offset {start}");
                findings.push(Finding::note(&path, what));
            }
            _ => {}
        }
    }

    /// Takes a segment in; what its log ends with, if not with a whole batch.
    fn take(
        &mut self,
        base_offset: i64,
        segment: &CheckedSegment,
        later: usize,
    ) -> Result<Option<Finding>, LogError> {
        self.has_gaps |= segment.has_gaps;
        self.next_offset = Some(segment.end.next_offset);
        let Some(damage) = &segment.end.damage else { return Ok(None) };
        let path = segment_file(self.dir, base_offset, LOG_SUFFIX);
        let (position, next) = (segment.end.valid_bytes, segment.end.next_offset);
        if segment.end.old_format.is_some() {
            return Ok(Some(Finding::damage(&path, Some(position), damage)));
        }
        let behind = segment::batches_behind(self.dir, base_offset, &segment.end)?;
        let flushed = self.noted.recovery_point.unwrap_or(0);
        let mut loss = String::new();
        if behind > 0 {
            loss += &format!("; {behind} whole batches follow it");
        }
        if later > 0 {
            loss += &format!("; {later} segments follow it");
        }
        let finding = if next < flushed || self.noted.clean {
            let what = format!(
                "{damage}; everything up to offset {flushed} had been flushed, the log is whole up to {next}{loss}"
            );
            Finding::damage(&path, Some(position), what)
        } else if loss.is_empty() {
            let cut = size_of(&path)?.saturating_sub(position);
            let what = format!(
                "torn end: {damage}; the stop was not clean, and the next start cuts off {cut} bytes at offset {next}"
            );
            Finding::new(Severity::Note, &path, Some(position), what)
        } else {
            let what = format!(
                "{damage}, above the recovery point {flushed}{loss}: the next start cuts all of it off at offset {next}"
            );
            Finding::damage(&path, Some(position), what)
        };
        Ok(Some(finding))
    }

    /// The end of a log without damage against the checkpoints.
    fn check_end(&self, found: &mut dyn FnMut(Finding)) {
        let Noted { clean, recovery_point, high_watermark, log_start, .. } = self.noted;
        let end = self.next_offset.or(log_start).unwrap_or(0);
        if let Some(flushed) = recovery_point.filter(|&flushed| flushed > end || (clean && flushed < end)) {
            let what = format!("the log ends at offset {end}, but its recovery point is {flushed}");
            found(Finding::damage(self.dir, None, what));
        }
        if let Some(mark) = high_watermark.filter(|&mark| mark > end) {
            let what = format!("the log ends at offset {end}, but its high watermark is {mark}");
            let severity = if clean { Severity::Damage } else { Severity::Note };
            found(Finding::new(severity, self.dir, None, what));
        }
        if let Some(start) = log_start.filter(|&start| start > end) {
            let what = format!("the log ends at offset {end}, but it is to begin at {start}");
            found(Finding::new(Severity::Note, self.dir, None, what));
        }
    }
}

/// Everything in the folder but the segments.
struct SmallFiles<'a> {
    dir: &'a Path,
    noted: Noted,
    found: &'a mut dyn FnMut(Finding),
}

impl SmallFiles<'_> {
    fn check(self, names: &[String], bases: &[i64]) -> Result<(), LogError> {
        let Self { dir, noted, found } = self;
        for name in names {
            let path = dir.join(name);
            if let Some(what) = half_finished(name) {
                found(Finding::note(&path, what));
            }
            let index = [INDEX_SUFFIX, TIME_INDEX_SUFFIX, TXN_INDEX_SUFFIX];
            let orphan = index
                .iter()
                .find_map(|suffix| offset_of(name, suffix))
                .filter(|offset| bases.binary_search(offset).is_err());
            if let Some(offset) = orphan {
                // A deletion takes the log's name first, and the log begins behind it by then. Compaction takes it when
                // the new log is there under another name.
                let deleted = noted.log_start.is_some_and(|start| offset < start);
                let swapped = names
                    .iter()
                    .filter_map(|name| name.strip_suffix(SWAP_SUFFIX))
                    .any(|name| offset_of(name, LOG_SUFFIX).is_some_and(|first| first <= offset));
                let severity = if deleted || swapped { Severity::Note } else { Severity::Damage };
                found(Finding::new(severity, &path, None, "an index without its log"));
            }
            if let Some(offset) = offset_of(name, TXN_INDEX_SUFFIX)
                && txn_index::read(&path, offset)?.is_none()
            {
                let trusted = noted.clean || noted.recovery_point.is_some_and(|flushed| offset < flushed);
                let severity = if trusted { Severity::Damage } else { Severity::Note };
                let what = "the transaction index is damaged; the next start makes it anew";
                found(Finding::new(severity, &path, None, what));
            }
            if let Some(offset) = offset_of(name, SNAPSHOT_SUFFIX) {
                // Nothing is too old: it is to be seen whether the file can be read.
                let state = ProducerState::read_snapshot(&path, Timestamp::NONE, Duration::MAX)?;
                if state.is_none() {
                    let trusted =
                        noted.clean || noted.recovery_point.is_some_and(|flushed| offset <= flushed);
                    let severity = if trusted { Severity::Damage } else { Severity::Note };
                    let what = "the producer snapshot is damaged; the next start goes back to an older one";
                    found(Finding::new(severity, &path, None, what));
                }
            }
        }
        if bases.is_empty() {
            let flushed = noted.recovery_point.unwrap_or(0);
            let what = format!("no segment, and offsets up to {flushed} had been flushed");
            let severity =
                if flushed > noted.log_start.unwrap_or(0) { Severity::Damage } else { Severity::Note };
            found(Finding::new(severity, dir, None, what));
        }
        match checkpoint::read_topic_id(dir) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let path = dir.join(PARTITION_METADATA);
                // It is written before the first segment: a crash may have come between folder and file.
                let is_new = bases.is_empty() && !noted.clean;
                let severity = if is_new { Severity::Note } else { Severity::Damage };
                found(Finding::new(severity, &path, None, "is missing; the next start writes it"));
            }
            Err(error) => found(unreadable(error)?),
        }
        check_epochs(dir, found)
    }
}

/// `leader-epoch-checkpoint`: there, and ascending.
fn check_epochs(dir: &Path, found: &mut dyn FnMut(Finding)) -> Result<(), LogError> {
    let path = leader_epoch::checkpoint_path(dir);
    if LeaderEpochCache::read(&path)?.is_some() {
        return Ok(());
    }
    match fs::metadata(&path) {
        Ok(file) if file.len() == 0 => {}
        Ok(_) => found(Finding::damage(&path, None, "cannot be understood; the next start makes it anew")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            found(Finding::note(&path, "is missing; the next start makes it anew"));
        }
        Err(error) => return Err(LogError::io("read", &path, error)),
    }
    Ok(())
}

/// What a small file that cannot be read is; an error when the disk failed.
pub(super) fn unreadable(error: LogError) -> Result<Finding, LogError> {
    match error {
        LogError::Corrupt { file, at, why } => {
            Ok(Finding::damage(&file, Some(at), format!("cannot be understood: {why}")))
        }
        error => Err(error),
    }
}

/// What a file's name says of something that did not end.
fn half_finished(name: &str) -> Option<&'static str> {
    if name.ends_with(CLEANED_SUFFIX) {
        Some("a compaction that did not end; the next start drops it")
    } else if name.ends_with(SWAP_SUFFIX) {
        Some("a compaction that was about to replace its segments; the next start finishes it")
    } else if name.ends_with(DELETED_SUFFIX) {
        Some("a segment that was about to be deleted; the next start deletes it")
    } else if name.ends_with(CUT_SUFFIX) {
        Some("what a repair cut off; no broker reads it")
    } else if name.ends_with(".tmp") {
        Some("a small file that was not written to its end; it is not used")
    } else {
        None
    }
}
