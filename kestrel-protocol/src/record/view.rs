//! One record, borrowed from its batch: what the client decodes per record without an allocation.
//!
//! Called by [`super::Records`] only, which owns the bytes. Checks the whole record before it is shown, so that
//! a view's parts, headers included, can't fail later.

use std::borrow::Cow;

use super::header::{RecordBatchHeader, TimestampType};
use super::headers::Header;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire::varint::{read_varint, read_varlong, split_short_varint};

const WHAT: &str = "record";

/// A record whose key, value and headers lie in the batch buffer.
#[derive(Debug, Clone, Copy)]
pub struct RecordView<'a> {
    /// The record's offset in its partition.
    pub offset: i64,
    /// Milliseconds since 1970, of the batch's timestamp type; -1 when the producer set none.
    pub timestamp: i64,
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null, a tombstone on a compacted topic.
    pub value: Option<&'a [u8]>,
    /// The headers in order, repeats included.
    pub headers: HeadersView<'a>,
}

/// The offset and the timestamp that those of a batch's records are relative to.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordBase {
    pub(super) offset: i64,
    pub(super) timestamp: i64,
    /// The one timestamp of all records, with log append time.
    pub(super) log_append_time: Option<i64>,
}

impl RecordBase {
    pub(super) fn of(header: &RecordBatchHeader) -> Self {
        let log_append_time = match header.timestamp_type() {
            TimestampType::Create => None,
            TimestampType::LogAppend => Some(header.max_timestamp),
        };
        Self { offset: header.base_offset, timestamp: header.base_timestamp, log_append_time }
    }

    #[inline]
    pub(super) const fn timestamp_of(&self, delta: i64) -> i64 {
        match self.log_append_time {
            Some(timestamp) => timestamp,
            None => self.timestamp.wrapping_add(delta),
        }
    }
}

impl<'a> RecordView<'a> {
    /// Decodes the record at the front of `bytes`; gives it and how many bytes it took.
    ///
    /// The record's length has to agree with its content to the byte, as Apache Kafka demands.
    #[inline]
    pub(super) fn decode(bytes: &'a [u8], base: RecordBase) -> Result<(Self, usize), DecodeError> {
        let mut cursor = Cursor(bytes);
        let length = cursor.varint()?;
        let mut body = Cursor(cursor.take(length)?);
        let consumed = bytes.len() - cursor.0.len();
        // The record's own attributes: a byte without a meaning yet.
        body.take(1)?;
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let key = body.nullable()?;
        let value = body.nullable()?;
        let headers = HeadersView { count: body.count()?, bytes: body.0 };
        headers.check()?;
        let record = Self {
            offset: base.offset.wrapping_add(i64::from(offset_delta)),
            timestamp: base.timestamp_of(timestamp_delta),
            key,
            value,
            headers,
        };
        Ok((record, consumed))
    }
}

/// The headers of a [`RecordView`]: an iterator over them, in order, repeats included. Allocates nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct HeadersView<'a> {
    count: usize,
    /// The headers and nothing after them: checked when the record was decoded.
    bytes: &'a [u8],
}

impl HeadersView<'_> {
    /// Whether there are none left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Fails unless `bytes` is exactly `count` headers.
    #[inline]
    fn check(&self) -> Result<(), DecodeError> {
        let mut cursor = Cursor(self.bytes);
        for _ in 0..self.count {
            cursor.header()?;
        }
        if cursor.0.is_empty() {
            return Ok(());
        }
        let problem = "the record is longer than its content";
        Err(DecodeError::new(DecodeErrorKind::Inconsistent(problem), WHAT))
    }
}

impl<'a> Iterator for HeadersView<'a> {
    type Item = HeaderView<'a>;

    fn next(&mut self) -> Option<HeaderView<'a>> {
        self.count = self.count.checked_sub(1)?;
        let mut cursor = Cursor(self.bytes);
        let header = cursor.header().ok();
        self.bytes = cursor.0;
        header
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for HeadersView<'_> {}

/// One header of a [`RecordView`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderView<'a> {
    /// The name as stored: UTF-8 from every client that keeps to the protocol.
    pub key_bytes: &'a [u8],
    /// The content; `None` is null, which is not the same as empty.
    pub value: Option<&'a [u8]>,
}

impl<'a> HeaderView<'a> {
    /// The name as text; bytes that are not UTF-8 are replaced, as Kafka's own client does. Borrowed unless that happens.
    #[must_use]
    pub fn key(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.key_bytes)
    }

    /// An owned header whose parts are made by `share` from the borrowed ones.
    #[must_use]
    pub fn to_header(self, share: impl Fn(&[u8]) -> bytes::Bytes) -> Header {
        let key = match self.key() {
            Cow::Borrowed(_) => bytestring::ByteString::try_from(share(self.key_bytes)).unwrap_or_default(),
            Cow::Owned(replaced) => replaced.into(),
        };
        Header { key, value: self.value.map(share) }
    }
}

/// A bounded cursor over borrowed bytes, with a short way for integers of one byte and of two: nearly all of them are.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    #[inline]
    fn varint(&mut self) -> Result<i32, DecodeError> {
        match split_short_varint(self.0) {
            Some((value, rest)) => {
                self.0 = rest;
                Ok(value)
            }
            None => self.long(read_varint),
        }
    }

    #[inline]
    fn varlong(&mut self) -> Result<i64, DecodeError> {
        match split_short_varint(self.0) {
            Some((value, rest)) => {
                self.0 = rest;
                Ok(i64::from(value))
            }
            None => self.long(read_varlong),
        }
    }

    /// An integer of three bytes and more: out of line, so that the short way is inlined alone.
    #[inline(never)]
    fn long<T>(
        &mut self,
        read: impl Fn(&[u8], &'static str) -> Result<(T, usize), DecodeError>,
    ) -> Result<T, DecodeError> {
        let (value, length) = read(self.0, WHAT)?;
        self.0 = self.0.get(length..).unwrap_or_default();
        Ok(value)
    }

    #[inline]
    fn take(&mut self, length: i32) -> Result<&'a [u8], DecodeError> {
        let invalid = DecodeError::new(DecodeErrorKind::InvalidLength(i64::from(length)), WHAT);
        let length = usize::try_from(length).map_err(|_| invalid)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(invalid)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A length and that many bytes; a negative length is null.
    #[inline]
    fn nullable(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.varint()? {
            length if length < 0 => Ok(None),
            length => self.take(length).map(Some),
        }
    }

    /// A count of things that take two bytes or more each.
    #[inline]
    fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.varint()?;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= self.0.len() / 2)
            .ok_or_else(|| DecodeError::new(DecodeErrorKind::InvalidLength(i64::from(count)), WHAT))
    }

    #[inline]
    fn header(&mut self) -> Result<HeaderView<'a>, DecodeError> {
        let key_length = self.varint()?;
        Ok(HeaderView { key_bytes: self.take(key_length)?, value: self.nullable()? })
    }
}
