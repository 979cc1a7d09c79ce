//! Fetch over TCP: whole batches, limits, waiting, epochs, sessions.

mod large;

use std::time::Instant as StdInstant;

use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
use kestrel_protocol::messages::fetch::ForgottenTopic;
use kestrel_protocol::record::RecordBatches;
use kestrel_protocol::{LeaderEpoch, TopicId};

use super::*;
use crate::Broker;
use crate::testing::{Peer, batch, fetch_request};

/// A broker with topic `events`, whose partition 0 has three batches of two records.
async fn broker_with_records() -> (Broker, Peer, TopicId) {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("events").await;
    for values in [["a", "b"], ["c", "d"], ["e", "f"]] {
        assert_eq!(peer.produce("events", batch(&values)).await.error_code, ErrorCode::None);
    }
    (broker, peer, id)
}

fn only(response: &FetchResponse) -> &PartitionData {
    let [topic] = &response.responses[..] else { panic!("one topic") };
    let [partition] = &topic.partitions[..] else { panic!("one partition") };
    partition
}

/// The records, which are there even when there are none.
fn bytes_of(data: &PartitionData) -> Bytes {
    data.records.clone().and_then(RecordData::into_bytes).expect("records are never null")
}

/// Records that are there, and are none.
fn none() -> Option<RecordData> {
    Some(Bytes::new().into())
}

/// Base and last offset of each batch.
fn offsets(data: &PartitionData) -> Vec<(i64, i64)> {
    RecordBatches::new(bytes_of(data))
        .map(|batch| {
            let batch = batch.expect("only whole batches");
            batch.verify_checksum().unwrap();
            (batch.header().base_offset, batch.header().last_offset())
        })
        .collect()
}

#[tokio::test]
async fn whole_batches_come_back_in_every_version() {
    let (_broker, mut peer, id) = broker_with_records().await;
    for version in 4..=18 {
        let mut request = fetch_request("events", 0);
        if version >= FIRST_TOPIC_ID_VERSION {
            request.topics[0].topic_id = id;
        }
        let response = peer.call(&request, version).await;
        assert_eq!((response.error_code, response.session_id), (ErrorCode::None, 0));
        let data = only(&response);
        assert_eq!(data.error_code, ErrorCode::None);
        assert_eq!(offsets(data), [(0, 1), (2, 3), (4, 5)]);
        assert_eq!((data.high_watermark, data.last_stable_offset), (6, 6));
        assert_eq!(data.log_start_offset, if version >= 5 { 0 } else { NO_OFFSET });
    }
}

#[tokio::test]
async fn the_batch_that_contains_the_offset_comes_from_its_base() {
    let (_broker, mut peer, _) = broker_with_records().await;
    for (offset, expected) in
        [(1, &[(0, 1), (2, 3), (4, 5)][..]), (3, &[(2, 3), (4, 5)]), (5, &[(4, 5)]), (6, &[])]
    {
        assert_eq!(offsets(&peer.fetch("events", offset).await), expected, "from {offset}");
    }
}

#[tokio::test]
async fn the_first_batch_comes_whatever_the_limits() {
    let (_broker, mut peer, _) = broker_with_records().await;
    for (max_bytes, partition_max_bytes) in [(1, 1 << 20), (1 << 20, 1), (0, 0), (-1, -1)] {
        let mut request = fetch_request("events", 0);
        request.max_bytes = max_bytes;
        request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
        assert_eq!(offsets(only(&peer.call(&request, 12).await)), [(0, 1)]);
    }
}

#[tokio::test]
async fn max_bytes_is_shared_by_the_partitions() {
    let (_broker, mut peer, _) = broker_with_records().await;
    peer.create_topic("more").await;
    peer.produce("more", batch(&["x"])).await;
    let mut request = fetch_request("events", 0);
    request.topics.extend(fetch_request("more", 0).topics);
    request.max_bytes = i32::try_from(3 * batch(&["a", "b"]).len()).unwrap();
    let response = peer.call(&request, 12).await;
    assert_eq!(offsets(&response.responses[0].partitions[0]).len(), 3);
    let rest = &response.responses[1].partitions[0];
    assert_eq!(rest.records, none(), "there and empty");
    assert_eq!((rest.error_code, rest.high_watermark), (ErrorCode::None, 1));
}

#[tokio::test]
async fn an_offset_that_is_not_there_is_out_of_range() {
    let (_broker, mut peer, _) = broker_with_records().await;
    for offset in [-1, 7, i64::MAX] {
        let data = peer.fetch("events", offset).await;
        assert_eq!(data.error_code, ErrorCode::OffsetOutOfRange);
        assert_eq!((data.log_start_offset, data.high_watermark), (-1, -1), "as Apache Kafka");
        assert_eq!(data.records, none());
    }
}

#[tokio::test]
async fn errors_are_those_of_each_partition_and_are_answered_at_once() {
    let (_broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 6);
    request.max_wait_ms = 600_000;
    request.topics.extend(fetch_request("nowhere", 0).topics);
    let response = peer.call(&request, 11).await;
    assert_eq!(response.responses[0].partitions[0].error_code, ErrorCode::None);
    let unknown = &response.responses[1].partitions[0];
    assert_eq!(unknown.error_code, ErrorCode::UnknownTopicOrPartition);
    assert_eq!((unknown.high_watermark, unknown.records.clone()), (NO_OFFSET, none()));

    for topic_id in [TopicId::NIL, TopicId::from_u128(9)] {
        let mut request = fetch_request("", 0);
        request.topics[0].topic_id = topic_id;
        assert_eq!(only(&peer.call(&request, 13).await).error_code, ErrorCode::UnknownTopicId);
    }
}

#[tokio::test]
async fn it_waits_for_min_bytes_and_wakes_for_an_append() {
    let (broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 6);
    request.max_wait_ms = 600_000;
    request.min_bytes = i32::try_from(2 * batch(&["x"]).len()).unwrap();
    peer.send(&request, 12).await;
    let mut producer = Peer::of(&broker).await;
    for value in ["x", "y"] {
        producer.produce("events", batch(&[value])).await;
    }
    let response = peer.receive::<FetchRequest>(12).await.unwrap();
    assert_eq!(offsets(only(&response)), [(6, 6), (7, 7)]);
}

#[tokio::test]
async fn it_waits_no_longer_than_it_was_told() {
    let (_broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 6);
    request.max_wait_ms = 50;
    #[expect(clippy::disallowed_methods, reason = "the wait itself is what is tested")]
    let before = StdInstant::now();
    let response = peer.call(&request, 12).await;
    assert!(before.elapsed() >= Duration::from_millis(50));
    assert_eq!(only(&response).records, none());
}

#[tokio::test]
async fn it_does_not_wait_for_a_topic_that_is_deleted() {
    let (broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 6);
    request.max_wait_ms = 600_000;
    peer.send(&request, 12).await;
    let delete = DeleteTopicsRequest { topic_names: vec!["events".into()], ..Default::default() };
    Peer::of(&broker).await.call(&delete, 5).await;
    let response = peer.receive::<FetchRequest>(12).await.unwrap();
    assert_eq!(only(&response).error_code, ErrorCode::UnknownTopicOrPartition);
}

#[tokio::test]
async fn it_does_not_hold_up_a_stop() {
    let (broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 6);
    request.max_wait_ms = 600_000;
    peer.send(&request, 12).await;
    // An answered request on the same connection shows that the one before it is in flight.
    let mut other = Peer::of(&broker).await;
    other.fetch("events", 0).await;
    broker.stop().await.unwrap();
}

/// Opens a session for partition 0 of `events`, from the end on; gives its id.
async fn open_session(peer: &mut Peer, version: i16, topic_id: TopicId) -> i32 {
    let mut request = FetchRequest { session_epoch: 0, ..fetch_request("events", 6) };
    request.topics[0].topic_id = topic_id;
    let response = peer.call(&request, version).await;
    assert_eq!(only(&response).high_watermark, 6, "a full request is answered in full");
    assert_ne!(response.session_id, 0);
    response.session_id
}

/// A request that goes on with a session and changes nothing.
fn goes_on(session_id: i32, session_epoch: i32) -> FetchRequest {
    FetchRequest { session_id, session_epoch, topics: vec![], ..fetch_request("", 0) }
}

#[tokio::test]
async fn a_session_answers_what_is_news_in_every_version() {
    let (broker, mut peer, id) = broker_with_records().await;
    for version in 7..=18 {
        let session = open_session(&mut peer, version, id).await;
        let nothing = peer.call(&goes_on(session, 1), version).await;
        assert_eq!(
            (nothing.error_code, nothing.session_id, nothing.responses.len()),
            (ErrorCode::None, session, 0)
        );
        let closed = FetchRequest { session_epoch: -1, ..goes_on(session, 0) };
        assert_eq!(peer.call(&closed, version).await.session_id, 0);
        let gone = peer.call(&goes_on(session, 2), version).await;
        assert_eq!((gone.error_code, gone.session_id), (ErrorCode::FetchSessionIdNotFound, 0));
    }
    // On another connection too: it may be lost while the session is there.
    let session = open_session(&mut peer, 18, id).await;
    let waiting = FetchRequest { max_wait_ms: 600_000, ..goes_on(session, 1) };
    let mut other = Peer::of(&broker).await;
    other.send(&waiting, 18).await;
    peer.produce("events", batch(&["g", "h"])).await;
    let response = other.receive::<FetchRequest>(18).await.unwrap();
    assert_eq!(response.responses[0].topic_id, id);
    assert_eq!(offsets(only(&response)), [(6, 7)]);
}

#[tokio::test]
async fn a_session_ends_with_the_error_that_says_why() {
    let (_broker, mut peer, id) = broker_with_records().await;
    let session = open_session(&mut peer, 12, id).await;
    for (request, version, error) in [
        (goes_on(session, 2), 12, ErrorCode::InvalidFetchSessionEpoch),
        (goes_on(session, 1), 13, ErrorCode::FetchSessionTopicIdError),
        (goes_on(session.wrapping_add(1) & i32::MAX, 1), 12, ErrorCode::FetchSessionIdNotFound),
        (goes_on(0, 1), 12, ErrorCode::FetchSessionIdNotFound),
    ] {
        let response = peer.call(&request, version).await;
        assert_eq!((response.error_code, response.session_id, response.responses), (error, 0, vec![]));
    }
}

#[tokio::test]
async fn a_session_learns_of_a_topic_that_is_deleted_and_of_one_that_comes() {
    let (_broker, mut peer, id) = broker_with_records().await;
    let session = open_session(&mut peer, 13, id).await;
    let delete = DeleteTopicsRequest { topic_names: vec!["events".into()], ..Default::default() };
    peer.call(&delete, 5).await;
    for epoch in [1, 2] {
        let response = peer.call(&goes_on(session, epoch), 13).await;
        assert_eq!(only(&response).error_code, ErrorCode::UnknownTopicId, "each time");
    }
    let new_id = peer.create_topic("events").await;
    let mut request = FetchRequest { topics: fetch_request("", 0).topics, ..goes_on(session, 3) };
    request.topics[0].topic_id = new_id;
    request.forgotten_topics_data =
        vec![ForgottenTopic { topic_id: id, partitions: vec![0], ..Default::default() }];
    let response = peer.call(&request, 13).await;
    assert_eq!((response.responses[0].topic_id, only(&response).error_code), (new_id, ErrorCode::None));
    assert_eq!(peer.call(&goes_on(session, 4), 13).await.responses, []);
}

#[tokio::test]
async fn a_broker_without_slots_serves_without_sessions() {
    let broker = Broker::builder()
        .ephemeral()
        .set("max.incremental.fetch.session.cache.slots", "0")
        .start()
        .await
        .unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    let request = FetchRequest { session_epoch: 0, ..fetch_request("events", 0) };
    let response = peer.call(&request, 12).await;
    assert_eq!((response.error_code, response.session_id, response.responses.len()), (ErrorCode::None, 0, 1));
}

#[tokio::test]
async fn an_epoch_of_tomorrow_is_not_known_and_one_below_zero_is_none() {
    let (_broker, mut peer, id) = broker_with_records().await;
    let mut request = fetch_request("events", 0);
    request.topics[0].topic_id = id;
    request.topics[0].partitions[0].current_leader_epoch = LeaderEpoch(9);
    let response = peer.call(&request, 18).await;
    assert_eq!(only(&response).error_code, ErrorCode::UnknownLeaderEpoch);
    assert_eq!(only(&response).current_leader, LeaderIdAndEpoch::default());
    assert!(response.node_endpoints.is_empty());
    request.topics[0].partitions[0].current_leader_epoch = LeaderEpoch(-2);
    assert_eq!(only(&peer.call(&request, 18).await).error_code, ErrorCode::None);
}

#[tokio::test]
async fn an_epoch_of_yesterday_is_told_with_the_leader() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Broker::builder().listen("127.0.0.1:0").data_dir(folder.path()).start();
    let broker = start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("events").await;
    peer.produce("events", batch(&["a"])).await;
    // As a crash: the next leader has a new epoch.
    drop(broker);
    let broker = loop {
        match start().await {
            Ok(broker) => break broker,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let mut peer = Peer::of(&broker).await;
    let mut request = fetch_request("events", 0);
    request.topics[0].topic_id = id;
    request.topics[0].partitions[0].current_leader_epoch = LeaderEpoch(0);
    let response = peer.call(&request, 18).await;
    assert_eq!(only(&response).error_code, ErrorCode::FencedLeaderEpoch);
    let leader = LeaderIdAndEpoch { leader_id: NodeId(1), leader_epoch: LeaderEpoch(1) };
    assert_eq!(only(&response).current_leader, leader);
    let [node] = &response.node_endpoints[..] else { panic!("one node") };
    assert_eq!(format!("{}:{}", node.host, node.port), broker.bootstrap_servers());
    assert_eq!(only(&peer.call(&request, 15).await).current_leader, LeaderIdAndEpoch::default());
}

#[tokio::test]
async fn a_reader_whose_log_left_ours_learns_where() {
    let (_broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 100);
    request.max_wait_ms = 600_000;
    request.topics[0].partitions[0].last_fetched_epoch = LeaderEpoch(0);
    let response = peer.call(&request, 12).await;
    let data = only(&response);
    assert_eq!(data.error_code, ErrorCode::None);
    assert_eq!(data.diverging_epoch, EpochEndOffset { epoch: LeaderEpoch(0), end_offset: 6 });
    assert_eq!(data.records, none());
}

#[tokio::test]
async fn aborted_transactions_are_listed_for_read_committed_only() {
    let (_broker, mut peer, _) = broker_with_records().await;
    let mut request = fetch_request("events", 0);
    assert_eq!(only(&peer.call(&request, 12).await).aborted_transactions, None);
    request.isolation_level = 1;
    let response = peer.call(&request, 12).await;
    assert_eq!(only(&response).aborted_transactions, Some(vec![]));
    assert_eq!(offsets(only(&response)).len(), 3);
}

#[tokio::test]
async fn there_is_no_replica_elsewhere() {
    let (_broker, mut peer, _) = broker_with_records().await;
    let request = FetchRequest { replica_id: NodeId(2), ..fetch_request("events", 0) };
    assert_eq!(only(&peer.call(&request, 12).await).error_code, ErrorCode::NotLeaderOrFollower);
}
