//! Transactional requests over TCP: all or nothing, in the words of each version, and the whole of a transaction.

use kestrel_protocol::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kestrel_protocol::messages::describe_transactions::DescribeTransactionsRequest;
use kestrel_protocol::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::list_transactions::ListTransactionsRequest;
use kestrel_protocol::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest,
};
use kestrel_protocol::{ProducerEpoch, ProducerId};

use super::*;
use crate::Broker;
use crate::testing::Peer;

const ID: &str = "orders";

/// A peer with a producer of its transactional id, and topic `t` of one partition.
async fn transactional(broker: &Broker) -> (Peer, Transaction) {
    let mut peer = Peer::of(broker).await;
    peer.create_topic("t").await;
    peer.find_transaction_coordinator(ID).await;
    let request = InitProducerIdRequest {
        transactional_id: Some(ID.into()),
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    let response = peer.call(&request, 5).await;
    assert_eq!(response.error_code, ErrorCode::None);
    let InitProducerIdResponse { producer_id, producer_epoch, .. } = response;
    (peer, Transaction { producer_id, producer_epoch })
}

use kestrel_protocol::messages::init_producer_id::InitProducerIdResponse;

fn topic(name: &str, partitions: &[i32]) -> AddPartitionsToTxnTopic {
    AddPartitionsToTxnTopic { name: name.into(), partitions: partitions.to_vec() }
}

fn of_client(producer: Transaction, topics: Vec<AddPartitionsToTxnTopic>) -> AddPartitionsToTxnRequest {
    AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: ID.into(),
        v3_and_below_producer_id: producer.producer_id,
        v3_and_below_producer_epoch: producer.producer_epoch,
        v3_and_below_topics: topics,
        ..Default::default()
    }
}

fn of_broker(producer: Transaction, verify_only: bool, partitions: &[i32]) -> AddPartitionsToTxnRequest {
    let transaction = AddPartitionsToTxnTransaction {
        transactional_id: ID.into(),
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        verify_only,
        topics: vec![topic("t", partitions)],
    };
    AddPartitionsToTxnRequest { transactions: vec![transaction], ..Default::default() }
}

fn errors(topics: &[AddPartitionsToTxnTopicResult]) -> Vec<ErrorCode> {
    let partitions = topics.iter().flat_map(|topic| &topic.results_by_partition);
    partitions.map(|partition| partition.partition_error_code).collect()
}

async fn end(peer: &mut Peer, version: i16, producer: Transaction, committed: bool) -> EndTxnResponse {
    let request = EndTxnRequest {
        transactional_id: ID.into(),
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        committed,
    };
    loop {
        let response = peer.call(&request, version).await;
        if response.error_code != ErrorCode::ConcurrentTransactions {
            return response;
        }
        tokio::task::yield_now().await;
    }
}

/// The state of the transactional id, once no marker is missing.
async fn settled(peer: &mut Peer) -> String {
    let request = DescribeTransactionsRequest { transactional_ids: vec![ID.into()] };
    loop {
        let state = peer.call(&request, 0).await.transaction_states.remove(0);
        if !state.transaction_state.starts_with("Prepare") {
            return state.transaction_state.to_string();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn partitions_are_added_all_or_none() {
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    for version in 0..=3 {
        let request =
            of_client(producer, vec![topic("t", &[0, 9]), topic("nobody", &[0]), topic(INTERNAL, &[0])]);
        let response = peer.call(&request, version).await;
        let expected = [
            ErrorCode::OperationNotAttempted,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::TopicAuthorizationFailed,
        ];
        assert_eq!(errors(&response.results_by_topic_v3_and_below), expected, "version {version}");
    }
    assert_eq!(settled(&mut peer).await, "Empty");
    for version in 0..=3 {
        let response = peer.call(&of_client(producer, vec![topic("t", &[0])]), version).await;
        assert_eq!(errors(&response.results_by_topic_v3_and_below), [ErrorCode::None]);
    }
    assert_eq!(settled(&mut peer).await, "Ongoing");
}

const INTERNAL: &str = "__transaction_state";

#[tokio::test]
async fn whoever_is_fenced_hears_it_in_the_words_of_its_version() {
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    let fenced = Transaction { producer_epoch: ProducerEpoch(7), ..producer };
    for version in 0..=3 {
        let expected = if version < 2 { ErrorCode::InvalidProducerEpoch } else { ErrorCode::ProducerFenced };
        let response = peer.call(&of_client(fenced, vec![topic("t", &[0])]), version).await;
        assert_eq!(errors(&response.results_by_topic_v3_and_below), [expected]);
        let offsets = AddOffsetsToTxnRequest {
            transactional_id: ID.into(),
            producer_id: fenced.producer_id,
            producer_epoch: fenced.producer_epoch,
            group_id: "g".into(),
        };
        assert_eq!(peer.call(&offsets, version).await.error_code, expected);
        assert_eq!(end(&mut peer, version, fenced, true).await.error_code, expected);
    }
}

#[tokio::test]
async fn brokers_add_and_verify_for_several_transactions() {
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    for version in 4..=5 {
        let mut request = of_broker(producer, true, &[0]);
        request.transactions.push(AddPartitionsToTxnTransaction {
            transactional_id: "nobody".into(),
            topics: vec![topic("t", &[0])],
            ..Default::default()
        });
        let response = peer.call(&request, version).await;
        let results: Vec<_> =
            response.results_by_transaction.iter().map(|result| errors(&result.topic_results)).collect();
        let absent = if version == 4 { ErrorCode::TransactionAbortable } else { ErrorCode::None };
        assert_eq!(results, [[absent], [ErrorCode::InvalidProducerIdMapping]], "version {version}");
        let response = peer.call(&of_broker(producer, false, &[0]), version).await;
        assert_eq!(errors(&response.results_by_transaction[0].topic_results), [ErrorCode::None]);
        let response = peer.call(&of_broker(producer, false, &[0, 3]), version).await;
        let refused = [ErrorCode::OperationNotAttempted, ErrorCode::UnknownTopicOrPartition];
        assert_eq!(errors(&response.results_by_transaction[0].topic_results), refused);
    }
}

#[tokio::test]
async fn transactions_of_both_versions_end_and_are_ended_after_a_restart() {
    let broker = Broker::test().await.unwrap();
    let (mut peer, mut producer) = transactional(&broker).await;
    for (version, committed, state) in [
        (1, true, "CompleteCommit"),
        (4, false, "CompleteAbort"),
        (5, true, "CompleteCommit"),
        (5, false, "CompleteAbort"),
    ] {
        let added = peer.call(&of_client(producer, vec![topic("t", &[0])]), 3).await;
        assert_eq!(errors(&added.results_by_topic_v3_and_below), [ErrorCode::None]);
        let offsets = AddOffsetsToTxnRequest {
            transactional_id: ID.into(),
            producer_id: producer.producer_id,
            producer_epoch: producer.producer_epoch,
            group_id: "g".into(),
        };
        peer.find_coordinator("g").await;
        assert_eq!(peer.call(&offsets, 3).await.error_code, ErrorCode::None);
        let ended = end(&mut peer, version, producer, committed).await;
        assert_eq!(ended.error_code, ErrorCode::None, "version {version}");
        if version >= 5 {
            let epoch = ProducerEpoch(producer.producer_epoch.0 + 1);
            assert_eq!((ended.producer_id, ended.producer_epoch), (producer.producer_id, epoch));
            let again = end(&mut peer, version, producer, committed).await;
            assert_eq!((again.error_code, again.producer_epoch), (ErrorCode::None, epoch));
            producer.producer_epoch = epoch;
        }
        assert_eq!(settled(&mut peer).await, state);
    }
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let request =
        ListTransactionsRequest { state_filters: vec!["CompleteAbort".into()], ..Default::default() };
    let listed = loop {
        let listed = peer.call(&request, 2).await;
        if listed.error_code != ErrorCode::CoordinatorLoadInProgress {
            break listed;
        }
        tokio::task::yield_now().await;
    };
    let [one] = &listed.transaction_states[..] else { panic!("one: {listed:?}") };
    assert_eq!((&*one.transactional_id, one.producer_id), (ID, producer.producer_id));
    let odd = ListTransactionsRequest { transactional_id_pattern: Some("(".into()), ..Default::default() };
    assert_eq!(peer.call(&odd, 2).await.error_code, ErrorCode::InvalidRegularExpression);
}

#[tokio::test]
async fn a_transaction_is_described_with_its_partitions() {
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    peer.call(&of_client(producer, vec![topic("t", &[0])]), 3).await;
    let request =
        DescribeTransactionsRequest { transactional_ids: vec![ID.into(), "nobody".into(), "".into()] };
    let states = peer.call(&request, 0).await.transaction_states;
    let codes: Vec<_> = states.iter().map(|state| state.error_code).collect();
    assert_eq!(codes, [ErrorCode::None, ErrorCode::TransactionalIdNotFound, ErrorCode::InvalidRequest]);
    let state = &states[0];
    assert_eq!((&*state.transaction_state, state.transaction_timeout_ms), ("Ongoing", 60_000));
    assert_eq!((state.producer_id, state.producer_epoch), (producer.producer_id, producer.producer_epoch));
    assert!(state.transaction_start_time_ms > 0);
    assert_eq!((&*state.topics[0].topic, &state.topics[0].partitions[..]), ("t", &[0][..]));
}

#[tokio::test]
async fn a_deleted_topic_holds_no_transaction_up() {
    use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    peer.create_topic("gone").await;
    let added = of_client(producer, vec![topic("t", &[0]), topic("gone", &[0])]);
    assert_eq!(errors(&peer.call(&added, 3).await.results_by_topic_v3_and_below), [ErrorCode::None; 2]);
    let delete = DeleteTopicsRequest { topic_names: vec!["gone".into()], ..Default::default() };
    assert_eq!(peer.call(&delete, 5).await.responses[0].error_code, ErrorCode::None);
    assert_eq!(end(&mut peer, 5, producer, true).await.error_code, ErrorCode::None);
    assert_eq!(settled(&mut peer).await, "CompleteCommit");
}

/// Adds the offsets of group `g`, ends the transaction once `before_the_end` has happened, and begins anew.
async fn add_offsets_and_abort(before_the_end: impl AsyncFnOnce(&mut Peer)) {
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    let offsets = AddOffsetsToTxnRequest {
        transactional_id: ID.into(),
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        group_id: "g".into(),
    };
    assert_eq!(peer.call(&offsets, 3).await.error_code, ErrorCode::None);
    before_the_end(&mut peer).await;
    assert_eq!(end(&mut peer, 4, producer, false).await.error_code, ErrorCode::None);
    assert_eq!(settled(&mut peer).await, "CompleteAbort");
    let init = InitProducerIdRequest {
        transactional_id: Some(ID.into()),
        transaction_timeout_ms: 60_000,
        ..Default::default()
    };
    assert_eq!(peer.call(&init, 5).await.error_code, ErrorCode::None);
}

#[tokio::test]
async fn offsets_are_added_before_there_is_any_group() {
    add_offsets_and_abort(async |_| {}).await;
}

#[tokio::test]
async fn groups_that_are_gone_hold_no_transaction_up() {
    use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
    add_offsets_and_abort(async |peer| {
        let delete =
            DeleteTopicsRequest { topic_names: vec!["__consumer_offsets".into()], ..Default::default() };
        assert_eq!(peer.call(&delete, 5).await.responses[0].error_code, ErrorCode::None);
    })
    .await;
}

#[tokio::test]
async fn a_coordinator_that_is_fenced_in_a_partition_goes_on_without_it() {
    let broker = Broker::test().await.unwrap();
    let (mut peer, producer) = transactional(&broker).await;
    assert_eq!(
        errors(
            &peer.call(&of_client(producer, vec![topic("t", &[0])]), 3).await.results_by_topic_v3_and_below
        ),
        [ErrorCode::None]
    );
    let marker = WritableTxnMarker {
        producer_id: producer.producer_id,
        producer_epoch: producer.producer_epoch,
        transaction_result: false,
        topics: vec![WritableTxnMarkerTopic { name: "t".into(), partition_indexes: vec![0] }],
        coordinator_epoch: 99,
        transaction_version: 2,
    };
    let written = peer.call(&WriteTxnMarkersRequest { markers: vec![marker] }, 1).await;
    assert_eq!(written.markers[0].topics[0].partitions[0].error_code, ErrorCode::None);
    assert_eq!(end(&mut peer, 5, producer, true).await.error_code, ErrorCode::None);
    assert_eq!(settled(&mut peer).await, "CompleteCommit");
}

#[tokio::test]
async fn markers_are_written_where_there_is_a_partition() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("t").await;
    peer.find_coordinator("g").await;
    let topics = [("t", vec![0, 5]), ("nobody", vec![0]), ("__consumer_offsets", vec![0, 77])];
    let topic = |(name, partition_indexes): (&'static str, _)| WritableTxnMarkerTopic {
        name: name.into(),
        partition_indexes,
    };
    let marker = WritableTxnMarker {
        producer_id: ProducerId(7),
        producer_epoch: ProducerEpoch(2),
        transaction_result: false,
        topics: topics.map(topic).into(),
        coordinator_epoch: 1,
        transaction_version: 2,
    };
    for version in 1..=2 {
        let request = WriteTxnMarkersRequest { markers: vec![marker.clone()] };
        let response = peer.call(&request, version).await;
        let topics = response.markers[0].topics.iter();
        let codes: Vec<_> =
            topics.flat_map(|topic| &topic.partitions).map(|partition| partition.error_code).collect();
        let unknown = ErrorCode::UnknownTopicOrPartition;
        let expected = [ErrorCode::None, unknown, unknown, ErrorCode::None, unknown];
        assert_eq!(codes, expected, "version {version}");
        assert_eq!(response.markers[0].producer_id, ProducerId(7));
    }
    assert!(peer.call(&WriteTxnMarkersRequest::default(), 1).await.markers.is_empty());
}
