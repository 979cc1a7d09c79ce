//! The batches of a segment one after the other, each checked, read in large pieces.
//!
//! Called by both passes of a cleaning. Damage ends it with an error: what cannot be read is not replaced.

use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::record::{RecordBatch, RecordBatchHeader, RecordBatches};

use crate::log::disk::DiskFile;
use crate::log::error::LogError;
use crate::log::segment::LogSegment;

/// The batches of one segment.
#[derive(Debug)]
pub(super) struct SegmentBatches<'a> {
    segment: &'a LogSegment,
    file: Arc<DiskFile>,
    /// Where the next batch begins.
    position: u64,
    end: u64,
    piece_bytes: usize,
    batches: RecordBatches,
    next_offset: i64,
    /// How many bytes were read since it was asked last.
    read_bytes: u64,
}

impl<'a> SegmentBatches<'a> {
    /// Those from the batch with `offset` on, or a few before it, read `piece_bytes` at a time.
    pub(super) fn from(segment: &'a LogSegment, offset: i64, piece_bytes: usize) -> Result<Self, LogError> {
        Ok(Self {
            segment,
            file: segment.open_log()?,
            position: segment.checked_position_before(offset)?,
            end: segment.size_bytes(),
            piece_bytes,
            batches: RecordBatches::new(Bytes::new()),
            next_offset: segment.base_offset(),
            read_bytes: 0,
        })
    }

    /// The next batch.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, LogError> {
        if let Some(batch) = self.split_next()? {
            return Ok(Some(batch));
        }
        if self.position >= self.end {
            return Ok(None);
        }
        self.read(self.piece_bytes)?;
        if let Some(batch) = self.split_next()? {
            return Ok(Some(batch));
        }
        // The batch is larger than a piece.
        let header = RecordBatchHeader::parse(self.batches.rest()).map_err(|error| self.corrupt(error))?;
        self.read(header.size_bytes())?;
        self.split_next()?
            .map_or_else(|| Err(self.corrupt("the last record batch is not whole")), |batch| Ok(Some(batch)))
    }

    /// How many bytes were read since the last call.
    pub(super) fn take_read_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.read_bytes)
    }

    fn read(&mut self, length: usize) -> Result<(), LogError> {
        let bytes = self.segment.read_bytes(&self.file, self.position, length)?;
        self.read_bytes += bytes.len() as u64;
        self.batches = RecordBatches::new(bytes);
        Ok(())
    }

    /// The next batch of the piece, if it is there as a whole.
    fn split_next(&mut self) -> Result<Option<RecordBatch>, LogError> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let batch = batch.map_err(|error| self.corrupt(error))?;
        batch.verify_checksum().map_err(|error| self.corrupt(error))?;
        let header = batch.header();
        if header.base_offset < self.next_offset {
            return Err(self.corrupt(format!(
                "offset {} follows offset {}",
                header.base_offset,
                self.next_offset - 1
            )));
        }
        self.next_offset = header.next_offset();
        self.position += batch.bytes().len() as u64;
        Ok(Some(batch))
    }

    fn corrupt(&self, why: impl std::fmt::Display) -> LogError {
        LogError::corrupt(self.segment.path(), self.position, why)
    }
}
