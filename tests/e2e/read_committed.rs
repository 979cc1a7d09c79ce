//! What a consumer that reads committed is given of transactions that somebody else has written.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use kestrel_client::admin::{NewTopic, OffsetSpec};
use kestrel_client::{
    AssignedConsumer, AssignedConsumerBuilder, AutoOffsetReset, Client, IsolationLevel, Place, Raw, Record,
    TopicPartition, Utf8,
};
use kestrel_tests::{Dice, TestBroker, eventually, transactions_have_ended, unique};

use crate::raw_writer::RawWriter;

/// How long anything may take that has to happen.
const PATIENCE: Duration = Duration::from_secs(60);

async fn topic_of_one(client: &Client) -> String {
    let topic = unique("committed");
    let new = NewTopic::new(topic.as_str()).partitions(1).replication_factor(1);
    client.admin().create_topics([new]).await.into_result().unwrap();
    topic
}

/// Writers, each with an id of its own.
async fn writers<const N: usize>(broker: &TestBroker) -> [RawWriter; N] {
    let mut writers = Vec::new();
    for _ in 0..N {
        writers.push(RawWriter::start(broker, &unique("writer")).await);
    }
    writers.try_into().unwrap()
}

fn reader(
    client: &Client,
    topic: &str,
    level: IsolationLevel,
) -> AssignedConsumerBuilder<Bytes, String, Raw, Utf8> {
    let consumer =
        client.assigned_consumer().assign([(topic, 0)]).key(Raw).value(Utf8).isolation_level(level);
    consumer.auto_offset_reset(AutoOffsetReset::Earliest)
}

/// All values that the topic has now, to readers of this level.
async fn values(client: &Client, topic: &str, level: IsolationLevel) -> Vec<String> {
    let consumer = reader(client, topic, level).between(Place::Beginning, Place::End).build().await.unwrap();
    let values = consumer.map_ok(|record| record.value.unwrap()).try_collect();
    tokio::time::timeout(PATIENCE, values).await.expect("the stream ends").unwrap()
}

async fn next(consumer: &mut AssignedConsumer<Bytes, String>) -> String {
    let record = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("a record comes");
    record.unwrap().unwrap().value.unwrap()
}

/// Begins a transaction in the topic's partition and writes to it.
async fn write(writer: &mut RawWriter, topic: &str, values: &[&str]) {
    writer.add(topic, 0).await;
    writer.write(topic, 0, values).await.unwrap();
}

#[tokio::test]
async fn transactions_that_overlap_are_told_apart() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_one(&client).await;
    let [mut one, mut two] = writers(&broker).await;
    // The transaction that begins first is aborted last: a broker may list it behind the other.
    write(&mut one, &topic, &["aborted-1"]).await;
    write(&mut two, &topic, &["aborted-2", "aborted-3"]).await;
    let plain = client.producer().build().await.unwrap();
    plain.send(Record::to(topic.as_str()).partition(0).value("plain")).await.unwrap().await.unwrap();
    two.end(false).await;
    write(&mut two, &topic, &["committed-1"]).await;
    write(&mut one, &topic, &["aborted-4"]).await;
    two.end(true).await;
    one.end(false).await;
    write(&mut one, &topic, &["committed-2"]).await;
    one.end(true).await;
    eventually("both ends", async || {
        let committed = values(&client, &topic, IsolationLevel::ReadCommitted).await;
        (committed == ["plain", "committed-1", "committed-2"]).then_some(())
    })
    .await;
    let all = values(&client, &topic, IsolationLevel::ReadUncommitted).await;
    let expected =
        ["aborted-1", "aborted-2", "aborted-3", "plain", "committed-1", "aborted-4", "committed-2"];
    assert_eq!(all, expected);
}

#[tokio::test]
async fn an_open_transaction_holds_readers_back_until_it_ends() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_one(&client).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let [mut one, mut two] = writers(&broker).await;
    write(&mut one, &topic, &["one"]).await;
    one.end(true).await;
    transactions_have_ended(&client, &topic).await;
    write(&mut two, &topic, &["two"]).await;
    write(&mut one, &topic, &["three"]).await;
    one.end(true).await;

    let mut committed = reader(&client, &topic, IsolationLevel::ReadCommitted).build().await.unwrap();
    let mut all = reader(&client, &topic, IsolationLevel::ReadUncommitted).build().await.unwrap();
    assert_eq!(next(&mut committed).await, "one");
    assert_eq!(next(&mut all).await, "one");
    // "one" and its marker; then "two", which holds back "three".
    eventually("the end for readers of committed records", async || {
        let end = committed.end_offsets([&partition]).await.unwrap()[&partition];
        assert_eq!(end, 2, "the last stable offset");
        (all.end_offsets([&partition]).await.unwrap()[&partition] == 5).then_some(())
    })
    .await;
    assert!(tokio::time::timeout(Duration::from_millis(200), committed.next()).await.is_err());
    assert_eq!((next(&mut all).await.as_str(), next(&mut all).await.as_str()), ("two", "three"));
    // The marker is passed, though no record comes behind it.
    eventually("the position behind the marker", async || {
        (committed.position(&partition).await.unwrap() == 2).then_some(())
    })
    .await;
    eventually("no lag", async || (committed.lag(&partition).unwrap() == Some(0)).then_some(())).await;

    two.end(true).await;
    assert_eq!((next(&mut committed).await.as_str(), next(&mut committed).await.as_str()), ("two", "three"));
}

#[tokio::test]
async fn what_ends_with_a_marker_or_an_aborted_transaction_leaves_no_lag() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_one(&client).await;
    let partition = TopicPartition::new(topic.as_str(), 0);
    let [mut writer] = writers(&broker).await;
    write(&mut writer, &topic, &["kept"]).await;
    writer.end(true).await;
    write(&mut writer, &topic, &["dropped", "too"]).await;
    writer.end(false).await;

    let group = unique("group");
    let mut consumer = client
        .consumer::<Bytes, String>(group.as_str())
        .topics([topic.as_str()])
        .value(Utf8)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .isolation_level(IsolationLevel::ReadCommitted)
        .build()
        .await
        .unwrap();
    let first = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("a record comes");
    assert_eq!(first.unwrap().unwrap().value.as_deref(), Some("kept"));
    // Nothing comes any more; who waits for it passes what is not for him.
    eventually("the end of the log", async || {
        let nothing = tokio::time::timeout(Duration::from_millis(50), consumer.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        (consumer.position(&partition).await.unwrap() == 5).then_some(())
    })
    .await;
    assert_eq!(consumer.lag(&partition).unwrap(), Some(0));
    consumer.commit().await.unwrap();
    let committed = consumer.committed([&partition]).await.unwrap();
    assert_eq!(
        committed[&partition].as_ref().map(|committed| committed.offset),
        Some(5),
        "so that nobody sees a lag from outside"
    );
}

#[tokio::test]
async fn a_range_of_nothing_committed_ends_at_once() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = topic_of_one(&client).await;
    let [mut writer] = writers(&broker).await;
    write(&mut writer, &topic, &["dropped"]).await;
    assert!(values(&client, &topic, IsolationLevel::ReadCommitted).await.is_empty(), "it is open");
    writer.end(false).await;
    eventually("the abort", async || {
        let consumer = reader(&client, &topic, IsolationLevel::ReadCommitted).build().await.unwrap();
        let partition = TopicPartition::new(topic.as_str(), 0);
        (consumer.end_offsets([&partition]).await.unwrap()[&partition] == 2).then_some(())
    })
    .await;
    assert!(values(&client, &topic, IsolationLevel::ReadCommitted).await.is_empty());
}

/// Transactions of several writers, one over the other, as a seed decides; gives what was committed, by offset.
async fn write_at_random(broker: &TestBroker, topic: &str, seed: u64) -> Vec<(i64, String)> {
    const WRITERS: usize = 4;
    let mut dice = Dice::new(seed);
    let mut writers: [_; WRITERS] = writers(broker).await;
    let mut open: [Vec<(i64, String)>; WRITERS] = Default::default();
    let mut committed = Vec::new();
    for step in 0..300 {
        let at = dice.roll(WRITERS);
        let (writer, open) = (&mut writers[at], &mut open[at]);
        if !open.is_empty() && dice.once_in(3) {
            let is_committed = dice.once_in(2);
            writer.end(is_committed).await;
            let ended = std::mem::take(open);
            committed.extend(ended.into_iter().filter(|_| is_committed));
            continue;
        }
        if open.is_empty() {
            writer.add(topic, 0).await;
        }
        let texts = [0, 1, 2].map(|number| format!("{step}-{number}-{}", "x".repeat(4_000)));
        let first = writer.write(topic, 0, &texts.each_ref().map(String::as_str)).await.unwrap();
        open.extend((first..).zip(texts));
    }
    for (writer, _) in writers.iter_mut().zip(open).filter(|(_, open)| !open.is_empty()) {
        writer.end(false).await;
    }
    committed.sort();
    committed
}

/// The end of the log, once no transaction is open.
async fn end_of_all_transactions(client: &Client, topic: &str) -> i64 {
    let latest = async |level| {
        let listed = client.admin().list_offsets([((topic, 0), OffsetSpec::Latest)], level).await;
        listed.into_result().unwrap()[0].1.offset.unwrap()
    };
    eventually("the markers of all transactions", async || {
        let stable = latest(IsolationLevel::ReadCommitted).await;
        (stable == latest(IsolationLevel::ReadUncommitted).await).then_some(stable)
    })
    .await
}

/// Transactions larger than a fetch and than a segment: as single records, as borrowed batches, and from any offset on.
#[tokio::test]
async fn whatever_was_committed_is_read_once_and_in_order() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("committed");
    let new = NewTopic::new(topic.as_str()).partitions(1).config("segment.bytes", "1048576");
    client.admin().create_topics([new]).await.into_result().unwrap();
    let committed = write_at_random(&broker, &topic, 29).await;
    let end = end_of_all_transactions(&client, &topic).await;
    let from = |start: i64| {
        let consumer = reader(&client, &topic, IsolationLevel::ReadCommitted);
        consumer.max_partition_fetch_bytes(40_000).between(start, end).build()
    };

    for start in [0, end / 2] {
        let records = from(start).await.unwrap().map_ok(|record| (record.offset, record.value.unwrap()));
        let records: Vec<_> =
            tokio::time::timeout(PATIENCE, records.try_collect()).await.expect("the stream ends").unwrap();
        let expected = committed.iter().filter(|(offset, _)| *offset >= start);
        assert!(records.iter().eq(expected), "from {start} on: {} of {}", records.len(), committed.len());
    }
    let (mut consumer, mut records) = (from(0).await.unwrap(), Vec::new());
    while let Some(batch) =
        tokio::time::timeout(PATIENCE, consumer.next_batch()).await.expect("it goes on").unwrap()
    {
        records.extend(batch.records().map(|record| (record.offset(), record.value().unwrap().unwrap())));
    }
    assert!(records == committed, "in batches: {} of {}", records.len(), committed.len());
    assert_eq!(consumer.position((topic.as_str(), 0)).await.unwrap(), end);
}
