//! Large answers: over segments' ends, to slow readers, while segments go, on connections that are cut.

use kestrel_protocol::ApiKey;
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};

use super::*;

/// A batch of one large record.
const BATCH_BYTES: usize = 150 << 10;
const BATCHES: i64 = 40;

/// A broker with topic `events`, whose partition 0 has several segments of large batches, and one that gets no more.
async fn broker_with_segments() -> (Broker, Peer) {
    let builder = Broker::builder().ephemeral().set("log.segment.bytes", "1048576");
    let broker = builder.set("log.segment.delete.delay.ms", "0").start().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    for number in 0..BATCHES {
        let value = format!("{number:06}").repeat(BATCH_BYTES / 6);
        assert_eq!(peer.produce("events", batch(&[&value])).await.error_code, ErrorCode::None);
    }
    (broker, peer)
}

/// Asks for as much as there is from an offset on.
fn request(fetch_offset: i64) -> FetchRequest {
    let mut request = fetch_request("events", fetch_offset);
    request.max_bytes = i32::MAX;
    request.topics[0].partitions[0].partition_max_bytes = i32::MAX;
    request
}

/// Base and last offset of each batch of `data`, which begin at `fetch_offset` and hold what was written there.
fn check(data: &PartitionData, fetch_offset: i64) -> Vec<(i64, i64)> {
    let found = offsets(data);
    assert_eq!(found.first(), Some(&(fetch_offset, fetch_offset)));
    assert!(found.is_sorted() && found.iter().all(|(base, last)| base == last));
    for (number, batch) in (fetch_offset..).zip(RecordBatches::new(bytes_of(data))) {
        let value = format!("{number:06}").repeat(BATCH_BYTES / 6);
        let mut records = batch.unwrap().records(1 << 20).unwrap();
        assert_eq!(records.next_view().unwrap().unwrap().value, Some(value.as_bytes()));
    }
    found
}

#[tokio::test]
async fn a_log_is_read_over_its_segments_ends() {
    let (_broker, mut peer) = broker_with_segments().await;
    for version in [4, 11, 12] {
        let mut next = 0;
        let mut answers = 0;
        while next < BATCHES {
            let response = peer.call(&request(next), version).await;
            next = check(only(&response), next).last().unwrap().1 + 1;
            answers += 1;
        }
        assert!((4..=8).contains(&answers), "a segment at a time, in {answers} answers");
    }
}

#[tokio::test]
async fn several_partitions_and_small_ones_share_an_answer() {
    let (_broker, mut peer) = broker_with_segments().await;
    peer.create_topic("more").await;
    peer.produce("more", batch(&["x"])).await;
    let again = request(0);
    let mut request = request(7);
    request.topics.extend(fetch_request("more", 0).topics);
    request.topics.extend(again.topics);
    request.topics.extend(fetch_request("more", 1).topics);
    let response = peer.call(&request, 12).await;
    let data: Vec<_> = response.responses.iter().flat_map(|topic| &topic.partitions).collect();
    check(data[0], 7);
    assert_eq!(offsets(data[1]), [(0, 0)]);
    check(data[2], 0);
    assert_eq!(bytes_of(data[3]), Bytes::new());
}

#[tokio::test]
async fn a_slow_reader_gets_what_was_there_when_its_answer_was_made() {
    let (broker, mut peer) = broker_with_segments().await;
    // More than the sockets hold: what is left waits in the broker while the segments are deleted.
    let mut slow = Peer::of(&broker).await;
    let wanted: Vec<i64> = (0..4).flat_map(|_| [0, 8, 16, 24, 32]).collect();
    for &offset in &wanted {
        slow.send(&request(offset), 12).await;
    }
    let first = slow.receive::<FetchRequest>(12).await.unwrap();
    check(only(&first), 0);
    let topics = vec![DeleteRecordsTopic {
        name: "events".into(),
        partitions: vec![DeleteRecordsPartition { partition_index: 0, offset: -1 }],
    }];
    let deleted = peer.call(&DeleteRecordsRequest { topics, timeout_ms: 10_000 }, 2).await;
    assert_eq!(deleted.topics[0].partitions[0].error_code, ErrorCode::None);
    let mut late = 0;
    for &offset in wanted.iter().skip(1) {
        let response = slow.receive::<FetchRequest>(12).await.unwrap();
        let data = only(&response);
        match data.error_code {
            ErrorCode::None => _ = check(data, offset),
            error => {
                assert_eq!(error, ErrorCode::OffsetOutOfRange);
                late += 1;
            }
        }
    }
    assert!(late > 0, "answers are made one after the other, as the reader reads");
}

#[tokio::test]
async fn a_connection_that_is_cut_in_an_answer_disturbs_nobody() {
    let (broker, mut peer) = broker_with_segments().await;
    for _ in 0..3 {
        let mut cut = Peer::of(&broker).await;
        for offset in [0, 8, 16, 24, 32, 0, 8, 16] {
            cut.send(&request(offset), 12).await;
        }
        assert!(cut.receive::<FetchRequest>(12).await.is_some());
    }
    check(only(&peer.call(&request(20), 12).await), 20);
}

#[tokio::test]
async fn an_injected_error_is_told_for_each_partition() {
    let (broker, mut peer) = broker_with_segments().await;
    broker.faults().on(ApiKey::Fetch).answer(ErrorCode::KafkaStorageError);
    let response = peer.call(&request(0), 12).await;
    assert_eq!(
        (only(&response).error_code, bytes_of(only(&response))),
        (ErrorCode::KafkaStorageError, Bytes::new())
    );
    check(only(&peer.call(&request(0), 12).await), 0);
}
