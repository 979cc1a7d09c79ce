//! Record batches against an independent implementation: what one writes, the other reads, with every codec.
//!
//! The other keeps headers in a map and timestamp deltas in 32 bits, so the inputs keep to that; repeated header names
//! and wide timestamps are proved with Apache Kafka's own bytes and by round trips.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may panic")]

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as theirs;
use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, Headers, ProducerStamp, RecordBatch, RecordBatchBuilder,
    TimestampType,
};
use kestrel_protocol::{LeaderEpoch, ProducerEpoch, ProducerId};
use proptest::prelude::*;

/// What both implementations can say about a batch.
#[derive(Debug, Clone)]
struct Sample {
    base_offset: i64,
    leader_epoch: i32,
    producer: Option<(i64, i16, i32)>,
    transactional: bool,
    codec: Compression,
    records: Vec<SampleRecord>,
}

#[derive(Debug, Clone, PartialEq)]
struct SampleRecord {
    timestamp: i64,
    key: Option<Bytes>,
    value: Option<Bytes>,
    headers: BTreeMap<String, Option<Bytes>>,
}

fn arb_bytes() -> impl Strategy<Value = Option<Bytes>> {
    let short = prop::collection::vec(any::<u8>(), 0..80);
    let long = (any::<u8>(), 60usize..20_000).prop_map(|(byte, length)| vec![byte; length]);
    prop::option::of(prop_oneof![4 => short, 1 => long].prop_map(Bytes::from))
}

fn arb_record() -> impl Strategy<Value = SampleRecord> {
    let timestamp = 1_700_000_000_000i64..1_700_000_000_000 + i64::from(i32::MAX);
    let headers = prop::collection::btree_map("[a-zé]{0,3}", arb_bytes(), 0..4);
    (timestamp, arb_bytes(), arb_bytes(), headers).prop_map(|(timestamp, key, value, headers)| SampleRecord {
        timestamp,
        key,
        value,
        headers,
    })
}

fn arb_sample() -> impl Strategy<Value = Sample> {
    (
        0i64..1 << 40,
        -1i32..1000,
        prop::option::of((0i64..1 << 50, 0i16..=i16::MAX, 0i32..1 << 30)),
        any::<bool>(),
        prop::sample::select(&Compression::ALL),
        prop::collection::vec(arb_record(), 1..20),
    )
        .prop_map(|(base_offset, leader_epoch, producer, transactional, codec, records)| Sample {
            base_offset,
            leader_epoch,
            producer,
            transactional,
            codec,
            records,
        })
}

impl Sample {
    fn stamp(&self) -> ProducerStamp {
        self.producer.map_or(ProducerStamp::NONE, |(id, epoch, base_sequence)| ProducerStamp {
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence,
        })
    }

    fn our_batch(&self) -> RecordBatch {
        let options = BuilderOptions {
            codec: Codec::new(self.codec, None).unwrap(),
            transactional: self.transactional,
            base_offset: self.base_offset,
            partition_leader_epoch: LeaderEpoch(self.leader_epoch),
            ..BuilderOptions::default()
        };
        let mut builder = RecordBatchBuilder::new(options, 1 << 20);
        for record in &self.records {
            let headers: Headers = record.headers.clone().into_iter().collect();
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            builder.append(record.timestamp, key, value, headers.iter()).unwrap();
        }
        builder.build(self.stamp())
    }

    fn their_records(&self) -> Vec<theirs::Record> {
        let stamp = self.stamp();
        let record = |(record, index): (&SampleRecord, i32)| theirs::Record {
            transactional: self.transactional,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: self.leader_epoch,
            producer_id: stamp.producer_id.0,
            producer_epoch: stamp.producer_epoch.0,
            timestamp_type: theirs::TimestampType::Creation,
            offset: self.base_offset + i64::from(index),
            sequence: stamp.base_sequence.wrapping_add(index),
            timestamp: record.timestamp,
            key: record.key.clone(),
            value: record.value.clone(),
            headers: record
                .headers
                .iter()
                .map(|(name, value)| (StrBytes::from_string(name.clone()), value.clone()))
                .collect::<IndexMap<_, _>>(),
        };
        self.records.iter().zip(0..).map(record).collect()
    }

    fn their_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        let compression = match self.codec {
            Compression::None => theirs::Compression::None,
            Compression::Gzip => theirs::Compression::Gzip,
            Compression::Snappy => theirs::Compression::Snappy,
            Compression::Lz4 => theirs::Compression::Lz4,
            Compression::Zstd => theirs::Compression::Zstd,
            other => panic!("the oracle has no codec {other}"),
        };
        let options = theirs::RecordEncodeOptions { version: 2, compression };
        theirs::RecordBatchEncoder::encode(&mut bytes, &self.their_records(), &options).unwrap();
        bytes.freeze()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn they_read_what_we_write(sample in arb_sample()) {
        let mut bytes = sample.our_batch().into_bytes();
        let sets = theirs::RecordBatchDecoder::decode_all(&mut bytes).unwrap();
        prop_assert_eq!(sets.len(), 1);
        prop_assert_eq!(sets[0].compression as u8, sample.codec.id());
        prop_assert_eq!(&sets[0].records, &sample.their_records());
    }

    #[test]
    fn we_read_what_they_write(sample in arb_sample()) {
        let (batch, rest) = RecordBatch::parse(sample.their_bytes()).unwrap();
        prop_assert!(rest.is_empty());
        batch.verify_checksum().unwrap();
        let header = batch.header();
        prop_assert_eq!(header.compression(), Ok(sample.codec));
        prop_assert_eq!(header.producer(), sample.stamp());
        prop_assert_eq!(header.is_transactional(), sample.transactional);
        prop_assert_eq!(header.partition_leader_epoch, LeaderEpoch(sample.leader_epoch));
        prop_assert_eq!(Some(header.max_timestamp), sample.records.iter().map(|r| r.timestamp).max());
        let records: Vec<_> = batch.records(1 << 20).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(records.len(), sample.records.len());
        for ((ours, sample_record), offset) in records.iter().zip(&sample.records).zip(sample.base_offset..) {
            prop_assert_eq!((ours.offset, ours.timestamp_type), (offset, TimestampType::Create));
            let headers = ours.headers.iter();
            let read = SampleRecord {
                timestamp: ours.timestamp,
                key: ours.key.clone(),
                value: ours.value.clone(),
                headers: headers.map(|(name, value)| (name.into(), value.map(Bytes::copy_from_slice))).collect(),
            };
            prop_assert_eq!(&read, sample_record);
        }
    }
}
