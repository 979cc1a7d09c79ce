//! TxnOffsetCommit over TCP: in every version, by whom, and what is refused before anybody is asked.

use kestrel_protocol::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kestrel_protocol::messages::txn_offset_commit::TxnOffsetCommitRequestPartition;
use kestrel_protocol::{ProducerEpoch, ProducerId};

use super::*;
use crate::Broker;
use crate::testing::Peer;

fn request(group_id: &'static str, topics: &[&'static str], partition_index: i32) -> TxnOffsetCommitRequest {
    let partition = TxnOffsetCommitRequestPartition { partition_index, ..Default::default() };
    let topic = |name: &&'static str| TxnOffsetCommitRequestTopic {
        name: (*name).into(),
        partitions: vec![partition.clone()],
    };
    TxnOffsetCommitRequest {
        transactional_id: "tx".into(),
        group_id: group_id.into(),
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(0),
        topics: topics.iter().map(topic).collect(),
        ..Default::default()
    }
}

async fn codes(peer: &mut Peer, request: &TxnOffsetCommitRequest, version: i16) -> Vec<ErrorCode> {
    let response = peer.call(request, version).await;
    response.topics.iter().map(|topic| topic.partitions[0].error_code).collect()
}

#[tokio::test]
async fn what_is_not_there_is_refused_by_itself() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    for version in 0..=5 {
        let unknown = request("g", &["nope"], 0);
        assert_eq!(codes(&mut peer, &unknown, version).await, [ErrorCode::UnknownTopicOrPartition]);
        let both = codes(&mut peer, &request("", &["nope", "t"], 0), version).await;
        assert_eq!(both, [ErrorCode::UnknownTopicOrPartition, ErrorCode::InvalidGroupId]);
        let far = codes(&mut peer, &request("g", &["t"], 9), version).await;
        assert_eq!(far, [ErrorCode::UnknownTopicOrPartition]);
    }
}

#[test]
fn errors_are_those_that_a_version_knows() {
    let codes = |error| (0..=5).map(|version| told(error, version)).collect::<Vec<_>>();
    let (loading, gone) = (ErrorCode::CoordinatorLoadInProgress, ErrorCode::CoordinatorNotAvailable);
    assert_eq!(codes(loading), [gone, gone, loading, loading, loading, loading]);
    let (state, abortable) = (ErrorCode::InvalidTxnState, ErrorCode::TransactionAbortable);
    assert_eq!(codes(abortable), [state, state, state, state, abortable, abortable]);
    assert_eq!(codes(ErrorCode::ProducerFenced), [ErrorCode::InvalidProducerEpoch; 6]);
}

/// A producer with the transactional id of [`request`].
async fn producer(peer: &mut Peer) -> (ProducerId, ProducerEpoch) {
    peer.find_transaction_coordinator("tx").await;
    let transactional_id = Some("tx".into());
    let request =
        InitProducerIdRequest { transactional_id, transaction_timeout_ms: 60_000, ..Default::default() };
    loop {
        let answer = peer.call(&request, 5).await;
        if answer.error_code.is_none() {
            return (answer.producer_id, answer.producer_epoch);
        }
        // What the one before has left open is being ended.
        assert_eq!(answer.error_code, ErrorCode::ConcurrentTransactions);
        tokio::task::yield_now().await;
    }
}

/// Commits offset `committed_offset` of topic `t` for group `g`.
async fn commit(
    peer: &mut Peer,
    (producer_id, producer_epoch): (ProducerId, ProducerEpoch),
    committed_offset: i64,
    version: i16,
) -> ErrorCode {
    let mut request = TxnOffsetCommitRequest { producer_id, producer_epoch, ..request("g", &["t"], 0) };
    request.topics[0].partitions[0].committed_offset = committed_offset;
    loop {
        let [error] = codes(peer, &request, version).await[..] else { panic!("one topic") };
        // The end of the transaction before is still being written.
        if error != ErrorCode::ConcurrentTransactions {
            return error;
        }
        tokio::task::yield_now().await;
    }
}

/// Commits the transaction, as a client does that commits offsets in this version.
async fn end(peer: &mut Peer, (producer_id, producer_epoch): (ProducerId, ProducerEpoch), version: i16) {
    let transactional_id = "tx".into();
    let request = EndTxnRequest { transactional_id, producer_id, producer_epoch, committed: true };
    let version = if version < FIRST_VERSION_THAT_ADDS { 4 } else { 5 };
    assert_eq!(peer.call(&request, version).await.error_code, ErrorCode::None);
}

/// What group `g` has for topic `t`, once no transaction is about to change it.
async fn stable(peer: &mut Peer) -> i64 {
    let topics = vec![OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0] }];
    let request = OffsetFetchRequest {
        group_id: "g".into(),
        topics: Some(topics),
        require_stable: true,
        ..Default::default()
    };
    loop {
        let answer = peer.call(&request, 7).await;
        match answer.topics[0].partitions[0].error_code {
            ErrorCode::None => return answer.topics[0].partitions[0].committed_offset,
            error => assert_eq!(error, ErrorCode::UnstableOffsetCommit),
        }
        tokio::task::yield_now().await;
    }
}

async fn broker() -> (Broker, Peer) {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    (broker, peer)
}

#[tokio::test]
async fn the_group_is_added_first_or_as_its_offsets_are_committed() {
    let (_broker, mut peer) = broker().await;
    for version in 0..=5 {
        let producer = producer(&mut peer).await;
        if version < FIRST_VERSION_THAT_ADDS {
            let refused = commit(&mut peer, producer, 1, version).await;
            assert_eq!(refused, told(ErrorCode::TransactionAbortable, version), "version {version}");
            let (producer_id, producer_epoch) = producer;
            let (transactional_id, group_id) = ("tx".into(), "g".into());
            let add = AddOffsetsToTxnRequest { transactional_id, producer_id, producer_epoch, group_id };
            assert_eq!(peer.call(&add, 3).await.error_code, ErrorCode::None);
        }
        let offset = i64::from(version) + 10;
        assert_eq!(commit(&mut peer, producer, offset, version).await, ErrorCode::None, "version {version}");
        assert_ne!(peer.committed("g", "t").await, offset, "it waits for the end");
        end(&mut peer, producer, version).await;
        assert_eq!(stable(&mut peer).await, offset);
    }
}

#[tokio::test]
async fn a_fenced_producer_commits_nothing() {
    let (_broker, mut peer) = broker().await;
    let former = producer(&mut peer).await;
    assert_eq!(commit(&mut peer, former, 1, 5).await, ErrorCode::None);
    // The next one takes over and has the transaction aborted.
    let next = producer(&mut peer).await;
    assert_eq!(stable(&mut peer).await, -1);
    for version in [3, 4, 5] {
        assert_eq!(commit(&mut peer, former, 2, version).await, ErrorCode::InvalidProducerEpoch);
    }
    assert_eq!(commit(&mut peer, next, 3, 5).await, ErrorCode::None);
    assert_eq!(commit(&mut peer, former, 2, 5).await, ErrorCode::InvalidProducerEpoch);
    end(&mut peer, next, 5).await;
    assert_eq!(stable(&mut peer).await, 3);
}
