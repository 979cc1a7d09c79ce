//! Reading from a time on, and ranges: a stream that ends where it was told to.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use kestrel_client::admin::{DeleteRecordsTo, NewTopic};
use kestrel_client::{
    AssignedConsumer, AssignedConsumerBuilder, Client, CommitPolicy, Place, Record, Timestamp, TopicPartition,
};
use kestrel_tests::{TestBroker, unique};

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A topic of two partitions. Records whose values are the numbers `0..50` are in the first one, a millisecond apart, in
/// batches of several.
async fn topic_of_numbers(client: &Client) -> String {
    let topic = unique("ranges");
    let new = NewTopic::new(topic.as_str()).partitions(2).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    produce(client, &topic, 0..50).await;
    topic
}

async fn produce(client: &Client, topic: &str, numbers: std::ops::Range<i64>) {
    let producer = client.producer().batch_size(400).build().await.unwrap();
    for number in numbers {
        let record = Record::to(topic).partition(0).value(number.to_string()).timestamp(time(number));
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
}

fn time(number: i64) -> Timestamp {
    Timestamp::from_millis(1_000 + number)
}

fn both(client: &Client, topic: &str) -> AssignedConsumerBuilder<Bytes, Bytes> {
    client.assigned_consumer().assign_topics([topic])
}

/// The offsets of all records up to the end of the stream.
async fn read(consumer: &mut AssignedConsumer<Bytes, Bytes>) -> Vec<i64> {
    let offsets = consumer.map_ok(|record| record.offset).try_collect();
    tokio::time::timeout(PATIENCE, offsets).await.expect("the stream ends").unwrap()
}

#[tokio::test]
async fn a_range_ends_the_stream_at_its_end() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let first = TopicPartition::new(topic.as_str(), 0);
    let ranges: [(Place, Place, std::ops::Range<i64>); 7] = [
        (time(10).into(), time(20).into(), 10..20),
        (5.into(), 8.into(), 5..8),
        (Place::Beginning, Place::End, 0..50),
        (time(48).into(), time(5_000).into(), 48..50),
        (45.into(), 1_000.into(), 45..50),
        (100.into(), 200.into(), 0..0),
        (7.into(), 7.into(), 0..0),
    ];
    for (start, end, offsets) in ranges {
        let mut consumer = both(&client, &topic).between(start, end).build().await.unwrap();
        assert_eq!(read(&mut consumer).await, offsets.clone().collect::<Vec<_>>(), "{start:?} {end:?}");
        assert!(consumer.next().await.is_none(), "it stays at its end");
        if !offsets.is_empty() {
            assert_eq!(consumer.position(&first).await.unwrap(), offsets.end);
            // What is read again ends again.
            consumer.seek(&first, offsets.end - 1).unwrap();
            assert_eq!(read(&mut consumer).await, [offsets.end - 1]);
        }
    }
}

#[tokio::test]
async fn a_range_has_what_the_log_holds_when_it_is_asked_for() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let first = TopicPartition::new(topic.as_str(), 0);
    client.admin().delete_records([(&first, DeleteRecordsTo::Offset(30))]).await.into_result().unwrap();
    // No policy of resetting may carry the start past the range.
    let mut consumer = both(&client, &topic).between(10, Place::End).build().await.unwrap();
    produce(&client, &topic, 50..60).await;
    assert_eq!(read(&mut consumer).await, (30..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn batches_end_with_the_range_too() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let mut consumer = both(&client, &topic).between(5, 23).build().await.unwrap();
    let mut offsets = Vec::new();
    while let Some(batch) = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap() {
        let before = offsets.len();
        offsets.extend(batch.records().map(|record| record.offset()));
        assert_eq!(offsets.len() - before, batch.len());
    }
    assert_eq!(offsets, (5..23).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_no_range_and_no_time_is_refused() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let builder = || both(&client, &topic);
    let consumer = builder().build().await.unwrap();
    for refused in [
        builder().between(-1, 5).build().await.err(),
        builder().between(6, 5).build().await.err(),
        builder().between(Timestamp::NONE, Place::End).build().await.err(),
        builder().between(time(2), time(1)).build().await.err(),
        builder().start_at(Timestamp::NONE).build().await.err(),
        client
            .consumer::<Bytes, Bytes>("g")
            .topics(["t"])
            .start_at(Timestamp::from_millis(-2))
            .build()
            .await
            .err(),
        consumer.offsets_for_times([((topic.as_str(), 0), Timestamp::NONE)]).await.err(),
    ] {
        let refused = refused.expect("it is refused");
        assert_eq!(refused.severity(), kestrel_client::Severity::Invalid, "{refused}");
    }
}

#[tokio::test]
async fn reading_starts_at_a_time() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let first = TopicPartition::new(topic.as_str(), 0);
    for (millis, offset) in [(0, 0), (1_040, 40), (9_000, 50)] {
        let consumer = both(&client, &topic).start_at(Timestamp::from_millis(millis)).build().await.unwrap();
        assert_eq!(consumer.position(&first).await.unwrap(), offset);
    }
}

#[tokio::test]
async fn a_group_starts_at_a_time_where_it_has_committed_nothing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let group = unique("group");
    let member =
        || client.consumer::<Bytes, Bytes>(group.as_str()).topics([topic.as_str()]).start_at(time(30));
    for (start, next) in [(30, 35), (35, 36)] {
        let mut consumer = member().commit_policy(CommitPolicy::Manual).build().await.unwrap();
        let record = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(record.offset, start);
        consumer.commit_offsets([((topic.as_str(), 0), next)]).await.unwrap();
        consumer.close().await.unwrap();
    }
}

#[tokio::test]
async fn each_partition_may_have_a_range_of_its_own() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_numbers(&client).await;
    let ranges = [((topic.as_str(), 0), 47..52), ((topic.as_str(), 1), 0..0)];
    let mut consumer: AssignedConsumer<Bytes, Bytes> =
        client.assigned_consumer().assign_ranges(ranges).build().await.unwrap();
    for offset in 47..50 {
        assert_eq!(consumer.next().await.unwrap().unwrap().offset, offset);
    }
    // The end is not there yet: it is waited for, and what comes after it is not read.
    produce(&client, &topic, 50..60).await;
    assert_eq!(read(&mut consumer).await, [50, 51]);
    for range in [-1..5, std::ops::Range { start: 5, end: 4 }] {
        let builder =
            client.assigned_consumer::<Bytes, Bytes>().assign_ranges([((topic.as_str(), 0), range)]);
        assert!(builder.build().await.is_err());
    }
}
