//! Reading a segment: whole batches from an offset on, the headers of its batches, records by their time.

use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::Timestamp;
use kestrel_protocol::record::{HEADER_BYTES, RecordBatch, RecordBatchHeader};

use super::LogSegment;
use crate::log::disk::DiskFile;
use crate::log::error::LogError;
use crate::log::format::time_index::TimestampOffset;
use crate::log::segment::byte_run::{ByteRun, FileRun};
use crate::log::segment::read_request::{FirstBatch, FoundOffset, ReadRequest};

/// How many bytes more than wanted are read, so that one read finds the batch that the index points before.
const SLACK_BYTES: usize = 8 * 1024;
/// How many bytes are read at a time while only headers are looked at.
const WALK_BYTES: usize = 4 * 1024;
/// How many bytes a batch may decompress to when a record is looked for in it.
const MAX_DECOMPRESSED_BYTES: usize = 256 << 20;

/// The outcome of a read of one segment.
#[derive(Debug)]
pub(in crate::log) enum SegmentRead {
    /// Whole batches.
    Batches(ByteRun),
    /// There is a batch, but it is beyond the bound or larger than the limit.
    Withheld,
    /// The segment ends before the offset: look in the next one.
    PastEnd,
}

/// Which part of some bytes a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// Where the batch with the offset begins; beyond the bytes when they end before it.
    start: usize,
    /// Where the last batch ends that is whole, within the limit and within the bound.
    end: usize,
    /// The header at `start`, if it is there.
    first: Option<RecordBatchHeader>,
}

impl LogSegment {
    /// Whole batches from the one with the offset on, within the request's limit and bound, which is above the offset and not
    /// above the log end.
    pub(in crate::log) fn read(&self, request: &ReadRequest) -> Result<SegmentRead, LogError> {
        let size_bytes = self.size_bytes();
        let mut position = self.position_before(request.fetch_offset)?;
        let left = usize::try_from(size_bytes.saturating_sub(position)).unwrap_or(usize::MAX);
        if left.min(request.max_bytes) >= request.file_run_min_bytes {
            return self.find_run(position, request);
        }
        let file = self.open_log()?;
        if position >= size_bytes && size_bytes > 0 {
            self.distrust_index();
            position = 0;
        }
        let mut is_indexed = position > 0;
        while position < size_bytes {
            let bytes = self.read_bytes(&file, position, request.max_bytes.saturating_add(SLACK_BYTES))?;
            if std::mem::take(&mut is_indexed) && !begins_at_or_before(&bytes, request.fetch_offset) {
                self.distrust_index();
                position = 0;
                continue;
            }
            let cut = cut(&bytes, request).map_err(|why| LogError::corrupt(self.path(), position, why))?;
            let Some(first) = cut.first else {
                // Only batches before the offset so far; at least one, or the file ends within a header.
                if cut.start == 0 {
                    return Err(LogError::corrupt(self.path(), position, "the file ends within a header"));
                }
                position += cut.start as u64;
                continue;
            };
            if cut.start < cut.end {
                return Ok(SegmentRead::Batches(bytes.slice(cut.start..cut.end).into()));
            }
            let may_read =
                request.first_batch == FirstBatch::Always || first.size_bytes() <= request.max_bytes;
            if first.last_offset() >= request.up_to_offset || !may_read {
                return Ok(SegmentRead::Withheld);
            }
            let batch = self.read_exact(&file, position + cut.start as u64, first.size_bytes())?;
            return Ok(SegmentRead::Batches(batch.into()));
        }
        Ok(SegmentRead::PastEnd)
    }

    /// As [`Self::read`], by looking at the headers at both ends only; the index says to begin at `position`.
    fn find_run(&self, position: u64, request: &ReadRequest) -> Result<SegmentRead, LogError> {
        let mut walk = self.walk(self.confirm(position, request.fetch_offset)?)?;
        let (start, first) = loop {
            match walk.next()? {
                Some(found) if found.1.last_offset() >= request.fetch_offset => break found,
                Some(_) => {}
                None => return Ok(SegmentRead::PastEnd),
            }
        };
        let first_end = start + first.size_bytes() as u64;
        let limit = start.saturating_add(request.max_bytes as u64);
        if first.last_offset() >= request.up_to_offset
            || (first_end > limit && request.first_batch == FirstBatch::IfItFits)
        {
            return Ok(SegmentRead::Withheld);
        }
        let end = self.end_of_run(first_end, first.next_offset(), limit, request.up_to_offset)?;
        let length = usize::try_from(end - start).expect("a segment fits into memory's addresses");
        Ok(SegmentRead::Batches(ByteRun::File(FileRun::new(walk.file, start, length))))
    }

    /// Where the last batch ends that ends within `limit` and lies below `up_to_offset`; `end` if none after it does, which is
    /// where one ends that may be read, and `next_offset` the offset after it.
    fn end_of_run(&self, end: u64, next_offset: i64, limit: u64, up_to_offset: i64) -> Result<u64, LogError> {
        if end >= limit || next_offset >= up_to_offset {
            return Ok(end);
        }
        let near = self.batch_at_or_before(limit)?.min(self.position_before(up_to_offset - 1)?);
        if near > end {
            let begins_there =
                |header: &RecordBatchHeader| (next_offset..up_to_offset).contains(&header.base_offset);
            match self.walk(near)?.next() {
                Ok(Some((_, header))) if begins_there(&header) => {
                    return self.walk_to_end(near, limit, up_to_offset);
                }
                _ => self.distrust_index(),
            }
        }
        self.walk_to_end(end, limit, up_to_offset)
    }

    fn walk_to_end(&self, from: u64, limit: u64, up_to_offset: i64) -> Result<u64, LogError> {
        let mut end = from;
        let mut walk = self.walk(from)?;
        while let Some((position, header)) = walk.next()? {
            let next = position + header.size_bytes() as u64;
            if next > limit || header.last_offset() >= up_to_offset {
                break;
            }
            end = next;
        }
        Ok(end)
    }

    /// The first record from `from_offset` on, below `up_to_offset`, with `target` or a later timestamp.
    pub(in crate::log) fn find_timestamp(
        &self,
        target: Timestamp,
        from_offset: i64,
        up_to_offset: i64,
    ) -> Result<Option<FoundOffset>, LogError> {
        let older = self
            .time_index
            .lookup_before(target)
            .map_err(|error| LogError::io("read", self.time_index.path(), error))?;
        let start = older.map_or(from_offset, |older| older.offset.max(from_offset));
        if start >= up_to_offset {
            return Ok(None);
        }
        let may_have = |header: &RecordBatchHeader| {
            header.max_timestamp >= target.as_millis() && header.last_offset() >= from_offset
        };
        let wanted = |offset, timestamp| {
            timestamp >= target.as_millis() && (from_offset..up_to_offset).contains(&offset)
        };
        self.find_first(start, up_to_offset, may_have, wanted)
    }

    /// The first record from `from_offset` on and below `up_to_offset`, markers of transactions apart.
    pub(in crate::log) fn find_offset(
        &self,
        from_offset: i64,
        up_to_offset: i64,
    ) -> Result<Option<FoundOffset>, LogError> {
        let may_have =
            |header: &RecordBatchHeader| header.last_offset() >= from_offset && !header.is_control();
        let wanted = |offset, _| (from_offset..up_to_offset).contains(&offset);
        self.find_first(from_offset, up_to_offset, may_have, wanted)
    }

    /// The first record that is `wanted`, in a batch that `may_have` one, from the batch with offset `start` on.
    fn find_first(
        &self,
        start: i64,
        up_to_offset: i64,
        may_have: impl Fn(&RecordBatchHeader) -> bool,
        wanted: impl Fn(i64, i64) -> bool,
    ) -> Result<Option<FoundOffset>, LogError> {
        let mut walk = self.walk(self.checked_position_before(start)?)?;
        while let Some((position, header)) = walk.next()? {
            if header.base_offset >= up_to_offset {
                break;
            }
            if !may_have(&header) {
                continue;
            }
            if let Some(found) = self.find_record(&walk.file, position, &header, &wanted)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp, given where [`Self::largest_timestamp`] says it is.
    pub(in crate::log) fn find_largest(
        &self,
        largest: TimestampOffset,
    ) -> Result<Option<FoundOffset>, LogError> {
        let mut walk = self.walk(self.checked_position_before(largest.offset)?)?;
        while let Some((position, header)) = walk.next()? {
            if header.last_offset() >= largest.offset {
                let wanted = |_, timestamp| timestamp == largest.timestamp.as_millis();
                return self.find_record(&walk.file, position, &header, wanted);
            }
        }
        Ok(None)
    }

    /// The largest timestamp below `up_to_offset`, found by looking at each header.
    pub(in crate::log) fn largest_timestamp_below(
        &self,
        up_to_offset: i64,
    ) -> Result<Option<TimestampOffset>, LogError> {
        let mut largest: Option<TimestampOffset> = None;
        let mut walk = self.walk(0)?;
        while let Some((_, header)) = walk.next()?.filter(|(_, header)| header.last_offset() < up_to_offset) {
            let known = largest.map_or(Timestamp::NONE, |largest| largest.timestamp);
            largest = TimestampOffset::of(&header).filter(|newest| newest.timestamp > known).or(largest);
        }
        Ok(largest)
    }

    /// The largest timestamp of the first batch.
    pub(in crate::log) fn first_timestamp(&self) -> Result<Option<Timestamp>, LogError> {
        if self.size_bytes() == 0 {
            return Ok(None);
        }
        Ok(self.walk(0)?.next()?.map(|(_, header)| Timestamp::from_millis(header.max_timestamp)))
    }

    /// The offset after the last batch, found from the last index entry on. Fails when the file does not end with one.
    pub(in crate::log) fn next_offset(&self) -> Result<i64, LogError> {
        let mut next_offset = self.base_offset;
        let mut walk = self.walk(self.offset_index.last().map_or(0, |last| u64::from(last.position)))?;
        while let Some((position, header)) = walk.next()? {
            if header.base_offset < next_offset || walk.position > self.size_bytes() {
                return Err(LogError::corrupt(self.path(), position, "the last record batch is not whole"));
            }
            next_offset = header.next_offset();
        }
        Ok(next_offset)
    }

    /// The offset after the batch that ends at `position`.
    pub(in crate::log) fn next_offset_at(&self, position: u64) -> Result<i64, LogError> {
        let mut next_offset = self.base_offset;
        let mut walk = self.walk(self.batch_at_or_before(position.saturating_sub(1))?)?;
        while walk.position < position {
            let Some((_, header)) = walk.next()? else { break };
            next_offset = header.next_offset();
        }
        Ok(next_offset)
    }

    /// Where a batch begins that is at `position` or before it: the last one that the index names, or the first.
    pub(in crate::log) fn batch_at_or_before(&self, position: u64) -> Result<u64, LogError> {
        let failed = |error| LogError::io("read", self.offset_index.path(), error);
        let entry = self.offset_index.at_or_before(position).map_err(failed)?;
        Ok(entry.map_or(0, |entry| u64::from(entry.position)))
    }

    /// The headers of the batches from `position` on, which must be where one begins.
    pub(in crate::log) fn walk(&self, position: u64) -> Result<HeaderWalk<'_>, LogError> {
        let file = self.open_log()?;
        let end = self.size_bytes();
        Ok(HeaderWalk { segment: self, file, position, end, buffer: Bytes::new(), buffer_start: 0 })
    }

    /// The whole batch at `position`.
    pub(in crate::log) fn read_batch(
        &self,
        file: &DiskFile,
        position: u64,
        header: &RecordBatchHeader,
    ) -> Result<RecordBatch, LogError> {
        let bytes = self.read_exact(file, position, header.size_bytes())?;
        let (batch, _) =
            RecordBatch::parse(bytes).map_err(|error| LogError::corrupt(self.path(), position, error))?;
        Ok(batch)
    }

    fn find_record(
        &self,
        file: &DiskFile,
        position: u64,
        header: &RecordBatchHeader,
        wanted: impl Fn(i64, i64) -> bool,
    ) -> Result<Option<FoundOffset>, LogError> {
        let batch = self.read_batch(file, position, header)?;
        let corrupt = |error| LogError::corrupt(self.path(), position, error);
        let mut records = batch.records(MAX_DECOMPRESSED_BYTES).map_err(corrupt)?;
        while let Some(record) = records.next_view() {
            let record = record.map_err(corrupt)?;
            if wanted(record.offset, record.timestamp) {
                let (timestamp, offset) = (Timestamp::from_millis(record.timestamp), record.offset);
                let leader_epoch = header.partition_leader_epoch;
                return Ok(Some(FoundOffset { timestamp, offset, leader_epoch }));
            }
        }
        Ok(None)
    }

    /// Where to begin to look for `offset`: the start of a batch at or before it, which the log itself has confirmed.
    pub(in crate::log) fn checked_position_before(&self, offset: i64) -> Result<u64, LogError> {
        self.confirm(self.position_before(offset)?, offset)
    }

    /// `position`, where the index says that a batch begins that is at `offset` or before it, if that is so; or else the start.
    fn confirm(&self, position: u64, offset: i64) -> Result<u64, LogError> {
        if position > 0
            && !begins_at_or_before(&self.read_bytes(&*self.open_log()?, position, HEADER_BYTES)?, offset)
        {
            self.distrust_index();
            return Ok(0);
        }
        Ok(position)
    }

    /// Says that the index does not belong to the log: what is looked for is found all the same, from the segment's start on.
    fn distrust_index(&self) {
        tracing::warn!(
            index = %self.offset_index.path().display(),
            "the index is damaged; it is made anew at the next start if it is deleted before"
        );
    }

    /// Where the index says that a batch begins, at `offset` or before it.
    fn position_before(&self, offset: i64) -> Result<u64, LogError> {
        self.offset_index
            .lookup(offset)
            .map(|entry| entry.map_or(0, |entry| u64::from(entry.position)))
            .map_err(|error| LogError::io("read", self.offset_index.path(), error))
    }

    /// The `.log`, open.
    pub(in crate::log) fn open_log(&self) -> Result<Arc<DiskFile>, LogError> {
        self.log.open().map_err(|error| LogError::io("open", self.path(), error))
    }

    /// Up to `length` bytes at `position`: fewer where the records end.
    pub(in crate::log) fn read_bytes(
        &self,
        file: &DiskFile,
        position: u64,
        length: usize,
    ) -> Result<Bytes, LogError> {
        let left = usize::try_from(self.size_bytes().saturating_sub(position)).unwrap_or(usize::MAX);
        file.read_at(position, length.min(left))
            .map(Bytes::from)
            .map_err(|error| LogError::io("read", self.path(), error))
    }

    fn read_exact(&self, file: &DiskFile, position: u64, length: usize) -> Result<Bytes, LogError> {
        let bytes = self.read_bytes(file, position, length)?;
        if bytes.len() == length {
            Ok(bytes)
        } else {
            Err(LogError::corrupt(self.path(), position, "the last record batch is not whole"))
        }
    }
}

/// The headers of a segment's batches, one after the other.
#[derive(Debug)]
pub(in crate::log) struct HeaderWalk<'a> {
    segment: &'a LogSegment,
    pub(in crate::log) file: Arc<DiskFile>,
    position: u64,
    end: u64,
    buffer: Bytes,
    buffer_start: u64,
}

impl HeaderWalk<'_> {
    /// The next header and where its batch begins; `None` at the end of the segment.
    pub(in crate::log) fn next(&mut self) -> Result<Option<(u64, RecordBatchHeader)>, LogError> {
        let position = self.position;
        if position >= self.end {
            return Ok(None);
        }
        let bytes = self.bytes_at(position)?;
        let header = RecordBatchHeader::parse(&bytes)
            .map_err(|error| LogError::corrupt(self.segment.path(), position, error))?;
        self.position = position + header.size_bytes() as u64;
        Ok(Some((position, header)))
    }

    fn bytes_at(&mut self, position: u64) -> Result<Bytes, LogError> {
        let at = position
            .checked_sub(self.buffer_start)
            .and_then(|at| usize::try_from(at).ok())
            .filter(|at| at + HEADER_BYTES <= self.buffer.len());
        if let Some(at) = at {
            return Ok(self.buffer.slice(at..));
        }
        self.buffer = self.segment.read_bytes(&self.file, position, WALK_BYTES)?;
        self.buffer_start = position;
        Ok(self.buffer.clone())
    }
}

/// Whether `bytes` begin with a batch that begins at `offset` or before: then no batch before it has the offset.
fn begins_at_or_before(bytes: &[u8], offset: i64) -> bool {
    matches!(header_at(bytes, 0), Ok(Some(header)) if (0..=offset).contains(&header.base_offset))
}

/// Finds the batches in `bytes`, which begin with a batch, that answer `request`.
fn cut(bytes: &[u8], request: &ReadRequest) -> Result<Cut, kestrel_protocol::DecodeError> {
    let mut start = 0;
    while let Some(header) = header_at(bytes, start)? {
        if header.last_offset() >= request.fetch_offset {
            let end = end_of_whole(bytes, start, request)?;
            return Ok(Cut { start, end, first: Some(header) });
        }
        start += header.size_bytes();
    }
    Ok(Cut { start, end: start, first: None })
}

/// Where the last batch from `start` on ends that is whole and may be read.
fn end_of_whole(
    bytes: &[u8],
    start: usize,
    request: &ReadRequest,
) -> Result<usize, kestrel_protocol::DecodeError> {
    let limit = bytes.len().min(start.saturating_add(request.max_bytes));
    let mut end = start;
    while let Some(header) = header_at(bytes, end)? {
        let next = end + header.size_bytes();
        if next > limit || header.last_offset() >= request.up_to_offset {
            break;
        }
        end = next;
    }
    Ok(end)
}

fn header_at(
    bytes: &[u8],
    position: usize,
) -> Result<Option<RecordBatchHeader>, kestrel_protocol::DecodeError> {
    match bytes.get(position..).filter(|rest| rest.len() >= HEADER_BYTES) {
        Some(rest) => RecordBatchHeader::parse(rest).map(Some),
        None => Ok(None),
    }
}
