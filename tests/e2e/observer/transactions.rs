//! What an observer hears of transactions: each once, at its end, with how many records it has; and of a producer that is fenced.

use std::sync::{Arc, Mutex};

use kestrel_client::observer::{Observer, ProducerFailed, TransactionEnded};
use kestrel_client::{Client, Error, Transaction, TransactionalProducer, TransactionalTopic, Utf8};
use kestrel_tests::{TestBroker, unique};

/// What was heard, in words.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Heard {
    fn on_transaction_ended(&self, event: &TransactionEnded<'_>) {
        assert!(event.ending <= event.took, "{event:?}");
        let outcome = match event.outcome {
            Ok(()) => "committed",
            Err(Error::TransactionAborted { .. }) => "aborted",
            Err(Error::ProducerFenced { .. }) => "fenced",
            Err(_) => "failed",
        };
        self.0.lock().unwrap().push(format!("{} records: {outcome}", event.records));
    }

    fn on_producer_failed(&self, event: &ProducerFailed<'_>) {
        let is_fenced = matches!(event.error, Error::ProducerFenced { .. });
        self.0.lock().unwrap().push(format!("the producer has failed, fenced: {is_fenced}"));
    }
}

async fn producer(client: &Client, id: &str) -> TransactionalProducer {
    client.transactional_producer(id).build().await.unwrap()
}

/// Sends so many records, and waits until they are stored.
async fn send(transaction: &Transaction<'_>, topic: &TransactionalTopic<str, str>, count: usize) {
    for _ in 0..count {
        transaction.record(topic, "key", "value").send().await.unwrap().await.unwrap();
    }
}

#[tokio::test]
async fn an_observer_hears_of_each_transaction_when_it_has_ended() {
    let broker = TestBroker::start().await;
    let heard = Arc::new(Heard::default());
    let client = Client::builder(broker.bootstrap_servers()).observer(heard.clone()).connect().await.unwrap();
    let id = unique("id");
    let mut first = producer(&client, &id).await;
    let topic = first.topic::<str, str>(unique("observed")).key(Utf8).value(Utf8).open().await.unwrap();
    let transaction = first.begin().await.unwrap();
    // Not awaited: the commit counts them too.
    for _ in 0..3 {
        transaction.send(&topic, "key", "value").await.unwrap();
    }
    assert!(heard.take().is_empty());
    transaction.commit().await.unwrap();
    assert_eq!(heard.take(), ["3 records: committed"]);

    let transaction = first.begin().await.unwrap();
    send(&transaction, &topic, 2).await;
    transaction.abort().await.unwrap();
    assert_eq!(heard.take(), ["2 records: aborted"]);

    // One that is dropped is aborted by the time the next one has begun.
    let dropped = first.begin().await.unwrap();
    send(&dropped, &topic, 1).await;
    drop(dropped);
    let transaction = first.begin().await.unwrap();
    assert_eq!(heard.take(), ["1 records: aborted"]);

    send(&transaction, &topic, 1).await;
    let _second = producer(&client, &id).await;
    transaction.commit().await.unwrap_err();
    assert_eq!(heard.take(), ["1 records: fenced", "the producer has failed, fenced: true"]);
    first.begin().await.unwrap_err();
    assert!(heard.take().is_empty(), "it is told once");
}
