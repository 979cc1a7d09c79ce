//! One record batch as a view over its bytes. What the broker stores, what the client sends and reads.
//!
//! The bytes after the checksum change in three named places only, all here: [`RecordBatch::with_log_append_time`],
//! [`RecordBatch::recompressed`] and [`RecordBatch::restamped`]. What compaction leaves of a batch is made in `compacted.rs`.

use bytes::{Bytes, BytesMut};

use super::compression::{Codec, Compression};
use super::header::{
    ATTRIBUTES_AT, CRC_AT, HEADER_BYTES, LENGTH_END, MAX_BATCH_BYTES, RecordBatchHeader, TimestampType,
};
use super::producer_stamp::ProducerStamp;
use super::records::Records;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::types::LeaderEpoch;

const WHAT: &str = "record batch";

/// One whole record batch: its decoded header beside its bytes, which stay as they came.
///
/// Cloning shares the bytes.
///
/// ```
/// use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatch, RecordBatchBuilder};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1024);
/// builder.append(5, None, Some(b"v"), [])?;
/// let sent = builder.build(ProducerStamp::NONE).into_bytes();
///
/// let (batch, rest) = RecordBatch::parse(sent)?;
/// assert!(rest.is_empty());
/// batch.verify_checksum()?;
/// for record in batch.records(1024)? {
///     assert_eq!(record?.value.as_deref(), Some(&b"v"[..]));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBatch {
    header: RecordBatchHeader,
    bytes: Bytes,
}

impl RecordBatch {
    /// Splits the first batch off `bytes`; gives it and what follows. Nothing is copied.
    ///
    /// The header is checked for what arithmetic relies on; the checksum is not: see [`Self::verify_checksum`].
    ///
    /// # Errors
    /// As [`RecordBatchHeader::parse`]; [`DecodeErrorKind::Truncated`] when the batch is not all there;
    /// [`DecodeErrorKind::Inconsistent`] for a negative offset, offset delta or record count.
    pub fn parse(mut bytes: Bytes) -> Result<(Self, Bytes), DecodeError> {
        let header = RecordBatchHeader::parse(&bytes)?;
        check_ranges(&header)?;
        if bytes.len() < header.size_bytes() {
            return Err(DecodeError::new(DecodeErrorKind::Truncated, WHAT));
        }
        let rest = bytes.split_off(header.size_bytes());
        Ok((Self { header, bytes }, rest))
    }

    /// The decoded header.
    #[must_use]
    pub const fn header(&self) -> &RecordBatchHeader {
        &self.header
    }

    /// The whole batch as bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The whole batch as bytes, the view given up.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Compares the stored checksum with the bytes that it covers: attributes to end.
    ///
    /// # Errors
    /// [`DecodeErrorKind::ChecksumMismatch`].
    pub fn verify_checksum(&self) -> Result<(), DecodeError> {
        let actual = checksum(&self.bytes);
        if actual == self.header.crc {
            return Ok(());
        }
        let kind = DecodeErrorKind::ChecksumMismatch { stored: self.header.crc, actual };
        Err(DecodeError::new(kind, WHAT))
    }

    /// The first 16 bytes (base offset, length, leader epoch) with the values that the log gives the batch.
    ///
    /// The checksum does not cover them: a broker stores this prefix and then `bytes()[16..]`, and copies nothing.
    #[must_use]
    pub fn stored_prefix(&self, base_offset: i64, leader_epoch: LeaderEpoch) -> [u8; 16] {
        let mut prefix = [0; 16];
        let (offset, rest) = prefix.split_at_mut(8);
        let (length, epoch) = rest.split_at_mut(4);
        offset.copy_from_slice(&base_offset.to_be_bytes());
        length.copy_from_slice(&self.header.batch_length.to_be_bytes());
        epoch.copy_from_slice(&leader_epoch.0.to_be_bytes());
        prefix
    }

    /// The records, decompressed now (once) and decoded lazily.
    ///
    /// Records that are not compressed are read where they are. `limit_bytes` bounds what decompression may produce;
    /// memory grows with what really comes out, never with what the data claims.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedCompression`], [`DecodeErrorKind::InvalidCompression`],
    /// [`DecodeErrorKind::TooLarge`] when more than `limit_bytes` come out,
    /// [`DecodeErrorKind::Inconsistent`] when the record count is more than the bytes can hold.
    pub fn records(&self, limit_bytes: usize) -> Result<Records, DecodeError> {
        Records::new(&self.header, self.uncompressed_records(limit_bytes)?)
    }

    /// The batch with the broker's time for every record (`message.timestamp.type=LogAppendTime`), in milliseconds
    /// since 1970. Copies the batch unless nothing has to change.
    #[must_use]
    pub fn with_log_append_time(&self, timestamp: i64) -> Self {
        let mut header = self.header;
        header.attributes = header.attributes.with_timestamp_type(TimestampType::LogAppend);
        header.max_timestamp = timestamp;
        if header == self.header {
            return self.clone();
        }
        Self::seal(header, BytesMut::from(&self.bytes[..]))
    }

    /// The batch with another producer id, epoch and base sequence: for a retry after the producer's epoch was bumped.
    ///
    /// In place when no one else holds the bytes, otherwise on a copy.
    #[must_use]
    pub fn restamped(self, stamp: ProducerStamp) -> Self {
        let mut header = self.header;
        header.set_producer(stamp);
        let bytes = self.bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        Self::seal(header, bytes)
    }

    /// The batch with its records compressed by `codec` (the topic's `compression.type`); the records stay as they are.
    ///
    /// # Errors
    /// As [`Self::records`]: what decompression refuses.
    pub fn recompressed(&self, codec: Codec, limit_bytes: usize) -> Result<Self, DecodeError> {
        if self.header.compression()? == codec.compression() {
            return Ok(self.clone());
        }
        let records = self.uncompressed_records(limit_bytes.min(MAX_BATCH_BYTES))?;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + records.len() / 2);
        bytes.extend_from_slice(&[0; HEADER_BYTES]);
        codec.compress(&records, &mut bytes);
        let mut header = self.header;
        header.attributes = header.attributes.with_compression(codec.compression());
        Ok(Self::seal(header, bytes))
    }

    /// Writes `header` with its length and checksum over the first 61 bytes of `bytes`.
    pub(super) fn seal<B>(mut header: RecordBatchHeader, mut bytes: B) -> Self
    where
        B: AsMut<[u8]> + Into<Bytes>,
    {
        let whole = bytes.as_mut();
        header.batch_length =
            i32::try_from(whole.len() - LENGTH_END).expect("a batch is kept below 2 GiB while it is built");
        let (head, _) = whole.split_first_chunk_mut().expect("a batch begins with room for its header");
        *head = header.encode();
        header.crc = checksum(whole);
        let (_, stored) = whole.split_at_mut(CRC_AT);
        let (stored, _) = stored.split_first_chunk_mut().expect("a batch begins with room for its header");
        *stored = header.crc.to_be_bytes();
        Self { header, bytes: bytes.into() }
    }

    fn uncompressed_records(&self, limit_bytes: usize) -> Result<Bytes, DecodeError> {
        let records = self.bytes.slice(HEADER_BYTES..);
        match self.header.compression()? {
            Compression::None => Ok(records),
            compression => compression.decompress(&records, limit_bytes).map(Bytes::from),
        }
    }
}

fn checksum(batch: &[u8]) -> u32 {
    crc32c::crc32c(batch.get(ATTRIBUTES_AT..).unwrap_or_default())
}

fn check_ranges(header: &RecordBatchHeader) -> Result<(), DecodeError> {
    let problem = if header.base_offset < 0 || header.base_offset == i64::MAX {
        "the base offset is out of range"
    } else if header.last_offset_delta < 0 {
        "the last offset delta is negative"
    } else if header.next_offset() == i64::MAX {
        "the last offset is out of range"
    } else if header.record_count < 0 {
        "the record count is negative"
    } else {
        return Ok(());
    };
    Err(DecodeError::new(DecodeErrorKind::Inconsistent(problem), WHAT))
}
