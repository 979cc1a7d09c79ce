//! A run of record batches, as a Produce request carries, a Fetch answer carries and a segment holds.
//!
//! Used by the broker's validator and by the client's fetch buffer. A torn last batch is an end, not an error.

use std::iter::FusedIterator;

use bytes::Bytes;

use super::batch::RecordBatch;
use super::header::claimed_size;
use crate::error::DecodeError;

/// Splits a run of bytes into record batches, lazily and without copying.
///
/// A broker cuts a Fetch answer at a byte limit, so the last batch may be torn: the iteration then ends, and
/// [`Self::rest`] has what was left. Damage ends it too, after the error was handed out.
///
/// ```
/// use kestrel_protocol::record::RecordBatches;
/// let torn = bytes::Bytes::from_static(b"\0\0\0\0\0\0\0\x09\0\0");
/// let mut batches = RecordBatches::new(torn);
/// assert!(batches.next().is_none());
/// assert_eq!(batches.rest().len(), 10);
/// ```
#[derive(Debug, Clone)]
pub struct RecordBatches {
    rest: Bytes,
    failed: bool,
}

impl RecordBatches {
    /// The batches in `bytes`.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self { rest: bytes, failed: false }
    }

    /// The bytes that were not handed out; after the end, the torn batch.
    #[must_use]
    pub const fn rest(&self) -> &Bytes {
        &self.rest
    }

    fn split_next(&mut self) -> Result<Option<RecordBatch>, DecodeError> {
        match claimed_size(&self.rest)? {
            Some(size) if size <= self.rest.len() => {
                let (batch, rest) = RecordBatch::parse(self.rest.clone())?;
                self.rest = rest;
                Ok(Some(batch))
            }
            _ => Ok(None),
        }
    }
}

impl Iterator for RecordBatches {
    type Item = Result<RecordBatch, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.split_next();
        self.failed = next.is_err();
        next.transpose()
    }
}

impl FusedIterator for RecordBatches {}
