//! Producing: receipts, batching, back-pressure, flush and close.

use std::time::Duration;

use kestrel_client::{Acks, Compression, Error, NoKey, Record, Timestamp};
use kestrel_serde::{Int64, Raw, Utf8};
use kestrel_tests::{TestBroker, unique};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_receipt_says_where_the_record_is() {
    let broker = TestBroker::start().await;
    let producer = broker.client().await.producer().build().await.unwrap();
    let topic = unique("receipts");
    for offset in 0..3 {
        let record =
            Record::to(topic.as_str()).key("k").value("v").partition(0).timestamp(Timestamp::from_millis(7));
        let receipt = producer.send(record).await.unwrap().await.unwrap();
        assert_eq!((&*receipt.topic, receipt.partition), (topic.as_str(), 0));
        assert_eq!((receipt.offset, receipt.timestamp), (Some(offset), Timestamp::from_millis(7)));
    }
    producer.close(PATIENCE).await.unwrap();
    let error = producer.send(Record::to(topic.as_str())).await.unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error:#}");
}

#[tokio::test]
async fn offsets_follow_the_order_of_the_sends() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let producer = client.producer().batch_size(512).linger(Duration::ZERO).build().await.unwrap();
    let numbers = producer.topic::<str, i64>(unique("order")).key(Utf8).value(Int64).open().await.unwrap();
    let mut deliveries = Vec::new();
    for number in 0..5_000 {
        deliveries.push(numbers.record("same key", &number).partition(0).send().await.unwrap());
    }
    for (offset, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset, Some(offset));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_send_side_by_side_do_not_miss_each_other() {
    const TASKS: i64 = 8;
    const RECORDS: i64 = 200;
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let producer = client.producer().linger(Duration::ZERO).build().await.unwrap();
    let numbers = producer.topic::<NoKey, i64>(unique("side-by-side")).value(Int64).open().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let numbers = numbers.clone();
        tasks.spawn(async move {
            let mut last = None;
            for number in 0..RECORDS {
                let delivery = numbers.unkeyed(&number).partition(0).send().await.unwrap();
                let offset = delivery.await.unwrap().offset;
                assert!(offset > last, "{offset:?} after {last:?}");
                last = offset;
            }
            last
        });
    }
    let last = tasks.join_all().await.into_iter().max().unwrap();
    assert_eq!(last, Some(TASKS * RECORDS - 1));
}

#[tokio::test]
async fn every_codec_is_accepted() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("codecs");
    for compression in Compression::ALL {
        let producer =
            client.producer().compression(compression).batch_size(256 * 1024).build().await.unwrap();
        let lines = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
        let mut deliveries = Vec::new();
        for number in 0..2_000 {
            deliveries.push(
                lines.send_unkeyed(&format!("line {number} of a text that repeats itself")).await.unwrap(),
            );
        }
        producer.flush().await.unwrap();
        for delivery in deliveries {
            delivery.await.unwrap();
        }
    }
}

#[tokio::test]
async fn without_acks_a_record_is_stored_without_a_known_offset() {
    let broker = TestBroker::start().await;
    let producer = broker.client().await.producer().acks(Acks::None).build().await.unwrap();
    let record = Record::to(unique("acks0")).value("v");
    let receipt = producer.send(record).await.unwrap().await.unwrap();
    assert_eq!(receipt.offset, None);
}

#[tokio::test]
async fn a_full_producer_hands_the_record_back_or_waits() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let producer =
        client.producer().buffer_memory(64 * 1024).linger(Duration::from_secs(60)).build().await.unwrap();
    let topic = unique("full");
    producer.prepare_topic(&topic).await.unwrap();
    let record = || Record::to(topic.as_str()).value(vec![7; 10_000]).partition(0);
    let mut deliveries = Vec::new();
    let refused = loop {
        match producer.try_send(record()) {
            Ok(delivery) => deliveries.push(delivery),
            Err(refused) => break refused,
        }
        assert!(deliveries.len() < 100, "64 KiB hold fewer records");
    };
    assert!(matches!(refused.error, Error::BufferFull { limit_bytes: 65_536, .. }));
    // What waits for memory makes the batches that linger go.
    for _ in 0..20 {
        deliveries.push(producer.send((*refused.record).clone()).await.unwrap());
    }
    producer.flush().await.unwrap();
    for (offset, delivery) in (0..).zip(deliveries) {
        assert_eq!(delivery.await.unwrap().offset, Some(offset));
    }
}

#[tokio::test]
async fn buffers_of_batches_are_used_again() {
    const BATCH_BYTES: usize = 64 * 1024;
    const VALUE_BYTES: usize = 1000;
    let broker = TestBroker::start().await;
    let builder = broker.client().await.producer().linger(Duration::from_secs(60));
    let producer = builder.batch_size(BATCH_BYTES).buffer_memory(4 * BATCH_BYTES).build().await.unwrap();
    let values = producer.topic::<NoKey, [u8]>(unique("buffers")).value(Raw).open().await.unwrap();
    let mut deliveries = Vec::with_capacity(4 * BATCH_BYTES / VALUE_BYTES);
    for round in 0..3 {
        let filled = allocation_counter::measure(|| {
            while let Ok(delivery) = values.unkeyed(&[7; VALUE_BYTES]).partition(0).try_send() {
                deliveries.push(delivery);
            }
        });
        assert!(deliveries.len() >= 3 * BATCH_BYTES / VALUE_BYTES, "{}", deliveries.len());
        assert!(round == 0 || filled.bytes_total < BATCH_BYTES as u64, "round {round}: {filled:?}");
        producer.flush().await.unwrap();
        for delivery in deliveries.drain(..) {
            delivery.await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_was_accepted_is_delivered_after_the_producer_is_dropped() {
    let broker = TestBroker::start().await;
    let producer = broker.client().await.producer().linger(Duration::from_secs(60)).build().await.unwrap();
    let delivery = producer.send(Record::to(unique("dropped")).value("v")).await.unwrap();
    drop(producer);
    assert_eq!(delivery.await.unwrap().offset, Some(0));
}

#[tokio::test]
async fn records_that_are_too_large_are_refused_at_once() {
    let broker = TestBroker::start().await;
    let producer = broker.client().await.producer().build().await.unwrap();
    let record = Record::to(unique("large")).value(vec![0; 2 * 1024 * 1024]);
    let error = producer.send(record).await.unwrap_err();
    assert!(error.to_string().contains("max.request.size"), "{error:#}");
}
