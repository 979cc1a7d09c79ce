//! A shard is rebuilt from what Apache Kafka wrote, transactions and compressed batches included.

use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, ProducerStamp, RecordBatchBuilder, RecordBatches,
};

use super::*;
use crate::coordinator::runtime::tests::script::replay_segment;

const SIMPLE: &[u8] = include_bytes!("../../../../testdata/consumer-offsets/partition-6.log");
const TRANSACTIONS: &[u8] = include_bytes!("../../../../testdata/consumer-offsets/partition-7.log");
const STATIC: &[u8] = include_bytes!("../../../../testdata/consumer-offsets/partition-8.log");
const BILLING: &[u8] = include_bytes!("../../../../testdata/consumer-offsets/partition-9.log");

fn shard() -> GroupShard {
    GroupShard::new(defaults())
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn loaded(segment: &'static [u8]) -> GroupShard {
    let mut shard = shard();
    replay_segment(segment, &mut shard).unwrap();
    shard.loaded(Now { instant: Instant::now(), wall: Timestamp::from_millis(1_795_273_180_000) });
    shard
}

fn offsets(shard: &GroupShard, group: &str) -> Vec<(i32, i64, String)> {
    let all = shard.fetch_all(group, false).into_iter();
    all.map(|(_, partition, fetched)| (partition, fetched.offset, fetched.metadata.to_string())).collect()
}

fn state(shard: &GroupShard, group: &str) -> (String, usize) {
    let group = shard.describe(group).unwrap();
    (group.group_state.to_string(), group.members.len())
}

#[test]
fn groups_of_apache_kafka_go_on() {
    let billing = loaded(BILLING);
    assert_eq!(state(&billing, "billing"), ("Empty".to_owned(), 0));
    // librdkafka ends the text with a zero byte; it is kept as it came.
    assert_eq!(offsets(&billing, "billing"), [(0, 3, "noted é\0".to_owned()), (1, 5, String::new())]);
    assert_eq!(state(&loaded(STATIC), "static"), ("Stable".to_owned(), 1));
    assert_eq!(offsets(&loaded(SIMPLE), "simple"), [(1, 7, String::new())]);
}

#[test]
fn transactions_count_as_they_ended() {
    let shard = loaded(TRANSACTIONS);
    // One was committed at offset 4, one was aborted at 9, and one is open for partition 1.
    assert_eq!(offsets(&shard, "txgroup"), [(0, 4, String::new())]);
    let stable = shard.fetch("txgroup", &[("t".into(), 0), ("t".into(), 1)], true);
    assert_eq!([stable[0].error, stable[1].error], [ErrorCode::None, ErrorCode::UnstableOffsetCommit]);
}

#[test]
fn compressed_batches_are_read_and_unknown_records_skipped() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let codec = Codec::new(compression, None).unwrap();
        let mut builder =
            RecordBatchBuilder::new(BuilderOptions { codec, ..BuilderOptions::default() }, 1 << 16);
        builder.append(0, Some(b"\0\x03\0\0"), Some(b"whatever a newer kind of group keeps"), []).unwrap();
        let original = RecordBatches::new(Bytes::from_static(SIMPLE)).next().unwrap().unwrap();
        let record = original.records(1 << 16).unwrap().next().unwrap().unwrap();
        builder.append(0, record.key.as_deref(), record.value.as_deref(), []).unwrap();
        let mut shard = shard();
        replay_segment(builder.build(ProducerStamp::NONE).into_bytes(), &mut shard).unwrap();
        assert_eq!(offsets(&shard, "simple"), [(1, 7, String::new())]);
    }
}

#[test]
fn a_damaged_batch_is_an_error() {
    let mut bytes = SIMPLE.to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert!(replay_segment(bytes, &mut shard()).is_err());
}
