//! Memory stays bounded when one side is slower than the other: a reader that dawdles, a broker that does not answer, a
//! producer faster than the disk. Measured as the resident memory of this process, broker and client together.
//!
//! One test, since all that runs in a process shares its memory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics, in its helpers too")]

use std::time::Duration;

use bytes::Bytes;
use kestrel_broker::{Broker, Durability};
use kestrel_client::admin::NewTopic;
use kestrel_client::{ApiKey, AutoOffsetReset, Client, Error, Record};
use kestrel_tests::TestBroker;

const MIB: usize = 1 << 20;
const VALUE_BYTES: usize = 16 << 10;
/// How much passes through, or would if nothing held it back.
const TOTAL_BYTES: usize = 96 * MIB;
/// The limit that a client has.
const LIMIT_BYTES: usize = 8 * MIB;
/// What there may be beyond the limits: requests on their way on both sides, buffers that wait to be used again, and what the
/// allocator keeps. Far below the total.
const SLACK_BYTES: usize = 32 * MIB;
/// So many that reading ahead in each of them would exceed the limits.
const PARTITIONS: i32 = 96;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_slow_costs_no_memory() {
    for durability in [Durability::Os, Durability::Group] {
        let builder = Broker::builder().ephemeral().durability(durability).set("log.retention.ms", "-1");
        let broker = TestBroker::embedded(builder).await;
        let client = broker.client().await;
        client
            .admin()
            .create_topics([NewTopic::new("t").partitions(PARTITIONS)])
            .await
            .into_result()
            .unwrap();

        let peak = Peak::begin();
        produce_faster_than_the_disk(&client).await;
        peak.assert_below(LIMIT_BYTES + SLACK_BYTES, "a producer faster than the disk");

        let peak = Peak::begin();
        read_slower_than_the_broker(&client).await;
        peak.assert_below(LIMIT_BYTES + SLACK_BYTES, "a reader slower than the broker");

        let peak = Peak::begin();
        produce_to_a_silent_broker(&broker, &client).await;
        peak.assert_below(LIMIT_BYTES + SLACK_BYTES, "a broker that does not answer");
    }
}

fn value() -> Bytes {
    Bytes::from(vec![7; VALUE_BYTES])
}

/// Sends as fast as `send` takes records; the memory for them is what holds it back.
async fn produce_faster_than_the_disk(client: &Client) {
    let producer = client.producer().buffer_memory(LIMIT_BYTES).build().await.unwrap();
    let value = value();
    for _ in 0..TOTAL_BYTES / VALUE_BYTES {
        drop(producer.send(Record::to("t").value(value.clone())).await.unwrap());
    }
    producer.flush().await.unwrap();
}

/// Dawdles over each batch, so that the whole topic could be fetched meanwhile.
async fn read_slower_than_the_broker(client: &Client) {
    let consumer = client.assigned_consumer::<Bytes, Bytes>().assign_topics(["t"]);
    let consumer = consumer.auto_offset_reset(AutoOffsetReset::Earliest).fetch_buffer_bytes(LIMIT_BYTES);
    let mut consumer = consumer.build().await.unwrap();
    let mut records = 0;
    while records < TOTAL_BYTES / VALUE_BYTES {
        let batch = tokio::time::timeout(PATIENCE, consumer.next_batch()).await.unwrap();
        records += batch.unwrap().unwrap().len();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Offers records without waiting until none is taken, and then with.
async fn produce_to_a_silent_broker(broker: &TestBroker, client: &Client) {
    let faults = broker.kestrel().faults();
    faults.on(ApiKey::Produce).times(usize::MAX).delay(Duration::from_secs(3600));
    let producer = client.producer().buffer_memory(LIMIT_BYTES).max_block(Duration::from_millis(50));
    let producer = producer.build().await.unwrap();
    producer.prepare_topic("t").await.unwrap();
    let value = value();
    let mut accepted_bytes = 0;
    let mut refused = 0;
    for _ in 0..TOTAL_BYTES / VALUE_BYTES {
        match producer.try_send(Record::to("t").value(value.clone())) {
            Ok(_) => accepted_bytes += VALUE_BYTES,
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 0 && accepted_bytes <= LIMIT_BYTES, "{accepted_bytes} bytes accepted");
    let waited = producer.send(Record::to("t").value(value)).await;
    assert!(matches!(waited, Err(Error::Timeout { .. })), "{waited:?}");
    faults.clear();
}

/// The most resident memory since it was begun.
struct Peak {
    before: usize,
}

impl Peak {
    fn begin() -> Self {
        // 5 sets the high-water mark back to what is resident now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        Self { before: status("VmHWM:") }
    }

    fn assert_below(&self, limit: usize, what: &str) {
        let growth = status("VmHWM:").saturating_sub(self.before);
        eprintln!("{what}: {} MiB", growth / MIB);
        assert!(growth < limit, "{what}: {} MiB more than before", growth / MIB);
    }
}

/// A field of the process's status, in bytes.
fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}
