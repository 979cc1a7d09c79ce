//! Batches written by Apache Kafka 4.3.1's own classes: read here, and built here to the same bytes.

use bytes::Bytes;

use super::super::control::{
    ControlPlace, ControlRecord, EndTransactionMarker, LeaderChange, TransactionOutcome, control_batch,
    end_transaction_batch,
};
use super::super::{
    BuilderOptions, Compression, Headers, ProducerStamp, Record, RecordBatch, RecordBatchBuilder,
    TimestampType,
};
use super::{LIMIT_BYTES, codec, read_all};
use crate::types::{LeaderEpoch, NodeId, ProducerEpoch, ProducerId};

macro_rules! java {
    ($name:literal) => {
        parse(include_bytes!(concat!("../../../testdata/java-records/", $name, ".bin")))
    };
}

const TIME: i64 = 1_700_000_000_000;

fn parse(bytes: &'static [u8]) -> RecordBatch {
    let (batch, rest) = RecordBatch::parse(Bytes::from_static(bytes)).unwrap();
    assert!(rest.is_empty());
    batch.verify_checksum().unwrap();
    batch
}

/// The six records of `records-*`.
fn six(base_offset: i64) -> Vec<Record> {
    let mut headers = Headers::new();
    headers.push("hop", Some("a".into()));
    headers.push("hop", Some("b".into()));
    headers.push("null", None);
    headers.push("empty", Some(Bytes::new()));
    headers.push("", Some("x".into()));
    headers.push("\u{e9}\u{4e2d}", Some("utf8".into()));
    let rows: [(i64, Option<&str>, Option<&str>, Headers); 6] = [
        (TIME, Some("key"), Some("value"), Headers::new()),
        (TIME - 5, None, Some("no key"), Headers::new()),
        (TIME + 40_000_000_000, Some("tombstone"), None, Headers::new()),
        (TIME + 1, Some(""), Some(""), Headers::new()),
        (TIME + 2, Some("headers"), Some("v"), headers),
        (-1, None, None, Headers::new()),
    ];
    let rows = rows.into_iter().zip(base_offset..);
    rows.map(|((timestamp, key, value, headers), offset)| Record {
        offset,
        timestamp,
        timestamp_type: TimestampType::Create,
        key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
        value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
        headers,
    })
    .collect()
}

fn build(options: BuilderOptions, records: &[Record], stamp: ProducerStamp) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new(options, 1 << 20);
    for record in records {
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.append(record.timestamp, key, value, record.headers.iter()).unwrap();
    }
    builder.build(stamp)
}

#[test]
fn every_codec_is_read() {
    let batches = [
        java!("records-none"),
        java!("records-gzip"),
        java!("records-snappy"),
        java!("records-lz4"),
        java!("records-zstd"),
    ];
    for (batch, compression) in batches.iter().zip(Compression::ALL) {
        let header = batch.header();
        assert_eq!(header.compression(), Ok(compression));
        assert_eq!((header.base_offset, header.last_offset()), (7, 12));
        assert_eq!(header.partition_leader_epoch, LeaderEpoch(3));
        assert_eq!(header.max_timestamp, TIME + 40_000_000_000);
        assert_eq!(read_all(batch).unwrap(), six(7));
    }
}

#[test]
fn several_blocks_are_read() {
    for batch in [java!("many-gzip"), java!("many-snappy"), java!("many-lz4"), java!("many-zstd")] {
        let records = read_all(&batch).unwrap();
        assert_eq!(records.len(), 100);
        for (record, n) in records.iter().zip(0..) {
            let expected: Vec<u8> =
                (0..1000).map(|i| u8::try_from((n * 31 + i / 7) % 251).unwrap()).collect();
            assert_eq!(record.value.as_ref().unwrap(), &expected);
            assert_eq!(record.key.as_ref().unwrap(), format!("k{n}").as_bytes());
        }
    }
}

#[test]
fn the_same_records_build_the_same_bytes() {
    let options =
        BuilderOptions { base_offset: 7, partition_leader_epoch: LeaderEpoch(3), ..Default::default() };
    assert_eq!(build(options, &six(7), ProducerStamp::NONE), java!("records-none"));
    for (compression, theirs) in
        [(Compression::Snappy, java!("records-snappy")), (Compression::Lz4, java!("records-lz4"))]
    {
        let ours =
            build(BuilderOptions { codec: codec(compression), ..options }, &six(7), ProducerStamp::NONE);
        let (ours, theirs) = (ours.bytes(), theirs.bytes());
        assert_eq!(ours[61..72], theirs[61..72], "the framing of {compression}");
    }
    let stamp = ProducerStamp {
        producer_id: ProducerId(4242),
        producer_epoch: ProducerEpoch(5),
        base_sequence: 2_147_483_646,
    };
    let options = BuilderOptions {
        base_offset: 11,
        partition_leader_epoch: LeaderEpoch(6),
        transactional: true,
        ..Default::default()
    };
    let transactional = build(options, &six(11), stamp);
    assert_eq!(transactional, java!("transactional"));
    assert_eq!(transactional.header().last_sequence(), 3);
}

#[test]
fn log_append_time_is_read() {
    let batch = java!("log-append-time");
    assert_eq!(batch.header().timestamp_type(), TimestampType::LogAppend);
    for record in read_all(&batch).unwrap() {
        assert_eq!(record.timestamp, batch.header().max_timestamp);
        assert_eq!(record.timestamp_type, TimestampType::LogAppend);
    }
}

#[test]
fn what_compaction_leaves_is_read() {
    let empty = java!("compacted-empty");
    assert_eq!((empty.header().base_offset, empty.header().next_offset()), (30, 36));
    assert_eq!((empty.header().base_sequence, empty.header().last_sequence()), (10, 15));
    assert_eq!(read_all(&empty).unwrap(), []);

    let gaps = java!("compacted-with-horizon");
    assert!(gaps.header().delete_horizon().is_some());
    let six = six(30);
    assert_eq!(read_all(&gaps).unwrap(), [six[2].clone(), six[4].clone()]);
}

#[test]
fn control_batches_are_read_and_built_to_the_same_bytes() {
    let place = |base_offset, epoch| ControlPlace {
        base_offset,
        leader_epoch: LeaderEpoch(epoch),
        timestamp: TIME + 123,
    };
    let change = LeaderChange {
        leader_id: NodeId(1),
        voters: vec![NodeId(1), NodeId(300)],
        granting_voters: vec![NodeId(1)],
    };
    let header = ControlRecord::SnapshotHeader { last_contained_log_timestamp: TIME - 1 };
    let marker = |outcome| EndTransactionMarker { outcome, coordinator_epoch: 8 };
    let end = |offset, outcome| {
        end_transaction_batch(place(offset, 4), ProducerId(4242), ProducerEpoch(5), marker(outcome))
    };
    let expected = [
        (java!("leader-change"), control_batch(place(0, 2), &[ControlRecord::LeaderChange(change)])),
        (java!("snapshot-header"), control_batch(place(0, 0), &[header])),
        (java!("snapshot-footer"), control_batch(place(5, 0), &[ControlRecord::SnapshotFooter])),
        (java!("kraft-version"), control_batch(place(1, 0), &[ControlRecord::KRaftVersion(1)])),
        (java!("commit-marker"), end(20, TransactionOutcome::Commit)),
        (java!("abort-marker"), end(21, TransactionOutcome::Abort)),
    ];
    for (theirs, ours) in expected {
        assert_eq!(ours, theirs);
        let view = |batch: &RecordBatch| {
            let mut records = batch.records(LIMIT_BYTES).unwrap();
            ControlRecord::parse(&records.next_view().unwrap().unwrap())
        };
        assert_eq!(view(&ours), view(&theirs));
    }
}
