//! The records of one batch, decoded one at a time: as borrowed views, or as owned records that share the buffer.
//!
//! Called by the client's consumer and by the few broker parts that look at records. Owns the (decompressed) bytes and
//! a position, so that a caller may keep it and pull a record when it likes.

use std::iter::FusedIterator;

use bytes::Bytes;

use super::header::{RecordBatchHeader, TimestampType};
use super::headers::Headers;
use super::view::{RecordBase, RecordView};
use crate::error::{DecodeError, DecodeErrorKind};

/// The fewest bytes a record takes: its length, attributes, two deltas, key and value length, header count.
const MIN_RECORD_BYTES: usize = 7;
const WHAT: &str = "records";

/// A record that shares the buffer of its batch: its parts keep that buffer alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record's offset in its partition.
    pub offset: i64,
    /// Milliseconds since 1970; -1 when the producer set none.
    pub timestamp: i64,
    /// The setter of the timestamp.
    pub timestamp_type: TimestampType,
    /// The key; `None` is null.
    pub key: Option<Bytes>,
    /// The value; `None` is null, a tombstone on a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in order.
    pub headers: Headers,
}

/// Decodes the records of one batch in order: [`Self::next_view`] borrows, [`Iterator::next`] shares.
///
/// Both move the same position and may be mixed. The first error ends the iteration. Made by
/// [`super::RecordBatch::records`].
#[derive(Debug, Clone)]
pub struct Records {
    data: Bytes,
    cursor: RecordCursor,
}

/// A place in a [`Records`], to go back to: see [`Records::mark`].
#[derive(Debug, Clone, Copy)]
pub struct RecordsMark(RecordCursor);

/// Where a [`Records`] is in its bytes.
#[derive(Debug, Clone, Copy)]
struct RecordCursor {
    base: RecordBase,
    position: usize,
    remaining: usize,
    failed: bool,
}

impl Records {
    /// The records in `data`, uncompressed, of the batch with `header`.
    pub(super) fn new(header: &RecordBatchHeader, data: Bytes) -> Result<Self, DecodeError> {
        let remaining = usize::try_from(header.record_count)
            .ok()
            .filter(|&count| count <= data.len() / MIN_RECORD_BYTES)
            .ok_or(inconsistent("the record count is more than the bytes can hold"))?;
        let base = RecordBase::of(header);
        Ok(Self { data, cursor: RecordCursor { base, position: 0, remaining, failed: false } })
    }

    /// How many records were not handed out yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.cursor.remaining
    }

    /// How many bytes of records were not handed out yet, uncompressed.
    #[must_use]
    pub fn remaining_bytes(&self) -> usize {
        self.data.len() - self.cursor.position
    }

    /// The setter of the records' timestamps.
    #[must_use]
    pub const fn timestamp_type(&self) -> TimestampType {
        match self.cursor.base.log_append_time {
            None => TimestampType::Create,
            Some(_) => TimestampType::LogAppend,
        }
    }

    /// The uncompressed bytes of all records, handed out or not: what the parts of a view are slices of.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// This place, to come back to with [`Self::rewind`].
    #[must_use]
    pub const fn mark(&self) -> RecordsMark {
        RecordsMark(self.cursor)
    }

    /// Goes back to a place of these same records.
    pub const fn rewind(&mut self, mark: RecordsMark) {
        self.cursor = mark.0;
    }

    /// The records that were not handed out yet, borrowed, with this place left as it is.
    #[must_use]
    pub fn views(&self) -> RecordViews<'_> {
        RecordViews { data: &self.data, cursor: self.cursor }
    }

    /// The next record, borrowed; allocates nothing. `None` after the last one.
    ///
    /// # Errors
    /// Any [`DecodeErrorKind`] of damaged bytes, once; then `None`. Bytes after the last record are an error too,
    /// handed out after that record.
    #[inline]
    pub fn next_view(&mut self) -> Option<Result<RecordView<'_>, DecodeError>> {
        self.cursor.next_in(&self.data)
    }
}

impl Iterator for Records {
    type Item = Result<Record, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let share = |part: &[u8]| self.data.slice_ref(part);
        let timestamp_type = self.timestamp_type();
        Some(self.cursor.next_in(&self.data)?.map(|view| Record {
            offset: view.offset,
            timestamp: view.timestamp,
            timestamp_type,
            key: view.key.map(share),
            value: view.value.map(share),
            headers: view.headers.map(|header| header.to_header(share)).collect(),
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.remaining() + 1))
    }
}

impl FusedIterator for Records {}

/// The records of a [`Records`] as borrowed views, from [`Records::views`]. The first error ends the iteration.
#[derive(Debug, Clone)]
pub struct RecordViews<'a> {
    data: &'a [u8],
    cursor: RecordCursor,
}

impl<'a> Iterator for RecordViews<'a> {
    type Item = Result<RecordView<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.cursor.next_in(self.data)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.cursor.remaining + 1))
    }
}

impl FusedIterator for RecordViews<'_> {}

impl RecordCursor {
    #[inline]
    fn next_in<'a>(&mut self, data: &'a [u8]) -> Option<Result<RecordView<'a>, DecodeError>> {
        if self.remaining == 0 {
            return self.end(data).map(Err);
        }
        match RecordView::decode(data.get(self.position..).unwrap_or_default(), self.base) {
            Ok((view, consumed)) => {
                self.position += consumed;
                self.remaining -= 1;
                Some(Ok(view))
            }
            Err(error) => {
                self.failed = true;
                self.remaining = 0;
                Some(Err(error))
            }
        }
    }

    /// After the last record: an error, once, when bytes are left over.
    fn end(&mut self, data: &[u8]) -> Option<DecodeError> {
        if self.failed || self.position == data.len() {
            return None;
        }
        self.failed = true;
        Some(inconsistent("bytes are left over after the last record"))
    }
}

const fn inconsistent(problem: &'static str) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Inconsistent(problem), WHAT)
}
