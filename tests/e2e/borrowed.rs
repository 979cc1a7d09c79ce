//! What a program has borrowed goes in as it is: names, keys, values, headers; and comes back the same.

use kestrel_client::admin::NewTopic;
use kestrel_client::serde::Serializer;
use kestrel_client::{
    AutoOffsetReset, Client, Consumer, ConsumerRecord, Header, Headers, Int64, Raw, Record, Timestamp,
    TopicPartition, TypedProducer, Utf8,
};
use kestrel_tests::{TestBroker, unique};

/// What a user's struct looks like: no word about formats.
struct Accounts {
    balances: TypedProducer<str, i64>,
}

async fn read(client: &Client, topics: &[String], count: usize) -> Vec<ConsumerRecord<String, i64>> {
    let builder = client.assigned_consumer().assign_topics(topics).key(Utf8).value(Int64);
    let mut consumer = builder.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    let mut records = Vec::new();
    while records.len() < count {
        records.push(consumer.next().await.unwrap().unwrap());
    }
    records
}

#[tokio::test]
async fn typed_records_and_tombstones_carry_headers_and_times() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topics = vec![unique("balances")];
    client.admin().create_topics(topics.iter().map(NewTopic::new)).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    // The format is chosen when the program runs; the type does not change.
    let format: Box<dyn Serializer<i64>> = Box::new(Int64);
    let opened = producer.topic(&topics[0]).key(Utf8).value(format).open().await.unwrap();
    let accounts = Accounts { balances: opened };

    let (key, trace, whole) = (String::from("ada"), String::from("7f3a"), headers());
    let record = accounts.balances.record(&key, &100).header(&trace, &key).header("none", None::<&str>);
    record.headers(whole.clone()).send().await.unwrap().await.unwrap();
    let tombstone = accounts.balances.tombstone_record(&key).header("why", b"closed");
    tombstone.timestamp(Timestamp::from_millis(7)).partition(0).send().await.unwrap().await.unwrap();

    let records = read(&client, &topics, 2).await;
    let mut expected: Vec<(&str, Option<&[u8]>)> = vec![("7f3a", Some(b"ada")), ("none", None)];
    expected.extend(&whole);
    assert_eq!((&records[0].headers).into_iter().collect::<Vec<_>>(), expected);
    assert_eq!((records[1].key.as_deref(), records[1].value), (Some("ada"), None));
    assert_eq!(records[1].headers.last("why"), Some(Some(&b"closed"[..])));
    assert_eq!(records[1].timestamp, Timestamp::from_millis(7));
}

fn headers() -> Headers {
    [Header { key: "hop".into(), value: Some("a".into()) }, Header { key: "hop".into(), value: None }]
        .into_iter()
        .collect()
}

#[tokio::test]
async fn records_of_bytes_are_made_of_what_is_at_hand() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let producer = client.producer().build().await.unwrap();
    let (topic, key, value) = (unique("borrowed"), String::from("k"), vec![1, 2, 3]);
    let record = Record::to(&topic).key(&key).value(&value).header(&key, &value).headers(headers());
    let receipt = producer.send(record.clone()).await.unwrap().await.unwrap();

    let mut consumer: Consumer<Vec<u8>, Vec<u8>> = client
        .consumer("borrowed")
        .topics([&topic])
        .key(Raw)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    let read = consumer.next().await.unwrap().unwrap();
    assert_eq!(
        TopicPartition::new(&read.topic, read.partition),
        TopicPartition::new(topic, receipt.partition)
    );
    assert_eq!((read.key, read.value), (Some(key.into_bytes()), Some(value)));
    assert_eq!(read.headers, record.headers);
    consumer.close().await.unwrap();
}
