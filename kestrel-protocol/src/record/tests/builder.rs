//! The builder: limits, sizes, and that what goes in comes out.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{
    BatchFull, BuilderOptions, Compression, HEADER_BYTES, Header, Headers, ProducerStamp, Record,
    RecordBatch, RecordBatchBuilder, TimestampType, record_size,
};
use super::{codec, read_all};

fn arb_bytes() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from))
}

fn arb_headers() -> impl Strategy<Value = Headers> {
    let header = ("[a-c]{0,2}", arb_bytes()).prop_map(|(key, value)| Header { key: key.into(), value });
    prop::collection::vec(header, 0..4).prop_map(Headers::from_iter)
}

fn arb_records() -> impl Strategy<Value = Vec<Record>> {
    let record = (any::<i64>(), arb_bytes(), arb_bytes(), arb_headers());
    prop::collection::vec(record, 0..20).prop_map(|records| {
        let records = records.into_iter().zip(100..);
        records
            .map(|((timestamp, key, value, headers), offset)| Record {
                offset,
                timestamp,
                timestamp_type: TimestampType::Create,
                key,
                value,
                headers,
            })
            .collect()
    })
}

fn append_all(builder: &mut RecordBatchBuilder, records: &[Record]) {
    for (record, expected) in records.iter().zip(0..) {
        let before = builder.uncompressed_bytes();
        let headers_bytes: usize =
            record.headers.iter().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum();
        let bound = record_size(
            record.key.as_ref().map_or(0, Bytes::len),
            record.value.as_ref().map_or(0, Bytes::len),
            record.headers.len(),
            headers_bytes,
        );
        let offset = builder.append(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            record.headers.iter(),
        );
        assert_eq!(offset, Ok(expected));
        assert!(builder.uncompressed_bytes() - before <= bound);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_goes_in_comes_out(records in arb_records(), compression in prop::sample::select(&Compression::ALL)) {
        let options = BuilderOptions { codec: codec(compression), base_offset: 100, ..Default::default() };
        let mut builder = RecordBatchBuilder::new(options, 1 << 20);
        append_all(&mut builder, &records);
        let (batch, rest) = RecordBatch::parse(builder.build(ProducerStamp::NONE).into_bytes()).unwrap();
        prop_assert!(rest.is_empty());
        batch.verify_checksum().unwrap();
        prop_assert_eq!(batch.header().compression(), Ok(compression));
        prop_assert_eq!(
            batch.header().max_timestamp,
            records.iter().map(|record| record.timestamp).fold(-1, i64::max)
        );
        prop_assert_eq!(read_all(&batch).unwrap(), records);
    }
}

#[test]
fn a_batch_takes_its_first_record_whatever_its_size_and_no_other_above_the_limit() {
    let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 200);
    builder.append(0, None, Some(&[b'x'; 1000]), []).unwrap();
    assert_eq!(builder.append(0, None, Some(b"y"), []), Err(BatchFull));
    assert!(!builder.has_room_for(record_size(0, 1, 0, 0)));
    assert_eq!(builder.build(ProducerStamp::NONE).header().record_count, 1);
}

#[test]
fn a_full_batch_is_within_its_limit_and_unchanged_by_what_did_not_fit() {
    let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 1024);
    while builder.append(0, Some(b"key"), Some(b"value"), []).is_ok() {}
    let (count, size) = (builder.record_count(), builder.uncompressed_bytes());
    assert!(size <= 1024 && size > 1000, "{size}");
    assert_eq!(builder.append(0, Some(b"key"), Some(b"value"), []), Err(BatchFull));
    let batch = builder.build(ProducerStamp::NONE);
    assert_eq!((batch.header().record_count, batch.bytes().len()), (count, size));
}

#[test]
fn an_expected_ratio_lets_more_in() {
    let options =
        BuilderOptions { codec: codec(Compression::Lz4), expected_ratio: 0.25, ..Default::default() };
    let mut builder = RecordBatchBuilder::new(options, 1024);
    while builder.append(0, None, Some(&[b'x'; 100]), []).is_ok() {}
    assert!((3500..4096).contains(&builder.uncompressed_bytes()), "{}", builder.uncompressed_bytes());
    assert!(builder.estimated_bytes() <= 1024);
}

#[test]
fn a_buffer_is_taken_over_and_cleared() {
    let buffer = vec![7; 500];
    let place = buffer.as_ptr();
    let mut builder = RecordBatchBuilder::with_buffer(BuilderOptions::default(), 400, buffer);
    assert!(builder.is_empty());
    assert_eq!(builder.uncompressed_bytes(), HEADER_BYTES);
    builder.append(0, None, None, []).unwrap();
    let batch = builder.build(ProducerStamp::NONE);
    assert_eq!(batch.bytes().as_ptr(), place);
    assert_eq!(batch.bytes().len(), HEADER_BYTES + 7);
}

#[test]
fn flags_are_in_the_attributes() {
    let options = BuilderOptions {
        timestamp_type: TimestampType::LogAppend,
        transactional: true,
        control: true,
        ..Default::default()
    };
    let header = *RecordBatchBuilder::new(options, 100).build(ProducerStamp::NONE).header();
    assert!(header.is_transactional() && header.is_control() && !header.attributes.has_delete_horizon());
    assert_eq!(header.timestamp_type(), TimestampType::LogAppend);
    assert_eq!(header.delete_horizon(), None);
}
