//! Transactions. One is open all the time: what is allowed says again what is in it, or comes from a producer that is fenced.

use kestrel_protocol::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kestrel_protocol::messages::add_partitions_to_txn::{
    AddPartitionsToTxnRequest, AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kestrel_protocol::messages::describe_transactions::DescribeTransactionsRequest;
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::list_transactions::ListTransactionsRequest;
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kestrel_protocol::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};
use kestrel_protocol::record::{BuilderOptions, ProducerStamp};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId, TopicId};

use super::data::{batch, produce_batch};
use super::groups::{TRANSACTIONS, find};
use super::{Case, GROUP, NO_TOPIC, OTHER, TOPIC, same, same_part};
use crate::side::Side;
use crate::states::PREFIX;

/// The transactional id whose transaction is open, and one that nobody has.
const OPEN: &str = "matrix-open";
const NO_ID: &str = "matrix-no-id";
/// The epoch of the open transaction's producer, and one that it never has.
const EPOCH: ProducerEpoch = ProducerEpoch(0);
const WRONG_EPOCH: ProducerEpoch = ProducerEpoch(99);
/// Longer than all of this takes; the longest that a broker allows by default.
const LONG_MS: i32 = 900_000;
/// The first versions that add what they name to the transaction by themselves (KIP-890).
const PRODUCE_ADDS: i16 = 12;
const OFFSETS_ADD: i16 = 5;
/// The first version of EndTxn that gives the producer another epoch (KIP-890).
const END_RAISES: i16 = 5;
/// The first version of AddPartitionsToTxn that is another broker's.
const BATCHED: i16 = 4;

/// Opens the transaction, with a record and a group's offset in it.
pub(super) fn prepare(side: &mut Side) {
    side.until(|side| side.call(&find(2, OPEN, TRANSACTIONS), 2).error_code.is_none().then_some(()));
    side.producer_id = side.until(|side| {
        let given = side.call(&open(), 4);
        (given.error_code == ErrorCode::None).then_some(given.producer_id)
    });
    side.until(|side| {
        let added = side.call(&add(side, 3, &[TOPIC], false), 3).results_by_topic_v3_and_below.remove(0);
        added.results_by_partition[0].partition_error_code.is_none().then_some(())
    });
    side.until(|side| {
        let produced = side.call(&produce(side, 9), 9).responses.remove(0).partition_responses.remove(0);
        produced.error_code.is_none().then_some(())
    });
    side.until(|side| side.call(&add_offsets(side, GROUP), 3).error_code.is_none().then_some(()));
    side.until(|side| {
        let stored = side.call(&commit(side, GROUP, &[TOPIC]), 3).topics.remove(0).partitions.remove(0);
        stored.error_code.is_none().then_some(())
    });
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = writing();
    cases.extend(adding());
    cases.extend(ending());
    cases.extend(describing());
    cases
}

fn writing() -> Vec<Case> {
    vec![
        same("Produce in a transaction", |side, version| produce(side, version))
            .until_version(PRODUCE_ADDS - 1),
        same("Produce that adds to a transaction", |side, version| produce(side, version))
            .since_version(PRODUCE_ADDS),
        same("Produce in a transaction to what is not there", |side, version| {
            let records = in_transaction(side.producer_id, EPOCH);
            produce_as(OPEN, TopicId::from_u128(9), NO_TOPIC, version, records)
        }),
        same("Produce in another's transaction", |side, version| {
            let records = in_transaction(side.producer_id, WRONG_EPOCH);
            produce_as(OTHER, side.topic_id, TOPIC, version, records)
        }),
        same("Produce in a transaction without an id", |side, version| ProduceRequest {
            transactional_id: None,
            ..produce(side, version)
        }),
        same("Produce with an id, in no transaction", |side, version| {
            let records = batch(BuilderOptions::default(), ProducerStamp::NONE);
            produce_as(OTHER, side.topic_id, TOPIC, version, records)
        }),
    ]
}

fn adding() -> Vec<Case> {
    let add_all = |side: &mut Side, version: i16| add(side, version, &[TOPIC, OTHER, NO_TOPIC], false);
    vec![
        same("AddPartitionsToTxn", |side, version| add(side, version, &[TOPIC], false))
            .until_version(BATCHED - 1),
        same("AddPartitionsToTxn, some of which cannot be", add_all).until_version(BATCHED - 1),
        same("AddPartitionsToTxn of a broker", |side, version| add(side, version, &[TOPIC], false))
            .since_version(BATCHED),
        same("AddPartitionsToTxn that only asks", |side, version| add(side, version, &[TOPIC, OTHER], true))
            .since_version(BATCHED),
        same("AddOffsetsToTxn", |side, _| add_offsets(side, GROUP)),
        same("AddOffsetsToTxn of another group", |side, _| add_offsets(side, OTHER)),
        same("TxnOffsetCommit", |side, _| commit_all(side)).until_version(OFFSETS_ADD - 1),
        same("TxnOffsetCommit that adds to a transaction", |side, _| commit_all(side))
            .since_version(OFFSETS_ADD),
        same("TxnOffsetCommit of another group", |side, _| commit(side, OTHER, &[TOPIC])),
    ]
}

fn ending() -> Vec<Case> {
    vec![
        same("EndTxn", |side, _| end(side)).until_version(END_RAISES - 1),
        same("EndTxn that raises the epoch", |side, _| end(side)).since_version(END_RAISES),
        same("WriteTxnMarkers", |_, version| {
            // Into a topic that nobody has, so that nothing is written where it is allowed.
            let topic = WritableTxnMarkerTopic { name: NO_TOPIC.into(), partition_indexes: vec![0] };
            let marker = WritableTxnMarker {
                producer_id: ProducerId(77_777),
                producer_epoch: EPOCH,
                topics: vec![topic],
                transaction_version: if version < 2 { 0 } else { 2 },
                ..Default::default()
            };
            WriteTxnMarkersRequest { markers: vec![marker] }
        }),
    ]
}

fn describing() -> Vec<Case> {
    vec![
        same("DescribeTransactions", |_, _| DescribeTransactionsRequest {
            transactional_ids: [OPEN, NO_ID, OTHER].map(Into::into).to_vec(),
        }),
        same_part(
            "ListTransactions",
            |_, _| ListTransactionsRequest::default(),
            |response| {
                response.transaction_states.retain(|state| state.transactional_id.starts_with(PREFIX));
            },
        ),
    ]
}

fn open() -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: Some(OPEN.into()),
        transaction_timeout_ms: LONG_MS,
        ..Default::default()
    }
}

/// The one batch of the transaction: a second one is the first again, and stored no more.
fn produce(side: &Side, version: i16) -> ProduceRequest {
    produce_as(OPEN, side.topic_id, TOPIC, version, in_transaction(side.producer_id, EPOCH))
}

fn produce_as(
    id: &str,
    topic_id: TopicId,
    name: &str,
    version: i16,
    records: bytes::Bytes,
) -> ProduceRequest {
    ProduceRequest { transactional_id: Some(id.into()), ..produce_batch(topic_id, name, version, records) }
}

fn in_transaction(producer_id: ProducerId, producer_epoch: ProducerEpoch) -> bytes::Bytes {
    let options = BuilderOptions { transactional: true, ..BuilderOptions::default() };
    batch(options, ProducerStamp { producer_id, producer_epoch, base_sequence: 0 })
}

fn add(side: &Side, version: i16, names: &[&str], verify_only: bool) -> AddPartitionsToTxnRequest {
    let topic = |name: &&str| AddPartitionsToTxnTopic { name: (*name).into(), partitions: vec![0] };
    let topics = names.iter().map(topic).collect();
    if version < BATCHED {
        return AddPartitionsToTxnRequest {
            transactions: Vec::new(),
            v3_and_below_transactional_id: OPEN.into(),
            v3_and_below_producer_id: side.producer_id,
            v3_and_below_producer_epoch: EPOCH,
            v3_and_below_topics: topics,
        };
    }
    let transaction = AddPartitionsToTxnTransaction {
        transactional_id: OPEN.into(),
        producer_id: side.producer_id,
        producer_epoch: EPOCH,
        verify_only,
        topics,
    };
    AddPartitionsToTxnRequest { transactions: vec![transaction], ..Default::default() }
}

fn add_offsets(side: &Side, group: &str) -> AddOffsetsToTxnRequest {
    AddOffsetsToTxnRequest {
        transactional_id: OPEN.into(),
        producer_id: side.producer_id,
        producer_epoch: EPOCH,
        group_id: group.into(),
    }
}

fn commit_all(side: &Side) -> TxnOffsetCommitRequest {
    commit(side, GROUP, &[TOPIC, OTHER, NO_TOPIC])
}

fn commit(side: &Side, group: &str, names: &[&str]) -> TxnOffsetCommitRequest {
    let topic = |name: &&str| TxnOffsetCommitRequestTopic {
        name: (*name).into(),
        partitions: vec![TxnOffsetCommitRequestPartition { committed_offset: 1, ..Default::default() }],
    };
    TxnOffsetCommitRequest {
        transactional_id: OPEN.into(),
        group_id: group.into(),
        producer_id: side.producer_id,
        producer_epoch: EPOCH,
        topics: names.iter().map(topic).collect(),
        ..Default::default()
    }
}

fn end(side: &Side) -> EndTxnRequest {
    EndTxnRequest {
        transactional_id: OPEN.into(),
        producer_id: side.producer_id,
        producer_epoch: WRONG_EPOCH,
        committed: false,
    }
}
