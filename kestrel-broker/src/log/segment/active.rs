//! The last segment of a log, the only one that is written: appends, keeps the indexes, knows when it is full.
//!
//! Owned by the log under its writer's lock, and by the loader while it rebuilds indexes.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use kestrel_protocol::Timestamp;
use kestrel_protocol::record::RecordBatchHeader;

use super::LogSegment;
use crate::log::config::LogConfig;
use crate::log::disk::DiskFile;
use crate::log::error::LogError;
use crate::log::format::offset_index::{OFFSET_ENTRY_BYTES, OffsetEntry};
use crate::log::format::time_index::{TIME_ENTRY_BYTES, TimestampOffset};

/// The part of a batch that the log writes itself: base offset, length, leader epoch.
pub(in crate::log) const PREFIX_BYTES: usize = 16;

/// A batch as it is stored.
#[derive(Debug)]
pub(in crate::log) struct StoredBatch {
    /// The header with the offsets and the leader epoch that the log gave it.
    pub(in crate::log) header: RecordBatchHeader,
    /// The first bytes, which the log wrote.
    pub(in crate::log) prefix: [u8; PREFIX_BYTES],
    /// The other bytes, as they came.
    pub(in crate::log) rest: Bytes,
}

/// The sum of the batches that are about to be appended.
#[derive(Debug, Clone, Copy)]
pub(in crate::log) struct Incoming {
    /// How many bytes.
    pub(in crate::log) size_bytes: u64,
    /// The last offset.
    pub(in crate::log) last_offset: i64,
    /// The largest timestamp.
    pub(in crate::log) max_timestamp: Timestamp,
    /// When.
    pub(in crate::log) now: Timestamp,
}

/// The segment as it was before an append.
#[derive(Debug)]
struct Mark {
    size_bytes: u64,
    offset_entries: (u32, Option<OffsetEntry>),
    time_entries: (u32, Option<TimestampOffset>),
    largest: Option<TimestampOffset>,
    first_timestamp: Option<Timestamp>,
    bytes_since_index_entry: u64,
}

/// The segment that is written.
#[derive(Debug)]
pub(in crate::log) struct ActiveSegment {
    segment: Arc<LogSegment>,
    created: Timestamp,
    /// The largest timestamp of the first batch: what the segment's age is counted from.
    first_timestamp: Option<Timestamp>,
    bytes_since_index_entry: u64,
}

impl ActiveSegment {
    /// Writes on at the end of `segment`; `created` is the time since when it is.
    pub(in crate::log) fn new(segment: Arc<LogSegment>, created: Timestamp) -> Result<Self, LogError> {
        let first_timestamp = segment.first_timestamp()?;
        Ok(Self { segment, created, first_timestamp, bytes_since_index_entry: 0 })
    }

    /// Writes the indexes of `segment` anew: they are empty, its log is not. They are whole after [`Self::finish`].
    pub(in crate::log) fn rebuilding(segment: Arc<LogSegment>, created: Timestamp) -> Self {
        segment.offset_index.collect();
        segment.time_index.collect();
        Self { segment, created, first_timestamp: None, bytes_since_index_entry: 0 }
    }

    /// The segment as readers share it.
    pub(in crate::log) fn segment(&self) -> &Arc<LogSegment> {
        &self.segment
    }

    /// Whether `incoming` has to go to a new segment: size, age, a full index, or an offset too far from the first.
    pub(in crate::log) fn must_roll_before(&self, incoming: Incoming, config: &LogConfig) -> bool {
        let segment = &self.segment;
        let relative = incoming.last_offset - segment.base_offset;
        if relative > i64::from(i32::MAX) {
            return true;
        }
        let size_bytes = segment.size_bytes();
        size_bytes > 0
            && (size_bytes + incoming.size_bytes > u64::from(config.segment_bytes)
                || self.is_old(incoming, config)
                || self.index_is_full(config))
    }

    /// Writes the batches with one call, then counts them in and indexes them. A [shortage](LogError::Short) leaves no trace.
    pub(in crate::log) fn append(
        &mut self,
        batches: &[StoredBatch],
        config: &LogConfig,
    ) -> Result<(), LogError> {
        let mut slices = Vec::with_capacity(2 * batches.len());
        for batch in batches {
            slices.push(IoSlice::new(&batch.prefix));
            slices.push(IoSlice::new(&batch.rest));
        }
        let segment = Arc::clone(&self.segment);
        let file = segment.log.create().map_err(|error| LogError::io("open", segment.path(), error))?;
        let before = self.mark();
        let written = file
            .write_all_at(&mut slices, before.size_bytes)
            .map_err(|error| LogError::io("write", segment.path(), error))
            .and_then(|()| self.index_all(batches, config));
        written.map_err(|error| {
            let undone = self.go_back_to(&before, &file);
            error.undone(undone)
        })
    }

    fn index_all(&mut self, batches: &[StoredBatch], config: &LogConfig) -> Result<(), LogError> {
        let mut position = self.segment.size_bytes();
        for batch in batches {
            self.index(&batch.header, position, config)?;
            position += batch.header.size_bytes() as u64;
        }
        self.segment.size_bytes.store(position, Ordering::Release);
        Ok(())
    }

    fn mark(&self) -> Mark {
        let segment = &self.segment;
        Mark {
            size_bytes: segment.size_bytes(),
            offset_entries: (segment.offset_index.count(), segment.offset_index.last()),
            time_entries: (segment.time_index.count(), segment.time_index.last()),
            largest: segment.largest_timestamp(),
            first_timestamp: self.first_timestamp,
            bytes_since_index_entry: self.bytes_since_index_entry,
        }
    }

    /// Removes the traces of an append that failed.
    fn go_back_to(&mut self, mark: &Mark, file: &DiskFile) -> Result<(), LogError> {
        let segment = &self.segment;
        segment.set_largest_timestamp(mark.largest);
        self.first_timestamp = mark.first_timestamp;
        self.bytes_since_index_entry = mark.bytes_since_index_entry;
        let (count, last) = mark.offset_entries;
        segment.offset_index.truncate(count, last)?;
        let (count, last) = mark.time_entries;
        segment.time_index.truncate(count, last)?;
        file.set_len(mark.size_bytes).map_err(|error| LogError::io("truncate", segment.path(), error))
    }

    /// Takes the batch at `position` into the indexes, if it is time for an entry.
    pub(in crate::log) fn index(
        &mut self,
        header: &RecordBatchHeader,
        position: u64,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        let segment = &self.segment;
        self.first_timestamp.get_or_insert_with(|| Timestamp::from_millis(header.max_timestamp));
        if !segment.can_index(header.last_offset()) {
            // What the index can name stands in it before there is anything else.
            self.index_largest_timestamp()?;
        }
        if let Some(newest) = TimestampOffset::of(header) {
            segment.note_timestamp(newest);
        }
        if self.bytes_since_index_entry > u64::from(config.index_interval_bytes)
            && segment.can_index(header.last_offset())
        {
            let position = u32::try_from(position).expect("a segment is smaller than 4 GiB");
            segment
                .offset_index
                .append(OffsetEntry { offset: header.last_offset(), position })
                .map_err(|error| LogError::io("write", segment.offset_index.path(), error))?;
            self.index_largest_timestamp()?;
            self.bytes_since_index_entry = 0;
        }
        self.bytes_since_index_entry += header.size_bytes() as u64;
        Ok(())
    }

    /// The last entry of the time index: every reader of a finished segment may rely on it.
    pub(in crate::log) fn finish(&self) -> Result<(), LogError> {
        self.index_largest_timestamp()?;
        let LogSegment { offset_index, time_index, .. } = &*self.segment;
        offset_index.write_collected().map_err(|error| LogError::io("write", offset_index.path(), error))?;
        time_index.write_collected().map_err(|error| LogError::io("write", time_index.path(), error))
    }

    fn index_largest_timestamp(&self) -> Result<(), LogError> {
        let largest = self.segment.largest_timestamp();
        let Some(largest) = largest.filter(|largest| self.segment.can_index(largest.offset)) else {
            return Ok(());
        };
        let time_index = &self.segment.time_index;
        time_index.maybe_append(largest).map_err(|error| LogError::io("write", time_index.path(), error))
    }

    fn is_old(&self, incoming: Incoming, config: &LogConfig) -> bool {
        match self.first_timestamp.filter(|first| first.as_millis() >= 0) {
            Some(first) => incoming.max_timestamp > first.saturating_add(config.segment_roll),
            None => incoming.now > self.created.saturating_add(config.segment_roll),
        }
    }

    /// One entry of the time index stays free for [`Self::finish`].
    fn index_is_full(&self, config: &LogConfig) -> bool {
        let size_bytes = config.segment_index_bytes as usize;
        self.segment.offset_index.count() as usize >= size_bytes / OFFSET_ENTRY_BYTES
            || self.segment.time_index.count() as usize + 1 >= size_bytes / TIME_ENTRY_BYTES
    }
}
