//! Records that no deserializer accepts: what becomes of them on each way of reading, and that nothing is lost on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use kestrel_client::admin::NewTopic;
use kestrel_client::observer::{Observer, RecordRejected};
use kestrel_client::serde::{DeserializeContext, Deserializer, Ready, SerdeError};
use kestrel_client::{
    ApiKey, AssignedConsumer, AutoOffsetReset, BrokerError, Bytes, CancellationToken, Client, CommitPolicy,
    Consumer, ConsumerBuilder, ConsumerRecord, Error, ErrorCode, Int32, IsolationLevel, Place, Record,
    Remedy, TopicPartition, Utf8,
};
use kestrel_tests::{TestBroker, eventually, transactions_have_ended, unique};

mod letters;

const PATIENCE: Duration = Duration::from_secs(60);
/// What is no number of four bytes.
const POISON: &[u8] = b"no number";

/// A topic of `partitions` partitions in which each third record of a partition is poison, and a topic for dead letters.
async fn topics(client: &Client, partitions: i32, records: i32) -> (String, String) {
    let (topic, letters) = (unique("poison"), unique("letters"));
    let new = [NewTopic::new(&topic).partitions(partitions), NewTopic::new(&letters).partitions(1)];
    client.admin().create_topics(new).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    for number in 0..records {
        let record = Record::to(&topic).key(format!("key-{number}")).header("trace", number.to_string());
        let value = if number % 3 == 1 { POISON.to_vec() } else { number.to_be_bytes().to_vec() };
        for partition in 0..partitions {
            drop(producer.send(record.clone().value(value.clone()).partition(partition)).await.unwrap());
        }
    }
    producer.close(PATIENCE).await.unwrap();
    (topic, letters)
}

fn good(records: i32) -> Vec<i32> {
    (0..records).filter(|number| number % 3 != 1).collect()
}

fn reader(client: &Client, group: &str, topic: &str) -> ConsumerBuilder<String, i32, Utf8, Int32> {
    let consumer = client.consumer::<String, i32>(group).topics([topic]).key(Utf8).value(Int32);
    consumer.auto_offset_reset(AutoOffsetReset::Earliest)
}

/// All letters that readers of what is committed find.
async fn read_letters(client: &Client, letters: &str) -> Vec<ConsumerRecord> {
    transactions_have_ended(client, letters).await;
    let consumer =
        client.assigned_consumer().assign_topics([letters]).isolation_level(IsolationLevel::ReadCommitted);
    let mut consumer: AssignedConsumer<Bytes, Bytes> =
        consumer.between(Place::Beginning, Place::End).build().await.unwrap();
    let mut found = Vec::new();
    while let Some(letter) = tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap() {
        found.push(letter.unwrap());
    }
    found
}

fn header(letter: &ConsumerRecord, name: &str) -> String {
    let value = letter.headers.last(name).flatten().unwrap_or_else(|| panic!("{name}: {:?}", letter.headers));
    String::from_utf8(value.to_vec()).unwrap()
}

/// The places that letters came from, each once, which have to be those of the poison among so many records.
fn assert_letters_of(letters: &[ConsumerRecord], topic: &str, partitions: i32, records: i32) {
    let places = letters.iter().map(|letter| {
        assert_eq!(letter.value.as_deref(), Some(POISON));
        assert_eq!(header(letter, "__connect.errors.topic"), topic);
        assert_eq!(header(letter, "__connect.errors.stage"), "VALUE_CONVERTER");
        let offset = header(letter, "__connect.errors.offset");
        assert_eq!(
            (header(letter, "trace"), letter.key.as_deref()),
            (offset.clone(), Some(format!("key-{offset}").as_bytes()))
        );
        (header(letter, "__connect.errors.partition").parse::<i32>().unwrap(), offset.parse::<i32>().unwrap())
    });
    let mut places: Vec<_> = places.collect();
    places.sort_unstable();
    let poison =
        |partition| (0..records).filter(|number| number % 3 == 1).map(move |number| (partition, number));
    assert_eq!(places, (0..partitions).flat_map(poison).collect::<Vec<_>>());
}

async fn committed(client: &Client, group: &str) -> BTreeMap<i32, i64> {
    let groups = client.admin().list_group_offsets([group]).await.into_result().unwrap();
    let offsets = groups.into_iter().flat_map(|(_, offsets)| offsets);
    offsets.map(|(partition, offset)| (partition.partition, offset.offset)).collect()
}

async fn next(consumer: &mut Consumer<String, i32>) -> Result<ConsumerRecord<String, i32>, Error> {
    tokio::time::timeout(PATIENCE, consumer.next())
        .await
        .expect("something comes")
        .expect("a group has no end")
}

#[derive(Default)]
struct Heard(std::sync::Mutex<Vec<String>>);

impl Observer for Heard {
    fn on_record_rejected(&self, event: &RecordRejected<'_>) {
        let RecordRejected { topic: _, partition, offset, stage, remedy, attempts, .. } = event;
        self.0.lock().unwrap().push(format!("{partition}@{offset} {stage} {attempts}: {remedy}"));
    }
}

#[tokio::test]
async fn one_by_one_what_is_poison_is_passed_once_its_letter_is_stored() {
    let broker = TestBroker::start().await;
    let heard = Arc::new(Heard::default());
    let client = Client::builder(broker.bootstrap_servers()).observer(heard.clone()).connect().await.unwrap();
    let ((topic, letters), group) = (topics(&client, 1, 9).await, unique("group"));
    let consumer = reader(&client, &group, &topic).on_poison(Remedy::dead_letter(&letters));
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < good(9).len() {
        seen.push(next(&mut consumer).await.unwrap().value.unwrap());
    }
    assert_eq!(seen, good(9));
    consumer.commit().await.unwrap();
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 1, 9);
    assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 9)]));
    let expected = [1, 4, 7].map(|offset| format!("0@{offset} value 1: dead letter to {letters}"));
    assert_eq!(*heard.0.lock().unwrap(), expected);
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn a_batch_has_no_poison_in_it_and_may_be_nothing_but_poison() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 1, 30).await, unique("group"));
    let producer = client.producer().build().await.unwrap();
    // A batch of its own, with nothing else in it.
    producer.send(Record::to(&topic).value(POISON)).await.unwrap().await.unwrap();
    producer
        .send(Record::to(&topic).key("key").value(30_i32.to_be_bytes().to_vec()))
        .await
        .unwrap()
        .await
        .unwrap();
    let consumer = reader(&client, &group, &topic).on_poison(Remedy::dead_letter(&letters));
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < good(31).len() {
        let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
        assert!(!batch.is_empty() && batch.len() == batch.records().count());
        seen.extend(batch.records().map(|record| record.value().unwrap().unwrap()));
    }
    assert_eq!(seen, good(31));
    consumer.commit().await.unwrap();
    assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 32)]));
    let found = read_letters(&client, &letters).await;
    assert_eq!(found.len(), 11);
    assert_letters_of(&found[..10], &topic, 1, 30);
    assert_eq!(header(&found[10], "__connect.errors.offset"), "30");
}

#[tokio::test]
async fn tasks_of_partitions_settle_their_own_poison() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 3, 12).await, unique("group"));
    let consumer = reader(&client, &group, &topic).on_poison(Remedy::dead_letter(&letters));
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let (seen, until) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let work = consumer.for_each_partition_until(until.clone(), |mut partition| {
        let (seen, until) = (seen.clone(), until.clone());
        async move {
            while let Some(records) = partition.next_batch().await? {
                assert!(records.iter().all(|record| record.value.is_some_and(|number| number % 3 != 1)));
                if seen.fetch_add(records.len(), Ordering::SeqCst) + records.len() == 3 * good(12).len() {
                    until.cancel();
                }
            }
            Ok::<(), Error>(())
        }
    });
    tokio::time::timeout(PATIENCE, work).await.unwrap().unwrap();
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 3, 12);
    consumer.close().await.unwrap();
}

#[tokio::test]
async fn work_on_several_records_at_once_passes_poison() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 2, 12).await, unique("group"));
    let consumer = reader(&client, &group, &topic).on_poison(Remedy::dead_letter(&letters));
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let seen = AtomicUsize::new(0);
    let all = 2 * good(12).len();
    let done = Error::other("all is done");
    let work = consumer.for_each_concurrent(4, |record| {
        let is_last = seen.fetch_add(1, Ordering::SeqCst) + 1 == all;
        let done = done.clone();
        async move {
            record?;
            if is_last { Err(done) } else { Ok(()) }
        }
    });
    let ended = tokio::time::timeout(PATIENCE, work).await.unwrap();
    assert!(matches!(ended, Err(Error::Other { .. })), "{ended:?}");
    eventually("each poison has its letter", async || {
        (read_letters(&client, &letters).await.len() == 8).then_some(())
    })
    .await;
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 2, 12);
}

#[tokio::test]
async fn letters_of_a_transaction_that_is_done_again_are_written_once() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 1, 9).await, unique("group"));
    let numbers = unique("numbers");
    client.admin().create_topics([NewTopic::new(&numbers).partitions(1)]).await.into_result().unwrap();
    let consumer = reader(&client, &group, &topic).commit_policy(CommitPolicy::Manual);
    let consumer = consumer.on_poison(Remedy::dead_letter(&letters));
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let mut producer = client.transactional_producer(unique("id")).build().await.unwrap();
    let output = producer.topic::<str, i32>(&numbers).key(Utf8).value(Int32).open().await.unwrap();
    let (failed, stop, mut seen) = (AtomicBool::new(false), CancellationToken::new(), 0);
    let run = client.exactly_once(&mut consumer, &mut producer).stop_on(stop.clone()).run(
        async |batch, transaction| {
            for record in batch {
                transaction.send(&output, &record.key()?.unwrap(), &record.value()?.unwrap()).await?;
                seen += 1;
            }
            if !failed.swap(true, Ordering::SeqCst) {
                seen = 0;
                // What passes: the transaction is aborted, and the same work done again.
                return Err(BrokerError::new(ApiKey::Produce, ErrorCode::NotEnoughReplicas).into());
            }
            if seen == good(9).len() {
                stop.cancel();
            }
            Ok(())
        },
    );
    tokio::time::timeout(PATIENCE, run).await.unwrap().unwrap();
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 1, 9);
    assert_eq!(read_letters(&client, &numbers).await.len(), good(9).len());
    assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 9)]));
}

/// What cannot be written: a broker refuses the name.
const NO_TOPIC: &str = "no topic has a name like this!";

#[tokio::test]
async fn a_topic_of_dead_letters_that_cannot_be_written_holds_the_partition_and_loses_nothing() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, letters), group) = (topics(&client, 1, 3).await, unique("group"));
    let is_mended = Arc::new(AtomicBool::new(false));
    let consumer = reader(&client, &group, &topic).on_poison_with({
        let (is_mended, letters) = (is_mended.clone(), letters.clone());
        move |_| {
            let topic = if is_mended.load(Ordering::SeqCst) { letters.clone() } else { NO_TOPIC.to_owned() };
            async move { Ok(Remedy::dead_letter(topic)) }
        }
    });
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    assert_eq!(next(&mut consumer).await.unwrap().value, Some(0));
    for _ in 0..3 {
        match next(&mut consumer).await {
            Err(error @ Error::Held(_)) => {
                assert!(!error.is_retriable(), "no broker takes the name: {error:#}");
                assert!(format!("{error:#}").contains(NO_TOPIC), "{error:#}");
            }
            other => panic!("{other:?}"),
        }
        // Not even a commit of all that was handed out covers it.
        consumer.commit().await.unwrap();
        assert_eq!(committed(&client, &group).await, BTreeMap::from([(0, 1)]));
        assert_eq!(consumer.position((topic.as_str(), 0)).await.unwrap(), 1);
    }
    let held = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap();
    assert!(matches!(held, Err(Error::Held(_))), "{held:?}");
    is_mended.store(true, Ordering::SeqCst);
    assert_eq!(next(&mut consumer).await.unwrap().value, Some(2));
    assert_letters_of(&read_letters(&client, &letters).await, &topic, 1, 3);
}

#[tokio::test]
async fn a_held_partition_holds_up_no_other() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let ((topic, _), group) = (topics(&client, 2, 3).await, unique("group"));
    let producer = client.producer().build().await.unwrap();
    for number in 3..6_i32 {
        let record = Record::to(&topic).key("key").value(number.to_be_bytes().to_vec()).partition(1);
        producer.send(record).await.unwrap().await.unwrap();
    }
    let consumer = reader(&client, &group, &topic).on_poison_with(|poison| async move {
        match poison.record.partition {
            0 => Ok(Remedy::dead_letter(NO_TOPIC)),
            _ => Ok(Remedy::Skip),
        }
    });
    let mut consumer: Consumer<String, i32> = consumer.build().await.unwrap();
    let (mut held, mut seen) = (0, Vec::new());
    while seen.len() < 5 || held == 0 {
        match next(&mut consumer).await {
            Ok(record) if record.partition == 1 => seen.extend(record.value),
            Ok(record) => assert_eq!(record.offset, 0, "nothing behind the poison"),
            Err(Error::Held(error)) => {
                assert_eq!((error.partition, error.offset), (0, 1));
                held += 1;
            }
            Err(error) => panic!("{error:#}"),
        }
    }
    assert_eq!(seen, [0, 2, 3, 4, 5]);
}

/// Reads numbers; says of the first few that a registry does not answer, and of poison what it is.
struct Patchy(AtomicUsize);

impl Deserializer<i32> for Patchy {
    fn may_wait(&self) -> bool {
        true
    }

    fn ready<'a>(&'a self, _: DeserializeContext<'a>, _: &'a Bytes) -> Ready<'a> {
        let left = |left: usize| left.checked_sub(1);
        match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Ready::from(Err(SerdeError::unavailable("the registry does not answer"))),
            Err(_) => Ready::now(),
        }
    }

    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<i32, SerdeError> {
        Int32.deserialize(ctx, bytes)
    }
}

/// A schema that cannot be had says nothing about the record: whatever the remedy is, nothing is skipped.
#[tokio::test]
async fn a_registry_that_is_down_is_waited_for_on_each_way_of_reading() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, letters) = topics(&client, 1, 6).await;
    let patchy = |outages| {
        let consumer = client.consumer::<String, i32>(unique("group")).topics([&topic]).key(Utf8);
        let consumer =
            consumer.value(Patchy(AtomicUsize::new(outages))).on_poison(Remedy::dead_letter(&letters));
        consumer.auto_offset_reset(AutoOffsetReset::Earliest).build()
    };
    let is_held = |error: Error| {
        assert!(matches!(error, Error::Held(_)) && error.is_retriable(), "{error:#}");
        assert!(format!("{error:#}").contains("the registry does not answer"), "{error:#}");
    };
    let (mut seen, mut one_by_one) = (Vec::new(), patchy(3).await.unwrap());
    while seen.len() < 4 {
        match next(&mut one_by_one).await {
            Ok(record) => seen.extend(record.value),
            Err(error) => is_held(error),
        }
    }
    assert_eq!(seen, good(6));
    let (mut seen, mut batches) = (Vec::new(), patchy(1).await.unwrap());
    while seen.len() < 4 {
        match tokio::time::timeout(PATIENCE, batches.next_batch()).await.unwrap() {
            Ok(batch) => seen.extend(batch.unwrap().records().map(|record| record.value().unwrap().unwrap())),
            Err(error) => is_held(error),
        }
    }
    assert_eq!(seen, good(6));
    let (seen, until) = (Arc::new(std::sync::Mutex::new(Vec::new())), CancellationToken::new());
    let mut consumer = patchy(3).await.unwrap();
    let work = consumer.for_each_partition_until(until.clone(), |mut partition| {
        let (seen, until) = (seen.clone(), until.clone());
        async move {
            while let Some(record) = partition.next().await {
                match record {
                    Ok(record) => seen.lock().unwrap().extend(record.value),
                    Err(error) => is_held(error),
                }
                if seen.lock().unwrap().len() == 4 {
                    until.cancel();
                }
            }
            Ok::<(), Error>(())
        }
    });
    tokio::time::timeout(PATIENCE, work).await.unwrap().unwrap();
    assert_eq!(*seen.lock().unwrap(), good(6));
    // Each of the three readers has written the two letters that there are.
    assert_eq!(read_letters(&client, &letters).await.len(), 6);
}

/// The default, and what a handler of poison says of single records.
#[tokio::test]
async fn what_fails_is_handed_out_and_the_stream_goes_on() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let (topic, _) = topics(&client, 1, 6).await;
    let consumer = reader(&client, &unique("group"), &topic).on_poison_with(|poison| async move {
        Ok(if poison.record.offset == 1 { Remedy::Skip } else { Remedy::Fail })
    });
    for consumer in [reader(&client, &unique("group"), &topic), consumer] {
        let (mut consumer, mut found) = (consumer.build().await.unwrap(), Vec::new());
        while found.last() != Some(&5) {
            match next(&mut consumer).await {
                Ok(record) => found.push(record.offset),
                Err(Error::Deserialize(poison)) => found.push(-poison.record.offset),
                Err(error) => panic!("{error:#}"),
            }
        }
        assert!(found == [0, -1, 2, 3, -4, 5] || found == [0, 2, 3, -4, 5], "{found:?}");
        consumer.seek(TopicPartition::new(topic.as_str(), 0), 0).unwrap();
        let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap().unwrap().unwrap();
        let skipped = 6 - found.len();
        assert!(batch.records().all(|record| record.value().is_ok() == (record.offset() % 3 != 1)));
        assert!(batch.len() <= 6 - skipped);
    }
}
