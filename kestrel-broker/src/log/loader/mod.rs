//! Opens the folder of a partition: trusts it after a clean stop, otherwise walks what had not been flushed.
//!
//! Called by the manager. Damage above the recovery point is a torn write: it is cut off, with everything behind it.
//! Damage below it was flushed once, so acknowledged data is lost: that is reported, and nothing is changed.
//!
//! ```text
//!   segments    |----0----|----1----|----2----|--3--
//!                                 ^ recovery point
//!   trusted     |---------|
//!   walked                |---------|---------|-----   indexes, producers and epochs are rebuilt
//! ```

mod leftovers;
mod progress;
mod snapshots;
mod trusted;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::Timestamp;

use super::config::LogConfig;
use super::disk::{self, FileSync};
use super::error::LogError;
use super::leader_epoch::{self, LeaderEpochCache};
use super::producer_state::ProducerState;
use super::scan::{self, ScanEnd, ScanOptions, ScannedBatch};
use super::segment::{ActiveSegment, LogSegment, delete_files};
use crate::log::format::file_names::{LOG_SUFFIX, file_names, segment_bases, segment_file};
use crate::log::format::old_format::{self, OldMessage};
use progress::Progress;

/// How many bytes are read at a time while a segment is walked.
const READ_BYTES: usize = 1 << 20;

/// The facts about a log before it is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct LoadOptions {
    /// Everything below had been flushed.
    pub(super) recovery_point: i64,
    /// Whether that was written down; otherwise it is 0, and a clean stop had flushed all there is.
    pub(super) is_noted: bool,
    /// The first offset that may be read; the first segment may begin before it.
    pub(super) log_start_offset: i64,
    /// Whether the last stop was clean.
    pub(super) clean: bool,
    /// The time.
    pub(super) now: Timestamp,
    /// How long an idle producer is remembered.
    pub(super) producer_id_expiration: Duration,
    /// Whether small files that are replaced have to be on the disk.
    pub(super) sync: FileSync,
}

/// A log as it was found.
#[derive(Debug)]
pub(super) struct Loaded {
    /// All segments, the active one last.
    pub(super) segments: Vec<Arc<LogSegment>>,
    pub(super) active: ActiveSegment,
    pub(super) producers: ProducerState,
    pub(super) epochs: LeaderEpochCache,
    pub(super) log_start_offset: i64,
    pub(super) next_offset: i64,
    /// Everything below is on the disk.
    pub(super) flushed_end_offset: i64,
    /// Whether segments were walked: what they have above that may be in the page cache only.
    pub(super) recovered: bool,
}

impl Loaded {
    /// The segments before the active one that were walked: their indexes are new.
    pub(super) fn unflushed_segments(&self) -> Vec<Arc<LogSegment>> {
        let ends_above = |next: &Arc<LogSegment>| next.base_offset() > self.flushed_end_offset;
        let finished = self.segments.iter().zip(self.segments.iter().skip(1));
        finished.filter(|(_, next)| ends_above(next)).map(|(segment, _)| Arc::clone(segment)).collect()
    }
}

/// Opens the log in `dir`, a folder that exists. A folder without a segment gets a first one.
///
/// # Errors
/// [`LogError::Corrupt`] when data below the recovery point is damaged or missing; nothing was changed then but what
/// can be made again. [`LogError::OldFormat`] when it has messages that are not read here.
pub(super) fn load(dir: &Path, config: &LogConfig, options: LoadOptions) -> Result<Loaded, LogError> {
    leftovers::clear(dir)?;
    let bases = segment_bases(&file_names(dir)?);
    if bases.is_empty() {
        return begin(dir, options);
    }
    refuse_old_formats(dir, &bases)?;
    let loader = Loader { dir, config, options };
    if options.clean {
        match loader.load(&bases, bases.len()) {
            Err(LogError::Corrupt { file, at, why }) if options.is_noted => {
                tracing::warn!(file = %file.display(), at, why, "not as a clean stop leaves it: recovering");
            }
            result => return result,
        }
    }
    // The segment with the recovery point is walked too.
    let trusted = bases.partition_point(|&base| base <= options.recovery_point).saturating_sub(1);
    loader.load(&bases, trusted)
}

/// Fails when a segment begins with a message of an old format: before anything of the log is changed, its indexes included.
fn refuse_old_formats(dir: &Path, bases: &[i64]) -> Result<(), LogError> {
    for &base_offset in bases {
        let path = segment_file(dir, base_offset, LOG_SUFFIX);
        let first = || {
            let file = File::open(&path)?;
            let head = disk::read_at(&file, 0, old_format::HEAD_BYTES)?;
            let Some(message) = OldMessage::parse(&head) else { return Ok(None) };
            let bytes = disk::read_at(&file, 0, message.size_bytes.min(MAX_OLD_MESSAGE_BYTES))?;
            Ok(message.is_whole(&bytes).then_some(message.magic))
        };
        if let Some(magic) = first().map_err(|error| LogError::io("read", &path, error))? {
            return Err(LogError::OldFormat { file: path, magic });
        }
    }
    Ok(())
}

/// How large a message of an old format is at most: no broker took more by default than a thousandth of it.
const MAX_OLD_MESSAGE_BYTES: usize = 1 << 30;

/// A log without records.
fn begin(dir: &Path, options: LoadOptions) -> Result<Loaded, LogError> {
    let base_offset = options.log_start_offset;
    if options.recovery_point > base_offset {
        let why = format!("no segments, but offsets up to {} had been flushed", options.recovery_point);
        return Err(LogError::corrupt(dir, 0, why));
    }
    let segment = Arc::new(LogSegment::create(dir, base_offset)?);
    Ok(Loaded {
        active: ActiveSegment::new(Arc::clone(&segment), options.now)?,
        segments: vec![segment],
        producers: ProducerState::default(),
        epochs: LeaderEpochCache::read(&leader_epoch::checkpoint_path(dir))?.unwrap_or_default(),
        log_start_offset: base_offset,
        next_offset: base_offset,
        flushed_end_offset: base_offset,
        recovered: false,
    })
}

struct Loader<'a> {
    dir: &'a Path,
    config: &'a LogConfig,
    options: LoadOptions,
}

/// The state of the walk over the unflushed segments.
struct Walked {
    segments: Vec<Arc<LogSegment>>,
    active: Option<ActiveSegment>,
    producers: ProducerState,
    epochs: LeaderEpochCache,
    next_offset: i64,
}

impl Loader<'_> {
    /// Opens the first `trusted` segments and walks the others.
    fn load(&self, bases: &[i64], trusted: usize) -> Result<Loaded, LogError> {
        let (old, unflushed) = bases.split_at(trusted);
        let segments = old.iter().map(|&base| self.open(base)).collect::<Result<Vec<_>, _>>()?;
        let walk_from = match (unflushed.first(), segments.last()) {
            (Some(&base), _) => base,
            (None, Some(last)) => last.next_offset()?,
            (None, None) => self.options.log_start_offset,
        };
        trusted::note_far_timestamps(&segments, walk_from)?;
        self.read_aborted(&segments)?;
        let epochs = self.read_epochs(&segments)?;
        let producers = self.read_producers(&segments, walk_from, unflushed.is_empty())?;
        let mut walked = Walked { segments, active: None, producers, epochs, next_offset: walk_from };
        self.walk(unflushed, &mut walked)?;
        self.finish(walked, !unflushed.is_empty())
    }

    fn finish(&self, walked: Walked, recovered: bool) -> Result<Loaded, LogError> {
        let Walked { mut segments, mut active, producers, mut epochs, mut next_offset } = walked;
        let last = segments.last().expect("a log that is loaded has segments");
        if next_offset < self.options.recovery_point {
            let flushed = self.options.recovery_point;
            let why =
                format!("ends before offset {next_offset}, but offsets up to {flushed} had been flushed");
            return Err(LogError::corrupt(last.path(), last.size_bytes(), why));
        }
        let first_base = segments.first().map_or(0, |segment| segment.base_offset());
        let log_start_offset = self.options.log_start_offset.max(first_base);
        if log_start_offset > next_offset {
            // The records that were deleted had never been flushed: the log goes on where it was to begin.
            for segment in segments.drain(..) {
                segment.delete()?;
            }
            segments.push(Arc::new(LogSegment::create(self.dir, log_start_offset)?));
            (active, next_offset) = (None, log_start_offset);
        }
        let active = match active {
            Some(active) => active,
            None => ActiveSegment::new(
                Arc::clone(segments.last().expect("a log that is loaded has segments")),
                self.options.now,
            )?,
        };
        if epochs.truncate_from_end(next_offset) | epochs.truncate_from_start(log_start_offset) | recovered {
            epochs.write(&leader_epoch::checkpoint_path(self.dir), self.options.sync)?;
        }
        snapshots::remove_strays(self.dir, &segments, next_offset)?;
        let flushed_end_offset =
            if recovered { self.options.recovery_point.max(log_start_offset) } else { next_offset };
        Ok(Loaded {
            segments,
            active,
            producers,
            epochs,
            log_start_offset,
            next_offset,
            flushed_end_offset,
            recovered,
        })
    }

    /// Opens a segment that had been flushed as a whole. Indexes that are missing or cannot be right are rebuilt.
    fn open(&self, base_offset: i64) -> Result<Arc<LogSegment>, LogError> {
        if let Some(segment) = LogSegment::open(self.dir, base_offset)? {
            return Ok(Arc::new(segment));
        }
        let (active, end) = self.rebuild(base_offset, |_| {})?;
        let segment = active.segment();
        if let Some(damage) = end.damage {
            return Err(LogError::corrupt(segment.path(), end.valid_bytes, damage));
        }
        tracing::warn!(segment = %segment.path().display(), "the indexes were rebuilt");
        Ok(Arc::clone(segment))
    }

    /// Walks the segments that may not have been flushed; cuts the log off at the first damage.
    fn walk(&self, unflushed: &[i64], walked: &mut Walked) -> Result<(), LogError> {
        let mut progress = Progress::of(self.dir, unflushed);
        for (index, &base_offset) in unflushed.iter().enumerate() {
            let later = unflushed.get(index + 1..).unwrap_or_default();
            if base_offset < walked.next_offset {
                let why =
                    format!("begins at {base_offset}, but the segment before ends at {}", walked.next_offset);
                self.check_above_recovery_point(
                    walked.next_offset,
                    &segment_file(self.dir, base_offset, LOG_SUFFIX),
                    0,
                    &why,
                )?;
                delete_segments(self.dir, unflushed.get(index..).unwrap_or_default())?;
                return Ok(());
            }
            if !walked.segments.is_empty() {
                snapshots::write(self.dir, &walked.producers, base_offset, self.options.sync)?;
            }
            let (producers, epochs, now) = (&mut walked.producers, &mut walked.epochs, self.options.now);
            let mut aborted = Vec::new();
            let (active, end) = self.rebuild(base_offset, |batch| {
                aborted.extend(producers.replay_walked(batch.header(), batch.marker(), now));
                epochs.assign(batch.header().partition_leader_epoch, batch.header().base_offset);
            })?;
            let segment = Arc::clone(active.segment());
            if let Some((at, why)) = end.doubtful(later.first().copied()) {
                return Err(LogError::corrupt(segment.path(), at, why));
            }
            segment.rewrite_aborted(aborted)?;
            walked.next_offset = end.next_offset;
            progress.advance(segment.size_bytes());
            if let Some(damage) = end.damage {
                self.check_above_recovery_point(end.next_offset, segment.path(), end.valid_bytes, &damage)?;
                tracing::warn!(segment = %segment.path().display(), at = end.valid_bytes, damage, "cut off a torn end");
                // The later ones first: without the damage before them they would pass for records after a gap.
                delete_segments(self.dir, later)?;
                disk::sync_dir(self.dir, self.options.sync)?;
                segment.truncate_log(end.valid_bytes)?;
                walked.push(segment, active);
                return Ok(());
            }
            walked.push(segment, active);
        }
        Ok(())
    }

    fn check_above_recovery_point(
        &self,
        next_offset: i64,
        file: &Path,
        at: u64,
        why: &str,
    ) -> Result<(), LogError> {
        if next_offset < self.options.recovery_point {
            return Err(LogError::corrupt(file, at, why));
        }
        Ok(())
    }

    /// Makes the indexes of a segment anew from its batches, up to the first damage.
    fn rebuild(
        &self,
        base_offset: i64,
        mut visit: impl FnMut(&ScannedBatch),
    ) -> Result<(ActiveSegment, ScanEnd), LogError> {
        let segment = Arc::new(LogSegment::with_empty_indexes(self.dir, base_offset)?);
        let path = segment.path().to_path_buf();
        let options = ScanOptions { base_offset, size_bytes: segment.size_bytes() };
        let mut active = ActiveSegment::rebuilding(segment, self.options.now);
        let mut indexed = Ok(());
        let scanned = File::open(&path).and_then(|file| {
            scan::scan(BufReader::with_capacity(READ_BYTES, file), options, |batch| {
                if indexed.is_ok() {
                    indexed = active.index(batch.header(), u64::from(batch.position), self.config);
                }
                visit(batch);
            })
        });
        let end = scanned.map_err(|error| LogError::io("read", &path, error))?;
        if let Some(magic) = end.old_format {
            return Err(LogError::OldFormat { file: path, magic });
        }
        indexed?;
        active.finish()?;
        Ok((active, end))
    }
}

impl Walked {
    fn push(&mut self, segment: Arc<LogSegment>, active: ActiveSegment) {
        if let Some(finished) = self.active.replace(active) {
            finished.segment().release();
        }
        self.segments.push(segment);
    }
}

fn delete_segments(dir: &Path, bases: &[i64]) -> Result<(), LogError> {
    // The last one first: what is left after a crash in between is still without a gap.
    bases.iter().rev().try_for_each(|&base| delete_files(dir, base))
}
