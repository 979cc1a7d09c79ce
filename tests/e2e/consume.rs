//! Consuming from assigned partitions: order, positions, reset policies, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use kestrel_client::admin::{DeleteRecordsTo, NewTopic};
use kestrel_client::{
    AssignedConsumer, AssignedConsumerBuilder, AutoOffsetReset, Client, Compression, ConsumerRecord, Error,
    PositionError, PositionProblem, Record, Timestamp,
};
use kestrel_serde::{Int64, Json, Utf8};
use kestrel_tests::{TestBroker, unique};

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(30);

type Raw = AssignedConsumer<Bytes, Bytes>;

async fn topic_with(client: &Client, partitions: i32) -> String {
    let topic = unique("consume");
    let new = NewTopic::new(topic.as_str()).partitions(partitions).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    topic
}

/// Stores records `from..to` whose values are their numbers, in partition 0, a millisecond apart.
async fn produce_numbers(client: &Client, topic: &str, numbers: std::ops::Range<i64>) {
    let producer = client.producer().batch_size(4096).build().await.unwrap();
    for number in numbers {
        let record = Record::to(topic)
            .partition(0)
            .value(number.to_string())
            .timestamp(Timestamp::from_millis(1_000 + number));
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
}

fn raw(client: &Client, topic: &str) -> AssignedConsumerBuilder<Bytes, Bytes> {
    client.assigned_consumer().assign([(topic, 0)]).auto_offset_reset(AutoOffsetReset::Earliest)
}

async fn next<K, V>(consumer: &mut AssignedConsumer<K, V>) -> Result<ConsumerRecord<K, V>, Error> {
    let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
    next.expect("a record comes in time").expect("something is assigned")
}

/// The offsets of the next `count` records; each value has to be the offset, as [`produce_numbers`] makes them.
async fn next_offsets(consumer: &mut Raw, count: usize) -> Vec<i64> {
    let mut offsets = Vec::new();
    while offsets.len() < count {
        let record = next(consumer).await.unwrap();
        assert_eq!(record.value.as_deref(), Some(record.offset.to_string().as_bytes()));
        offsets.push(record.offset);
    }
    offsets
}

fn problem(error: Error) -> PositionProblem {
    match error {
        Error::Position(error) => {
            let PositionError { problem, .. } = *error;
            problem
        }
        other => panic!("{other}"),
    }
}

/// Nothing comes: what is under way has time to arrive.
async fn assert_silent<K: std::fmt::Debug, V: std::fmt::Debug>(consumer: &mut AssignedConsumer<K, V>) {
    let waited = tokio::time::timeout(Duration::from_millis(700), consumer.next()).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn typed_records_come_back_as_they_were_sent() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Click {
        page: String,
    }

    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 3).await;
    let producer = client.producer().build().await.unwrap();
    let clicks = producer.topic::<str, Click>(topic.as_str()).key(Utf8).value(Json).open().await.unwrap();
    for number in 0..60_i64 {
        let click = Click { page: format!("/{number}") };
        let record = clicks.record("user", &click).partition(i32::try_from(number % 3).unwrap());
        let record = record.header("hop", "a").header("hop", "b").timestamp(Timestamp::from_millis(number));
        drop(record.send().await.unwrap());
    }
    drop(clicks.tombstone("user").await.unwrap());
    producer.flush().await.unwrap();

    let consumer = client.assigned_consumer::<String, Click>().assign_topics([topic.as_str()]);
    let consumer = consumer.key(Utf8).value(Json).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.build().await.unwrap();
    assert_eq!(consumer.assignment().len(), 3);
    let mut next_offsets = BTreeMap::<i32, i64>::new();
    let mut tombstones = 0;
    for _ in 0..61 {
        let record = next(&mut consumer).await.unwrap();
        let next_offset = next_offsets.entry(record.partition).or_default();
        assert_eq!((record.offset, &*record.topic), (*next_offset, topic.as_str()));
        *next_offset += 1;
        assert_eq!(record.key.as_deref(), Some("user"));
        match record.value {
            Some(click) => {
                assert_eq!(click.page, format!("/{}", record.timestamp.as_millis()));
                assert_eq!(record.headers.all("hop").collect::<Vec<_>>(), [Some(&b"a"[..]), Some(&b"b"[..])]);
            }
            None => tombstones += 1,
        }
    }
    assert_eq!(tombstones, 1);
}

#[tokio::test]
async fn every_codec_is_read_by_record_and_by_batch() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    for (round, compression) in (0..).zip(Compression::ALL) {
        let producer = client.producer().compression(compression).build().await.unwrap();
        for number in round * 500..(round + 1) * 500 {
            let record = Record::to(topic.as_str()).partition(0).value(number.to_string());
            drop(producer.send(record).await.unwrap());
        }
        producer.flush().await.unwrap();
    }
    let expected: Vec<i64> = (0..2500).collect();
    let mut consumer = raw(&client, &topic).build().await.unwrap();
    assert_eq!(next_offsets(&mut consumer, 2500).await, expected);

    let mut consumer = raw(&client, &topic).max_poll_records(100).build().await.unwrap();
    let mut offsets = next_offsets(&mut consumer, 3).await;
    while offsets.len() < 2500 {
        let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
        assert_eq!(batch.records().count(), batch.len());
        for record in &batch {
            assert_eq!(record.value().unwrap().unwrap(), record.offset().to_string());
            offsets.push(record.offset());
        }
        assert_eq!(consumer.position((topic.as_str(), 0)).await.unwrap(), offsets.last().unwrap() + 1);
    }
    assert_eq!(offsets, expected);
}

#[tokio::test]
async fn seeks_hold_for_the_next_record() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..1000).await;
    let partition = (topic.as_str(), 0);
    let mut consumer = raw(&client, &topic).build().await.unwrap();
    assert_eq!(next_offsets(&mut consumer, 3).await, [0, 1, 2]);
    assert_eq!(consumer.position(partition).await.unwrap(), 3);
    assert_eq!(consumer.lag(partition).unwrap(), Some(997));
    for offset in [900, 5, 999, 0] {
        consumer.seek(partition, offset).unwrap();
        assert_eq!(consumer.position(partition).await.unwrap(), offset);
        assert_eq!(next_offsets(&mut consumer, 1).await, [offset]);
    }
    consumer.seek_to_end([partition]).unwrap();
    assert_eq!(consumer.position(partition).await.unwrap(), 1000);
    produce_numbers(&client, &topic, 1000..1001).await;
    assert_eq!(next_offsets(&mut consumer, 1).await, [1000]);
    consumer.seek_to_beginning([partition]).unwrap();
    assert_eq!(next_offsets(&mut consumer, 2).await, [0, 1]);
    let ends = consumer.end_offsets([partition]).await.unwrap();
    assert_eq!(ends.values().copied().collect::<Vec<_>>(), [1001]);

    let error = consumer.seek((topic.as_str(), 7), 0).unwrap_err();
    assert_eq!(problem(error), PositionProblem::NotAssigned);
    assert!(consumer.seek(partition, -1).is_err());
}

#[tokio::test]
async fn a_paused_partition_is_silent_and_loses_nothing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 2).await;
    produce_numbers(&client, &topic, 0..1000).await;
    let producer = client.producer().build().await.unwrap();
    let other = Record::to(topic.as_str()).partition(1).value("0");
    producer.send(other).await.unwrap().await.unwrap();

    let mut consumer = raw(&client, &topic).build().await.unwrap();
    assert_eq!(next_offsets(&mut consumer, 2).await, [0, 1]);
    consumer.pause([(topic.as_str(), 0)]).unwrap();
    assert_eq!(consumer.paused().len(), 1);
    assert_silent(&mut consumer).await;
    assert_eq!(consumer.position((topic.as_str(), 0)).await.unwrap(), 2);
    // Another partition is not held up, and the pause outlives a larger assignment.
    consumer.assign([(topic.as_str(), 0), (topic.as_str(), 1)]).unwrap();
    assert_eq!(next(&mut consumer).await.unwrap().partition, 1);
    assert_silent(&mut consumer).await;
    consumer.resume([(topic.as_str(), 0)]).unwrap();
    assert_eq!(next_offsets(&mut consumer, 998).await, (2..1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn offsets_are_found_by_time() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..100).await;
    let consumer = raw(&client, &topic).build().await.unwrap();
    let find = async |millis| {
        let found = consumer
            .offsets_for_times([((topic.as_str(), 0), Timestamp::from_millis(millis))])
            .await
            .unwrap();
        found.into_values().next().unwrap()
    };
    let found = find(1_042).await.unwrap();
    assert_eq!((found.offset, found.timestamp), (42, Timestamp::from_millis(1_042)));
    assert_eq!(find(0).await.unwrap().offset, 0);
    assert_eq!(find(1_100).await, None);
    let beginnings = consumer.beginning_offsets([(topic.as_str(), 0)]).await.unwrap();
    assert_eq!(beginnings.into_values().collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn the_reset_policy_says_where_to_begin() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..10).await;
    let with = |reset| raw(&client, &topic).auto_offset_reset(reset);
    let partition = (topic.as_str(), 0);
    for (reset, position) in [
        (AutoOffsetReset::Earliest, 0),
        (AutoOffsetReset::Latest, 10),
        // The records are of 1970: none is younger than an hour, and all are younger than 100 years.
        (AutoOffsetReset::ByDuration(Duration::from_secs(3600)), 10),
        (AutoOffsetReset::ByDuration(Duration::from_secs(100 * 365 * 86_400)), 0),
    ] {
        let consumer = with(reset).build().await.unwrap();
        assert_eq!(consumer.position(partition).await.unwrap(), position, "{reset:?}");
    }
    let mut consumer = with(AutoOffsetReset::None).build().await.unwrap();
    for _ in 0..2 {
        assert_eq!(problem(next(&mut consumer).await.unwrap_err()), PositionProblem::NoOffset);
    }
    consumer.seek(partition, 4).unwrap();
    assert_eq!(next_offsets(&mut consumer, 2).await, [4, 5]);
}

#[tokio::test]
async fn the_end_is_waited_at() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    let mut consumer = raw(&client, &topic).auto_offset_reset(AutoOffsetReset::Latest).build().await.unwrap();
    assert_eq!(consumer.position((topic.as_str(), 0)).await.unwrap(), 0);
    for number in 0..5 {
        produce_numbers(&client, &topic, number..number + 1).await;
        assert_eq!(next_offsets(&mut consumer, 1).await, [number]);
    }
}

#[tokio::test]
async fn a_table_is_read_up_to_its_ends_and_then_followed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 3).await;
    produce_numbers(&client, &topic, 0..500).await;
    let assigned = client.assigned_consumer::<Bytes, Bytes>().assign_topics([topic.as_str()]);
    let mut consumer = assigned.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    // Two of the partitions are empty.
    let ends = consumer.end_offsets(consumer.assignment()).await.unwrap();
    let mut offsets = Vec::new();
    let reading = async {
        while let Some(record) = consumer.next_until(&ends).await {
            offsets.push(record.unwrap().offset);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the ends are reached in time");
    assert!(offsets.into_iter().eq(0..500));
    assert!(consumer.next_until(&ends).await.is_none(), "it stays reached");

    produce_numbers(&client, &topic, 500..510).await;
    assert_eq!(next_offsets(&mut consumer, 10).await, (500..510).collect::<Vec<_>>());

    // Where nothing is assigned any more, nothing is waited for.
    let ends = ends.into_iter().map(|(partition, end)| (partition, end + 1_000)).collect();
    consumer.unassign();
    assert!(consumer.next_until(&ends).await.is_none());
}

#[tokio::test]
async fn batches_above_every_fetch_limit_come_through() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    let producer = client.producer().linger(Duration::ZERO).build().await.unwrap();
    for letter in [b'a', b'b', b'c'] {
        let record = Record::to(topic.as_str()).partition(0).value(vec![letter; 900_000]);
        producer.send(record).await.unwrap().await.unwrap();
    }
    let small =
        raw(&client, &topic).max_partition_fetch_bytes(1000).fetch_max_bytes(1000).fetch_buffer_bytes(1000);
    let mut consumer = small.build().await.unwrap();
    for letter in [b'a', b'b', b'c'] {
        let record = next(&mut consumer).await.unwrap();
        assert_eq!(record.value.unwrap(), vec![letter; 900_000]);
    }
}

#[tokio::test]
async fn many_partitions_share_a_small_buffer() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 40).await;
    let producer = client.producer().build().await.unwrap();
    for number in 0..4_000_i64 {
        let partition = i32::try_from(number % 40).unwrap();
        let record = Record::to(topic.as_str()).partition(partition).value(vec![7; 200]);
        drop(producer.send(record).await.unwrap());
    }
    producer.flush().await.unwrap();
    let builder = client.assigned_consumer::<Bytes, Bytes>().assign_topics([topic.as_str()]);
    let builder = builder.auto_offset_reset(AutoOffsetReset::Earliest);
    let builder = builder.fetch_buffer_bytes(50_000).max_partition_fetch_bytes(5_000);
    let mut consumer = builder.build().await.unwrap();
    let mut next_offsets = vec![0; 40];
    for _ in 0..4_000 {
        let record = next(&mut consumer).await.unwrap();
        let next_offset = &mut next_offsets[usize::try_from(record.partition).unwrap()];
        assert_eq!(record.offset, *next_offset);
        *next_offset += 1;
    }
    assert_eq!(next_offsets, vec![100; 40]);
}

#[tokio::test]
async fn a_position_that_was_deleted_is_reset_or_reported() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..100).await;
    let partition = (topic.as_str(), 0);
    let deleted = client.admin().delete_records([(partition, DeleteRecordsTo::Offset(40))]).await;
    assert_eq!(deleted.into_result().unwrap()[0].1, 40);

    let mut consumer = raw(&client, &topic).build().await.unwrap();
    consumer.seek(partition, 3).unwrap();
    assert_eq!(next_offsets(&mut consumer, 2).await, [40, 41]);
    consumer.seek(partition, 5_000).unwrap();
    assert_eq!(next_offsets(&mut consumer, 2).await, [40, 41]);

    let mut consumer = raw(&client, &topic).auto_offset_reset(AutoOffsetReset::None).build().await.unwrap();
    for offset in [3, 5_000] {
        consumer.seek(partition, offset).unwrap();
        for _ in 0..2 {
            let found = problem(next(&mut consumer).await.unwrap_err());
            let PositionProblem::OutOfRange { offset: position, start_offset: 40, end_offset: 100, .. } =
                found
            else {
                panic!("{found}")
            };
            assert_eq!(position, offset);
        }
    }
    consumer.seek(partition, 99).unwrap();
    assert_eq!(next_offsets(&mut consumer, 1).await, [99]);
}

#[tokio::test]
async fn a_poison_pill_is_handed_out_as_it_is_and_passed() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    let producer = client.producer().build().await.unwrap();
    for value in [&7_i64.to_be_bytes()[..], b"short", &8_i64.to_be_bytes()] {
        let record = Record::to(topic.as_str()).partition(0).value(value.to_vec()).header("h", "v");
        producer.send(record).await.unwrap().await.unwrap();
    }
    let builder = client.assigned_consumer::<Bytes, i64>().assign([(topic.as_str(), 0)]).value(Int64);
    let mut consumer = builder.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    assert_eq!(next(&mut consumer).await.unwrap().value, Some(7));
    let Err(Error::Deserialize(poison)) = next(&mut consumer).await else {
        panic!("the second value is no i64")
    };
    assert_eq!((poison.record.offset, poison.record.value.as_deref()), (1, Some(&b"short"[..])));
    assert_eq!(poison.record.headers.last("h"), Some(Some(&b"v"[..])));
    assert_eq!(next(&mut consumer).await.unwrap().value, Some(8));

    consumer.seek_to_beginning([(topic.as_str(), 0)]).unwrap();
    let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
    let first = batch.records().next().unwrap();
    assert_eq!(first.value().unwrap(), Some(7));
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..500).await;
    let mut consumer = raw(&client, &topic).max_partition_fetch_bytes(2_000).build().await.unwrap();
    let mut offsets = Vec::new();
    while offsets.len() < 500 {
        tokio::select! {
            biased;
            record = consumer.next() => offsets.push(record.unwrap().unwrap().offset),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(offsets, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_stream_ends_when_nothing_is_assigned() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..10).await;
    let mut consumer = raw(&client, &topic).build().await.unwrap();
    let three: Vec<_> = (&mut consumer).take(3).map(|record| record.unwrap().offset).collect().await;
    assert_eq!(three, [0, 1, 2]);
    consumer.unassign();
    assert!(consumer.next().await.is_none());
    assert!(consumer.next_batch().await.unwrap().is_none());
    consumer.assign([(topic.as_str(), 0)]).unwrap();
    assert_eq!(next_offsets(&mut consumer, 1).await, [0]);
    tokio::time::timeout(PATIENCE, consumer.close()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_recreated_topic_is_reported_and_read_from_its_beginning() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_with(&client, 1).await;
    produce_numbers(&client, &topic, 0..10).await;
    let mut consumer = raw(&client, &topic).auto_offset_reset(AutoOffsetReset::Latest).build().await.unwrap();
    consumer.seek((topic.as_str(), 0), 8).unwrap();
    assert_eq!(next_offsets(&mut consumer, 2).await, [8, 9]);

    let admin = client.admin();
    admin.delete_topics([topic.as_str()]).await.into_result().unwrap();
    let again = NewTopic::new(topic.as_str()).partitions(1).replication_factor(1);
    admin.create_topics([again]).await.into_result().unwrap();
    produce_numbers(&broker.client().await, &topic, 0..3).await;
    assert_eq!(problem(next(&mut consumer).await.unwrap_err()), PositionProblem::Recreated);
    assert_eq!(next_offsets(&mut consumer, 3).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_named() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("nowhere");
    let builder = client.assigned_consumer::<Bytes, Bytes>().assign_topics([topic.as_str()]);
    assert!(matches!(builder.build().await, Err(Error::UnknownTopic { .. })));
    let mut consumer = raw(&client, &topic).build().await.unwrap();
    assert!(matches!(next(&mut consumer).await, Err(Error::UnknownTopic { .. })));
    // It goes on by itself when the topic appears.
    let new = NewTopic::new(topic.as_str()).partitions(1).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    produce_numbers(&client, &topic, 0..2).await;
    assert_eq!(next_offsets(&mut consumer, 2).await, [0, 1]);
}
