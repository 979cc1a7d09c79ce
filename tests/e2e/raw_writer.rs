//! RawWriter: a transactional producer made of bare requests, version 1 of transactions (KIP-98).
//!
//! For what no client leaves behind: several transactions that overlap in one partition, in an order that the test says; ones
//! that stay open; ones that no coordinator knows of. It speaks to a cluster of one broker.

use std::collections::HashMap;

use bytes::Bytes;
use kestrel_protocol::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder};
use kestrel_protocol::{
    ByteString, ErrorCode, ProducerEpoch, ProducerId, Request, decode_response, encode_request,
};
use kestrel_tests::{TestBroker, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The key type of transactional ids.
const TRANSACTION: i8 = 1;
/// More than a test writes at once, in bytes.
const BATCH_LIMIT_BYTES: usize = 1024 * 1024;

/// A transactional producer that does what it is told, and nothing by itself.
#[derive(Debug)]
pub(crate) struct RawWriter {
    stream: TcpStream,
    transactional_id: ByteString,
    pub(crate) producer_id: ProducerId,
    pub(crate) producer_epoch: ProducerEpoch,
    next_sequences: HashMap<(String, i32), i32>,
}

impl RawWriter {
    /// A producer with an identity; an earlier one of the same id is fenced.
    pub(crate) async fn start(broker: &TestBroker, transactional_id: &str) -> Self {
        let stream = TcpStream::connect(broker.bootstrap_servers()).await.unwrap();
        let mut writer = Self {
            stream,
            transactional_id: transactional_id.into(),
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            next_sequences: HashMap::new(),
        };
        let find = FindCoordinatorRequest {
            key_type: TRANSACTION,
            coordinator_keys: vec![transactional_id.into()],
            ..FindCoordinatorRequest::default()
        };
        let begin = InitProducerIdRequest {
            transactional_id: Some(transactional_id.into()),
            transaction_timeout_ms: 60_000,
            ..InitProducerIdRequest::default()
        };
        let identity = eventually("an identity", async || {
            // Whoever asks for the coordinator has its topic made.
            writer.ask(&find, 4).await;
            let answer = writer.ask(&begin, 4).await;
            answer.error_code.is_none().then_some((answer.producer_id, answer.producer_epoch))
        });
        (writer.producer_id, writer.producer_epoch) = identity.await;
        writer
    }

    /// Adds a partition to the transaction, which begins with the first one.
    pub(crate) async fn add(&mut self, topic: &str, partition: i32) {
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.transactional_id.clone(),
            v3_and_below_producer_id: self.producer_id,
            v3_and_below_producer_epoch: self.producer_epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: topic.into(),
                partitions: vec![partition],
            }],
            ..AddPartitionsToTxnRequest::default()
        };
        eventually("the partition in the transaction", async || {
            let answer = self.ask(&request, 3).await;
            let code = answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code;
            // The transaction before it may not have all of its markers yet.
            (code != ErrorCode::ConcurrentTransactions).then(|| assert_eq!(code, ErrorCode::None))
        })
        .await;
    }

    /// Writes a batch of these values; gives the offset of the first.
    pub(crate) async fn write(
        &mut self,
        topic: &str,
        partition: i32,
        values: &[&str],
    ) -> Result<i64, ErrorCode> {
        let request = ProduceRequest {
            transactional_id: Some(self.transactional_id.clone()),
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![TopicProduceData {
                name: topic.into(),
                partition_data: vec![PartitionProduceData {
                    index: partition,
                    records: Some(self.batch(topic, partition, values)),
                }],
                ..TopicProduceData::default()
            }],
        };
        eventually("an answer to a write", async || {
            let answer = self.ask(&request, 11).await;
            let answer = &answer.responses[0].partition_responses[0];
            match answer.error_code {
                ErrorCode::None => Some(Ok(answer.base_offset)),
                // The topic is new.
                ErrorCode::NotLeaderOrFollower | ErrorCode::UnknownTopicOrPartition => None,
                code => Some(Err(code)),
            }
        })
        .await
    }

    /// Commits or aborts the transaction.
    pub(crate) async fn end(&mut self, committed: bool) {
        let request = EndTxnRequest {
            transactional_id: self.transactional_id.clone(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            committed,
        };
        assert_eq!(self.ask(&request, 3).await.error_code, ErrorCode::None);
    }

    fn batch(&mut self, topic: &str, partition: i32, values: &[&str]) -> Bytes {
        let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
        let mut builder = RecordBatchBuilder::new(options, BATCH_LIMIT_BYTES);
        for value in values {
            builder.append(1_000, None, Some(value.as_bytes()), []).unwrap();
        }
        let next_sequence = self.next_sequences.entry((topic.to_owned(), partition)).or_default();
        let stamp = ProducerStamp {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: *next_sequence,
        };
        *next_sequence += i32::try_from(values.len()).unwrap();
        builder.build(stamp).into_bytes()
    }

    async fn ask<R: Request>(&mut self, request: &R, version: i16) -> R::Response {
        let frame = encode_request(request, version, 1, Some("raw".into())).unwrap();
        self.stream.write_all(&frame.concat()).await.unwrap();
        let length = self.stream.read_u32().await.unwrap();
        let mut answer = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut answer).await.unwrap();
        decode_response::<R>(answer.into(), version).unwrap()
    }
}
