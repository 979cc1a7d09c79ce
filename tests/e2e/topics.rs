//! Topics that come, grow and go under a producer: what is looked up again, what may be created, what is forgotten.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::{NewPartitions, NewTopic};
use kestrel_client::partitioner::{Choice, PartitionInput, RoundRobin};
use kestrel_client::{Client, Error, NoKey, Record};
use kestrel_serde::Utf8;
use kestrel_tests::{TestBroker, eventually, unique};

const PATIENCE: Duration = Duration::from_secs(30);

/// A client that looks at the cluster all the time.
async fn watchful(broker: &TestBroker) -> Client {
    Client::builder(broker.bootstrap_servers())
        .metadata_max_age(Duration::from_millis(10))
        .retry_backoff(Duration::from_millis(5), Duration::from_millis(10))
        .connect()
        .await
        .unwrap()
}

async fn exists(client: &Client, topic: &str) -> bool {
    let topics = client.admin().list_topics().await.unwrap();
    topics.into_iter().any(|listed| &*listed.name == topic)
}

async fn delete(client: &Client, topic: &str) {
    client.admin().delete_topics([topic]).await.into_result().unwrap();
}

/// Until the client has looked at the cluster some more times.
async fn look_again(client: &Client) {
    let producer = client.producer().build().await.unwrap();
    for _ in 0..10 {
        producer.prepare_topic(&unique("look")).await.unwrap();
    }
    producer.close(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_topic_that_was_deleted_after_its_producer_was_closed_stays_deleted() {
    let broker = TestBroker::start().await;
    let client = watchful(&broker).await;
    let topic = unique("closed");
    let producer = client.producer().build().await.unwrap();
    let typed = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    typed.send_unkeyed("one").await.unwrap().await.unwrap();
    producer.close(PATIENCE).await.unwrap();
    eventually("nobody uses the topic", async || {
        client.metadata_snapshot().topic(&topic).is_none().then_some(())
    })
    .await;
    delete(&client, &topic).await;
    look_again(&client).await;
    assert!(!exists(&client, &topic).await);
    drop(typed);
}

#[tokio::test]
async fn a_topic_that_was_deleted_under_its_producer_comes_back_only_when_that_sends() {
    let broker = TestBroker::start().await;
    let client = watchful(&broker).await;
    let topic = unique("deleted");
    let producer = client.producer().build().await.unwrap();
    let typed = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    typed.send_unkeyed("one").await.unwrap().await.unwrap();
    delete(&client, &topic).await;
    eventually("the producer knows", async || {
        // To a partition that there is not, so that nothing is accepted meanwhile.
        let refused = producer.try_send(Record::to(topic.as_str()).partition(9999)).err()?;
        matches!(refused.error, Error::UnknownTopic { .. }).then_some(())
    })
    .await;
    look_again(&client).await;
    assert!(!exists(&client, &topic).await);
    assert!(matches!(typed.unkeyed("no").try_send().unwrap_err(), Error::UnknownTopic { .. }));
    let receipt = typed.send_unkeyed("two").await.unwrap().await.unwrap();
    assert_eq!(receipt.offset, Some(0));
    producer.send(Record::to(topic.as_str()).value("three")).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_send_to_a_name_that_does_not_exist_leaves_nothing_behind() {
    let builder = Broker::builder().ephemeral().durability(Durability::Os);
    let broker = TestBroker::embedded(builder.set("auto.create.topics.enable", "false")).await;
    let client = watchful(&broker).await;
    let producer = client.producer().max_block(Duration::from_secs(5)).build().await.unwrap();
    let error = producer.send(Record::to("mispelt")).await.unwrap_err();
    assert!(matches!(error, Error::UnknownTopic { .. }), "{error}");
    client
        .admin()
        .create_topics([NewTopic::new("mispelt"), NewTopic::new("right")])
        .await
        .into_result()
        .unwrap();
    for _ in 0..10 {
        producer.prepare_topic("right").await.unwrap();
    }
    assert!(client.metadata_snapshot().topic("mispelt").is_none(), "nobody asks for it any more");
}

#[tokio::test]
async fn a_topic_that_nothing_is_sent_to_is_forgotten_and_found_again() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("idle");
    let producer = client.producer().metadata_max_idle(Duration::from_millis(20)).build().await.unwrap();
    for _ in 0..3 {
        producer.send(Record::to(topic.as_str()).value("v")).await.unwrap().await.unwrap();
        let forgotten = async || client.metadata_snapshot().topic(&topic).is_none().then_some(());
        eventually("the topic is forgotten", forgotten).await;
    }
}

#[tokio::test]
async fn a_partition_that_someone_else_has_just_added_is_found() {
    let broker = TestBroker::start().await;
    let (client, other) = (broker.client().await, broker.client().await);
    let topic = unique("grown");
    other.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    let last = |input: &PartitionInput<'_>| match input.key {
        Some(b"last") => Choice::Partition(4),
        _ => Choice::Sticky,
    };
    let producer = client.producer().partitioner(last).build().await.unwrap();
    let typed = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    let record = |partition| Record::to(topic.as_str()).value("v").partition(partition);
    producer.send(record(0)).await.unwrap().await.unwrap();
    other
        .admin()
        .create_partitions([NewPartitions::increase_to(topic.as_str(), 5)])
        .await
        .into_result()
        .unwrap();
    let receipt = producer.send(record(4)).await.unwrap().await.unwrap();
    assert_eq!((receipt.partition, receipt.offset), (4, Some(0)));
    typed.unkeyed("v").partition(3).send().await.unwrap().await.unwrap();
    let chosen = producer.send(Record::to(topic.as_str()).key("last").value("v")).await.unwrap();
    assert_eq!(chosen.await.unwrap().partition, 4);
    other
        .admin()
        .create_partitions([NewPartitions::increase_to(topic.as_str(), 6)])
        .await
        .into_result()
        .unwrap();
    // Who does not wait is refused at first, and not for ever.
    let accepted = eventually("the partition is known", async || producer.try_send(record(5)).ok()).await;
    accepted.await.unwrap();
}

#[tokio::test]
async fn a_partition_is_waited_for_and_then_refused_with_the_count() {
    let broker = TestBroker::start().await;
    let producer = broker.client().await.producer().max_block(Duration::from_secs(5)).build().await.unwrap();
    let topic = unique("partitions");
    producer.prepare_topic(&topic).await.unwrap();
    let is_refused = async |partition: i32| {
        let error = producer.send(Record::to(topic.as_str()).partition(partition)).await.unwrap_err();
        assert!(matches!(error, Error::UnknownPartition { partition: p, .. } if p == partition), "{error}");
    };
    tokio::join!(is_refused(99), is_refused(i32::MAX), is_refused(-1), is_refused(i32::MIN));
}

#[tokio::test]
async fn a_round_robin_stays_even_when_memory_is_short() {
    let broker = TestBroker::start().await;
    let client = broker.client().await;
    let topic = unique("even");
    client.admin().create_topics([NewTopic::new(topic.as_str()).partitions(3)]).await.into_result().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = {
        let asked = Arc::clone(&asked);
        move |input: &PartitionInput<'_>| {
            asked.fetch_add(1, Ordering::Relaxed);
            kestrel_client::partitioner::Partitioner::partition(&RoundRobin, input)
        }
    };
    let builder = client.producer().partitioner(counting).linger(Duration::ZERO);
    let producer = builder.batch_size(1000).buffer_memory(2000).build().await.unwrap();
    let typed = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    let value = "v".repeat(400);
    let mut deliveries = Vec::new();
    for number in 0..1200 {
        deliveries.push(match number % 3 {
            0 => producer.send(Record::to(topic.as_str()).value(value.clone())).await.unwrap(),
            1 => typed.send_unkeyed(&value).await.unwrap(),
            _ => {
                let mut record = Record::to(topic.as_str()).value(value.clone());
                loop {
                    match producer.try_send(record) {
                        Ok(delivery) => break delivery,
                        Err(refused) => record = *refused.record,
                    }
                    tokio::task::yield_now().await;
                }
            }
        });
    }
    let mut counts = [0; 3];
    for delivery in deliveries {
        counts[usize::try_from(delivery.await.unwrap().partition).unwrap()] += 1;
    }
    assert_eq!((counts, asked.load(Ordering::Relaxed)), ([400; 3], 1200));
}
