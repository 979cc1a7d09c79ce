//! What the facade `metrics` has of a client that produces, reads in a group, fails and ends.
//!
//! Each test runs in one thread, with a recorder of that thread.

use std::time::Duration;

use futures::FutureExt;
use kestrel_broker::Broker;
use kestrel_client::admin::NewTopic;
use kestrel_client::{ApiKey, AutoOffsetReset, Client, ErrorCode, NoKey, Raw, Remedy, Utf8};
use kestrel_examples::Readings;
use kestrel_tests::{TestBroker, eventually, unique};

mod exported;

/// How many records a test sends in one batch.
const RECORDS: usize = 500;

async fn measured(servers: &str) -> Client {
    Client::builder(servers).client_id("shop").metrics().connect().await.unwrap()
}

/// The values of a counter or a gauge with these labels, together.
#[track_caller]
fn assert_sum(readings: &Readings, name: &str, labels: &[(&str, &str)], wanted: usize) {
    let found = readings.sum(name, labels).sum;
    assert!(
        (found - wanted as f64).abs() < 1e-6,
        "{name} {labels:?}: {found}, not {wanted}\n{:#?}",
        readings.of(name)
    );
}

/// How many values a histogram with these labels has.
#[track_caller]
fn assert_values(readings: &Readings, name: &str, labels: &[(&str, &str)], wanted: usize) {
    assert_eq!(readings.sum(name, labels).count, wanted, "{name} {labels:?}\n{:#?}", readings.of(name));
}

#[tokio::test]
async fn produced_records_are_counted_exactly() {
    let readings = Readings::default();
    let _recorder = metrics::set_default_local_recorder(&readings);
    let broker = TestBroker::start().await;
    let client = measured(broker.bootstrap_servers()).await;
    let topic = unique("measured");
    let of_topic = [("client_id", "shop"), ("topic", topic.as_str())];
    client.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    let producer = client.producer().linger(Duration::from_secs(60)).build().await.unwrap();
    let values = producer.topic::<NoKey, [u8]>(topic.as_str()).value(Raw).open().await.unwrap();
    for batch in 1..=2 {
        for _ in 0..RECORDS {
            drop(values.unkeyed(&[7; 100]).partition(0).send().await.unwrap());
        }
        assert!(readings.sum("kestrel_producer_buffer_used_bytes", &[]).sum > 0.0);
        producer.flush().await.unwrap();
        assert_sum(&readings, "kestrel_producer_records_total", &of_topic, batch * RECORDS);
        assert_sum(&readings, "kestrel_producer_batches_total", &of_topic, batch);
        assert_values(&readings, "kestrel_producer_delivery_seconds", &of_topic, batch);
        assert_values(&readings, "kestrel_producer_queue_seconds", &of_topic, batch);
    }
    assert_sum(&readings, "kestrel_producer_batch_records", &of_topic, 2 * RECORDS);
    let uncompressed = readings.sum("kestrel_producer_uncompressed_bytes_total", &of_topic).sum;
    let (sent, sizes) = (
        readings.sum("kestrel_producer_bytes_total", &of_topic).sum,
        readings.sum("kestrel_producer_batch_bytes", &of_topic),
    );
    assert!(sent > 2.0 * RECORDS as f64 * 100.0 && (sent - sizes.sum).abs() < 0.5 && sizes.count == 2);
    assert!(
        (readings.sum("kestrel_producer_compression_ratio", &of_topic).mean() - sent / uncompressed).abs()
            < 0.01
    );
    // A producer that is gone has no memory any more.
    assert!(readings.sum("kestrel_producer_buffer_limit_bytes", &[]).sum > 1e6);
    producer.close(Duration::from_secs(10)).await.unwrap();
    drop((values, producer));
    eventually("the end of the producer", async || {
        (readings.sum("kestrel_producer_buffer_limit_bytes", &[]).sum == 0.0).then_some(())
    })
    .await;
    assert_sum(&readings, "kestrel_producer_buffer_used_bytes", &[], 0);
    assert_sum(&readings, "kestrel_client_requests_in_flight", &[("client_id", "shop")], 0);
}

#[tokio::test]
async fn a_member_of_a_group_is_counted_until_it_has_left() {
    let readings = Readings::default();
    let _recorder = metrics::set_default_local_recorder(&readings);
    let broker = TestBroker::start().await;
    let client = measured(broker.bootstrap_servers()).await;
    let (topic, group) = (unique("measured"), unique("members"));
    let (of_group, of_topic) =
        ([("group", group.as_str())], [("group", group.as_str()), ("topic", topic.as_str())]);
    client.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    let producer = client.producer().linger(Duration::from_secs(60)).build().await.unwrap();
    let values = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    for _ in 0..RECORDS {
        drop(values.unkeyed("value").send().await.unwrap());
    }
    producer.flush().await.unwrap();
    let sent_bytes = readings.sum("kestrel_producer_bytes_total", &[("topic", topic.as_str())]).sum;

    let consumer = client.consumer::<String, String>(group.as_str()).topics([topic.as_str()]);
    let consumer = consumer.key(Utf8).value(Utf8).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.build().await.unwrap();
    consumer.next().await.unwrap().unwrap();
    assert_sum(&readings, "kestrel_consumer_assigned_partitions", &of_group, 1);
    assert_sum(&readings, "kestrel_consumer_lag_records", &of_topic, RECORDS);
    for _ in 1..RECORDS {
        consumer.next().await.unwrap().unwrap();
    }
    // Whoever asks for more has read all that there was.
    assert!(consumer.next().now_or_never().is_none());
    assert_sum(&readings, "kestrel_consumer_lag_records", &of_topic, 0);
    assert_sum(&readings, "kestrel_consumer_records_total", &of_topic, RECORDS);
    assert!((readings.sum("kestrel_consumer_bytes_total", &of_topic).sum - sent_bytes).abs() < 0.5);
    assert!((readings.sum("kestrel_consumer_fetch_bytes", &[]).sum - sent_bytes).abs() < 0.5);
    assert_sum(&readings, "kestrel_consumer_fetched_records_total", &[], RECORDS);
    assert_values(&readings, "kestrel_consumer_waiting_seconds", &of_group, 1);

    consumer.commit().await.unwrap();
    assert_sum(&readings, "kestrel_consumer_commits_total", &of_group, 1);
    assert_values(&readings, "kestrel_consumer_commit_seconds", &of_group, 1);
    for _ in 0..RECORDS {
        drop(values.unkeyed("value").send().await.unwrap());
    }
    producer.flush().await.unwrap();
    consumer.next().await.unwrap().unwrap();
    assert_sum(&readings, "kestrel_consumer_lag_records", &of_topic, RECORDS);
    assert_values(&readings, "kestrel_consumer_processing_seconds", &of_group, 1);
    consumer.close().await.unwrap();
    // What nobody reads here any more is nobody's lag here.
    eventually("the end of the consumer", async || {
        (readings.sum("kestrel_consumer_lag_records", &of_topic).sum == 0.0).then_some(())
    })
    .await;
    assert_sum(&readings, "kestrel_consumer_assigned_partitions", &of_group, 0);
    let rebalances = readings.sum("kestrel_consumer_rebalances_total", &of_group).sum;
    assert!(rebalances >= 1.0);
    let durations = readings.sum("kestrel_consumer_rebalance_seconds", &of_group).count;
    assert!((rebalances - durations as f64).abs() < 0.5);
}

#[tokio::test]
async fn failures_are_counted_by_their_error() {
    let readings = Readings::default();
    let _recorder = metrics::set_default_local_recorder(&readings);
    let broker = TestBroker::embedded(Broker::builder().ephemeral()).await;
    let client = measured(&format!("127.0.0.1:1,{}", broker.bootstrap_servers())).await;
    let topic = unique("measured");
    let of_topic = [("topic", topic.as_str())];
    client.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    let producer = client.producer().build().await.unwrap();
    let values = producer.topic::<NoKey, [u8]>(topic.as_str()).value(Raw).open().await.unwrap();
    broker.kestrel().faults().on(ApiKey::Produce).times(2).answer(ErrorCode::NotLeaderOrFollower);
    values.send_unkeyed(b"\xff").await.unwrap().await.unwrap();
    let refused = [("operation", "producing a batch"), ("error", "NOT_LEADER_OR_FOLLOWER")];
    assert_sum(&readings, "kestrel_client_retries_total", &refused, 2);
    assert_sum(&readings, "kestrel_producer_batch_retries_total", &of_topic, 2);
    broker.kestrel().faults().on(ApiKey::Produce).times(1).answer(ErrorCode::TopicAuthorizationFailed);
    values.send_unkeyed(b"\xff").await.unwrap().await.unwrap_err();
    let denied = [("topic", topic.as_str()), ("error", "TOPIC_AUTHORIZATION_FAILED")];
    assert_sum(&readings, "kestrel_producer_record_errors_total", &denied, 1);
    assert_sum(&readings, "kestrel_producer_records_total", &of_topic, 1);

    let reader =
        client.assigned_consumer::<String, String>().assign_topics([topic.as_str()]).key(Utf8).value(Utf8);
    let reader = reader.on_poison(Remedy::Skip).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut reader = reader.build().await.unwrap();
    values.send_unkeyed(b"text").await.unwrap().await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().value.as_deref(), Some("text"));
    let skipped = [("topic", topic.as_str()), ("group", ""), ("stage", "value"), ("remedy", "skip")];
    assert_sum(&readings, "kestrel_consumer_rejected_records_total", &skipped, 1);

    drop((values, producer, reader, client));
    eventually("the end of the connections", async || {
        (readings.sum("kestrel_client_connections", &[]).sum == 0.0).then_some(())
    })
    .await;
    let connects = readings.sum("kestrel_client_connects_total", &[]).sum;
    assert!(
        connects > 0.0 && (connects - readings.sum("kestrel_client_disconnects_total", &[]).sum).abs() < 0.5
    );
    assert!(
        readings
            .sum("kestrel_client_connect_errors_total", &[("broker", "bootstrap"), ("error", "disconnected")])
            .sum
            >= 1.0
    );
}

#[tokio::test]
async fn transactions_are_counted_by_their_outcome() {
    let readings = Readings::default();
    let _recorder = metrics::set_default_local_recorder(&readings);
    let broker = TestBroker::start().await;
    let client = measured(broker.bootstrap_servers()).await;
    let topic = unique("measured");
    client.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    let mut producer = client.transactional_producer(unique("measured").as_str()).build().await.unwrap();
    let values = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    for _ in 0..3 {
        let transaction = producer.begin().await.unwrap();
        transaction.send_unkeyed(&values, "value").await.unwrap();
        transaction.commit().await.unwrap();
    }
    let transaction = producer.begin().await.unwrap();
    transaction.send_unkeyed(&values, "value").await.unwrap();
    transaction.abort().await.unwrap();
    for (outcome, count) in [("committed", 3), ("aborted", 1), ("failed", 0)] {
        assert_sum(&readings, "kestrel_producer_transactions_total", &[("outcome", outcome)], count);
        assert_values(&readings, "kestrel_producer_transaction_seconds", &[("outcome", outcome)], count);
    }
}
