//! What an observer hears of a producer: each batch once, with its outcome; what is tried again; the use of memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kestrel_broker::{Broker, Durability};
use kestrel_client::observer::{BatchProduced, Observer, ProducerBuffer, Retried};
use kestrel_client::{ApiKey, Client, ErrorCode, Record};
use kestrel_tests::TestBroker;

/// What was heard, in words.
#[derive(Debug, Default)]
struct Heard {
    batches: Mutex<Vec<String>>,
    retries: Mutex<Vec<String>>,
    used_bytes: Mutex<Vec<usize>>,
}

impl Observer for Heard {
    fn on_batch_produced(&self, event: &BatchProduced<'_>) {
        assert!(event.queued <= event.took, "{event:?}");
        assert!(event.compressed_bytes == event.uncompressed_bytes || event.attempts == 0, "{event:?}");
        let outcome = event.outcome.map_err(|error| error.code().map(ErrorCode::name));
        let BatchProduced { topic, partition, records, attempts, .. } = event;
        let text = format!("{topic}-{partition}: {records} in {attempts} attempts: {outcome:?}");
        self.batches.lock().unwrap().push(text);
    }

    fn on_retried(&self, event: &Retried<'_>) {
        let (operation, topic, partition) = (event.operation, event.topic.unwrap(), event.partition.unwrap());
        let code = event.error.code().map(ErrorCode::name);
        self.retries
            .lock()
            .unwrap()
            .push(format!("{operation} {topic}-{partition} {} {code:?}", event.failures));
    }

    fn on_producer_buffer(&self, event: &ProducerBuffer) {
        assert!(event.used_bytes <= event.limit_bytes && event.waiting == 0, "{event:?}");
        self.used_bytes.lock().unwrap().push(event.used_bytes);
    }
}

#[tokio::test]
async fn an_observer_hears_of_each_batch_and_each_retry_of_a_producer() {
    let broker = TestBroker::embedded(Broker::builder().ephemeral().durability(Durability::Os)).await;
    let heard = Arc::new(Heard::default());
    let client = Client::builder(broker.bootstrap_servers()).observer(heard.clone()).connect().await.unwrap();
    let producer = client.producer().linger(Duration::from_secs(60)).build().await.unwrap();
    for code in [None, Some(ErrorCode::NotEnoughReplicas), Some(ErrorCode::InvalidRecord)] {
        if let Some(code) = code {
            broker.kestrel().faults().on(ApiKey::Produce).times(1).answer(code);
        }
        for value in ["a", "b", "c"] {
            drop(producer.send(Record::to("t").partition(0).value(value)).await.unwrap());
        }
        producer.flush().await.unwrap();
    }
    assert_eq!(
        *heard.batches.lock().unwrap(),
        [
            "t-0: 3 in 1 attempts: Ok(Some(0))",
            "t-0: 3 in 2 attempts: Ok(Some(3))",
            "t-0: 3 in 1 attempts: Err(Some(\"INVALID_RECORD\"))",
        ]
    );
    assert_eq!(*heard.retries.lock().unwrap(), ["producing a batch t-0 1 Some(\"NOT_ENOUGH_REPLICAS\")"]);
    let used_bytes = heard.used_bytes.lock().unwrap();
    assert_eq!(*used_bytes, [65_536, 0, 65_536, 0, 65_536, 0], "a batch is opened and settled, three times");
}
