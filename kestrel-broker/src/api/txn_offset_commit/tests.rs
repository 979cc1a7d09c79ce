//! TxnOffsetCommit over TCP: what is refused before anybody is asked.

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
