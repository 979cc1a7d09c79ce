//! A transactional producer by hand, and a reader of committed records.

use std::collections::HashMap;
use std::time::Duration;

use kestrel_protocol::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kestrel_protocol::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use kestrel_protocol::messages::describe_transactions::DescribeTransactionsRequest;
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::fetch::{FetchRequest, RecordData};
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kestrel_protocol::record::control::{ControlRecord, TransactionOutcome};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp, RecordBatchBuilder, RecordBatches};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::{GROUP, TOPICS};
use crate::testing::{Peer, fetch_request, produce_request};

const TRANSACTIONAL_ID: &str = "writer";

/// The version of transactions that a writer speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Partitions are added by requests of their own (KIP-98).
    First,
    /// They are added as they are written to, and each transaction has an epoch of its own (KIP-890).
    Second,
}

/// A transactional producer.
pub(super) struct Writer {
    pub(super) peer: Peer,
    protocol: Protocol,
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    /// The next sequence of each topic.
    sequences: HashMap<&'static str, i32>,
}

impl Writer {
    /// Takes over from whoever had the transactional id before: ends its transaction.
    pub(super) async fn begin(mut peer: Peer, protocol: Protocol) -> Self {
        peer.find_transaction_coordinator(TRANSACTIONAL_ID).await;
        let request = InitProducerIdRequest {
            transactional_id: Some(TRANSACTIONAL_ID.into()),
            transaction_timeout_ms: 60_000,
            ..Default::default()
        };
        let mut patience = Patience::new();
        loop {
            let answer = peer.call(&request, 5).await;
            if answer.error_code.is_none() {
                let (producer_id, producer_epoch) = (answer.producer_id, answer.producer_epoch);
                return Self { peer, protocol, producer_id, producer_epoch, sequences: HashMap::new() };
            }
            patience.with(answer.error_code).await;
        }
    }

    /// Writes a number to each topic and commits it as an offset, all in one transaction.
    pub(super) async fn write_all(&mut self, number: i64) {
        if self.protocol == Protocol::First {
            for topic in TOPICS {
                self.add_partition(topic).await;
            }
        }
        for topic in TOPICS {
            self.write(topic, number).await;
        }
        if self.protocol == Protocol::First {
            self.add_offsets().await;
        }
        self.commit_offset(number).await;
    }

    async fn add_partition(&mut self, topic: &'static str) {
        let topic = AddPartitionsToTxnTopic { name: topic.into(), partitions: vec![0] };
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: TRANSACTIONAL_ID.into(),
            v3_and_below_producer_id: self.producer_id,
            v3_and_below_producer_epoch: self.producer_epoch,
            v3_and_below_topics: vec![topic],
            ..Default::default()
        };
        let mut patience = Patience::new();
        loop {
            let answer = self.peer.call(&request, 3).await;
            let topic = &answer.results_by_topic_v3_and_below[0];
            match topic.results_by_partition[0].partition_error_code {
                ErrorCode::None => return,
                error => patience.with(error).await,
            }
        }
    }

    async fn write(&mut self, topic: &'static str, number: i64) {
        let base_sequence = *self.sequences.entry(topic).or_insert(0);
        let stamp = ProducerStamp {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence,
        };
        let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
        let mut builder = RecordBatchBuilder::new(options, 1 << 10);
        builder.append(0, None, Some(number.to_string().as_bytes()), []).unwrap();
        let transactional_id = Some(TRANSACTIONAL_ID.into());
        let records = builder.build(stamp).into_bytes();
        let request = ProduceRequest { transactional_id, ..produce_request(topic, records) };
        let version = if self.protocol == Protocol::First { 11 } else { 12 };
        let mut patience = Patience::new();
        loop {
            let answer = self.peer.call(&request, version).await;
            match answer.responses[0].partition_responses[0].error_code {
                ErrorCode::None => break,
                error => patience.with(error).await,
            }
        }
        self.sequences.insert(topic, base_sequence + 1);
    }

    async fn add_offsets(&mut self) {
        let request = AddOffsetsToTxnRequest {
            transactional_id: TRANSACTIONAL_ID.into(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            group_id: GROUP.into(),
        };
        assert_eq!(self.peer.call(&request, 3).await.error_code, ErrorCode::None);
    }

    async fn commit_offset(&mut self, committed_offset: i64) {
        let partition = TxnOffsetCommitRequestPartition { committed_offset, ..Default::default() };
        let topic = TxnOffsetCommitRequestTopic { name: TOPICS[0].into(), partitions: vec![partition] };
        let request = TxnOffsetCommitRequest {
            transactional_id: TRANSACTIONAL_ID.into(),
            group_id: GROUP.into(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            topics: vec![topic],
            ..Default::default()
        };
        let version = if self.protocol == Protocol::First { 4 } else { 5 };
        let mut patience = Patience::new();
        loop {
            let answer = self.peer.call(&request, version).await;
            match answer.topics[0].partitions[0].error_code {
                ErrorCode::None => return,
                error => patience.with(error).await,
            }
        }
    }

    /// Ends the transaction.
    pub(super) async fn end(&mut self, committed: bool) {
        let request = EndTxnRequest {
            transactional_id: TRANSACTIONAL_ID.into(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            committed,
        };
        let version = if self.protocol == Protocol::First { 4 } else { 5 };
        let answer = self.peer.call(&request, version).await;
        assert_eq!(answer.error_code, ErrorCode::None);
        if self.protocol == Protocol::Second {
            (self.producer_id, self.producer_epoch) = (answer.producer_id, answer.producer_epoch);
            self.sequences.clear();
        }
    }

    /// Waits until every marker is written and the end of the transaction is stored.
    pub(super) async fn ended(&mut self) {
        let transactional_ids = vec![TRANSACTIONAL_ID.into()];
        let request = DescribeTransactionsRequest { transactional_ids };
        let mut patience = Patience::new();
        loop {
            let answer = self.peer.call(&request, 0).await;
            let state = &answer.transaction_states[0];
            if state.transaction_state.starts_with("Complete") {
                return;
            }
            assert_eq!(state.error_code, ErrorCode::None);
            patience.with(ErrorCode::ConcurrentTransactions).await;
        }
    }
}

/// Waits for what passes, and not for ever.
struct Patience(tokio::time::Instant);

impl Patience {
    fn new() -> Self {
        Self(tokio::time::Instant::now() + Duration::from_secs(30))
    }

    async fn with(&mut self, error: ErrorCode) {
        let passes = matches!(
            error,
            ErrorCode::ConcurrentTransactions
                | ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::NotCoordinator
                | ErrorCode::NotEnoughReplicas
        );
        assert!(passes, "{error:?}");
        assert!(tokio::time::Instant::now() < self.0, "{error:?} does not pass");
        tokio::task::yield_now().await;
    }
}

/// The numbers in a topic that a reader of committed records is shown, and whether it is shown the log to its end.
pub(super) async fn committed(peer: &mut Peer, topic: &str) -> (Vec<i64>, bool) {
    let request = FetchRequest { isolation_level: 1, ..fetch_request(topic, 0) };
    let answer = peer.call(&request, 12).await;
    let data = &answer.responses[0].partitions[0];
    assert_eq!(data.error_code, ErrorCode::None);
    let Some(RecordData::Here(records)) = data.records.clone() else { panic!("records") };
    let mut aborted: Vec<_> = data.aborted_transactions.clone().unwrap_or_default();
    let mut numbers = Vec::new();
    for batch in RecordBatches::new(records) {
        let batch = batch.unwrap();
        let header = *batch.header();
        let is_aborted = |aborted: &[_]| {
            let begins = |one: &&kestrel_protocol::messages::fetch::AbortedTransaction| {
                one.producer_id == header.producer_id && one.first_offset <= header.base_offset
            };
            aborted.iter().position(|one| begins(&one))
        };
        let mut records = batch.records(1 << 20).unwrap();
        while let Some(view) = records.next_view() {
            let view = view.unwrap();
            if !header.is_control() {
                if is_aborted(&aborted).is_none() {
                    numbers.push(std::str::from_utf8(view.value.unwrap()).unwrap().parse().unwrap());
                }
            } else if let ControlRecord::EndTransaction(marker) = ControlRecord::parse(&view).unwrap()
                && marker.outcome == TransactionOutcome::Abort
                && let Some(ended) = is_aborted(&aborted)
            {
                aborted.remove(ended);
            }
        }
    }
    (numbers, data.last_stable_offset == data.high_watermark)
}

/// The offset that the group has, for one who asks for a stable one.
pub(super) async fn stable_offset(peer: &mut Peer) -> Result<i64, ErrorCode> {
    let topics = vec![OffsetFetchRequestTopic { name: TOPICS[0].into(), partition_indexes: vec![0] }];
    let request = OffsetFetchRequest {
        group_id: GROUP.into(),
        topics: Some(topics),
        require_stable: true,
        ..Default::default()
    };
    let mut patience = Patience::new();
    loop {
        let answer = peer.call(&request, 7).await;
        if answer.error_code.is_none() {
            let partition = &answer.topics[0].partitions[0];
            return match partition.error_code {
                ErrorCode::None => Ok(partition.committed_offset),
                error => Err(error),
            };
        }
        patience.with(answer.error_code).await;
    }
}
