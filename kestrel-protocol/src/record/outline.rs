//! The outline of a batch's records: their structure is checked to the byte, their content passed over.
//!
//! Called by a broker that wants to know that a batch can be read before it stores it. Compressed records are decompressed a
//! piece at a time, so that the memory this takes does not depend on what comes out.

use super::batch::RecordBatch;
use super::compression::{Pieces, Refusal, Visitor};
use super::header::HEADER_BYTES;
use super::view::{RecordBase, RecordView};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire::varint::{MAX_BYTES, read_varint, read_varlong};

const WHAT: &str = "records";

/// One record without its content, from [`RecordBatch::outline`].
///
/// ```
/// use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1024);
/// builder.append(5, Some(b"key"), None, [])?;
/// let batch = builder.build(ProducerStamp::NONE);
/// batch.outline(1024, |record| assert!(record.has_key && record.timestamp == 5))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordOutline {
    /// Which record of the batch it is, from 0.
    pub index: i32,
    /// Milliseconds since 1970, of the batch's timestamp type; -1 when the producer set none.
    pub timestamp: i64,
    /// Whether its key is not null.
    pub has_key: bool,
}

impl RecordBatch {
    /// Checks every record to the byte and shows each to `each`, as a producer has to write them: as many as the header says,
    /// with offsets that follow one another, and nothing behind the last.
    ///
    /// Keys, values and headers are passed over. Compressed records are decompressed in pieces of some ten KiB (snappy: of a
    /// block), and `limit_bytes` bounds what may come out in all.
    ///
    /// # Errors
    /// [`DecodeErrorKind::InvalidCompression`] for bytes that the codec refuses, [`DecodeErrorKind::UnsupportedCompression`];
    /// [`DecodeErrorKind::TooLarge`] when more than `limit_bytes` come out; [`DecodeErrorKind::Truncated`],
    /// [`DecodeErrorKind::InvalidLength`], [`DecodeErrorKind::InvalidVarint`] and [`DecodeErrorKind::Inconsistent`] for records
    /// that are not what their lengths and counts say. `each` may have seen the records before the fault.
    pub fn outline(&self, limit_bytes: usize, each: impl FnMut(RecordOutline)) -> Result<(), DecodeError> {
        let header = self.header();
        let data = self.bytes().get(HEADER_BYTES..).unwrap_or_default();
        let base = RecordBase::of(header);
        let walk = Walk { count: header.record_count, base, limit_bytes, each };
        header.compression()?.visit(data, walk)
    }
}

/// A walk over the records of a batch.
struct Walk<F> {
    count: i32,
    base: RecordBase,
    limit_bytes: usize,
    each: F,
}

impl<F: FnMut(RecordOutline)> Visitor for Walk<F> {
    fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    fn visit(mut self, pieces: impl Pieces) -> Result<(), DecodeError> {
        let mut reader = Reader { pieces, left: self.limit_bytes, limit_bytes: self.limit_bytes };
        for index in 0..self.count {
            let outline = match reader.whole_record(index, self.base)? {
                Some(outline) => outline,
                None => reader.record(index, self.base)?,
            };
            (self.each)(outline);
        }
        if reader.piece()?.is_empty() {
            return Ok(());
        }
        Err(inconsistent("bytes are left over after the last record"))
    }
}

/// A place in the uncompressed records.
struct Reader<P> {
    pieces: P,
    /// How many bytes may still come: of the record, while one is read; of all records between two.
    left: usize,
    limit_bytes: usize,
}

impl<P: Pieces> Reader<P> {
    /// The record, if it lies in one piece as nearly all do: several times as fast as number by number.
    #[inline]
    fn whole_record(&mut self, index: i32, base: RecordBase) -> Result<Option<RecordOutline>, DecodeError> {
        let left = self.left;
        let Ok((view, consumed)) = RecordView::decode(self.piece()?, base) else { return Ok(None) };
        let is_next = view.offset.wrapping_sub(base.offset) == i64::from(index);
        // What is wrong with a record is found out in `record`, which looks at it again.
        let Some(left) = left.checked_sub(consumed).filter(|_| is_next) else { return Ok(None) };
        let outline = RecordOutline { index, timestamp: view.timestamp, has_key: view.key.is_some() };
        self.left = left;
        self.pieces.pass(consumed);
        Ok(Some(outline))
    }

    /// The record number by number, whatever pieces it lies in.
    fn record(&mut self, index: i32, base: RecordBase) -> Result<RecordOutline, DecodeError> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| invalid_length(length))?;
        // While the record is read, its own length is the limit.
        let left_behind = self.left.checked_sub(length).ok_or_else(|| self.too_large())?;
        self.left = length;
        let outline = self.content(index, base)?;
        if self.left != 0 {
            return Err(inconsistent("the record is longer than its content"));
        }
        self.left = left_behind;
        Ok(outline)
    }

    fn content(&mut self, index: i32, base: RecordBase) -> Result<RecordOutline, DecodeError> {
        // The record's own attributes: a byte without a meaning yet.
        self.skip(1)?;
        let timestamp_delta = self.varlong()?;
        if self.varint()? != index {
            return Err(inconsistent("the offsets of the records do not follow one another"));
        }
        let has_key = self.nullable()?;
        self.nullable()?;
        self.headers()?;
        Ok(RecordOutline { index, timestamp: base.timestamp_of(timestamp_delta), has_key })
    }

    fn headers(&mut self) -> Result<(), DecodeError> {
        let count = self.varint()?;
        if count < 0 {
            return Err(invalid_length(count));
        }
        for _ in 0..count {
            let key_length = self.varint()?;
            self.skip(usize::try_from(key_length).map_err(|_| invalid_length(key_length))?)?;
            self.nullable()?;
        }
        Ok(())
    }

    /// Passes a length and that many bytes; whether it was not null.
    fn nullable(&mut self) -> Result<bool, DecodeError> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.skip(length).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    fn skip(&mut self, mut length: usize) -> Result<(), DecodeError> {
        let Some(left) = self.left.checked_sub(length) else {
            return Err(inconsistent("the record is shorter than its content"));
        };
        self.left = left;
        while length > 0 {
            let available = self.piece()?.len().min(length);
            if available == 0 {
                return Err(DecodeError::new(DecodeErrorKind::Truncated, WHAT));
            }
            self.pieces.pass(available);
            length -= available;
        }
        Ok(())
    }

    fn varint(&mut self) -> Result<i32, DecodeError> {
        self.number().and_then(|bytes| Ok(read_varint(&bytes, WHAT)?.0))
    }

    fn varlong(&mut self) -> Result<i64, DecodeError> {
        self.number().and_then(|bytes| Ok(read_varlong(&bytes, WHAT)?.0))
    }

    /// The bytes of a number, which may lie in two pieces.
    fn number(&mut self) -> Result<[u8; MAX_BYTES], DecodeError> {
        let mut bytes = [0xff; MAX_BYTES];
        for place in &mut bytes {
            *place = *self.piece()?.first().ok_or(DecodeError::new(DecodeErrorKind::Truncated, WHAT))?;
            self.skip(1)?;
            if *place < 0x80 {
                break;
            }
        }
        Ok(bytes)
    }

    fn piece(&mut self) -> Result<&[u8], DecodeError> {
        let limit_bytes = self.limit_bytes;
        self.pieces.piece().map_err(|refusal: Refusal| refusal.error(limit_bytes))
    }

    const fn too_large(&self) -> DecodeError {
        Refusal::TooLarge.error(self.limit_bytes)
    }
}

const fn inconsistent(problem: &'static str) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Inconsistent(problem), WHAT)
}

fn invalid_length(length: i32) -> DecodeError {
    DecodeError::new(DecodeErrorKind::InvalidLength(i64::from(length)), WHAT)
}
