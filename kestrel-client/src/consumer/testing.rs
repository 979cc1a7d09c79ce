//! What the consumer's machine tests share: batches, pictures of the cluster, a hand-held clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kestrel_protocol::record::control::{
    ControlPlace, EndTransactionMarker, TransactionOutcome, end_transaction_batch,
};
use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, ProducerStamp, RecordBatch, RecordBatchBuilder,
};
use kestrel_protocol::{ByteString, LeaderEpoch, NodeId, ProducerEpoch, ProducerId, TopicId};

use crate::config::{ConsumerConfig, ConsumerSettings};
use crate::consumer::position::FetchPosition;
use crate::environment;
use crate::metadata::{BrokerView, MetadataSnapshot, PartitionView, TopicView};
use crate::net::ExponentialBackoff;

pub(crate) const TOPIC_ID: TopicId = TopicId::from_u128(7);

/// The time at `millis` after an arbitrary start: nothing here waits.
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(environment::now())
    }

    pub(crate) fn at(&self, millis: u64) -> Instant {
        self.0 + Duration::from_millis(millis)
    }
}

pub(crate) fn settings(config: &ConsumerConfig) -> ConsumerSettings {
    config.clone().check(Duration::from_secs(30)).unwrap()
}

/// 100 ms after the first failure, 1 s at most, give or take 20%.
pub(crate) fn backoff() -> ExponentialBackoff {
    ExponentialBackoff::new(Duration::from_millis(100), Duration::from_secs(1), 7)
}

pub(crate) fn at(offset: i64, epoch: i32) -> FetchPosition {
    FetchPosition { offset, epoch: (epoch >= 0).then_some(LeaderEpoch(epoch)) }
}

/// What a batch is to be like.
#[derive(Debug, Clone)]
pub(crate) struct BatchSpec {
    pub(crate) base_offset: i64,
    pub(crate) epoch: i32,
    /// Which records compaction has left, by offset delta; the batch spans `span` offsets in any case.
    pub(crate) kept: Vec<i32>,
    pub(crate) span: i32,
    pub(crate) compression: Compression,
    pub(crate) producer: Option<i64>,
}

impl BatchSpec {
    /// A batch of `count` records from `base_offset` on, in epoch 1.
    pub(crate) fn of(base_offset: i64, count: i32) -> Self {
        Self {
            base_offset,
            epoch: 1,
            kept: (0..count).collect(),
            span: count,
            compression: Compression::None,
            producer: None,
        }
    }

    /// The batch; the value of each record is its offset in decimal.
    pub(crate) fn build(&self) -> Bytes {
        let options = BuilderOptions {
            codec: Codec::new(self.compression, None).unwrap(),
            transactional: self.producer.is_some(),
            base_offset: self.base_offset,
            partition_leader_epoch: LeaderEpoch(self.epoch),
            ..BuilderOptions::default()
        };
        let stamp = self.producer.map_or(ProducerStamp::NONE, |id| ProducerStamp {
            producer_id: ProducerId(id),
            producer_epoch: ProducerEpoch(0),
            base_sequence: 0,
        });
        // Offsets of removed records leave gaps, which a builder does not make: build runs of them, keep what stays.
        let mut records = BytesMut::new();
        for &delta in &self.kept {
            let value = (self.base_offset + i64::from(delta)).to_string();
            records.extend_from_slice(&encode_record(delta, value.as_bytes()));
        }
        let mut builder = RecordBatchBuilder::new(options, 1024);
        builder.append(0, None, Some(b""), []).unwrap();
        let template = builder.build(stamp);
        let mut header = *template.header();
        header.last_offset_delta = self.span - 1;
        header.record_count = i32::try_from(self.kept.len()).unwrap();
        let mut payload = Vec::new();
        options.codec.compress(&records, &mut payload);
        if self.compression == Compression::None {
            payload = records.to_vec();
        }
        seal(header, &payload)
    }
}

pub(crate) fn seal(mut header: kestrel_protocol::record::RecordBatchHeader, payload: &[u8]) -> Bytes {
    header.batch_length = i32::try_from(49 + payload.len()).unwrap();
    let mut bytes = BytesMut::from(&header.encode()[..]);
    bytes.extend_from_slice(payload);
    header.crc = crc32c(&bytes[21..]);
    bytes[..61].copy_from_slice(&header.encode());
    bytes.freeze()
}

/// CRC-32C bit by bit: slow and short.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & 0u32.wrapping_sub(crc & 1)))
    })
}

/// A record without key and headers, timestamp delta 0.
fn encode_record(offset_delta: i32, value: &[u8]) -> Vec<u8> {
    let varint = |value: i32| {
        let mut out = BytesMut::new();
        let zigzag = ((value << 1) ^ (value >> 31)).cast_unsigned();
        kestrel_protocol::wire::put_uvarint(&mut out, zigzag);
        out
    };
    let mut body = vec![0, 0];
    body.extend_from_slice(&varint(offset_delta));
    body.extend_from_slice(&varint(-1));
    body.extend_from_slice(&varint(i32::try_from(value.len()).unwrap()));
    body.extend_from_slice(value);
    body.push(0);
    let mut record = varint(i32::try_from(body.len()).unwrap()).to_vec();
    record.extend_from_slice(&body);
    record
}

/// The marker that ends a producer's transaction.
pub(crate) fn marker(base_offset: i64, producer: i64, outcome: TransactionOutcome) -> Bytes {
    let place = ControlPlace { base_offset, leader_epoch: LeaderEpoch(1), timestamp: 0 };
    let marker = EndTransactionMarker { outcome, coordinator_epoch: 0 };
    end_transaction_batch(place, ProducerId(producer), ProducerEpoch(0), marker).into_bytes()
}

/// Batches one after the other.
pub(crate) fn concat(batches: impl IntoIterator<Item = Bytes>) -> Bytes {
    batches
        .into_iter()
        .fold(BytesMut::new(), |mut all, batch| {
            all.extend_from_slice(&batch);
            all
        })
        .freeze()
}

/// A picture of a cluster with brokers 1 and 2 and the topic `clicks`, whose partitions have these leaders and epochs.
pub(crate) fn snapshot(id: TopicId, leaders: &[(i32, i32)]) -> Arc<MetadataSnapshot> {
    let partition = |&(leader, epoch): &(i32, i32)| PartitionView {
        leader: NodeId(leader),
        leader_epoch: LeaderEpoch(epoch),
        ..PartitionView::leaderless()
    };
    let topic = TopicView {
        name: "clicks".into(),
        wire_name: ByteString::from("clicks"),
        id,
        is_internal: false,
        partitions: leaders.iter().map(partition).collect(),
    };
    let broker = |id| BrokerView { id: NodeId(id), host: "broker".into(), port: 9092, rack: None };
    Arc::new(MetadataSnapshot {
        brokers: [1, 2].into_iter().map(|id| (NodeId(id), Arc::new(broker(id)))).collect(),
        topics: HashMap::from([(Arc::from("clicks"), Arc::new(topic))]),
        ..MetadataSnapshot::default()
    })
}

#[test]
fn built_batches_are_whole() {
    for compression in Compression::ALL {
        let spec = BatchSpec { compression, kept: vec![1, 3], span: 5, ..BatchSpec::of(10, 5) };
        let (batch, rest) = RecordBatch::parse(spec.build()).unwrap();
        assert!(rest.is_empty());
        batch.verify_checksum().unwrap();
        let offsets: Vec<_> = batch.records(1 << 20).unwrap().map(|record| record.unwrap().offset).collect();
        assert_eq!((offsets, batch.header().next_offset()), (vec![11, 13], 15));
    }
}
