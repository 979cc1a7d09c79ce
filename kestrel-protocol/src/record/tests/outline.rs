//! Outlines of records: they say what reading the records says, whatever the codec.

use proptest::prelude::*;

use super::super::{
    BuilderOptions, Compression, ProducerStamp, RecordBatchBuilder, RecordOutline, TimestampType,
};
use super::{LIMIT_BYTES, batch_around, batch_of, codec, kind, read_all};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::record::RecordBatch;

fn outline(batch: &RecordBatch) -> Result<Vec<RecordOutline>, DecodeError> {
    let mut seen = Vec::new();
    batch.outline(LIMIT_BYTES, |record| seen.push(record))?;
    Ok(seen)
}

/// `data` as the records of a batch, compressed.
fn compressed(data: &[u8], record_count: i32, compression: Compression) -> RecordBatch {
    let mut small = Vec::new();
    codec(compression).compress(data, &mut small);
    batch_around(&small, record_count, |header| {
        header.attributes = header.attributes.with_compression(compression);
    })
}

/// What reading every record says of a batch that a producer wrote.
fn read(batch: &RecordBatch) -> Option<Vec<RecordOutline>> {
    let records = read_all(batch).ok()?;
    let consecutive = (0..).zip(&records).all(|(index, record)| record.offset == index);
    let outlines = (0..).zip(&records).map(|(index, record)| RecordOutline {
        index,
        timestamp: record.timestamp,
        has_key: record.key.is_some(),
    });
    consecutive.then(|| outlines.collect())
}

/// Lengths around those where a number takes another byte, and some that no piece holds.
fn arb_bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    let length = prop_oneof![0usize..5, 60usize..70, 8185usize..8200, 30_000usize..140_000];
    prop::option::of((length, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]))
}

/// Timestamp, key, value, the values of the headers.
type Parts = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<Option<Vec<u8>>>);

fn arb_record() -> impl Strategy<Value = Parts> {
    let timestamp = (any::<i64>(), 0..64u32).prop_map(|(value, shift)| value >> shift);
    (timestamp, arb_bytes(), arb_bytes(), prop::collection::vec(arb_bytes(), 0..3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_outline_says_what_reading_says(
        records in prop::collection::vec(arb_record(), 1..8),
        compression in prop::sample::select(&Compression::ALL),
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        miscount in prop_oneof![5 => Just(0), 1 => -1..2],
    ) {
        let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), LIMIT_BYTES);
        for (timestamp, key, value, headers) in &records {
            let headers = headers.iter().map(|header| ("name", header.as_deref()));
            builder.append(*timestamp, key.as_deref(), value.as_deref(), headers).unwrap();
        }
        let built = builder.build(ProducerStamp::NONE);
        let mut data = built.bytes()[61..].to_vec();
        if let Some((at, byte)) = damage {
            // Among the first bytes of the first record, where its lengths are, or anywhere.
            let at = if byte % 2 == 0 { at.index(data.len().min(12)) } else { at.index(data.len()) };
            data[at] ^= byte;
        }
        let count = built.header().record_count + miscount;
        let batch = compressed(&data, count, compression);
        prop_assert_eq!(outline(&batch).ok(), read(&batch));
    }
}

#[test]
fn compressed_bytes_that_no_codec_opens_are_refused() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        for garbage in [&b""[..], b"garbage", &[0xff; 100]] {
            let batch = batch_around(garbage, 1, |header| {
                header.attributes = header.attributes.with_compression(compression);
            });
            assert!(outline(&batch).is_err(), "{compression}: {garbage:?}");
        }
        let good = batch_of(&[&b"value"[..]; 50], compression);
        for length in 0..good.bytes().len() - 61 {
            let cut = batch_around(&good.bytes()[61..61 + length], 50, |header| {
                header.attributes = header.attributes.with_compression(compression);
            });
            assert!(outline(&cut).is_err(), "{compression}: {length} bytes");
        }
    }
}

#[test]
fn offsets_have_to_follow_one_another() {
    // Two records; the second says offset delta 5, or 0 again.
    for delta in [b"\x0a", b"\0"] {
        let second = [b"\x0e\0\0", &delta[..], b"\x02k\x01\0"].concat();
        let data = [b"\x0e\0\0\0\x02k\x01\0", &second[..]].concat();
        let refused = outline(&batch_around(&data, 2, |_| ()));
        assert_eq!(
            kind(refused),
            DecodeErrorKind::Inconsistent("the offsets of the records do not follow one another")
        );
    }
}

#[test]
fn more_than_the_limit_is_refused_whatever_the_codec() {
    for compression in Compression::ALL {
        let batch = batch_of(&[&[b'x'; 1000][..]; 20], compression);
        let mut seen = 0;
        let refused = batch.outline(10_000, |_| seen += 1);
        assert_eq!(kind(refused), DecodeErrorKind::TooLarge { limit_bytes: 10_000 }, "{compression}");
        // The ninth record ends below the limit; a block that goes beyond it is not opened at all.
        assert!(seen <= 9, "{compression}: {seen}");
    }
}

#[test]
fn log_append_time_is_that_of_the_batch() {
    let batch = batch_of(&[b"a", b"b"], Compression::Lz4).with_log_append_time(7);
    assert_eq!(batch.header().timestamp_type(), TimestampType::LogAppend);
    assert!(outline(&batch).unwrap().iter().all(|record| record.timestamp == 7));
}
