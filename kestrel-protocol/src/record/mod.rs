//! Record batches of format 2 (magic 2), the only format that Apache Kafka 4 writes: on the wire and on disk alike.
//!
//! The broker stores and serves them as [`RecordBatch`] views without decoding a record; the client builds them with
//! [`RecordBatchBuilder`] and reads them lazily through [`Records`]. Nothing here knows a topic, a socket or a clock.
//!
//! ```text
//!   byte  field                       covered by
//!   0     base offset          i64    nothing: the broker sets both
//!   8     batch length         i32      (counts the bytes after itself)
//!   12    leader epoch         i32      without touching the checksum
//!   16    magic                i8     -
//!   17    checksum             u32    -
//!   21    attributes           i16    the checksum (CRC-32C), from here to the end
//!   23    last offset delta    i32      bits 0-2 compression, 3 timestamp type, 4 transactional,
//!   27    base timestamp       i64      5 control batch, 6 delete horizon
//!   35    max timestamp        i64
//!   43    producer id          i64
//!   51    producer epoch       i16
//!   53    base sequence        i32
//!   57    record count         i32
//!   61    records, compressed as one run when the attributes say so:
//!         length varint, attributes i8, timestamp delta varlong, offset delta varint,
//!         key (length varint, -1 = null), value (the same), header count varint, headers (key, value)
//! ```
//!
//! ```
//! use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder, RecordBatches};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 16 * 1024);
//! builder.append(1_700_000_000_000, Some(b"key"), Some(b"value"), [("trace", Some(&b"7"[..]))])?;
//! builder.append(1_700_000_000_005, None, None, [])?;
//! let batch = builder.build(ProducerStamp::NONE);
//!
//! let mut batches = RecordBatches::new(batch.into_bytes());
//! let batch = batches.next().expect("one batch was written")?;
//! batch.verify_checksum()?;
//! let mut records = batch.records(1024 * 1024)?;
//! let first = records.next_view().expect("two records were written")?;
//! assert_eq!(first.value, Some(&b"value"[..]));
//! assert_eq!(records.next_view().expect("two records were written")?.value, None);
//! # Ok(())
//! # }
//! ```

mod batch;
mod batches;
mod builder;
mod compacted;
mod compression;
pub mod control;
mod header;
mod headers;
mod outline;
mod producer_stamp;
mod records;
mod view;

pub use batch::RecordBatch;
pub use batches::RecordBatches;
pub use builder::{BatchFull, BuilderOptions, RecordBatchBuilder, record_size};
pub use compacted::CompactedBatch;
pub use compression::{Codec, CodecError, Compression, ParseCompressionError};
pub use header::{Attributes, HEADER_BYTES, RecordBatchHeader, TimestampType, increment_sequence};
pub use headers::{Header, Headers};
pub use outline::RecordOutline;
pub use producer_stamp::ProducerStamp;
pub use records::{Record, RecordViews, Records, RecordsMark};
pub use view::{HeaderView, HeadersView, RecordView};

#[cfg(test)]
mod tests;
