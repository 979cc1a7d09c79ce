//! Connections that are cut, held back and stalled all the time: a producer loses nothing, doubles nothing, and keeps the order.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{AutoOffsetReset, Client, Compression, Record};
use kestrel_tests::{BadNetwork, TestBroker};

const TOPIC: &str = "cut";
const PARTITIONS: i32 = 4;
/// How many connections are cut before the network calms down.
const CUTS: usize = 8;
/// How many records are sent before the next look at the network.
const RECORDS_AT_A_TIME: usize = 500;

async fn start(seed: u64) -> (BadNetwork, TestBroker, Client) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let network = BadNetwork::to(address.clone(), seed).await;
    let builder = Broker::builder().ephemeral().durability(Durability::Os).set("log.retention.ms", "-1");
    let broker = TestBroker::embedded(builder.listen(address).advertise(network.address())).await;
    let client = Client::builder(network.address())
        .retry_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .reconnect_backoff(Duration::from_millis(5), Duration::from_millis(50))
        .connect()
        .await
        .unwrap();
    client.admin().create_topics([NewTopic::new(TOPIC).partitions(PARTITIONS)]).await.into_result().unwrap();
    (network, broker, client)
}

/// Sends numbered records until enough connections were cut; gives how many each partition got.
async fn produce(network: &BadNetwork, client: &Client, compression: Compression) -> BTreeMap<i32, usize> {
    // Little memory, so that the network and not the memory decides how many records are on their way.
    let producer = client.producer().batch_size(4096).buffer_memory(256 * 1024).compression(compression);
    let producer = producer.build().await.unwrap();
    let mut counts = BTreeMap::<i32, usize>::new();
    let mut deliveries = Vec::new();
    while network.cut() < CUTS {
        for _ in 0..RECORDS_AT_A_TIME {
            let partition = i32::try_from(deliveries.len()).unwrap() % PARTITIONS;
            let count = counts.entry(partition).or_default();
            let record = Record::to(TOPIC).partition(partition).value(format!("{partition}:{count}"));
            deliveries.push((*count, producer.send(record).await.unwrap()));
            *count += 1;
        }
    }
    network.calm_down();
    for (number, delivery) in deliveries {
        let receipt = delivery.await.unwrap_or_else(|error| panic!("{number}: {error:#}"));
        if let Some(offset) = receipt.offset {
            assert_eq!(usize::try_from(offset), Ok(number));
        }
    }
    counts
}

async fn assert_holds(client: &Client, counts: &BTreeMap<i32, usize>) {
    let consumer = client.assigned_consumer::<Bytes, Bytes>().assign_topics([TOPIC]);
    let consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.build().await.unwrap();
    let mut next = BTreeMap::<i32, usize>::new();
    for _ in 0..counts.values().sum() {
        let record = consumer.next().await.unwrap().unwrap();
        let number = next.entry(record.partition).or_default();
        assert_eq!(record.value.unwrap(), format!("{}:{number}", record.partition));
        *number += 1;
    }
    assert_eq!(&next, counts);
    let ends = consumer.end_offsets((0..PARTITIONS).map(|partition| (TOPIC, partition))).await.unwrap();
    for (partition, end) in ends {
        assert_eq!(usize::try_from(end), Ok(counts[&partition.partition]), "nothing is behind the last one");
    }
}

#[tokio::test]
async fn records_through_connections_that_are_cut_are_stored_once_and_in_order() {
    for (seed, compression) in [(1, Compression::None), (2, Compression::Lz4)] {
        let (network, _broker, client) = start(seed).await;
        let counts = produce(&network, &client, compression).await;
        assert_holds(&client, &counts).await;
    }
}
