//! rdkafka used as fast as it goes: a producer whose callbacks count on its own thread, and a consumer that is polled.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::PATIENCE;
use super::rdkafka::{QUEUE_FULL_WAIT, consumer_config, every_partition, is_news, producer_config};
use super::transactions::TransactionalPeer;
use super::work::{Failure, Outcome, Peer, Receiver, Sender};
use crate::args::{Common, Tuning};
use crate::payload::Payload;

/// Messages that a wake-up hands out at most, so that the runtime is asked seldom.
pub(super) const MESSAGES_OF_A_POLL: usize = 1_000;

/// The synchronous half of the `rdkafka` crate.
pub(super) struct RdkafkaBase;

impl Peer for RdkafkaBase {
    type Sender = BaseSender;
    type Receiver = BaseConsumer;

    async fn sender(common: &Common, tuning: &Tuning) -> Result<BaseSender, Failure> {
        let counted = Arc::new(Counted::default());
        let producer = producer_config(common, tuning).create_with_context(Counting(Arc::clone(&counted)))?;
        Ok(BaseSender { producer, topic: common.topic.clone(), counted })
    }

    async fn receiver(common: &Common) -> Result<BaseConsumer, Failure> {
        let consumer: BaseConsumer = consumer_config(common).create()?;
        consumer.assign(&every_partition(common)?)?;
        Ok(consumer)
    }
}

#[derive(Default)]
struct Counted {
    acked: AtomicU64,
    errors: AtomicU64,
}

/// Its delivery callback counts.
struct Counting(Arc<Counted>);

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.0.acked } else { &self.0.errors };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) struct BaseSender {
    producer: ThreadedProducer<Counting>,
    topic: String,
    counted: Arc<Counted>,
}

impl Sender for BaseSender {
    async fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        let mut record = BaseRecord::<(), [u8]>::to(&self.topic).payload(value);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    std::thread::sleep(QUEUE_FULL_WAIT);
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.producer.flush(PATIENCE)?;
        Ok(Outcome {
            acked: self.counted.acked.load(Ordering::Relaxed),
            errors: self.counted.errors.load(Ordering::Relaxed),
        })
    }
}

/// The same producer, with a transactional id.
pub(super) struct BaseTransactions(BaseSender);

impl TransactionalPeer for BaseTransactions {
    async fn open(common: &Common, tuning: &Tuning) -> Result<Self, Failure> {
        let counted = Arc::new(Counted::default());
        let mut config = producer_config(common, tuning);
        config.set("transactional.id", &common.topic);
        let producer: ThreadedProducer<Counting> =
            config.create_with_context(Counting(Arc::clone(&counted)))?;
        producer.init_transactions(PATIENCE)?;
        Ok(Self(BaseSender { producer, topic: common.topic.clone(), counted }))
    }

    async fn write(&mut self, payload: &Payload, records: Range<u64>) -> Result<(), Failure> {
        self.0.producer.begin_transaction()?;
        for index in records {
            self.0.send(payload.value(index)).await?;
        }
        Ok(self.0.producer.commit_transaction(PATIENCE)?)
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.0.finish().await
    }
}

impl Receiver for BaseConsumer {
    async fn receive(&mut self, mut each: impl FnMut(&[u8]) + Send) -> Result<(), Failure> {
        let waited = self.poll(PATIENCE);
        let mut polled =
            waited.ok_or_else(|| Failure(format!("no record came for {} s", PATIENCE.as_secs())))?;
        for left in (0..MESSAGES_OF_A_POLL).rev() {
            match polled {
                Ok(message) => each(message.payload().unwrap_or_default()),
                Err(error) if is_news(&error) => {}
                Err(error) => return Err(error.into()),
            }
            let more = if left > 0 { self.poll(std::time::Duration::ZERO) } else { None };
            let Some(more) = more else { break };
            polled = more;
        }
        Ok(())
    }
}
