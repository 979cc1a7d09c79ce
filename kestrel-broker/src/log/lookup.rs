//! Reading a log: records from an offset on, offsets by time. Never waits for the writer.

use std::sync::Arc;

use kestrel_protocol::Timestamp;
use kestrel_protocol::record::{HEADER_BYTES, RecordBatchHeader};

use super::error::LogError;
use super::log::Log;
use super::segment::{FoundOffset, ReadRequest, SegmentRead};
use super::view::View;
use crate::log::format::time_index::TimestampOffset;
use crate::log::format::txn_index::AbortedTransaction;
use crate::log::segment::{ByteRun, LogSegment};

impl Log {
    /// Finds whole batches, beginning with the one that contains the offset: read at once if they are few, and otherwise only
    /// named. Empty when there is nothing below the bound; may stop where a segment ends.
    ///
    /// # Errors
    /// [`LogError::OffsetOutOfRange`] below the log start and above the log end.
    pub(crate) fn read(&self, request: ReadRequest) -> Result<ByteRun, LogError> {
        self.with_view(|view| {
            if !(view.log_start_offset..=view.log_end_offset).contains(&request.fetch_offset) {
                return Err(view.out_of_range(request.fetch_offset));
            }
            view.read(request)
        })
    }

    /// The aborted transactions that have records in `records`, which were read from `fetch_offset` on, in the order in which they
    /// began; maybe others that end later.
    pub(crate) fn aborted_within(
        &self,
        fetch_offset: i64,
        records: &ByteRun,
    ) -> Result<Vec<AbortedTransaction>, LogError> {
        self.with_view(|view| view.aborted_within(fetch_offset, records))
    }

    /// The first record below `up_to_offset` whose timestamp is `target` or later.
    pub(crate) fn offset_for_timestamp(
        &self,
        target: Timestamp,
        up_to_offset: i64,
    ) -> Result<Option<FoundOffset>, LogError> {
        self.with_view(|view| {
            for segment in view.segments.iter().take_while(|segment| segment.base_offset() < up_to_offset) {
                if segment.largest_timestamp().is_some_and(|largest| largest.timestamp >= target)
                    && let Some(found) =
                        segment.find_timestamp(target, view.log_start_offset, up_to_offset)?
                {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
    }

    /// The first record from `from_offset` on, or from the log start if that is later, and below `up_to_offset`.
    pub(crate) fn first_record(
        &self,
        from_offset: i64,
        up_to_offset: i64,
    ) -> Result<Option<FoundOffset>, LogError> {
        self.with_view(|view| {
            let from_offset = from_offset.max(view.log_start_offset);
            let index = view.segments.partition_point(|segment| segment.base_offset() <= from_offset);
            for segment in view.segments.iter().skip(index.saturating_sub(1)) {
                if segment.base_offset() >= up_to_offset {
                    break;
                }
                if let Some(found) = segment.find_offset(from_offset, up_to_offset)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
    }

    /// The first record below `up_to_offset` that has the largest timestamp (KIP-734).
    pub(crate) fn max_timestamp_offset(&self, up_to_offset: i64) -> Result<Option<FoundOffset>, LogError> {
        self.with_view(|view| {
            let largest = view.largest_timestamps(up_to_offset)?;
            let Some(largest) = largest.into_iter().rev().max_by_key(|largest| largest.timestamp) else {
                return Ok(None);
            };
            let index = view.segments.partition_point(|segment| segment.base_offset() <= largest.offset);
            match index.checked_sub(1).and_then(|index| view.segments.get(index)) {
                Some(segment) => segment.find_largest(largest),
                None => Ok(None),
            }
        })
    }

    /// Looks at the log; looks again when a segment was deleted meanwhile.
    fn with_view<T>(&self, look: impl Fn(&View) -> Result<T, LogError>) -> Result<T, LogError> {
        loop {
            self.check_open()?;
            let view = self.view();
            match look(&view) {
                Err(error) if error.is_gone() => {
                    self.check_open()?;
                    if Arc::ptr_eq(&self.view().segments, &view.segments) {
                        return Err(error);
                    }
                }
                result => {
                    self.data_dir().note_shortage(&result);
                    return result;
                }
            }
        }
    }
}

impl View {
    fn read(&self, request: ReadRequest) -> Result<ByteRun, LogError> {
        let up_to_offset = request.up_to_offset.min(self.log_end_offset);
        let request = ReadRequest { up_to_offset, ..request };
        if request.fetch_offset >= up_to_offset {
            return Ok(ByteRun::default());
        }
        let index = self.segments.partition_point(|segment| segment.base_offset() <= request.fetch_offset);
        for segment in self.segments.iter().skip(index.saturating_sub(1)) {
            if segment.base_offset() >= up_to_offset {
                break;
            }
            match segment.read(&request)? {
                SegmentRead::Batches(records) => return Ok(records),
                SegmentRead::Withheld => break,
                SegmentRead::PastEnd => {}
            }
        }
        Ok(ByteRun::default())
    }

    fn aborted_within(&self, from: i64, records: &ByteRun) -> Result<Vec<AbortedTransaction>, LogError> {
        let first = self.segments.partition_point(|segment| segment.base_offset() <= from).saturating_sub(1);
        let segments = self.segments.get(first..).unwrap_or_default();
        // Most logs know no transactions.
        if records.is_empty() || segments.iter().all(|segment| segment.aborted().is_empty()) {
            return Ok(Vec::new());
        }
        let mut within = aborted_between(segments, from, self.end_of(records)?);
        // The indexes have them in the order in which they ended. Java's consumer sorts, franz-go does not.
        within.sort_unstable_by_key(|transaction| transaction.first_offset);
        Ok(within)
    }

    /// The offset after the last batch of `records`, which begin with a batch and have been read from this log.
    fn end_of(&self, records: &ByteRun) -> Result<i64, LogError> {
        let run = match records {
            ByteRun::Memory(bytes) => {
                let headers = RecordBatchHeaders { bytes };
                return Ok(headers.last().map_or(self.log_end_offset, |header| header.next_offset()));
            }
            ByteRun::File(run) => run,
        };
        let head = run.read(HEADER_BYTES).ok().and_then(|head| RecordBatchHeader::parse(&head).ok());
        let Some(first) = head else { return Ok(self.log_end_offset) };
        let index = self.segments.partition_point(|segment| segment.base_offset() <= first.base_offset);
        let segment = index.checked_sub(1).and_then(|index| self.segments.get(index));
        match segment {
            Some(segment) => segment.next_offset_at(run.end()),
            None => Ok(self.log_end_offset),
        }
    }

    /// The largest timestamp of each segment, as far as it lies below `up_to_offset`.
    fn largest_timestamps(&self, up_to_offset: i64) -> Result<Vec<TimestampOffset>, LogError> {
        let mut all = Vec::new();
        for segment in self.segments.iter().take_while(|segment| segment.base_offset() < up_to_offset) {
            let largest = segment.largest_timestamp();
            let largest = match largest.filter(|largest| largest.offset >= up_to_offset) {
                Some(_) => segment.largest_timestamp_below(up_to_offset)?,
                None => largest,
            };
            all.extend(largest);
        }
        Ok(all)
    }
}

/// The aborted transactions that begin before `end_offset` and do not end before `from`, in the order in which they ended.
fn aborted_between(segments: &[Arc<LogSegment>], from: i64, end_offset: i64) -> Vec<AbortedTransaction> {
    let mut within = Vec::new();
    for segment in segments {
        for transaction in &*segment.aborted() {
            if transaction.last_offset >= from && transaction.first_offset < end_offset {
                within.push(*transaction);
            }
            // No transaction that ended later had begun before the end of the records.
            if transaction.last_stable_offset >= end_offset {
                return within;
            }
        }
    }
    within
}

/// The headers of the batches in some bytes that begin with one.
struct RecordBatchHeaders<'a> {
    bytes: &'a [u8],
}

impl Iterator for RecordBatchHeaders<'_> {
    type Item = RecordBatchHeader;

    fn next(&mut self) -> Option<RecordBatchHeader> {
        let header = RecordBatchHeader::parse(self.bytes).ok()?;
        self.bytes = self.bytes.get(header.size_bytes()..).unwrap_or_default();
        Some(header)
    }
}
