//! Batches with fewer records: what stays of the header, and that the records that stay are the same.

use proptest::prelude::*;

use super::super::{
    Attributes, BuilderOptions, CompactedBatch, Compression, HEADER_BYTES, ProducerStamp, RecordBatch,
    RecordBatchBuilder, TimestampType,
};
use super::{LIMIT_BYTES, codec, read_all};
use crate::types::{LeaderEpoch, ProducerEpoch, ProducerId};

const STAMP: ProducerStamp =
    ProducerStamp { producer_id: ProducerId(7), producer_epoch: ProducerEpoch(2), base_sequence: 40 };

/// A batch of records with a key, a value or a tombstone, and a header.
fn original(compression: Compression, timestamps: &[i64]) -> RecordBatch {
    let options = BuilderOptions {
        codec: codec(compression),
        transactional: true,
        base_offset: 1000,
        partition_leader_epoch: LeaderEpoch(3),
        ..Default::default()
    };
    let mut builder = RecordBatchBuilder::new(options, LIMIT_BYTES);
    for (index, timestamp) in timestamps.iter().enumerate() {
        let key = index.to_string();
        let value = (index % 3 > 0).then(|| vec![b'v'; 10 * index]);
        let headers = [("h", Some(&b"1"[..])), ("h", None)];
        builder.append(*timestamp, Some(key.as_bytes()), value.as_deref(), headers).unwrap();
    }
    builder.build(STAMP)
}

fn kept(batch: &RecordBatch, horizon: Option<i64>, keeps: impl Fn(i64) -> bool) -> RecordBatch {
    let mut compacted = CompactedBatch::of(batch, horizon);
    let mut records = batch.records(LIMIT_BYTES).unwrap();
    while let Some(record) = records.next_view() {
        let record = record.unwrap();
        if keeps(record.offset) {
            compacted.keep(&record);
        }
    }
    compacted.build().unwrap()
}

proptest! {
    #[test]
    fn what_is_kept_is_the_same(
        timestamps in prop::collection::vec(-1..i64::MAX / 2, 1..20),
        mask: u32,
        horizon in prop::option::of(0..i64::MAX / 2),
        codec in 0..5usize,
        log_append: bool,
    ) {
        let mut batch = original(Compression::ALL[codec], &timestamps);
        if log_append {
            batch = batch.with_log_append_time(77);
        }
        let keeps = |offset: i64| mask >> ((offset - 1000) % 32) & 1 == 1;
        let left = kept(&batch, horizon, keeps);
        left.verify_checksum().unwrap();
        let (reparsed, rest) = RecordBatch::parse(left.bytes().clone()).unwrap();
        prop_assert!(rest.is_empty());
        let expected: Vec<_> = read_all(&batch).unwrap().into_iter().filter(|record| keeps(record.offset)).collect();
        prop_assert_eq!(read_all(&reparsed).unwrap(), expected);
        let (before, after) = (batch.header(), reparsed.header());
        prop_assert_eq!(after.delete_horizon(), horizon);
        prop_assert_eq!(after.producer(), before.producer());
        prop_assert_eq!((after.base_offset, after.last_offset()), (before.base_offset, before.last_offset()));
        prop_assert_eq!(after.partition_leader_epoch, before.partition_leader_epoch);
        prop_assert_eq!(after.attributes, before.attributes.with_delete_horizon(horizon.is_some()));
    }
}

#[test]
fn the_times_are_those_of_what_is_kept() {
    let batch = original(Compression::None, &[50, 90, 70]);
    let left = kept(&batch, None, |offset| offset != 1001);
    assert_eq!((left.header().base_timestamp, left.header().max_timestamp), (50, 70));
    let stamped = batch.with_log_append_time(99);
    assert_eq!(kept(&stamped, Some(5), |offset| offset == 1002).header().max_timestamp, 99);
}

#[test]
fn an_empty_batch_says_what_it_was() {
    let batch = kept(&original(Compression::Zstd, &[50, 90, 70]), Some(5), |_| true);
    let empty = batch.emptied();
    empty.verify_checksum().unwrap();
    let header = empty.header();
    assert_eq!((empty.bytes().len(), header.record_count), (HEADER_BYTES, 0));
    assert_eq!((header.base_offset, header.last_offset(), header.last_sequence()), (1000, 1002, 42));
    assert_eq!((header.base_timestamp, header.max_timestamp), (-1, 90));
    assert_eq!(header.attributes, Attributes::default().transactional());
    assert_eq!(header.timestamp_type(), TimestampType::Create);
    assert!(empty.records(0).unwrap().next_view().is_none());
    assert_eq!(empty.emptied(), empty);
}
