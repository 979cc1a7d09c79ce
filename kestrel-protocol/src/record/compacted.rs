//! A batch with fewer records than it had: what a log cleaner leaves of it (KIP-98, KIP-534).
//!
//! Called by the broker's log cleaner. Offsets, producer and leader epoch stay as they were: the last offset delta keeps
//! saying which sequence number the producer's last record had, also when that record is gone.

use bytes::BytesMut;

use super::batch::RecordBatch;
use super::compression::{Codec, Compression};
use super::header::{HEADER_BYTES, RecordBatchHeader, TimestampType};
use super::view::RecordView;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::wire::varint::{Varint, put_nullable};

const WHAT: &str = "compacted record batch";

/// Collects the records of a batch that are kept, then makes a batch of them that takes the place of the original.
///
/// ```
/// use kestrel_protocol::record::{BuilderOptions, CompactedBatch, ProducerStamp, RecordBatchBuilder};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1024);
/// for (timestamp, key) in [(5, b"a"), (7, b"b"), (6, b"a")] {
///     builder.append(timestamp, Some(key), Some(b"v"), [])?;
/// }
/// let original = builder.build(ProducerStamp::NONE);
///
/// let mut kept = CompactedBatch::of(&original, None);
/// let mut records = original.records(1024)?;
/// while let Some(record) = records.next_view() {
///     let record = record?;
///     if record.offset > 0 {
///         kept.keep(&record);
///     }
/// }
/// let batch = kept.build()?;
/// assert_eq!(batch.header().record_count, 2);
/// assert_eq!(batch.header().last_offset(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CompactedBatch {
    header: RecordBatchHeader,
    /// What the records' timestamps are relative to, once it is known.
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    record_count: i32,
    /// The header's place, then the records, uncompressed.
    buffer: Vec<u8>,
    /// A record without its length.
    body: Vec<u8>,
}

impl CompactedBatch {
    /// Begins with none of the records of `original`. `delete_horizon` is when its tombstones may go, in milliseconds since
    /// 1970, if that is to stand in the batch.
    #[must_use]
    pub fn of(original: &RecordBatch, delete_horizon: Option<i64>) -> Self {
        let mut header = *original.header();
        header.attributes = header.attributes.with_delete_horizon(delete_horizon.is_some());
        let mut buffer = Vec::with_capacity(original.bytes().len());
        buffer.extend_from_slice(&[0; HEADER_BYTES]);
        Self {
            header,
            base_timestamp: delete_horizon,
            max_timestamp: -1,
            record_count: 0,
            buffer,
            body: Vec::new(),
        }
    }

    /// Takes a record of the original over. To be called in the order of the offsets.
    pub fn keep(&mut self, record: &RecordView<'_>) {
        let base_timestamp = *self.base_timestamp.get_or_insert(record.timestamp);
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        self.record_count += 1;
        let body = &mut self.body;
        body.clear();
        body.push(0);
        Varint::of(record.timestamp.wrapping_sub(base_timestamp)).append_to(body);
        Varint::of(record.offset.wrapping_sub(self.header.base_offset)).append_to(body);
        put_nullable(body, record.key);
        put_nullable(body, record.value);
        Varint::of_length(record.headers.count()).append_to(body);
        for header in record.headers {
            put_nullable(body, Some(header.key_bytes));
            put_nullable(body, header.value);
        }
        Varint::of_length(self.body.len()).append_to(&mut self.buffer);
        self.buffer.extend_from_slice(&self.body);
    }

    /// How many records were kept.
    #[must_use]
    pub const fn record_count(&self) -> i32 {
        self.record_count
    }

    /// The batch, compressed with the codec of the original at its default level.
    ///
    /// # Errors
    /// [`DecodeErrorKind::UnsupportedCompression`] when that codec was not compiled in.
    pub fn build(self) -> Result<RecordBatch, DecodeError> {
        let Self { mut header, base_timestamp, max_timestamp, record_count, buffer, .. } = self;
        header.base_timestamp = base_timestamp.unwrap_or(-1);
        header.record_count = record_count;
        if header.timestamp_type() == TimestampType::Create {
            header.max_timestamp = max_timestamp;
        }
        let compression = header.compression()?;
        if compression == Compression::None {
            return Ok(RecordBatch::seal(header, buffer));
        }
        let codec = Codec::new(compression, None)
            .map_err(|_| DecodeError::new(DecodeErrorKind::UnsupportedCompression(compression.id()), WHAT))?;
        let (head, records) = buffer.split_at(HEADER_BYTES);
        let mut compressed = Vec::with_capacity(HEADER_BYTES + records.len() / 2);
        compressed.extend_from_slice(head);
        codec.compress(records, &mut compressed);
        Ok(RecordBatch::seal(header, compressed))
    }
}

impl RecordBatch {
    /// The batch without any record: what says that its offsets were used, and which sequence number its producer had last.
    #[must_use]
    pub fn emptied(&self) -> Self {
        let mut header = *self.header();
        header.attributes = header.attributes.with_delete_horizon(false).with_compression(Compression::None);
        header.base_timestamp = -1;
        header.record_count = 0;
        Self::seal(header, BytesMut::zeroed(HEADER_BYTES))
    }
}
