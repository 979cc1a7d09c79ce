//! Faults between the producer and the broker: whatever goes wrong on the way, each record is stored once and in order.
//!
//! These tests need faults on demand, so they always run on a Kestrel broker of their own.

use std::time::Duration;

use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{
    ApiKey, AutoOffsetReset, Client, Error, ErrorCode, NoKey, Producer, ProducerBuilder, Record, Severity,
    TypedProducer,
};
use kestrel_serde::{Int64, Utf8};
use kestrel_tests::TestBroker;

const TOPIC: &str = "numbers";

type Numbers = TypedProducer<NoKey, i64>;

async fn start() -> (TestBroker, Client) {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let client = Client::builder(broker.bootstrap_servers())
        .retry_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .reconnect_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .connect()
        .await
        .unwrap();
    (broker, client)
}

/// Batches of few records, so that many requests are under way.
async fn numbers(builder: ProducerBuilder) -> (Producer, Numbers) {
    let producer = builder.batch_size(200).linger(Duration::ZERO).build().await.unwrap();
    let topic = producer.topic::<NoKey, i64>(TOPIC).value(Int64).open().await.unwrap();
    (producer, topic)
}

/// Sends numbers and waits until each is stored at the offset of its own number.
async fn send_in_order(numbers: &Numbers, range: std::ops::Range<i64>) {
    let mut deliveries = Vec::new();
    for number in range {
        deliveries.push((number, numbers.send_unkeyed(&number).await.unwrap()));
    }
    for (number, delivery) in deliveries {
        let receipt = delivery.await.unwrap_or_else(|error| panic!("{number}: {error:#}"));
        if let Some(offset) = receipt.offset {
            assert_eq!(offset, number);
        }
    }
}

/// Reads the topic and finds each number at its place, once, and nothing behind them.
async fn assert_holds(client: &Client, count: i64) {
    let mut consumer = client
        .assigned_consumer::<String, i64>()
        .assign([(TOPIC, 0)])
        .key(Utf8)
        .value(Int64)
        .auto_offset_reset(AutoOffsetReset::Earliest)
        .build()
        .await
        .unwrap();
    for number in 0..count {
        let record = consumer.next().await.unwrap().unwrap();
        assert_eq!((record.offset, record.value), (number, Some(number)));
    }
    let end = consumer.end_offsets([(TOPIC, 0)]).await.unwrap();
    assert_eq!(end.into_values().collect::<Vec<_>>(), [count]);
}

#[tokio::test]
async fn retriable_refusals_in_the_middle_of_the_stream_change_nothing() {
    for code in [
        ErrorCode::NotEnoughReplicas,
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::RequestTimedOut,
        ErrorCode::CorruptMessage,
    ] {
        let (broker, client) = start().await;
        let (_producer, numbers) = numbers(client.producer()).await;
        for nth in [2, 3, 7, 20] {
            broker.kestrel().faults().on(ApiKey::Produce).nth(nth).times(2).answer(code);
        }
        send_in_order(&numbers, 0..2000).await;
        assert_holds(&client, 2000).await;
    }
}

#[tokio::test]
async fn answers_that_are_lost_double_nothing() {
    let (broker, client) = start().await;
    let (_producer, numbers) = numbers(client.producer()).await;
    for nth in [1, 4, 9, 10, 30] {
        broker.kestrel().faults().on(ApiKey::Produce).nth(nth).lose_answer();
    }
    send_in_order(&numbers, 0..3000).await;
    assert_holds(&client, 3000).await;
}

#[tokio::test]
async fn requests_that_are_lost_leave_no_gap() {
    let (broker, client) = start().await;
    let (_producer, numbers) = numbers(client.producer()).await;
    for nth in [1, 5, 6, 25] {
        broker.kestrel().faults().on(ApiKey::Produce).nth(nth).drop_connection();
    }
    send_in_order(&numbers, 0..3000).await;
    assert_holds(&client, 3000).await;
}

#[tokio::test]
async fn a_broker_that_restarts_is_found_again() {
    let (broker, client) = start().await;
    let (_producer, numbers) = numbers(client.producer()).await;
    send_in_order(&numbers, 0..500).await;
    let (restarted, ()) = tokio::join!(broker.kestrel().restart(), send_in_order(&numbers, 500..3000));
    restarted.unwrap();
    send_in_order(&numbers, 3000..3100).await;
    assert_holds(&client, 3100).await;
}

#[tokio::test]
async fn records_that_find_nothing_under_way_fare_no_worse() {
    let (broker, client) = start().await;
    let (_producer, numbers) = numbers(client.producer()).await;
    broker.kestrel().faults().on(ApiKey::Produce).nth(5).answer(ErrorCode::NotEnoughReplicas);
    broker.kestrel().faults().on(ApiKey::Produce).nth(20).lose_answer();
    broker.kestrel().faults().on(ApiKey::Produce).nth(40).drop_connection();
    for number in 0..100 {
        send_in_order(&numbers, number..number + 1).await;
    }
    // The connection ends while nobody waits for anything.
    broker.kestrel().restart().await.unwrap();
    for number in 100..200 {
        send_in_order(&numbers, number..number + 1).await;
    }
    assert_holds(&client, 200).await;
}

#[tokio::test]
async fn a_record_that_the_broker_refuses_does_not_stop_the_others() {
    let (broker, client) = start().await;
    let (producer, numbers) = numbers(client.producer()).await;
    send_in_order(&numbers, 0..100).await;
    broker.kestrel().faults().on(ApiKey::Produce).answer(ErrorCode::InvalidRecord);
    let refused = numbers.send_unkeyed(&-1).await.unwrap();
    producer.flush().await.unwrap();
    let error = refused.await.unwrap_err();
    assert_eq!((error.code(), error.severity()), (Some(ErrorCode::InvalidRecord), Severity::Invalid));
    send_in_order(&numbers, 100..200).await;
    assert_holds(&client, 200).await;
}

#[tokio::test]
async fn a_delivery_that_takes_too_long_says_what_was_wrong() {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let client = Client::builder(broker.bootstrap_servers())
        .request_timeout(Duration::from_secs(5))
        // Doubles each time: when the delivery's time is over, no attempt is under way, which might be stored. Ten pauses have taken
        // 4 to 6 s by then, and the next one ends after 8 s.
        .retry_backoff(Duration::from_millis(5), Duration::from_secs(60))
        .connect()
        .await
        .unwrap();
    let (_producer, numbers) = numbers(client.producer().delivery_timeout(Duration::from_secs(7))).await;
    broker.kestrel().faults().on(ApiKey::Produce).times(1000).answer(ErrorCode::NotEnoughReplicas);
    let error = numbers.send_unkeyed(&0).await.unwrap().await.unwrap_err();
    assert!(matches!(error, Error::Timeout { setting: Some("delivery.timeout.ms"), .. }), "{error:#}");
    assert_eq!(error.code(), Some(ErrorCode::NotEnoughReplicas));
    assert!(!error.possibly_written(), "each attempt was refused before anything was written");
    broker.kestrel().faults().clear();
    send_in_order(&numbers, 0..100).await;
}

#[tokio::test]
async fn a_batch_that_the_topic_finds_too_large_is_taken_apart() {
    let builder = Broker::builder().ephemeral().durability(Durability::Os).set("message.max.bytes", "2000");
    let broker = TestBroker::embedded(builder).await;
    let client = broker.client().await;
    let producer = client.producer().linger(Duration::from_millis(50)).build().await.unwrap();
    let numbers = producer.topic::<NoKey, i64>(TOPIC).value(Int64).open().await.unwrap();
    send_in_order(&numbers, 0..2000).await;
    assert_holds(&client, 2000).await;
    let error = producer.send(Record::to(TOPIC).value(vec![0; 3000])).await.unwrap().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MessageTooLarge));
    send_in_order(&numbers, 2000..2100).await;
}

#[tokio::test]
async fn a_producer_that_may_not_have_an_identity_says_so_at_once() {
    let (broker, client) = start().await;
    broker.kestrel().faults().on(ApiKey::InitProducerId).answer(ErrorCode::ClusterAuthorizationFailed);
    let error = client.producer().build().await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::ClusterAuthorizationFailed));
    broker.kestrel().faults().on(ApiKey::InitProducerId).answer(ErrorCode::CoordinatorLoadInProgress);
    assert!(client.producer().build().await.is_ok(), "what passes is tried again");
}

#[tokio::test]
async fn an_error_is_fatal_exactly_when_the_producer_has_ended() {
    let (broker, client) = start().await;
    client.admin().create_topics([NewTopic::new(TOPIC)]).await.into_result().unwrap();
    for code in ErrorCode::ALL.iter().copied().filter(|code| !code.is_none()) {
        let (producer, numbers) = numbers(client.producer()).await;
        broker.kestrel().faults().on(ApiKey::Produce).times(1).answer(code);
        let outcome = numbers.send_unkeyed(&1).await.unwrap().await;
        let severity = outcome.err().map(|error| error.severity());
        let goes_on = match numbers.send_unkeyed(&2).await {
            Ok(delivery) => delivery.await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(goes_on, severity != Some(Severity::Fatal), "{code}: {severity:?}");
        producer.close(Duration::from_secs(30)).await.unwrap();
    }
}

#[tokio::test]
async fn who_may_not_join_a_group_is_not_finished() {
    let (broker, client) = start().await;
    let (_producer, numbers) = numbers(client.producer()).await;
    send_in_order(&numbers, 0..1).await;
    broker.kestrel().faults().on(ApiKey::JoinGroup).times(1).answer(ErrorCode::GroupAuthorizationFailed);
    let consumer = client.consumer::<String, i64>("group").topics([TOPIC]).key(Utf8).value(Int64);
    let mut consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap();
    let refused = consumer.next().await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::GroupAuthorizationFailed));
    assert_eq!(refused.severity(), Severity::Invalid);
    assert_eq!(consumer.next().await.unwrap().unwrap().value, Some(0));
}

#[tokio::test]
async fn an_advertised_address_that_leads_nowhere_is_named_with_its_setting() {
    let builder = Broker::builder().ephemeral().durability(Durability::Os);
    // The broker tells nobody but its clients where it listens, and this one tells them something else.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let builder = builder.listen(address.to_string()).advertise("no-such-host.invalid:9092");
    let _broker = TestBroker::embedded(builder).await;
    let timeout = Duration::from_secs(5);
    let client = Client::builder(address.to_string()).request_timeout(timeout).connect().await.unwrap();
    let producer = client.producer().linger(Duration::ZERO).delivery_timeout(timeout).build().await.unwrap();
    let error = producer.send(Record::to(TOPIC).value("v")).await.unwrap().await.unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("no-such-host.invalid:9092") && text.contains("advertised.listeners"), "{text}");
}
