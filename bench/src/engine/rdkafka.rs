//! rdkafka as most programs use it: `FutureProducer` and `StreamConsumer`. Its configuration serves `rdkafka_base` too.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};

use super::PATIENCE;
use super::held::Held;
use super::work::{Failure, Outcome, Peer, Receiver, Sender};
use crate::args::{Acks, Codec, Common, Isolation, Tuning};

/// How long a sender waits while the queue is full before it tries again.
pub(super) const QUEUE_FULL_WAIT: Duration = Duration::from_micros(500);

/// The asynchronous half of the `rdkafka` crate.
pub(super) struct Rdkafka;

impl Peer for Rdkafka {
    type Sender = RdkafkaSender;
    type Receiver = StreamConsumer;

    async fn sender(common: &Common, tuning: &Tuning) -> Result<RdkafkaSender, Failure> {
        let producer = producer_config(common, tuning).create()?;
        Ok(RdkafkaSender { producer, topic: common.topic.clone(), held: Held::new() })
    }

    async fn receiver(common: &Common) -> Result<StreamConsumer, Failure> {
        let consumer: StreamConsumer = consumer_config(common).create()?;
        consumer.assign(&every_partition(common)?)?;
        Ok(consumer)
    }
}

pub(super) struct RdkafkaSender {
    producer: FutureProducer,
    topic: String,
    held: Held<Delivered>,
}

/// Its future is `Ok` as soon as something became of the record, also when that was an error.
struct Delivered(DeliveryFuture);

impl Future for Delivered {
    type Output = Result<(), ()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|outcome| match outcome {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(()),
        })
    }
}

impl Sender for RdkafkaSender {
    async fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        let mut record = FutureRecord::<(), [u8]>::to(&self.topic).payload(value);
        let delivery = loop {
            match self.producer.send_result(record) {
                Ok(delivery) => break delivery,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    tokio::time::sleep(QUEUE_FULL_WAIT).await;
                }
                Err((error, _)) => return Err(error.into()),
            }
        };
        self.held.hold(Delivered(delivery)).await;
        Ok(())
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        Ok(self.held.finish().await)
    }
}

impl Receiver for StreamConsumer {
    async fn receive(&mut self, mut each: impl FnMut(&[u8]) + Send) -> Result<(), Failure> {
        match self.recv().await {
            Ok(message) => each(message.payload().unwrap_or_default()),
            Err(error) if is_news(&error) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Whether librdkafka only tells of a connection that it makes anew by itself.
pub(super) const fn is_news(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure
        )
    )
}

pub(super) fn producer_config(common: &Common, tuning: &Tuning) -> ClientConfig {
    let mut config = config(common);
    if common.matched() {
        config
            .set(
                "acks",
                match tuning.acks {
                    Acks::All => "all",
                    Acks::Leader => "1",
                    Acks::None => "0",
                },
            )
            .set(
                "compression.type",
                match tuning.compression {
                    Codec::None => "none",
                    Codec::Gzip => "gzip",
                    Codec::Snappy => "snappy",
                    Codec::Lz4 => "lz4",
                    Codec::Zstd => "zstd",
                },
            )
            .set("enable.idempotence", tuning.idempotent.to_string())
            .set("linger.ms", tuning.linger_ms.to_string())
            .set("batch.size", tuning.batch_bytes.to_string())
            // Otherwise it closes each batch after 10,000 records.
            .set("batch.num.messages", "1000000")
            .set("max.in.flight.requests.per.connection", tuning.inflight.to_string())
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", (tuning.buffer_bytes / 1024).to_string());
    }
    config
}

pub(super) fn consumer_config(common: &Common) -> ClientConfig {
    let mut config = config(common);
    // It wants a group's name, which nothing joins.
    config.set("group.id", "kestrel-bench").set("enable.auto.commit", "false");
    // Its default reads committed records only, on any topic.
    config.set(
        "isolation.level",
        match common.isolation {
            Isolation::ReadUncommitted => "read_uncommitted",
            Isolation::ReadCommitted => "read_committed",
        },
    );
    if common.matched() {
        // Let it fetch ahead, and not wait a second (librdkafka's default) after its queue was full.
        config.set("queued.min.messages", "1000000").set("fetch.queue.backoff.ms", "10");
    }
    config
}

/// Every partition, from the beginning.
pub(super) fn every_partition(common: &Common) -> Result<TopicPartitionList, Failure> {
    let asked: BaseConsumer = config(common).create()?;
    let metadata = asked.fetch_metadata(Some(&common.topic), PATIENCE)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    let mut assignment = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions)? {
        assignment.add_partition_offset(&common.topic, partition, Offset::Beginning)?;
    }
    Ok(assignment)
}

fn config(common: &Common) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &common.bootstrap);
    if let Some(ca) = &common.tls_ca {
        config.set("security.protocol", "ssl").set("ssl.ca.location", ca);
    }
    config
}
