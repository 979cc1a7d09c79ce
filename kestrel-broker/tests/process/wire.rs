//! A blocking client of one connection, made of nothing but `kestrel-protocol`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use kestrel_protocol::messages::fetch::{FetchPartition, FetchRequest, FetchTopic, RecordData};
use kestrel_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder, RecordBatches};
use kestrel_protocol::{ErrorCode, Request, decode_response, encode_request};

/// One connection; requests wait for their answers.
pub(crate) struct Wire {
    stream: TcpStream,
    next_correlation_id: i32,
}

impl Wire {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { stream, next_correlation_id: 0 }
    }

    /// Sends a request and reads its answer; an error when the connection ends.
    pub(crate) fn call<R: Request>(&mut self, request: &R, version: i16) -> io::Result<R::Response> {
        self.next_correlation_id += 1;
        for chunk in
            encode_request(request, version, self.next_correlation_id, Some("process-test".into())).unwrap()
        {
            self.stream.write_all(&chunk)?;
        }
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut frame)?;
        decode_response::<R>(frame.into(), version).map_err(io::Error::other)
    }

    /// Creates a topic of one partition.
    pub(crate) fn create_topic(&mut self, name: &str) {
        assert_eq!(self.try_create(name, 1), ErrorCode::None);
    }

    /// Creates a topic, or says why not.
    pub(crate) fn try_create(&mut self, name: &str, num_partitions: i32) -> ErrorCode {
        let topic =
            CreatableTopic { name: name.into(), num_partitions, replication_factor: 1, ..Default::default() };
        let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
        let response = self.call(&request, 7).unwrap();
        response.topics[0].error_code
    }

    /// Produces one value with acks=all; gives its offset.
    pub(crate) fn produce(&mut self, topic: &str, value: &str) -> io::Result<i64> {
        self.try_produce(topic, value).map(|produced| produced.expect("the broker takes the record"))
    }

    /// As [`Self::produce`], or why it was refused.
    pub(crate) fn try_produce(&mut self, topic: &str, value: &str) -> io::Result<Result<i64, ErrorCode>> {
        let mut builder = RecordBatchBuilder::new(BuilderOptions::default(), 64 * 1024);
        builder.append(1_700_000_000_000, None, Some(value.as_bytes()), []).unwrap();
        let records: Bytes = builder.build(ProducerStamp::NONE).into_bytes();
        let partition = PartitionProduceData { index: 0, records: Some(records) };
        let topic =
            TopicProduceData { name: topic.into(), partition_data: vec![partition], ..Default::default() };
        let request =
            ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: vec![topic], ..Default::default() };
        let response = self.call(&request, 9)?;
        let partition = &response.responses[0].partition_responses[0];
        Ok(match partition.error_code {
            ErrorCode::None => Ok(partition.base_offset),
            error => Err(error),
        })
    }

    /// Every value of a topic of one partition, with its offset.
    pub(crate) fn read_all(&mut self, topic: &str) -> Vec<(i64, String)> {
        let mut values = Vec::new();
        loop {
            let next_offset = values.last().map_or(0, |(offset, _)| offset + 1);
            let batches = self.fetch(topic, next_offset);
            if batches.is_empty() {
                return values;
            }
            for batch in RecordBatches::new(batches) {
                let batch = batch.unwrap();
                batch.verify_checksum().unwrap();
                let mut records = batch.records(1 << 20).unwrap();
                while let Some(record) = records.next_view() {
                    let record = record.unwrap();
                    if record.offset >= next_offset {
                        values.push((
                            record.offset,
                            String::from_utf8(record.value.unwrap().to_vec()).unwrap(),
                        ));
                    }
                }
            }
        }
    }

    fn fetch(&mut self, topic: &str, fetch_offset: i64) -> Bytes {
        let response = self.call(&fetch_request(topic, fetch_offset), 12).unwrap();
        let partition = &response.responses[0].partitions[0];
        assert_eq!(partition.error_code, ErrorCode::None);
        partition.records.clone().and_then(RecordData::into_bytes).unwrap_or_default()
    }
}

/// A Fetch request of version 12 for a megabyte of a topic of one partition, that does not wait.
pub(crate) fn fetch_request(topic: &str, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition { fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic: topic.into(), partitions: vec![partition], ..Default::default() };
    FetchRequest { min_bytes: 0, topics: vec![topic], ..Default::default() }
}
