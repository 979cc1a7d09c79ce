//! A client over its quota: it waits by itself as long as the broker says, loses nothing, and nobody else waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kestrel_client::admin::{ClientQuotaAlteration, ClientQuotaEntity, ClientQuotaEntityType};
use kestrel_client::observer::{Observer, Throttled};
use kestrel_client::{ApiKey, Client, Record};
use kestrel_tests::{TestBroker, eventually, unique};

use crate::groups::topic_with;

/// How long Produce requests were held back, together, in milliseconds.
#[derive(Debug, Default)]
struct Held(AtomicU64);

impl Observer for Held {
    fn on_throttled(&self, event: &Throttled<'_>) {
        if event.api == ApiKey::Produce {
            let millis = u64::try_from(event.throttle.as_millis()).unwrap();
            self.0.fetch_add(millis, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_producer_over_its_quota_waits_and_loses_nothing_and_others_do_not_wait() {
    let broker = TestBroker::start().await;
    let (client_id, held) = (unique("throttled"), Arc::new(Held::default()));
    let free = broker.client().await;
    let topic = topic_with(&free, 1).await;
    let entity = ClientQuotaEntity::named(ClientQuotaEntityType::ClientId, &*client_id);
    let limit = ClientQuotaAlteration::of(entity).set("producer_byte_rate", 10_000.0);
    free.admin().alter_client_quotas([limit]).await.into_result().unwrap();

    let limited = Client::builder(broker.bootstrap_servers())
        .client_id(client_id)
        // Shorter than it is held back: what waits by itself does not time out.
        .request_timeout(Duration::from_millis(1500))
        .observer(held.clone())
        .connect()
        .await
        .unwrap();
    let producer = limited.producer().build().await.unwrap();
    // The quota may not be known to the broker at once.
    eventually("the producer is over its quota", async || {
        let record = Record::to(&*topic).value(vec![7; 120_000]);
        producer.send(record).await.unwrap().await.unwrap();
        (held.0.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    let late = producer.send(Record::to(&*topic).value("late")).await.unwrap();
    let others = free.producer().build().await.unwrap();
    others.send(Record::to(&*topic).value("others")).await.unwrap().await.unwrap();
    late.await.unwrap();
}
