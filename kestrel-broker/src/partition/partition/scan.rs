//! Walks a log batch by batch: how coordinators and the controller read their own logs when they start.

use bytes::Bytes;
use kestrel_protocol::record::{RecordBatch, RecordBatches};
use kestrel_protocol::{DecodeError, ErrorCode, LeaderEpoch};

use super::{FetchRead, Partition};
use crate::log::FirstBatch;
use crate::partition::Isolation;

/// How many bytes of the log are read at once.
const READ_BYTES: usize = 1 << 20;

/// Why a log cannot be walked to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// The log cannot be read.
    #[error("nothing can be read at offset {offset}: {}", error.name())]
    Read {
        /// Where.
        offset: i64,
        /// Why.
        error: ErrorCode,
    },
    /// There is something in it that is not what it should be.
    #[error("the batch at offset {offset}: {error}")]
    Damaged {
        /// Where.
        offset: i64,
        /// Why.
        error: DecodeError,
    },
}

/// The batches of a log one after the other; ends after the first error.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    partition: &'a Partition,
    batches: RecordBatches,
    next_offset: i64,
    end_offset: i64,
}

impl Partition {
    /// The batches from the one with `start_offset` to the end that the log has now. Blocks on the disk.
    pub(crate) fn scan(&self, start_offset: i64) -> Scan<'_> {
        Scan {
            partition: self,
            batches: RecordBatches::new(Bytes::new()),
            next_offset: start_offset,
            end_offset: self.watermarks().end,
        }
    }
}

impl Scan<'_> {
    fn next_batch(&mut self) -> Result<RecordBatch, ScanError> {
        let offset = self.next_offset;
        let batch = match self.batches.next() {
            Some(batch) => batch,
            None => {
                self.batches = self.read(offset).map_err(|error| ScanError::Read { offset, error })?;
                // Nothing, where there should be something: it is above the high watermark still.
                let error = ErrorCode::KafkaStorageError;
                self.batches.next().ok_or(ScanError::Read { offset, error })?
            }
        };
        batch.map_err(|error| ScanError::Damaged { offset, error })
    }

    fn read(&self, fetch_offset: i64) -> Result<RecordBatches, ErrorCode> {
        let read = self.partition.read(FetchRead {
            fetch_offset,
            max_bytes: READ_BYTES,
            first_batch: FirstBatch::Always,
            file_run_min_bytes: usize::MAX,
            isolation: Isolation::ReadUncommitted,
            current_leader_epoch: LeaderEpoch::NONE,
            last_fetched_epoch: LeaderEpoch::NONE,
        })?;
        let records = read.records.into_bytes().map_err(|_| ErrorCode::KafkaStorageError)?;
        Ok(RecordBatches::new(records))
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<RecordBatch, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next_offset >= self.end_offset {
            return None;
        }
        let batch = self.next_batch();
        self.next_offset = batch.as_ref().map_or(i64::MAX, |batch| batch.header().next_offset());
        Some(batch)
    }
}
