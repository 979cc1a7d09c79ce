//! One cleaning of one log: survey, first pass, second pass with a swap per group of segments.
//!
//! Called by [`LogCleaner`](super::LogCleaner). Asks between two batches whether to go on; what it has swapped in until then stays,
//! what it was writing goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::Timestamp;
use kestrel_protocol::record::RecordBatch;

use super::batch_filter::{BatchFilter, MAX_DECOMPRESSED_BYTES};
use super::batches::SegmentBatches;
use super::cleanable::Cleanable;
use super::groups::{GroupItem, group};
use super::key_hash::HashKey;
use super::offset_map::{MapLimit, OffsetMap};
use super::swap::Swap;
use super::throttle::Throttle;
use super::transactions::{AbortedTransactions, Control, Standing, TransactionCleaning};
use super::{CleanerHost, CleanerSettings};
use crate::log::config::LogConfig;
use crate::log::error::LogError;
use crate::log::log::Log;
use crate::log::segment::{CleanedSegment, LogSegment};

/// The least that is read or written at once.
const LEAST_PIECE_BYTES: usize = 16 * 1024;
/// After how many bytes there is a line in the log.
const BYTES_PER_REPORT: u64 = 512 << 20;

/// The reason why a cleaning did not come to its end.
#[derive(Debug)]
pub(super) enum Ended {
    /// The broker stops, or the log is closed, no longer compacted, or has lost segments meanwhile.
    Early,
    /// A file cannot be read or written.
    Failed(LogError),
}

impl From<LogError> for Ended {
    fn from(error: LogError) -> Self {
        Self::Failed(error)
    }
}

/// The figures of a cleaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CleaningStats {
    /// The size of the segments before, as far as they were cleaned.
    pub(crate) bytes_before: u64,
    /// Their size after.
    pub(crate) bytes_after: u64,
    pub(crate) records_before: u64,
    pub(crate) records_after: u64,
    /// Records without a key, which were dropped.
    pub(crate) without_key: u64,
    /// How many keys the dirty part had, and how much memory the map took.
    pub(crate) keys: usize,
    pub(crate) map_bytes: usize,
    /// How many bytes were read and written.
    pub(crate) moved_bytes: u64,
    pub(crate) took: Duration,
}

/// A cleaning that is under way.
pub(super) struct Cleaning<'a> {
    log: &'a Log,
    config: Arc<LogConfig>,
    job: Cleanable,
    settings: &'a CleanerSettings,
    host: &'a dyn CleanerHost,
    throttle: Throttle,
    began: Instant,
    now: Timestamp,
    stats: CleaningStats,
    reported_bytes: u64,
}

/// The facts in the headers of the log, before anything is decoded.
#[derive(Debug, Default)]
struct Survey {
    aborted: AbortedTransactions,
    /// How many records the dirty part has, and the first dirty batch.
    dirty_records: usize,
    first_dirty_records: usize,
}

impl<'a> Cleaning<'a> {
    pub(super) fn new(
        log: &'a Log,
        job: Cleanable,
        settings: &'a CleanerSettings,
        host: &'a dyn CleanerHost,
    ) -> Self {
        let began = host.now();
        Self {
            log,
            config: log.config(),
            job,
            settings,
            host,
            throttle: Throttle::new(settings.max_bytes_per_second, began),
            began,
            now: host.wall(),
            stats: CleaningStats::default(),
            reported_bytes: 0,
        }
    }

    /// Does it; gives the offset up to which the log is clean now, and what was done.
    pub(super) fn run(mut self, hash_key: HashKey) -> Result<(i64, CleaningStats), Ended> {
        let segments = self.log.view().segments;
        match self.clean(&segments, hash_key) {
            Ok(clean_offset) => {
                self.stats.took = self.host.now().saturating_duration_since(self.began);
                Ok((clean_offset, self.stats))
            }
            Err(Ended::Failed(error)) if error.is_gone() && self.has_lost_segments(&segments) => {
                Err(Ended::Early)
            }
            Err(ended) => Err(ended),
        }
    }

    fn clean(&mut self, segments: &[Arc<LogSegment>], hash_key: HashKey) -> Result<i64, Ended> {
        let Cleanable { first_dirty_offset, first_uncleanable_offset, .. } = self.job;
        tracing::info!(
            log = self.log.dir_name(),
            first_dirty_offset,
            first_uncleanable_offset,
            clean_bytes = self.job.clean_bytes,
            dirty_bytes = self.job.cleanable_bytes,
            "cleaning"
        );
        let survey = self.survey(segments)?;
        let map = self.build_map(segments, &survey, hash_key)?;
        (self.stats.keys, self.stats.map_bytes) = (map.len(), map.size_bytes());
        let end_offset = map.next_offset();
        let covered_to = end_offset.min(first_uncleanable_offset);
        let count = segments.partition_point(|segment| segment.base_offset() < covered_to);
        let (to_clean, _) = segments.split_at(count);
        let items: Vec<GroupItem> = to_clean.iter().map(GroupItem::of).collect();
        let mut transactions = TransactionCleaning::new(&survey.aborted);
        let mut rest = to_clean;
        for count in group(&items, &self.config, first_uncleanable_offset) {
            let (group, others) = rest.split_at(count);
            self.clean_group(group, &map, &mut transactions)?;
            rest = others;
        }
        Ok(end_offset)
    }

    /// Whether retention or DeleteRecords has deleted the oldest of the segments meanwhile.
    fn has_lost_segments(&self, segments: &[Arc<LogSegment>]) -> bool {
        let first = |segments: &[Arc<LogSegment>]| segments.first().map(|first| first.base_offset());
        first(&self.log.view().segments) > first(segments)
    }

    /// Looks at all headers, as far as there may be the marker of a transaction that has records to be cleaned.
    fn survey(&mut self, segments: &[Arc<LogSegment>]) -> Result<Survey, Ended> {
        let Cleanable { first_dirty_offset, first_uncleanable_offset, .. } = self.job;
        let mut survey = Survey::default();
        for segment in segments {
            if segment.base_offset() >= first_uncleanable_offset
                && !survey.aborted.is_open_below(first_uncleanable_offset)
            {
                break;
            }
            let mut walk = segment.walk(0)?;
            while let Some((position, header)) = walk.next()? {
                self.check()?;
                let control = if header.is_control() {
                    Control::of(&segment.read_batch(&walk.file, position, &header)?)
                } else {
                    None
                };
                survey.aborted.observe(&header, control);
                let is_dirty = (first_dirty_offset..first_uncleanable_offset).contains(&header.last_offset());
                if is_dirty && control.is_none() {
                    let records = usize::try_from(header.record_count).unwrap_or(0);
                    if survey.dirty_records == 0 {
                        survey.first_dirty_records = records;
                    }
                    survey.dirty_records += records;
                }
            }
        }
        Ok(survey)
    }

    /// The first pass: the last offset of each key of the dirty part, or of as much of it as there is memory for.
    fn build_map(
        &mut self,
        segments: &[Arc<LogSegment>],
        survey: &Survey,
        hash_key: HashKey,
    ) -> Result<OffsetMap, Ended> {
        let Cleanable { first_dirty_offset, first_uncleanable_offset, .. } = self.job;
        let limit =
            MapLimit { bytes: self.settings.dedupe_buffer_bytes, load_factor: self.settings.load_factor };
        let mut map = OffsetMap::new(
            hash_key,
            limit,
            survey.dirty_records,
            survey.first_dirty_records,
            first_dirty_offset,
        );
        let first = segments.partition_point(|segment| segment.base_offset() <= first_dirty_offset);
        let dirty = segments
            .iter()
            .skip(first.saturating_sub(1))
            .take_while(|segment| segment.base_offset() < first_uncleanable_offset);
        for segment in dirty {
            if !self.map_segment(segment, survey, &mut map)? {
                tracing::info!(
                    log = self.log.dir_name(),
                    keys = map.len(),
                    end_offset = map.next_offset(),
                    "the memory for keys is full: the rest of the log is for the next cleaning"
                );
                return Ok(map);
            }
        }
        // Where offsets are missing at the end, there is nothing to wait for.
        map.advance(first_uncleanable_offset);
        Ok(map)
    }

    /// Takes a segment into the map; false when it is full.
    fn map_segment(
        &mut self,
        segment: &LogSegment,
        survey: &Survey,
        map: &mut OffsetMap,
    ) -> Result<bool, Ended> {
        let first_dirty_offset = self.job.first_dirty_offset;
        let mut batches = SegmentBatches::from(segment, first_dirty_offset, self.piece_bytes())?;
        while let Some(batch) = batches.next()? {
            self.check()?;
            self.charge(batches.take_read_bytes())?;
            let header = batch.header();
            if header.last_offset() < first_dirty_offset {
                continue;
            }
            let is_aborted = header.is_transactional()
                && survey.aborted.find(header.producer_id, header.last_offset()).is_some();
            if !header.is_control() && !is_aborted {
                if !map.has_room_for(usize::try_from(header.record_count).unwrap_or(0)) {
                    return Ok(false);
                }
                let corrupt = |error| LogError::corrupt(segment.path(), 0, error);
                let mut records = batch.records(MAX_DECOMPRESSED_BYTES).map_err(corrupt)?;
                while let Some(record) = records.next_view() {
                    let record = record.map_err(corrupt)?;
                    if let Some(key) = record.key.filter(|_| record.offset >= first_dirty_offset) {
                        map.put(key, record.offset);
                    }
                }
            }
            map.advance(header.next_offset());
        }
        Ok(true)
    }

    /// The second pass over one group: writes what is left of it and swaps that in.
    fn clean_group(
        &mut self,
        group: &[Arc<LogSegment>],
        map: &OffsetMap,
        transactions: &mut TransactionCleaning<'_>,
    ) -> Result<(), Ended> {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
        let (dir, base_offset) = (self.log.dir(), first.base_offset());
        let mut written = vec![CleanedSegment::create(dir, base_offset, self.piece_bytes())?];
        let swapped = self.clean_into(&mut written, group, last, map, transactions);
        if !matches!(swapped, Ok(true)) {
            // Of a log that was deleted they are in a folder of another name, which is deleted as a whole.
            written.iter().try_for_each(CleanedSegment::delete)?;
        }
        if swapped? { Ok(()) } else { Err(Ended::Early) }
    }

    /// Whether the group was replaced. `written` begins with the segment that takes what is left, and gets those that only stand
    /// for originals without anything left.
    fn clean_into(
        &mut self,
        written: &mut Vec<CleanedSegment>,
        group: &[Arc<LogSegment>],
        last: &LogSegment,
        map: &OffsetMap,
        transactions: &mut TransactionCleaning<'_>,
    ) -> Result<bool, Ended> {
        let last_batches = self.log.last_batches();
        let retention = self.config.compaction.delete_retention;
        let end = self.job.first_uncleanable_offset;
        let mut filter = BatchFilter::new(map, last_batches, self.now, retention, end);
        let mut next_offset = i64::MIN;
        for segment in group {
            let cleaned = written.first_mut().expect("it begins with one");
            self.filter_segment(segment, cleaned, &mut filter, transactions, &mut next_offset)?;
        }
        for segment in group.iter().skip(1).filter(|segment| segment.base_offset() >= next_offset) {
            written.push(CleanedSegment::create(self.log.dir(), segment.base_offset(), 0)?);
        }
        for cleaned in &mut *written {
            cleaned.finish(last)?;
        }
        let (cleaned, placeholders) = written.split_first().expect("it begins with one");
        self.stats.bytes_before += group.iter().map(|segment| segment.size_bytes()).sum::<u64>();
        self.stats.bytes_after += cleaned.size_bytes();
        Ok(self.log.swap_in(&Swap { cleaned, placeholders, originals: group })?)
    }

    fn filter_segment(
        &mut self,
        segment: &LogSegment,
        cleaned: &mut CleanedSegment,
        filter: &mut BatchFilter<'_>,
        transactions: &mut TransactionCleaning<'_>,
        next_offset: &mut i64,
    ) -> Result<(), Ended> {
        let mut batches = SegmentBatches::from(segment, segment.base_offset(), self.piece_bytes())?;
        while let Some(batch) = batches.next()? {
            self.check()?;
            let standing = transactions.observe(batch.header(), Control::of(&batch));
            if let Standing::AbortMarker(transaction) = standing {
                cleaned.note_aborted(transaction);
            }
            let filtered = filter.filter(&batch, standing);
            let filtered = filtered.map_err(|error| {
                LogError::corrupt(
                    segment.path(),
                    0,
                    format!("offset {}: {error}", batch.header().base_offset),
                )
            })?;
            self.stats.records_before += filtered.records_read;
            self.stats.records_after += filtered.records_kept;
            if filtered.without_key > 0 && self.stats.without_key == 0 {
                let offset = batch.header().base_offset;
                tracing::warn!(
                    log = self.log.dir_name(),
                    offset,
                    "records without a key are dropped: a compacted topic cannot keep them"
                );
            }
            self.stats.without_key += filtered.without_key;
            let mut moved = batches.take_read_bytes();
            if let Some(batch) = filtered.batch {
                cleaned.append(&batch, &self.config)?;
                *next_offset = batch.header().next_offset();
                moved += size_of(&batch);
            }
            self.charge(moved)?;
        }
        Ok(())
    }

    /// Fails when there is no use in going on.
    fn check(&self) -> Result<(), Ended> {
        if self.host.is_stopping() || !self.log.may_be_cleaned() { Err(Ended::Early) } else { Ok(()) }
    }

    /// Counts bytes that were read or written, and waits when they were too many.
    fn charge(&mut self, bytes: u64) -> Result<(), Ended> {
        if bytes == 0 {
            return Ok(());
        }
        self.stats.moved_bytes += bytes;
        self.throttle.count(bytes);
        while let Some(wait) = self.throttle.wait(self.host.now()) {
            self.check()?;
            self.host.rest(wait);
        }
        if self.stats.moved_bytes - self.reported_bytes >= BYTES_PER_REPORT {
            self.reported_bytes = self.stats.moved_bytes;
            let (log, moved_bytes) = (self.log.dir_name(), self.stats.moved_bytes);
            let took = self.host.now().saturating_duration_since(self.began);
            tracing::info!(log, moved_bytes, ?took, "cleaning goes on");
        }
        Ok(())
    }

    fn piece_bytes(&self) -> usize {
        (self.settings.io_buffer_bytes / 2).max(LEAST_PIECE_BYTES)
    }
}

impl GroupItem {
    fn of(segment: &Arc<LogSegment>) -> Self {
        Self {
            base_offset: segment.base_offset(),
            log_bytes: segment.size_bytes(),
            index_bytes: segment.index_bytes(),
        }
    }
}

fn size_of(batch: &RecordBatch) -> u64 {
    batch.bytes().len() as u64
}
