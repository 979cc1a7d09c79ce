//! What records and messages cost: `cargo bench -p kestrel-protocol`. Batches of 100-byte records, as a producer makes them.

use std::hint::black_box;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use kestrel_protocol::Message;
use kestrel_protocol::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use kestrel_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kestrel_protocol::record::{
    BuilderOptions, Codec, Compression, Headers, ProducerStamp, RecordBatch, RecordBatchBuilder,
};
use kestrel_protocol::wire::{Reader, Writer};

/// Values of a batch, in bytes.
const VALUE: [u8; 100] =
    *b"order 5f21 user 93ac click 1b7 status=200 latency_ms= 77aa region=eu-west cart 0c11 order 91 user 0 ";
const RECORDS: usize = 2_000;
const WRITE_LIMIT_BYTES: usize = 1 << 20;
const DECODE_LIMIT_BYTES: usize = 1 << 24;

fn main() {
    divan::main();
}

#[divan::bench(args = CODECS)]
fn encode_a_batch(bencher: Bencher<'_, '_>, compression: &Compression) {
    let codec = codec(*compression);
    bencher.counter(ItemsCount::new(RECORDS)).bench(|| batch(codec));
}

#[divan::bench(args = CODECS)]
fn decode_a_batch_to_views(bencher: Bencher<'_, '_>, compression: &Compression) {
    let batch = batch(codec(*compression));
    bencher.counter(ItemsCount::new(RECORDS)).bench(|| {
        let mut records = batch.records(DECODE_LIMIT_BYTES).expect("a whole batch");
        let mut bytes = 0;
        while let Some(view) = records.next_view() {
            bytes += view.expect("a whole record").value.map_or(0, <[u8]>::len);
        }
        bytes
    });
}

#[divan::bench]
fn decode_a_batch_to_records(bencher: Bencher<'_, '_>) {
    let batch = batch(codec(Compression::None));
    bencher.counter(ItemsCount::new(RECORDS)).bench(|| {
        let records = batch.records(DECODE_LIMIT_BYTES).expect("a whole batch");
        records
            .map(|record| record.expect("a whole record").value.map_or(0, |value| value.len()))
            .sum::<usize>()
    });
}

#[divan::bench]
fn checksum_of_a_batch(bencher: Bencher<'_, '_>) {
    let batch = batch(codec(Compression::None));
    bencher
        .counter(BytesCount::new(batch.header().size_bytes()))
        .bench(|| black_box(&batch).verify_checksum());
}

#[divan::bench(args = [1, 100])]
fn encode_a_produce_request(bencher: Bencher<'_, '_>, partitions: usize) {
    let request = produce_request(partitions);
    bencher.counter(ItemsCount::new(partitions)).bench(|| {
        let mut writer = Writer::with_capacity(1024);
        request.encode(&mut writer, 13);
        writer.into_byte_runs().expect("it is short enough")
    });
}

#[divan::bench(args = [1, 100])]
fn decode_a_produce_request(bencher: Bencher<'_, '_>, partitions: usize) {
    let frame = encoded(&produce_request(partitions), 13);
    bencher
        .counter(ItemsCount::new(partitions))
        .bench(|| ProduceRequest::decode(&mut Reader::new(frame.clone()), 13));
}

#[divan::bench(args = [1, 100])]
fn decode_a_fetch_response(bencher: Bencher<'_, '_>, partitions: usize) {
    let frame = encoded(&fetch_response(partitions), 17);
    bencher
        .counter(ItemsCount::new(partitions))
        .bench(|| FetchResponse::decode(&mut Reader::new(frame.clone()), 17));
}

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn codec(compression: Compression) -> Codec {
    Codec::new(compression, None).expect("every codec is compiled in")
}

fn batch(codec: Codec) -> RecordBatch {
    let options = BuilderOptions { codec, ..BuilderOptions::default() };
    let mut builder = RecordBatchBuilder::new(options, WRITE_LIMIT_BYTES);
    let headers = Headers::new();
    for timestamp in 0..RECORDS {
        let timestamp = i64::try_from(timestamp).expect("a small number");
        builder.append(timestamp, None, Some(&VALUE), headers.iter()).expect("all of them fit");
    }
    builder.build(ProducerStamp::NONE)
}

fn produce_request(partitions: usize) -> ProduceRequest {
    let records = batch(codec(Compression::None)).into_bytes();
    let partition = |index| PartitionProduceData { index, records: Some(records.clone()) };
    let count = i32::try_from(partitions).expect("a small number");
    let topic =
        TopicProduceData { partition_data: (0..count).map(partition).collect(), ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() }
}

fn fetch_response(partitions: usize) -> FetchResponse {
    let records = batch(codec(Compression::None)).into_bytes();
    let partition = |partition_index| PartitionData {
        partition_index,
        records: Some(records.clone().into()),
        ..Default::default()
    };
    let count = i32::try_from(partitions).expect("a small number");
    let topic =
        FetchableTopicResponse { partitions: (0..count).map(partition).collect(), ..Default::default() };
    FetchResponse { responses: vec![topic], ..Default::default() }
}

fn encoded(message: &impl Message, version: i16) -> Bytes {
    let mut writer = Writer::with_capacity(1024);
    message.encode(&mut writer, version);
    writer.into_bytes().expect("it is short enough")
}
