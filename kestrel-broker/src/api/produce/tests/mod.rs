//! Produce over TCP: order, acknowledgements, what is refused, idempotence.

mod transactions;

use kestrel_protocol::messages::fetch::RecordData;
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kestrel_protocol::record::{BuilderOptions, Codec, ProducerStamp, RecordBatchBuilder, RecordBatches};
use kestrel_protocol::{ProducerEpoch, ProducerId};

use super::*;
use crate::testing::{Peer, batch, produce_request, stamped_batch};
use crate::{Broker, Durability};

async fn broker_with_topic() -> (Broker, Peer, TopicId) {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("events").await;
    (broker, peer, id)
}

fn stamp(epoch: i16, base_sequence: i32) -> ProducerStamp {
    ProducerStamp { producer_id: ProducerId(40), producer_epoch: ProducerEpoch(epoch), base_sequence }
}

/// The batch with bits set in its attributes and its checksum made right again.
fn with_attributes(batch: &Bytes, bits: u8) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[ATTRIBUTES_AT + 1] |= bits;
    let checksum = crc32c::crc32c(&bytes[ATTRIBUTES_AT..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    bytes.into()
}

/// The values of all records in a run of batches.
fn values(records: RecordData) -> Vec<String> {
    let records = records.into_bytes().unwrap();
    let mut values = Vec::new();
    for batch in RecordBatches::new(records) {
        let records = batch.unwrap().records(1 << 20).unwrap();
        for record in records.views() {
            values.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
        }
    }
    values
}

#[tokio::test]
async fn batches_are_appended_in_every_version() {
    let (_broker, mut peer, id) = broker_with_topic().await;
    for (count, version) in (3..=13).enumerate() {
        let mut request = produce_request("events", batch(&["a", "b"]));
        if version >= FIRST_TOPIC_ID_VERSION {
            request.topic_data[0].topic_id = id;
        }
        let response = peer.call(&request, version).await;
        let topic = &response.responses[0];
        let expected = if version >= FIRST_TOPIC_ID_VERSION { ("", id) } else { ("events", TopicId::NIL) };
        assert_eq!((&*topic.name, topic.topic_id), expected);
        let result = &topic.partition_responses[0];
        assert_eq!(result.error_code, ErrorCode::None);
        assert_eq!(result.base_offset, 2 * i64::try_from(count).unwrap());
        assert_eq!(result.log_append_time_ms, NO_OFFSET);
        assert_eq!(result.log_start_offset, if version >= 5 { 0 } else { NO_OFFSET });
    }
}

#[tokio::test]
async fn pipelined_requests_are_appended_in_their_order() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    // Sequences of an idempotent producer: one out of order would be refused.
    for sequence in 0..50 {
        let records = stamped_batch(&[&sequence.to_string()], stamp(0, sequence));
        peer.send(&produce_request("events", records), 12).await;
    }
    for sequence in 0..50 {
        let response = peer.receive::<ProduceRequest>(12).await.unwrap();
        let result = &response.responses[0].partition_responses[0];
        assert_eq!((result.error_code, result.base_offset), (ErrorCode::None, i64::from(sequence)));
    }
    let read = values(peer.fetch("events", 0).await.records.unwrap());
    assert_eq!(read, (0..50).map(|sequence| sequence.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn with_group_durability_an_ack_waits_for_the_flush() {
    for acks in [LEADER_ACKS, ALL_ACKS] {
        let builder = Broker::builder().ephemeral().durability(Durability::Group);
        let broker = builder.start().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("events").await;
        let request = ProduceRequest { acks, ..produce_request("events", batch(&["a"])) };
        let response = peer.call(&request, 12).await;
        assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::None);
        // What is acknowledged can be read: the high watermark has passed it.
        assert_eq!(peer.fetch("events", 0).await.high_watermark, 1);
    }
}

#[tokio::test]
async fn what_is_not_stored_in_time_is_timed_out_and_kept() {
    let broker = Broker::builder().ephemeral().durability(Durability::Group).start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    // Without any time, only a flush that is done before the answer is looked for is in time.
    let request = ProduceRequest { timeout_ms: 0, ..produce_request("events", batch(&["a"])) };
    for appended in 0..1000 {
        let response = peer.call(&request, 12).await;
        let result = &response.responses[0].partition_responses[0];
        assert_eq!(result.base_offset, appended);
        if result.error_code == ErrorCode::RequestTimedOut {
            let next = peer.produce("events", batch(&["b"])).await;
            assert_eq!(next.base_offset, appended + 1);
            return;
        }
        assert_eq!(result.error_code, ErrorCode::None);
    }
    panic!("a flush was never waited for");
}

#[tokio::test]
async fn acks_0_has_no_answer_and_a_failure_closes() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let silent = ProduceRequest { acks: NO_ACKS, ..produce_request("events", batch(&["a"])) };
    peer.send(&silent, 12).await;
    // The next answer on the connection is that of the next request.
    assert_eq!(values(peer.fetch("events", 0).await.records.unwrap()), ["a"]);
    peer.send(&ProduceRequest { acks: NO_ACKS, ..produce_request("nowhere", batch(&["a"])) }, 12).await;
    assert_eq!(peer.receive_frame().await, None);
}

#[tokio::test]
async fn each_partition_has_its_own_error() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let mut request = produce_request("events", batch(&["a"]));
    request.topic_data[0]
        .partition_data
        .push(PartitionProduceData { index: 7, records: Some(batch(&["b"])) });
    request.topic_data.extend(produce_request("nowhere", batch(&["c"])).topic_data);
    let response = peer.call(&request, 9).await;
    let errors: Vec<_> = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses)
        .map(|result| (result.error_code, result.base_offset))
        .collect();
    let unknown = (ErrorCode::UnknownTopicOrPartition, NO_OFFSET);
    assert_eq!(errors, [(ErrorCode::None, 0), unknown, unknown]);
}

#[tokio::test]
async fn a_dead_topic_id_is_unknown() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    for topic_id in [TopicId::NIL, TopicId::from_u128(1)] {
        let mut request = produce_request("", batch(&["a"]));
        request.topic_data[0].topic_id = topic_id;
        let response = peer.call(&request, 13).await;
        assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::UnknownTopicId);
    }
}

#[tokio::test]
async fn only_whole_sound_batches_of_clients_get_in() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let sound = batch(&["a", "b"]);
    let mut damaged = sound.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let mut old_format = sound.to_vec();
    old_format[16] = 1;
    let mut miscounted = sound.to_vec();
    miscounted[60] = 9;
    let miscounted = with_attributes(&miscounted.into(), 0);
    let cases = [
        ("nothing", Bytes::new(), ErrorCode::InvalidRecord),
        ("two batches", [&sound[..], &sound[..]].concat().into(), ErrorCode::InvalidRecord),
        ("a bad checksum", damaged.into(), ErrorCode::CorruptMessage),
        ("an old format", old_format.into(), ErrorCode::InvalidRecord),
        ("a wrong count", miscounted, ErrorCode::InvalidRecord),
        ("half a batch", sound.slice(..sound.len() - 1), ErrorCode::InvalidRecord),
        ("noise", Bytes::from_static(&[0x7f; 100]), ErrorCode::InvalidRecord),
        ("a control batch", with_attributes(&sound, 0x20), ErrorCode::InvalidRecord),
        (
            "a transactional batch without a transactional id",
            with_attributes(&sound, 0x10),
            ErrorCode::TransactionalIdAuthorizationFailed,
        ),
        ("an unknown codec", with_attributes(&sound, 0x07), ErrorCode::UnsupportedCompressionType),
    ];
    for (what, records, error) in cases {
        let result = peer.produce("events", records).await;
        assert_eq!((result.error_code, result.base_offset), (error, NO_OFFSET), "{what}");
        assert!(result.error_message.is_some(), "{what}");
    }
    assert_eq!(peer.fetch("events", 0).await.high_watermark, 0, "nothing got in");
}

#[tokio::test]
async fn a_transactional_id_alone_makes_no_transaction() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let transactional_id = Some("orders".into());
    let request = ProduceRequest { transactional_id, ..produce_request("events", batch(&["a"])) };
    for version in [11, 12] {
        let response = peer.call(&request, version).await;
        assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::None);
    }
}

#[tokio::test]
async fn acks_that_there_are_not_are_refused() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let request = ProduceRequest { acks: 2, ..produce_request("events", batch(&["a"])) };
    let response = peer.call(&request, 12).await;
    assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::InvalidRequiredAcks);
}

#[tokio::test]
async fn zstd_needs_version_7() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let codec = Codec::new(Compression::Zstd, None).unwrap();
    let options = BuilderOptions { codec, ..Default::default() };
    let mut builder = RecordBatchBuilder::new(options, 1 << 20);
    builder.append(0, None, Some(b"a"), []).unwrap();
    let records = builder.build(ProducerStamp::NONE).into_bytes();
    for (version, error) in [(6, ErrorCode::UnsupportedCompressionType), (7, ErrorCode::None)] {
        let response = peer.call(&produce_request("events", records.clone()), version).await;
        assert_eq!(response.responses[0].partition_responses[0].error_code, error);
    }
}

#[tokio::test]
async fn a_batch_may_be_as_large_as_message_max_bytes() {
    let sound = batch(&["0123456789"]);
    let limit = sound.len().to_string();
    let builder = Broker::builder().ephemeral().durability(Durability::Os).set("message.max.bytes", limit);
    let broker = builder.start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    assert_eq!(peer.produce("events", sound).await.error_code, ErrorCode::None);
    let larger = peer.produce("events", batch(&["0123456789a"])).await;
    assert_eq!(larger.error_code, ErrorCode::MessageTooLarge);
}

#[tokio::test]
async fn records_of_a_compacted_topic_need_a_key() {
    let builder =
        Broker::builder().ephemeral().durability(Durability::Os).set("log.cleanup.policy", "compact");
    let broker = builder.start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let result = peer.produce("events", batch(&["a", "b"])).await;
    assert_eq!(result.error_code, ErrorCode::InvalidRecord);
    let indexes: Vec<_> = result.record_errors.iter().map(|error| error.batch_index).collect();
    assert_eq!(indexes, [0, 1]);
    assert!(result.record_errors[0].batch_index_error_message.is_some());
}

#[tokio::test]
async fn duplicates_gaps_and_old_epochs_are_told_apart() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let steps = [
        ("the first", 0, 0, ErrorCode::None, 0),
        ("the next", 0, 2, ErrorCode::None, 2),
        ("the first again", 0, 0, ErrorCode::None, 0),
        ("a gap", 0, 7, ErrorCode::OutOfOrderSequenceNumber, NO_OFFSET),
        ("a new epoch", 1, 0, ErrorCode::None, 4),
        ("the old epoch", 0, 4, ErrorCode::InvalidProducerEpoch, NO_OFFSET),
    ];
    for (what, epoch, sequence, error, base_offset) in steps {
        let result = peer.produce("events", stamped_batch(&["a", "b"], stamp(epoch, sequence))).await;
        assert_eq!((result.error_code, result.base_offset), (error, base_offset), "{what}");
    }
}

#[tokio::test]
async fn log_append_time_is_the_brokers() {
    let builder = Broker::builder().ephemeral().set("log.message.timestamp.type", "LogAppendTime");
    let broker = builder.start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let result = peer.produce("events", batch(&["a"])).await;
    assert!(result.log_append_time_ms > crate::testing::FIRST_TIMESTAMP);
    let records = peer.fetch("events", 0).await.records.unwrap().into_bytes().unwrap();
    let read = RecordBatches::new(records).next().unwrap().unwrap();
    read.verify_checksum().unwrap();
    assert_eq!(read.header().max_timestamp, result.log_append_time_ms);
}

#[tokio::test]
async fn clients_do_not_write_to_internal_topics() {
    let (_broker, mut peer, _) = broker_with_topic().await;
    let name = Some("__consumer_offsets".into());
    let topics = Some(vec![MetadataRequestTopic { name, ..Default::default() }]);
    let created = peer.call(&MetadataRequest { topics, ..Default::default() }, 12).await;
    assert!(created.topics[0].is_internal);
    let result = peer.produce("__consumer_offsets", batch(&["a"])).await;
    assert_eq!(result.error_code, ErrorCode::InvalidTopic);
}
