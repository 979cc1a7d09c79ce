//! One segment: its log walked batch by batch, its indexes and the leader epochs against it.
//!
//! Called by the partition's check, which knows what had been flushed and decides what an end in the middle means.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use kestrel_protocol::LeaderEpoch;
use kestrel_protocol::record::{HEADER_BYTES, RecordBatchHeader};

use super::finding::{Finding, Severity};
use super::indexes::{OffsetIndexCheck, TimeIndexCheck};
use super::reader::{Meter, Metered};
use crate::log::disk;
use crate::log::error::LogError;
use crate::log::format::file_names::{INDEX_SUFFIX, LOG_SUFFIX, TIME_INDEX_SUFFIX, segment_file};
use crate::log::leader_epoch::LeaderEpochCache;
use crate::log::scan::{ScanEnd, ScanOptions, ScannedBatch, scan};

/// How many bytes are read at a time.
const READ_BYTES: usize = 1 << 20;
/// Where a batch has its leader epoch.
const EPOCH_AT: u64 = 12;

/// The surroundings that a segment is held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentContext<'a> {
    pub(super) dir: &'a Path,
    pub(super) base_offset: i64,
    pub(super) epochs: Option<&'a LeaderEpochCache>,
    /// Whether the next start trusts the segment: otherwise it makes the indexes anew.
    pub(super) trusted: bool,
    /// Whether another segment follows.
    pub(super) finished: bool,
}

/// The content of a segment, as far as it is whole.
#[derive(Debug)]
pub(super) struct CheckedSegment {
    pub(super) end: ScanEnd,
    pub(super) batches: u64,
    pub(super) records: u64,
    /// Whether offsets are missing within it, as compaction leaves it.
    pub(super) has_gaps: bool,
}

/// Walks the batches of a segment's log through `wrap`.
pub(super) fn walk<R: Read>(
    dir: &Path,
    base_offset: i64,
    wrap: impl FnOnce(File) -> R,
    visit: impl FnMut(&ScannedBatch),
) -> Result<ScanEnd, LogError> {
    let path = segment_file(dir, base_offset, LOG_SUFFIX);
    let walk = || {
        let file = File::open(&path)?;
        let size_bytes = file.metadata()?.len();
        let reader = BufReader::with_capacity(READ_BYTES, wrap(file));
        scan(reader, ScanOptions { base_offset, size_bytes }, visit)
    };
    walk().map_err(|error| LogError::io("read", &path, error))
}

/// Checks a segment; what is wrong beside the end of its log goes to `findings`.
pub(super) fn check(
    context: SegmentContext<'_>,
    meter: &mut Meter<'_>,
    findings: &mut Vec<Finding>,
) -> Result<CheckedSegment, LogError> {
    let SegmentContext { dir, base_offset, trusted, finished, .. } = context;
    let index_path = segment_file(dir, base_offset, INDEX_SUFFIX);
    let time_index_path = segment_file(dir, base_offset, TIME_INDEX_SUFFIX);
    let read_index = |error| LogError::io("read", &index_path, error);
    let read_time_index = |error| LogError::io("read", &time_index_path, error);
    let mut index = OffsetIndexCheck::open(&index_path, base_offset, !trusted).map_err(read_index)?;
    let mut time_index =
        TimeIndexCheck::open(&time_index_path, base_offset, !trusted).map_err(read_time_index)?;

    let mut tally = Tally::new(context);
    let mut indexed = (Ok(()), Ok(()));
    let end = walk(
        dir,
        base_offset,
        |reader| Metered { reader, meter },
        |batch| {
            tally.count(batch);
            visit(&mut indexed.0, &mut index, |index| index.visit(batch));
            visit(&mut indexed.1, &mut time_index, |index| index.visit(batch));
        },
    )?;
    indexed.0.map_err(read_index)?;
    indexed.1.map_err(read_time_index)?;

    if let Some(magic) = end.old_format {
        // Its indexes are of the same age, and name what the walk does not hand out.
        let path = segment_file(dir, base_offset, LOG_SUFFIX);
        let what = format!(
            "messages in format {magic}, of Apache Kafka before 0.11: not damaged, but not read here; the partition stays \
             offline and is left as it is"
        );
        findings.push(Finding::new(Severity::OldFormat, &path, None, what));
        let Tally { batches, records, .. } = tally;
        return Ok(CheckedSegment { end, batches, records, has_gaps: true });
    }
    let whole = end.damage.is_none();
    let make = |path: &Path, position, what| index_finding(trusted, path, Some(position), what);
    match index {
        Some(index) => findings.extend(index.finish(whole, make).map_err(read_index)?),
        None => findings.push(index_finding(trusted, &index_path, None, "the index is missing".into())),
    }
    match time_index {
        Some(index) => {
            findings.extend(index.finish(whole, finished && trusted, make).map_err(read_time_index)?);
        }
        None => findings.push(index_finding(trusted, &time_index_path, None, "the index is missing".into())),
    }
    findings.extend(tally.wrong_epoch);
    let Tally { batches, records, has_gaps, .. } = tally;
    Ok(CheckedSegment { end, batches, records, has_gaps: has_gaps || batches == 0 })
}

/// How many whole batches there are after the damaged one at `position`, as far as its length can be believed.
pub(super) fn batches_behind(dir: &Path, base_offset: i64, end: &ScanEnd) -> Result<u64, LogError> {
    let path = segment_file(dir, base_offset, LOG_SUFFIX);
    let count = || -> io::Result<u64> {
        let mut file = File::open(&path)?;
        let head = disk::read_at(&file, end.valid_bytes, HEADER_BYTES)?;
        let Ok(header) = RecordBatchHeader::parse(&head) else { return Ok(0) };
        let next = end.valid_bytes + header.size_bytes() as u64;
        let size_bytes = file.metadata()?.len().saturating_sub(next);
        file.seek(SeekFrom::Start(next))?;
        let options = ScanOptions { base_offset: end.next_offset, size_bytes };
        let mut batches = 0;
        scan(BufReader::with_capacity(READ_BYTES, file), options, |_| batches += 1)?;
        Ok(batches)
    };
    count().map_err(|error| LogError::io("read", &path, error))
}

fn visit<T>(
    outcome: &mut io::Result<()>,
    index: &mut Option<T>,
    visit: impl FnOnce(&mut T) -> io::Result<()>,
) {
    if let (Ok(()), Some(index)) = (&outcome, index) {
        *outcome = visit(index);
    }
}

fn index_finding(trusted: bool, path: &Path, position: Option<u64>, what: String) -> Finding {
    if !trusted {
        let what = format!("{what}; the next start makes the index anew");
        return Finding::new(Severity::Note, path, position, what);
    }
    let remedy = match position {
        Some(_) => "; without the file the next start makes it anew",
        None => "; the next start makes it anew",
    };
    Finding::damage(path, position, what + remedy)
}

/// The sum of the batches, and the first that contradicts the leader epochs.
struct Tally<'a> {
    context: SegmentContext<'a>,
    batches: u64,
    records: u64,
    has_gaps: bool,
    next_offset: i64,
    wrong_epoch: Option<Finding>,
}

impl<'a> Tally<'a> {
    fn new(context: SegmentContext<'a>) -> Self {
        let next_offset = context.base_offset;
        Self { context, batches: 0, records: 0, has_gaps: false, next_offset, wrong_epoch: None }
    }

    fn count(&mut self, batch: &ScannedBatch) {
        let header = batch.header();
        let full = i64::from(header.record_count) == i64::from(header.last_offset_delta) + 1;
        self.has_gaps |= !full || header.base_offset != self.next_offset;
        self.next_offset = header.next_offset();
        self.batches += 1;
        self.records += u64::try_from(header.record_count).unwrap_or(0);
        let expected = self.context.epochs.and_then(|epochs| epochs.epoch_at(header.base_offset));
        let found = header.partition_leader_epoch;
        if let Some(expected) = expected.filter(|&expected| expected != found && found != LeaderEpoch::NONE)
            && self.wrong_epoch.is_none()
        {
            let path = segment_file(self.context.dir, self.context.base_offset, LOG_SUFFIX);
            let what = format!(
                "the batch at offset {} has leader epoch {found}, but leader-epoch-checkpoint says {expected}",
                header.base_offset
            );
            let severity = if self.context.trusted { Severity::Damage } else { Severity::Note };
            let position = u64::from(batch.position) + EPOCH_AT;
            self.wrong_epoch = Some(Finding::new(severity, &path, Some(position), what));
        }
    }
}
