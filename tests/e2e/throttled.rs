//! A client over its quota: it waits by itself as long as the broker says, loses nothing, and nobody else waits for it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use kestrel_client::admin::{ClientQuotaAlteration, ClientQuotaEntity, ClientQuotaEntityType};
use kestrel_client::observer::{Observer, RequestWritten, Throttled};
use kestrel_client::{ApiKey, AssignedConsumer, AutoOffsetReset, Client, Record};
use kestrel_tests::{TestBroker, eventually, unique};
use tokio::time::Instant;

use crate::groups::topic_with;

const PATIENCE: Duration = Duration::from_secs(60);

/// How requests of one kind are held back. Who is has one connection for them.
#[derive(Debug)]
struct Held {
    api: ApiKey,
    millis: AtomicU64,
    until: Mutex<Option<Instant>>,
    too_early: AtomicUsize,
}

impl Held {
    fn of(api: ApiKey) -> Arc<Self> {
        let (millis, until, too_early) = Default::default();
        Arc::new(Self { api, millis, until, too_early })
    }

    fn is_over(&self) -> bool {
        self.millis.load(Ordering::Relaxed) > 0
    }

    fn assert_has_waited(&self) {
        assert_eq!(
            self.too_early.load(Ordering::Relaxed),
            0,
            "requests went out before the broker's time was over"
        );
    }
}

impl Observer for Held {
    fn on_request_written(&self, event: &RequestWritten<'_>) {
        let is_held = self.until.lock().unwrap().is_some_and(|until| Instant::now() < until);
        if event.api == self.api && is_held {
            self.too_early.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn on_throttled(&self, event: &Throttled<'_>) {
        if event.api == self.api {
            self.millis.fetch_add(u64::try_from(event.throttle.as_millis()).unwrap(), Ordering::Relaxed);
            *self.until.lock().unwrap() = Some(Instant::now() + event.throttle);
        }
    }
}

/// A client with a quota of ten thousand bytes a second.
async fn limited(broker: &TestBroker, quota: &str, held: &Arc<Held>) -> Client {
    let client_id = unique("throttled");
    let entity = ClientQuotaEntity::named(ClientQuotaEntityType::ClientId, &*client_id);
    let limit = ClientQuotaAlteration::of(entity).set(quota, 10_000.0);
    broker.client().await.admin().alter_client_quotas([limit]).await.into_result().unwrap();
    let limited = Client::builder(broker.bootstrap_servers())
        .client_id(client_id)
        // Shorter than it is held back: what waits by itself does not time out.
        .request_timeout(Duration::from_millis(1500))
        .observer(held.clone());
    limited.connect().await.unwrap()
}

#[tokio::test]
async fn a_producer_over_its_quota_waits_and_loses_nothing_and_others_do_not_wait() {
    let broker = TestBroker::start().await;
    let (free, held) = (broker.client().await, Held::of(ApiKey::Produce));
    let topic = topic_with(&free, 1).await;
    let producer = limited(&broker, "producer_byte_rate", &held).await.producer().build().await.unwrap();
    // The quota may not be known to the broker at once.
    eventually("the producer is over its quota", async || {
        let record = Record::to(&*topic).value(vec![7; 120_000]);
        producer.send(record).await.unwrap().await.unwrap();
        held.is_over().then_some(())
    })
    .await;
    let late = producer.send(Record::to(&*topic).value("late")).await.unwrap();
    let others = free.producer().build().await.unwrap();
    others.send(Record::to(&*topic).value("others")).await.unwrap().await.unwrap();
    late.await.unwrap();
    held.assert_has_waited();
}

/// A consumer of all of a topic.
async fn reader(client: &Client, topic: &str) -> AssignedConsumer<Bytes, Bytes> {
    let consumer = client.assigned_consumer().assign([(topic, 0)]);
    consumer.auto_offset_reset(AutoOffsetReset::Earliest).build().await.unwrap()
}

/// The offset of the next record.
async fn next(consumer: &mut AssignedConsumer<Bytes, Bytes>) -> i64 {
    tokio::time::timeout(PATIENCE, consumer.next()).await.unwrap().unwrap().unwrap().offset
}

#[tokio::test]
async fn a_consumer_over_its_quota_waits_and_loses_nothing_and_others_do_not_wait() {
    const RECORDS: i64 = 24;
    let broker = TestBroker::start().await;
    let (free, held) = (broker.client().await, Held::of(ApiKey::Fetch));
    let topic = topic_with(&free, 1).await;
    let producer = free.producer().build().await.unwrap();
    for _ in 0..RECORDS {
        // Together one and a half times what a broker gives away before it holds anybody back.
        producer.send(Record::to(&*topic).value(vec![7; 7_000])).await.unwrap().await.unwrap();
    }
    let limited = limited(&broker, "consumer_byte_rate", &held).await;
    let mut slow = reader(&limited, &topic).await;
    let mut read = 0;
    // The quota may not be known to the broker at once: then all of it is read again.
    eventually("the consumer is over its quota", async || {
        if read == RECORDS {
            slow.seek_to_beginning([(&*topic, 0)]).unwrap();
            read = 0;
        }
        if !held.is_over() {
            assert_eq!(next(&mut slow).await, read);
            read += 1;
        }
        held.is_over().then_some(())
    })
    .await;
    let heard = Held::of(ApiKey::Fetch);
    let others = Client::builder(broker.bootstrap_servers()).observer(heard.clone()).connect().await.unwrap();
    let mut others = reader(&others, &topic).await;
    for offset in 0..RECORDS {
        assert_eq!(next(&mut others).await, offset);
    }
    assert!(!heard.is_over(), "somebody else is held back");
    for offset in read..RECORDS {
        assert_eq!(next(&mut slow).await, offset);
    }
    held.assert_has_waited();
}
