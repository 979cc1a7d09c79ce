//! Builds one record batch: each record is encoded once, straight into the buffer that becomes the batch.
//!
//! Called by the client's accumulator per record and by the broker for its own logs. Appending allocates nothing while
//! the batch stays within its write limit; compression happens in [`RecordBatchBuilder::build`].

use super::batch::RecordBatch;
use super::compression::{Codec, Compression};
use super::header::{HEADER_BYTES, MAX_BATCH_BYTES, RecordBatchHeader, TimestampType};
use super::producer_stamp::ProducerStamp;
use crate::types::LeaderEpoch;
use crate::wire::varint::{Varint, Varints, put_nullable};

/// The most that the fixed fields in front of a record's key take, with the key's length.
const MAX_FIXED_BYTES: usize = 5 + 1 + 10 + 5 + 5;

/// A value's length.
const LENGTH_BYTES: usize = 5;
/// The attributes of a record, of which none is in use.
const ATTRIBUTES: i64 = 0;

/// The options of a batch: what all of its records have in common.
///
/// ```
/// use kestrel_protocol::record::{BuilderOptions, Codec, Compression};
/// let codec = Codec::new(Compression::None, None).expect("no codec is always there");
/// let options = BuilderOptions { codec, ..BuilderOptions::default() };
/// assert!(!options.transactional);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BuilderOptions {
    /// How the records are compressed; default: not at all.
    pub codec: Codec,
    /// What the codec is expected to make of a byte, as a factor above 0; default 1.0. With a compressing codec the
    /// write limit is compared with the expected size, so that a batch comes out about as large as it may be.
    pub expected_ratio: f32,
    /// The setter of the timestamps; default: the producer.
    pub timestamp_type: TimestampType,
    /// Whether the batch belongs to a transaction (KIP-98); default no.
    pub transactional: bool,
    /// Whether the records are control records; default no.
    pub control: bool,
    /// The first record's offset; default 0, which is what a producer sends.
    pub base_offset: i64,
    /// The leader's epoch; default [`LeaderEpoch::NONE`], which is what a producer sends.
    pub partition_leader_epoch: LeaderEpoch,
}

impl Default for BuilderOptions {
    fn default() -> Self {
        Self {
            codec: Codec::NONE,
            expected_ratio: 1.0,
            timestamp_type: TimestampType::Create,
            transactional: false,
            control: false,
            base_offset: 0,
            partition_leader_epoch: LeaderEpoch::NONE,
        }
    }
}

/// The record does not fit any more: the batch is as it was. Close it and begin another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record does not fit into the batch any more")]
pub struct BatchFull;

/// Collects records into one batch.
///
/// ```
/// use kestrel_protocol::record::{BuilderOptions, Headers, ProducerStamp, RecordBatchBuilder};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 16 * 1024);
/// let mut headers = Headers::new();
/// headers.push("trace", Some("7f".into()));
/// assert_eq!(builder.append(1_700_000_000_000, Some(b"k"), Some(b"v"), headers.iter())?, 0);
/// assert_eq!(builder.append(1_700_000_000_001, Some(b"k"), None, [])?, 1);
/// let batch = builder.build(ProducerStamp::NONE);
/// assert_eq!(batch.header().record_count, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RecordBatchBuilder {
    options: BuilderOptions,
    write_limit_bytes: usize,
    /// The header's place, then the records, uncompressed.
    buffer: Vec<u8>,
    record_count: i32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl RecordBatchBuilder {
    /// A batch of about `write_limit_bytes` at most (one record may exceed it alone), which are reserved now.
    #[must_use]
    pub fn new(options: BuilderOptions, write_limit_bytes: usize) -> Self {
        Self::with_buffer(options, write_limit_bytes, Vec::with_capacity(write_limit_bytes.max(HEADER_BYTES)))
    }

    /// As [`Self::new`], in a buffer that the caller had: it is cleared, and grows beyond its capacity when it must.
    #[must_use]
    pub fn with_buffer(options: BuilderOptions, write_limit_bytes: usize, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.extend_from_slice(&[0; HEADER_BYTES]);
        Self { options, write_limit_bytes, buffer, record_count: 0, base_timestamp: -1, max_timestamp: -1 }
    }

    /// Encodes a record into the batch; gives its offset relative to the batch's first.
    ///
    /// `timestamp` is in milliseconds since 1970, -1 for none. The first record is taken whatever its size.
    ///
    /// # Errors
    /// [`BatchFull`] when a record after the first would exceed the write limit, or any record 2 GiB.
    #[inline]
    pub fn append<'h, H>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: H,
    ) -> Result<i32, BatchFull>
    where
        H: IntoIterator<Item = (&'h str, Option<&'h [u8]>), IntoIter: Clone>,
    {
        let headers = headers.into_iter();
        let offset_delta = self.record_count;
        let base_timestamp = if offset_delta == 0 { timestamp } else { self.base_timestamp };
        let (header_count, headers_len) = measure_headers(headers.clone());
        let header_count = Varint::of_length(header_count);
        let mut front = Varints::new();
        front.push(ATTRIBUTES);
        front.push(timestamp.wrapping_sub(base_timestamp));
        front.push(i64::from(offset_delta));
        front.push(length_of(key));
        // Behind a key; without one it is gathered with the numbers in front.
        let value_len = key.filter(|key| !key.is_empty()).map(|_| Varint::of_nullable(value));
        if value_len.is_none() {
            front.push(length_of(value));
        }
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        let body_len = front.length()
            + key.len()
            + value_len.map_or(0, |value_len| value_len.length)
            + value.len()
            + header_count.length
            + headers_len;
        let encoded_body_len = Varint::of_length(body_len);
        let size = encoded_body_len.length.saturating_add(body_len);
        if !self.has_room_for(size) {
            return Err(BatchFull);
        }

        let buffer = &mut self.buffer;
        buffer.reserve(size);
        buffer.extend_from_slice(front.behind(encoded_body_len));
        if let Some(value_len) = value_len {
            buffer.extend_from_slice(key);
            value_len.append_to(buffer);
        }
        buffer.extend_from_slice(value);
        header_count.append_to(buffer);
        for (key, value) in headers {
            put_nullable(buffer, Some(key.as_bytes()));
            put_nullable(buffer, value);
        }

        self.base_timestamp = base_timestamp;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.record_count += 1;
        Ok(offset_delta)
    }

    /// Whether a record of `size_bytes` ([`record_size`]) fits; the first one fits whatever its size below 2 GiB.
    #[must_use]
    #[inline]
    pub fn has_room_for(&self, size_bytes: usize) -> bool {
        let encoded = self.buffer.len().saturating_add(size_bytes);
        if encoded > MAX_BATCH_BYTES || self.record_count == i32::MAX {
            return false;
        }
        self.record_count == 0 || self.expected_size(encoded) <= self.write_limit_bytes
    }

    /// How many records were appended.
    #[must_use]
    pub const fn record_count(&self) -> i32 {
        self.record_count
    }

    /// Whether nothing was appended.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// How large the batch would be as it is, uncompressed, its header included.
    #[must_use]
    pub const fn uncompressed_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// How large the batch is expected to be; exact when nothing is compressed.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        self.expected_size(self.buffer.len())
    }

    /// Compresses the records, fills in header and checksum, and gives the batch.
    #[must_use]
    pub fn build(self, stamp: ProducerStamp) -> RecordBatch {
        let Self { options, buffer, .. } = &self;
        let mut header = RecordBatchHeader::empty();
        header.base_offset = options.base_offset;
        header.partition_leader_epoch = options.partition_leader_epoch;
        header.attributes = header
            .attributes
            .with_compression(options.codec.compression())
            .with_timestamp_type(options.timestamp_type);
        if options.transactional {
            header.attributes = header.attributes.transactional();
        }
        if options.control {
            header.attributes = header.attributes.control();
        }
        header.last_offset_delta = (self.record_count - 1).max(0);
        header.base_timestamp = self.base_timestamp;
        header.max_timestamp = self.max_timestamp;
        header.record_count = self.record_count;
        header.set_producer(stamp);
        if options.codec.compression() == Compression::None {
            return RecordBatch::seal(header, self.buffer);
        }
        let (head, records) = buffer.split_at(HEADER_BYTES);
        let mut compressed = Vec::with_capacity(HEADER_BYTES + records.len() / 2);
        compressed.extend_from_slice(head);
        options.codec.compress(records, &mut compressed);
        RecordBatch::seal(header, compressed)
    }

    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate of a size that fits"
    )]
    fn expected_size(&self, encoded: usize) -> usize {
        if self.options.codec.compression() == Compression::None {
            return encoded;
        }
        HEADER_BYTES + ((encoded - HEADER_BYTES) as f32 * self.options.expected_ratio) as usize
    }
}

/// The most that a record of these sizes adds to a batch, in bytes.
///
/// `headers_bytes` counts the keys and values of the headers, without their lengths.
///
/// ```
/// # use kestrel_protocol::record::record_size;
/// assert_eq!(record_size(3, 100, 0, 0), 103 + 36);
/// ```
#[must_use]
pub const fn record_size(
    key_bytes: usize,
    value_bytes: usize,
    header_count: usize,
    headers_bytes: usize,
) -> usize {
    MAX_FIXED_BYTES + 2 * LENGTH_BYTES + key_bytes + value_bytes + 2 * 5 * header_count + headers_bytes
}

#[inline]
fn measure_headers<'h>(headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>) -> (usize, usize) {
    headers.fold((0, 0usize), |(count, size), (key, value)| {
        (
            count + 1,
            size.saturating_add(nullable_len(Some(key.as_bytes()))).saturating_add(nullable_len(value)),
        )
    })
}

/// The length of a key or value; null is -1.
#[inline]
fn length_of(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).expect("a length in memory is below 2^63"))
}

/// How many bytes a key or value takes with its length.
#[inline]
fn nullable_len(bytes: Option<&[u8]>) -> usize {
    Varint::of_nullable(bytes).length + bytes.map_or(0, <[u8]>::len)
}
