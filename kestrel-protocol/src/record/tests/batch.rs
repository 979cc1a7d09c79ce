//! The batch view: header checks, checksum, and the places where a batch's bytes change.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{
    BuilderOptions, Compression, ProducerStamp, RecordBatch, RecordBatchBuilder, RecordBatchHeader,
    TimestampType, increment_sequence,
};
use super::{LIMIT_BYTES, batch_around, batch_of, codec, kind, read_all, values};
use crate::error::DecodeErrorKind;
use crate::types::{LeaderEpoch, ProducerEpoch, ProducerId};

const STAMP: ProducerStamp = ProducerStamp {
    producer_id: ProducerId(7),
    producer_epoch: ProducerEpoch(2),
    base_sequence: i32::MAX - 1,
};

fn parse(bytes: impl Into<Bytes>) -> RecordBatch {
    let (batch, rest) = RecordBatch::parse(bytes.into()).unwrap();
    assert!(rest.is_empty());
    batch
}

#[test]
fn a_built_batch_parses_to_itself() {
    let built = batch_of(&[b"a", b"b"], Compression::None);
    let mut run = built.bytes().to_vec();
    run.extend_from_slice(b"next");
    let (parsed, rest) = RecordBatch::parse(run.into()).unwrap();
    assert_eq!((parsed, &rest[..]), (built, &b"next"[..]));
}

#[test]
fn offsets_and_sequences_follow_from_the_header() {
    let mut builder = RecordBatchBuilder::new(BuilderOptions { base_offset: 40, ..Default::default() }, 1024);
    for _ in 0..5 {
        builder.append(1, None, None, []).unwrap();
    }
    let batch = builder.build(STAMP);
    let header = batch.header();
    assert_eq!((header.base_offset, header.last_offset(), header.next_offset()), (40, 44, 45));
    assert_eq!((header.base_sequence, header.last_sequence()), (i32::MAX - 1, 2));
    assert_eq!(header.size_bytes(), batch.bytes().len());
    assert_eq!(batch_of(&[], Compression::None).header().last_sequence(), -1);
    assert_eq!(increment_sequence(i32::MAX, i32::MAX), i32::MAX - 1);
}

#[test]
fn old_formats_and_impossible_lengths_are_refused() {
    let good = batch_of(&[b"a"], Compression::None).into_bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        kind(RecordBatch::parse(changed.into()))
    };
    assert_eq!(with(16, &[0]), DecodeErrorKind::UnsupportedMagic(0));
    assert_eq!(with(16, &[1]), DecodeErrorKind::UnsupportedMagic(1));
    assert_eq!(with(16, &[3]), DecodeErrorKind::UnsupportedMagic(3));
    for length in [i32::MIN, -1, 0, 13, 48] {
        assert_eq!(with(8, &length.to_be_bytes()), DecodeErrorKind::InvalidLength(i64::from(length)));
    }
    assert_eq!(with(8, &i32::MAX.to_be_bytes()), DecodeErrorKind::Truncated);
    assert!(matches!(with(0, &(-1i64).to_be_bytes()), DecodeErrorKind::Inconsistent(_)));
    assert!(matches!(with(0, &i64::MAX.to_be_bytes()), DecodeErrorKind::Inconsistent(_)));
    assert!(matches!(with(23, &(-1i32).to_be_bytes()), DecodeErrorKind::Inconsistent(_)));
    assert!(matches!(with(57, &(-1i32).to_be_bytes()), DecodeErrorKind::Inconsistent(_)));
}

#[test]
fn a_header_needs_no_more_than_its_own_bytes() {
    let batch = batch_of(&[b"value"], Compression::None);
    let header = RecordBatchHeader::parse(&batch.bytes()[..61]).unwrap();
    assert_eq!(&header, batch.header());
    assert_eq!(header.encode(), batch.bytes()[..61]);
    assert_eq!(kind(RecordBatchHeader::parse(&batch.bytes()[..60])), DecodeErrorKind::Truncated);
}

#[test]
fn the_checksum_covers_everything_from_the_attributes_on() {
    let good = batch_of(&[b"value"], Compression::None);
    good.verify_checksum().unwrap();
    for at in 17..good.bytes().len() {
        let mut damaged = good.bytes().to_vec();
        damaged[at] ^= 0x40;
        let Ok((batch, _)) = RecordBatch::parse(damaged.into()) else { continue };
        assert!(matches!(kind(batch.verify_checksum()), DecodeErrorKind::ChecksumMismatch { .. }), "{at}");
    }
}

#[test]
fn a_stored_batch_is_the_prefix_and_the_producers_bytes() {
    let sent = batch_of(&[b"a", b"b"], Compression::None);
    let mut stored = sent.stored_prefix(1_000_000, LeaderEpoch(9)).to_vec();
    stored.extend_from_slice(&sent.bytes()[16..]);
    let stored = parse(stored);
    stored.verify_checksum().unwrap();
    assert_eq!(stored.header().base_offset, 1_000_000);
    assert_eq!(stored.header().partition_leader_epoch, LeaderEpoch(9));
    assert_eq!(read_all(&stored).unwrap()[1].offset, 1_000_001);
}

#[test]
fn log_append_time_is_every_records_time() {
    let sent = batch_of(&[b"a", b"b"], Compression::Lz4);
    let appended = parse(sent.with_log_append_time(5_000).into_bytes());
    appended.verify_checksum().unwrap();
    for record in read_all(&appended).unwrap() {
        assert_eq!((record.timestamp, record.timestamp_type), (5_000, TimestampType::LogAppend));
    }
    assert_eq!(values(&appended), values(&sent));
    let again = appended.with_log_append_time(5_000);
    assert_eq!(again.bytes().as_ptr(), appended.bytes().as_ptr(), "nothing changed, nothing copied");
}

#[test]
fn restamping_changes_the_producer_only() {
    let first = batch_of(&[b"a", b"b"], Compression::Zstd);
    let shared = first.clone();
    let copied = shared.restamped(STAMP);
    assert_eq!(first.header().producer(), ProducerStamp::NONE, "someone else still has the old bytes");
    assert_eq!(copied.header().producer(), STAMP);
    let in_place = first.restamped(STAMP);
    assert_eq!(in_place, copied);
    let parsed = parse(in_place.into_bytes());
    parsed.verify_checksum().unwrap();
    assert_eq!(values(&parsed).len(), 2);
}

#[test]
fn recompressing_keeps_all_but_the_codec() {
    let sent = batch_of(&[b"a", &[b'x'; 5000], b""], Compression::None).restamped(STAMP);
    for from in Compression::ALL {
        let from = sent.recompressed(codec(from), LIMIT_BYTES).unwrap();
        for to in Compression::ALL {
            let batch = parse(from.recompressed(codec(to), LIMIT_BYTES).unwrap().into_bytes());
            batch.verify_checksum().unwrap();
            assert_eq!(batch.header().compression(), Ok(to));
            assert_eq!(batch.header().producer(), STAMP);
            assert_eq!(read_all(&batch), read_all(&sent));
        }
    }
}

#[test]
fn a_batch_emptied_by_compaction_has_no_records_and_its_offsets() {
    let batch = batch_around(&[], 0, |header| header.last_offset_delta = 9);
    assert_eq!(batch.header().next_offset(), 10);
    assert_eq!(read_all(&batch).unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_give_an_answer(mut bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        if magic && bytes.len() > 16 {
            bytes[8..12].copy_from_slice(&60i32.to_be_bytes());
            bytes[16] = 2;
        }
        if let Ok((batch, _)) = RecordBatch::parse(bytes.into()) {
            let _ = batch.verify_checksum();
            if let Ok(records) = batch.records(1024) {
                let _ = records.count();
            }
        }
    }
}
