//! Memory of the record paths, counted: nothing per record while appending or viewing, and never much more than the
//! limit for bytes that were made to do harm.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may panic")]

use std::io::Write;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, Headers, ProducerStamp, RecordBatch, RecordBatchBuilder,
    RecordBatches,
};
use kestrel_protocol::{DecodeError, DecodeErrorKind};
use proptest::prelude::*;

/// What a caller allows a batch to decompress to in these tests.
const LIMIT_BYTES: usize = 64 * 1024;
/// What a decoder may need besides its output: windows and tables.
const DECODER_BYTES: u64 = 256 * 1024;

/// Output may double while it grows, with the old and the new buffer held for a moment.
fn assert_within_limit(memory: AllocationInfo) {
    assert!(memory.bytes_max <= 3 * LIMIT_BYTES as u64 + DECODER_BYTES, "{memory:?}");
}

/// Decodes all that is in `bytes`, as a consumer would.
fn consume(bytes: Bytes) -> Result<usize, DecodeError> {
    let mut seen = 0;
    for batch in RecordBatches::new(bytes) {
        let mut records = batch?.records(LIMIT_BYTES)?;
        while let Some(record) = records.next_view() {
            seen += 1 + record?.headers.count();
        }
    }
    Ok(seen)
}

fn batch(compression: Compression, records: usize) -> RecordBatch {
    let codec = Codec::new(compression, None).unwrap();
    let options = BuilderOptions { codec, ..BuilderOptions::default() };
    let mut builder = RecordBatchBuilder::new(options, 1 << 20);
    for (record, timestamp) in (0..records).zip(1_700_000_000_000..) {
        let value = format!("value {record} of the batch");
        let headers = [("name", Some(&b"value"[..])), ("name", None)];
        builder.append(timestamp, Some(b"key"), Some(value.as_bytes()), headers).unwrap();
    }
    builder.build(ProducerStamp::NONE)
}

/// A batch that says it holds `records` records in `data`.
fn batch_around(compression: Compression, data: &[u8], records: i32) -> Bytes {
    let mut bytes = batch(Compression::None, 0).into_bytes().to_vec();
    bytes.extend_from_slice(data);
    let length = i32::try_from(bytes.len() - 12).unwrap();
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[22] = compression.id();
    bytes[57..61].copy_from_slice(&records.to_be_bytes());
    bytes.into()
}

#[test]
fn appending_allocates_nothing_per_record() {
    let mut headers = Headers::new();
    headers.push("trace", Some("0123456789abcdef".into()));
    let options = BuilderOptions { codec: Codec::new(Compression::Lz4, None).unwrap(), ..Default::default() };
    let mut builder = RecordBatchBuilder::new(options, 1 << 20);
    let value = [b'v'; 100];
    let memory = measure(|| {
        for timestamp in 1_700_000_000_000..1_700_000_005_000 {
            builder.append(timestamp, Some(b"key"), Some(&value), headers.iter()).unwrap();
            builder.append(timestamp, None, Some(&value[..50]), []).unwrap();
        }
    });
    assert_eq!(memory.count_total, 0, "{memory:?}");
    assert_eq!(builder.record_count(), 10_000);
}

#[test]
fn building_uncompressed_copies_nothing() {
    let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1 << 20);
    while builder.append(0, None, Some(&[7; 1000]), []).is_ok() {}
    let mut built = None;
    let memory = measure(|| built = Some(builder.build(ProducerStamp::NONE).into_bytes()));
    assert!(memory.bytes_total < 100, "the handle on the buffer only: {memory:?}");
    assert!(built.unwrap().len() > 1_000_000);
}

#[test]
fn viewing_allocates_nothing_per_record() {
    for compression in Compression::ALL {
        let mut records = batch(compression, 1000).records(1 << 20).unwrap();
        let mut seen = 0;
        let memory = measure(|| {
            while let Some(record) = records.next_view() {
                let record = record.unwrap();
                seen += record.value.unwrap().len();
                seen += record.headers.map(|header| header.key().len()).sum::<usize>();
            }
        });
        assert_eq!(memory.count_total, 0, "{compression}: {memory:?}");
        assert!(seen > 10_000);
    }
}

#[test]
fn reading_uncompressed_and_storing_copy_nothing() {
    let sent = batch(Compression::None, 100).into_bytes();
    let memory = measure(|| {
        let (batch, _) = RecordBatch::parse(sent.clone()).unwrap();
        batch.verify_checksum().unwrap();
        let prefix = batch.stored_prefix(1_000_000, kestrel_protocol::LeaderEpoch(1));
        let mut records = batch.records(0).unwrap();
        while let Some(record) = records.next_view() {
            assert!(record.unwrap().key.is_some());
        }
        assert_eq!(prefix.len(), 16);
    });
    assert!(memory.bytes_total < 100, "a reference count at most: {memory:?}");
}

#[test]
fn a_record_count_without_records_takes_no_memory() {
    for (data, count) in [(&b""[..], i32::MAX), (b"\x0c\0\0\0\x01\x01\0", i32::MAX), (b"", 1)] {
        let bytes = batch_around(Compression::None, data, count);
        let memory = measure(|| assert!(consume(bytes.clone()).is_err()));
        assert!(memory.bytes_total < 1000, "{memory:?}");
    }
}

/// 32 MiB of zeros as small as the codec can make them, and in the largest blocks that it has.
fn bombs() -> Vec<(Compression, Vec<u8>)> {
    let zeros = vec![0; 32 * 1024 * 1024];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let frame = lz4_flex::frame::FrameInfo::new().block_size(lz4_flex::frame::BlockSize::Max4MB);
    let mut lz4 = lz4_flex::frame::FrameEncoder::with_frame_info(frame, Vec::new());
    lz4.write_all(&zeros).unwrap();
    let mut unsized_zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    unsized_zstd.write_all(&zeros).unwrap();
    let mut java_snappy = Vec::new();
    Codec::new(Compression::Snappy, None).unwrap().compress(&zeros, &mut java_snappy);
    vec![
        (Compression::Gzip, gzip.finish().unwrap()),
        (Compression::Snappy, snap::raw::Encoder::new().compress_vec(&zeros).unwrap()),
        (Compression::Snappy, java_snappy),
        (Compression::Lz4, lz4.finish().unwrap()),
        (Compression::Zstd, zstd::bulk::compress(&zeros, 3).unwrap()),
        (Compression::Zstd, unsized_zstd.finish().unwrap()),
    ]
}

#[test]
fn a_decompression_bomb_stops_at_the_limit() {
    for (compression, bomb) in bombs() {
        let bytes = batch_around(compression, &bomb, 1000);
        let mut result = Ok(0);
        let memory = measure(|| result = consume(bytes.clone()));
        let expected = DecodeErrorKind::TooLarge { limit_bytes: LIMIT_BYTES };
        assert_eq!(result.map_err(|error| error.kind), Err(expected), "{compression}");
        assert_within_limit(memory);
    }
}

#[test]
fn a_claimed_size_is_not_allocated() {
    let claims: [(Compression, &[u8]); 4] = [
        // A raw block of 4 GiB - 1; a framed block of as much.
        (Compression::Snappy, b"\xff\xff\xff\xff\x0f\0x"),
        (Compression::Snappy, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\x0f\0x"),
        // A frame of 2^60 bytes in blocks of 4 MiB, which ends at once.
        (Compression::Lz4, b"\x04\x22\x4d\x18\x68\x70\0\0\0\0\0\0\0\0\x10\0\x02\0\0\0\x10x"),
        // A frame that claims 2^60 bytes of content in a single segment.
        (Compression::Zstd, b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x10\x01\0\0"),
    ];
    for (compression, claim) in claims {
        let memory = measure(|| assert!(compression.decompress(claim, usize::MAX).is_err(), "{compression}"));
        assert!(memory.bytes_max < DECODER_BYTES, "{compression}: {memory:?}");
    }
}

#[test]
fn a_batch_cut_at_any_byte_gives_nothing_or_an_error() {
    for compression in Compression::ALL {
        let whole = batch(compression, 20).into_bytes();
        for cut in 0..whole.len() {
            assert_eq!(consume(whole.slice(..cut)), Ok(0), "{compression} cut at {cut}");
            // The same bytes with a length that says that this is all of the batch.
            let Some(data) = whole.get(61..cut) else { continue };
            let shorter = batch_around(compression, data, 20);
            let memory = measure(|| assert!(consume(shorter.clone()).is_err(), "{compression} cut at {cut}"));
            assert_within_limit(memory);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn flipped_bytes_never_panic_and_never_take_much(
        compression in prop::sample::select(&Compression::ALL),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = batch(compression, 20).into_bytes().to_vec();
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= with;
        }
        let bytes = Bytes::from(bytes);
        let run = || {
            let _ = consume(bytes.clone());
            for batch in RecordBatches::new(bytes.clone()).flatten() {
                let _ = batch.records(LIMIT_BYTES).map(Iterator::count);
            }
        };
        let memory = measure(run);
        // Owned records with headers take a vector each.
        prop_assert!(memory.bytes_max <= 4 * LIMIT_BYTES as u64 + DECODER_BYTES, "{:?}", memory);
    }
}
