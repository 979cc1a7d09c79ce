//! What an observer hears of a client that connects, produces, reads in a group, fails and ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use kestrel_client::admin::NewTopic;
use kestrel_client::observer::{
    BatchProduced, ConnectFailed, Connected, Disconnected, Fetched, MetadataRefreshed, Observer,
    OffsetsCommitted, PartitionLag, ProducerBuffer, RebalanceEnded, RebalanceStarted, RecordsPolled,
    RequestEnded, RequestWritten, Retried, TaskLost,
};
use kestrel_client::{ApiKey, AutoOffsetReset, Client, ErrorCode, NoKey, Raw, TopicPartition, Utf8};
use kestrel_tests::{TestBroker, eventually, unique};
use tokio::runtime::Builder;

mod producing;
mod transactions;

/// How many records a test sends in one batch.
const RECORDS: usize = 500;

/// Keeps every event, by its kind, as a line of the values that a test can know.
#[derive(Debug, Default)]
struct Heard(Mutex<BTreeMap<&'static str, Vec<String>>>);

impl Heard {
    fn note(&self, kind: &'static str, event: String) {
        self.0.lock().unwrap().entry(kind).or_default().push(event);
    }

    fn of(&self, kind: &str) -> Vec<String> {
        self.0.lock().unwrap().get(kind).cloned().unwrap_or_default()
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().values().map(Vec::len).sum()
    }
}

impl Observer for Heard {
    fn on_connected(&self, event: &Connected<'_>) {
        self.note("connected", format!("{}", event.broker));
    }

    fn on_connect_failed(&self, event: &ConnectFailed<'_>) {
        self.note("connect failed", format!("{}: {}", event.broker, event.error));
    }

    fn on_disconnected(&self, event: &Disconnected<'_>) {
        self.note("disconnected", format!("{}", event.cause));
    }

    fn on_request_written(&self, event: &RequestWritten<'_>) {
        assert!(event.bytes > 8);
        self.note("written", format!("{} {}", event.api, event.version));
    }

    fn on_request_ended(&self, event: &RequestEnded<'_>) {
        self.note("ended", format!("{} {}", event.api, event.version));
    }

    fn on_metadata_refreshed(&self, event: &MetadataRefreshed<'_>) {
        self.note("metadata", format!("{} brokers, {}", event.brokers, event.outcome.is_ok()));
    }

    fn on_retried(&self, event: &Retried<'_>) {
        self.note(
            "retried",
            format!("{}, {} times: {:?}", event.operation, event.failures, event.error.code()),
        );
    }

    fn on_task_lost(&self, event: &TaskLost<'_>) {
        self.note("lost", event.what.to_owned());
    }

    fn on_batch_produced(&self, event: &BatchProduced<'_>) {
        let BatchProduced { partition, records, attempts, outcome, .. } = event;
        assert!(event.compressed_bytes > 0 && event.uncompressed_bytes >= event.compressed_bytes);
        assert!(event.took >= event.queued);
        let offset = outcome.as_ref().ok().copied().flatten();
        self.note("batch", format!("{partition}: {records} records, {attempts} attempts, at {offset:?}"));
    }

    fn on_producer_buffer(&self, event: &ProducerBuffer) {
        self.note("buffer", format!("{} of {}", event.used_bytes, event.limit_bytes));
    }

    fn on_fetched(&self, event: &Fetched) {
        if event.records > 0 {
            self.note("fetched", format!("{} records of {} partitions", event.records, event.partitions));
        }
    }

    fn on_records_polled(&self, event: &RecordsPolled<'_>) {
        self.note("polled", format!("{}: {} records", event.partition, event.records));
    }

    fn on_partition_lag(&self, event: &PartitionLag<'_>) {
        self.note("lag", format!("{}: {}", event.partition, event.lag()));
    }

    fn on_rebalance_started(&self, event: &RebalanceStarted<'_>) {
        self.note("rebalance started", event.group.to_owned());
    }

    fn on_rebalance_ended(&self, event: &RebalanceEnded<'_>) {
        self.note("rebalance ended", format!("{}: {:?}", event.group, event.assigned));
    }

    fn on_offsets_committed(&self, event: &OffsetsCommitted<'_>) {
        self.note("committed", format!("{:?} {}", event.offsets, event.outcome.is_ok()));
    }
}

async fn observed(servers: &str) -> (Client, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let client = Client::builder(servers).observer(heard.clone()).connect().await.unwrap();
    (client, heard)
}

#[tokio::test]
async fn an_observer_hears_of_all_that_a_client_does() {
    let broker = TestBroker::embedded(kestrel_broker::Broker::builder().ephemeral()).await;
    let (client, heard) = observed(broker.bootstrap_servers()).await;
    let (topic, group) = (unique("observed"), unique("observers"));
    client.admin().create_topics([NewTopic::new(topic.as_str())]).await.into_result().unwrap();
    broker.kestrel().faults().on(ApiKey::Produce).times(1).answer(ErrorCode::NotLeaderOrFollower);
    let producer = client.producer().linger(Duration::from_secs(60)).build().await.unwrap();
    let values = producer.topic::<NoKey, str>(topic.as_str()).value(Utf8).open().await.unwrap();
    for _ in 0..RECORDS {
        drop(values.unkeyed("value").send().await.unwrap());
    }
    producer.flush().await.unwrap();
    let consumer = client.consumer::<String, String>(group.as_str()).topics([topic.as_str()]);
    let consumer = consumer.key(Utf8).value(Utf8).auto_offset_reset(AutoOffsetReset::Earliest);
    let mut consumer = consumer.build().await.unwrap();
    for _ in 0..RECORDS {
        consumer.next().await.unwrap().unwrap();
    }
    // Whoever asks for more has read all that there was.
    assert!(consumer.next().now_or_never().is_none());
    assert_eq!(heard.of("lag").last().unwrap(), "0: 0");
    consumer.commit().await.unwrap();
    consumer.close().await.unwrap();
    producer.close(Duration::from_secs(10)).await.unwrap();

    let partition = TopicPartition::new(topic.as_str(), 0);
    assert_eq!(heard.of("batch"), [format!("0: {RECORDS} records, 2 attempts, at Some(0)")]);
    assert_eq!(heard.of("fetched"), [format!("{RECORDS} records of 1 partitions")]);
    assert_eq!(heard.of("polled"), [format!("0: {RECORDS} records")]);
    assert_eq!(heard.of("rebalance started").first(), Some(&group));
    assert_eq!(heard.of("rebalance ended").first(), Some(&format!("{group}: {:?}", [&partition])));
    assert_eq!(heard.of("committed").first(), Some(&format!("{:?} true", [(&partition, RECORDS)])));
    assert!(heard.of("retried").iter().any(|retry| retry.contains("NotLeaderOrFollower")), "{heard:#?}");
    assert!(heard.of("buffer").iter().any(|used| used.starts_with("0 of ")), "{heard:#?}");
    assert!(heard.of("metadata").iter().all(|line| line == "1 brokers, true"), "{heard:#?}");
    assert!(heard.of("connected").iter().any(|name| name.contains(broker.bootstrap_servers())), "{heard:#?}");
    assert!(heard.of("written").iter().filter(|request| request.starts_with("Produce ")).count() == 2);
}

#[tokio::test]
async fn an_observer_hears_of_brokers_that_cannot_be_had() {
    let broker = TestBroker::embedded(kestrel_broker::Broker::builder().ephemeral()).await;
    let servers = format!("127.0.0.1:1,{}", broker.bootstrap_servers());
    let (client, heard) = observed(&servers).await;
    let unreachable = Client::builder("127.0.0.1:1").observer(heard.clone()).connect().await;
    unreachable.unwrap_err();
    assert!(heard.of("connect failed").iter().all(|line| line.starts_with("127.0.0.1:1: ")), "{heard:#?}");
    assert!(heard.of("metadata").contains(&"0 brokers, false".to_owned()), "{heard:#?}");
    drop(client);
    eventually("the end of the connections", async || {
        (heard.of("disconnected").len() == heard.of("connected").len()).then_some(())
    })
    .await;
    assert_eq!(heard.of("written").len(), heard.of("ended").len(), "{heard:#?}");
}

#[test]
fn an_observer_hears_of_tasks_that_end_with_their_runtime() {
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let other = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let broker = other.block_on(TestBroker::embedded(kestrel_broker::Broker::builder().ephemeral()));
    let (client, heard) = home.block_on(observed(broker.bootstrap_servers()));
    drop(home);
    let mut lost = heard.of("lost");
    lost.sort();
    lost.dedup();
    assert_eq!(lost, ["client", "connection"]);
    drop(client);
}

#[tokio::test]
async fn a_record_of_an_open_batch_is_no_event_and_no_allocation() {
    let broker = TestBroker::embedded(kestrel_broker::Broker::builder().ephemeral()).await;
    let (client, heard) = observed(broker.bootstrap_servers()).await;
    let producer =
        client.producer().linger(Duration::from_secs(60)).batch_size(1 << 20).build().await.unwrap();
    let values = producer.topic::<NoKey, [u8]>(unique("quiet")).value(Raw).open().await.unwrap();
    let send = || values.unkeyed(&[7; 10]).partition(0).try_send().unwrap();
    // The first one opens the batch, and takes the buffers for all.
    let mut deliveries = vec![send()];
    deliveries.reserve(RECORDS);
    let before = heard.count();
    let memory = allocation_counter::measure(|| deliveries.extend((0..RECORDS).map(|_| send())));
    assert_eq!((heard.count(), memory.count_total), (before, 0));
    producer.flush().await.unwrap();
    assert_eq!(heard.of("batch"), [format!("0: {} records, 1 attempts, at Some(0)", RECORDS + 1)]);
}
