//! Which bytes of a segment answer a read: whole batches from an offset on, within a limit and a bound.
//!
//! Few bytes are read at once and looked through. Of many the headers are looked at first, from the batch that the index names
//! before the offset and from the one that it names before the end, and then exactly those bytes are read that are returned.

use bytes::Bytes;
use kestrel_protocol::record::{HEADER_BYTES, RecordBatchHeader};

use super::LogSegment;
use super::read::{HeaderWalk, WALK_BYTES};
use crate::log::error::LogError;
use crate::log::lookup::{FirstBatch, ReadRequest};

/// Up to so many bytes are read before it is known which of them are returned.
const READ_AT_ONCE_BYTES: usize = 64 << 10;
/// How many bytes more than wanted are read, so that one read finds the batch that the index points before.
const SLACK_BYTES: usize = 8 << 10;
/// The headers of so many bytes are walked over; a longer way is shortened by the index.
const WALKED_BYTES: u64 = 64 << 10;

/// What a segment has for a reader.
#[derive(Debug)]
pub(in crate::log) enum SegmentRead {
    /// Whole batches.
    Batches(Bytes),
    /// There is a batch, but it is beyond the bound or larger than the limit.
    Withheld,
    /// The segment ends before the offset: look in the next one.
    PastEnd,
}

impl LogSegment {
    /// Whole batches from the one with the offset on, within the request's limit and bound, which is above the offset and not
    /// above the log end.
    pub(in crate::log) fn read(&self, request: &ReadRequest) -> Result<SegmentRead, LogError> {
        let mut walk = self.walk_before(request)?;
        while let Some((start, first)) = walk.next()? {
            if first.last_offset() >= request.fetch_offset {
                return self.read_from(start, &first, &mut walk, request);
            }
        }
        Ok(SegmentRead::PastEnd)
    }

    /// The headers from where the index says that a batch begins at the offset or before it, if the log confirms that.
    fn walk_before(&self, request: &ReadRequest) -> Result<HeaderWalk<'_>, LogError> {
        let wanted = request.max_bytes.saturating_add(SLACK_BYTES);
        let walk_from = |position| {
            let left = self.size_bytes().saturating_sub(position);
            let is_little = left.min(wanted as u64) < (READ_AT_ONCE_BYTES + SLACK_BYTES) as u64;
            self.walk_by(if is_little { wanted } else { WALK_BYTES }, position)
        };
        let position = self.position_before(request.fetch_offset)?;
        if position > 0 {
            let mut walk = walk_from(position)?;
            if walk
                .peek(position)?
                .is_some_and(|header| (0..=request.fetch_offset).contains(&header.base_offset))
            {
                return Ok(walk);
            }
            self.distrust_index();
        }
        walk_from(0)
    }

    /// What may be read from the batch at `start` on; `walk` is behind it.
    fn read_from(
        &self,
        start: u64,
        first: &RecordBatchHeader,
        walk: &mut HeaderWalk<'_>,
        request: &ReadRequest,
    ) -> Result<SegmentRead, LogError> {
        let fits = first.size_bytes() <= request.max_bytes;
        if first.last_offset() >= request.up_to_offset || !fits && request.first_batch != FirstBatch::Always {
            return Ok(SegmentRead::Withheld);
        }
        if walk.position() > walk.end() {
            return Err(LogError::corrupt(self.path(), start, "the last record batch is not whole"));
        }
        let end = if fits { self.end_of_whole(start, first, walk, request)? } else { walk.position() };
        let length = usize::try_from(end - start).expect("a segment is smaller than 4 GiB");
        let records = match walk.read_already(start, length) {
            Some(bytes) => bytes,
            None => self.read_exact(&walk.file, start, length)?,
        };
        Ok(SegmentRead::Batches(records))
    }

    /// Where the last batch ends that is whole and may be read; `walk` is behind the first one, which is.
    fn end_of_whole(
        &self,
        start: u64,
        first: &RecordBatchHeader,
        walk: &mut HeaderWalk<'_>,
        request: &ReadRequest,
    ) -> Result<u64, LogError> {
        let limit = walk.end().min(start.saturating_add(request.max_bytes as u64));
        if limit - walk.position() > WALKED_BYTES {
            self.skip_ahead(first.next_offset(), limit, walk, request)?;
        }
        let mut end = walk.position();
        while limit - end >= HEADER_BYTES as u64 {
            match walk.next()? {
                Some((_, header))
                    if walk.position() <= limit && header.last_offset() < request.up_to_offset =>
                {
                    end = walk.position();
                }
                _ => break,
            }
        }
        Ok(end)
    }

    /// Moves the walk to the last batch that the index names before the limit and below the bound, if the log confirms that one
    /// begins there, with `next_offset` or later.
    fn skip_ahead(
        &self,
        next_offset: i64,
        limit: u64,
        walk: &mut HeaderWalk<'_>,
        request: &ReadRequest,
    ) -> Result<(), LogError> {
        let entry = self.offset_index.last_within(limit, request.up_to_offset);
        let entry = entry.map_err(|error| LogError::io("read", self.offset_index.path(), error))?;
        let Some(entry) = entry.filter(|entry| u64::from(entry.position) > walk.position()) else {
            return Ok(());
        };
        let position = u64::from(entry.position);
        if walk
            .peek(position)?
            .is_some_and(|header| (next_offset..=entry.offset).contains(&header.base_offset))
        {
            walk.skip_to(position);
        } else {
            self.distrust_index();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
