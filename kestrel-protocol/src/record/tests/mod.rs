//! Tests of the record batches, one file per noun, and the helpers they share. They need every codec.

#![cfg(all(feature = "gzip", feature = "snappy", feature = "lz4", feature = "zstd"))]

mod batch;
mod batches;
mod builder;
mod compacted;
mod compression;
mod control;
mod java;
mod outline;
mod records;

use bytes::Bytes;

use super::header::{HEADER_BYTES, RecordBatchHeader};
use super::{BuilderOptions, Codec, Compression, ProducerStamp, Record, RecordBatch, RecordBatchBuilder};
use crate::error::{DecodeError, DecodeErrorKind};

/// More than any batch of these tests decompresses to.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

fn codec(compression: Compression) -> Codec {
    Codec::new(compression, None).expect("all codecs are compiled in for tests")
}

/// A batch of `values` without keys, one millisecond apart from 1,000 on.
fn batch_of(values: &[&[u8]], compression: Compression) -> RecordBatch {
    let options = BuilderOptions { codec: codec(compression), ..BuilderOptions::default() };
    let mut builder = RecordBatchBuilder::new(options, LIMIT_BYTES);
    for (timestamp, value) in (1000..).zip(values) {
        builder.append(timestamp, None, Some(value), []).unwrap();
    }
    builder.build(ProducerStamp::NONE)
}

/// A batch whose checksum is right and whose records are `data`, whatever that is.
fn batch_around(data: &[u8], record_count: i32, change: impl FnOnce(&mut RecordBatchHeader)) -> RecordBatch {
    let mut header = RecordBatchHeader::empty();
    header.record_count = record_count;
    header.last_offset_delta = (record_count - 1).max(0);
    change(&mut header);
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.extend_from_slice(data);
    RecordBatch::seal(header, bytes)
}

fn read_all(batch: &RecordBatch) -> Result<Vec<Record>, DecodeError> {
    batch.records(LIMIT_BYTES)?.collect()
}

fn values(batch: &RecordBatch) -> Vec<Option<Bytes>> {
    read_all(batch).unwrap().into_iter().map(|record| record.value).collect()
}

fn kind<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> DecodeErrorKind {
    result.unwrap_err().kind
}
