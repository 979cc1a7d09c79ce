//! krafka: records enqueued and their handles awaited later; a consumer without a group, polled for many records at a time.

use std::time::Duration;

use krafka::auth::{AuthConfig, TlsConfig};
use krafka::consumer::{AutoOffsetReset, Consumer};
use krafka::producer::{Acks as ClientAcks, DeliveryHandle, Producer};
use krafka::{Compression, Kafka, KafkaBuilder, Record};

use super::held::Held;
use super::work::{Failure, Outcome, Peer, Receiver, Sender};
use crate::args::{Acks, Codec, Common, Tuning};

/// How many records a poll returns, and how many wait for the next: more than that was not faster.
const RECORDS_OF_A_POLL: i32 = 10_000;

/// The `krafka` crate.
pub(super) struct Krafka;

impl Peer for Krafka {
    type Sender = KrafkaSender;
    type Receiver = KrafkaReceiver;

    async fn sender(common: &Common, tuning: &Tuning) -> Result<KrafkaSender, Failure> {
        let mut kafka = connector(common);
        if common.matched() {
            kafka = kafka.max_in_flight_requests(tuning.inflight);
        }
        let kafka = kafka.connect().await?;
        let mut builder = kafka.producer();
        if common.matched() {
            builder = builder
                .acks(match tuning.acks {
                    Acks::All => ClientAcks::All,
                    Acks::Leader => ClientAcks::Leader,
                    Acks::None => ClientAcks::None,
                })
                .idempotent(tuning.idempotent)
                .compression(match tuning.compression {
                    Codec::None => Compression::None,
                    Codec::Gzip => Compression::Gzip,
                    Codec::Snappy => Compression::Snappy,
                    Codec::Lz4 => Compression::Lz4,
                    Codec::Zstd => Compression::Zstd,
                })
                .linger(tuning.linger())
                .batch_size(tuning.batch_bytes)
                .buffer_memory(tuning.buffer_bytes);
        }
        let producer = builder.build().await?;
        Ok(KrafkaSender { producer, topic: common.topic.clone(), held: Held::new() })
    }

    async fn receiver(common: &Common) -> Result<KrafkaReceiver, Failure> {
        let kafka = connector(common).connect().await?;
        let mut builder = kafka.consumer_without_group().auto_offset_reset(AutoOffsetReset::Earliest);
        if common.matched() {
            builder = builder.max_poll_records(RECORDS_OF_A_POLL).max_buffered_records(RECORDS_OF_A_POLL);
        }
        let consumer = builder.build().await?;
        consumer.subscribe([common.topic.as_str()]).await?;
        Ok(KrafkaReceiver { consumer })
    }
}

pub(super) struct KrafkaSender {
    producer: Producer,
    topic: String,
    held: Held<DeliveryHandle>,
}

impl Sender for KrafkaSender {
    async fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        let record = Record::new(self.topic.as_str(), bytes::Bytes::copy_from_slice(value));
        let handle = self.producer.enqueue(record).await?;
        self.held.hold(handle).await;
        Ok(())
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.producer.flush().await?;
        Ok(self.held.finish().await)
    }
}

pub(super) struct KrafkaReceiver {
    consumer: Consumer,
}

impl Receiver for KrafkaReceiver {
    async fn receive(&mut self, mut each: impl FnMut(&[u8]) + Send) -> Result<(), Failure> {
        for record in self.consumer.poll(Duration::from_secs(1)).await? {
            each(record.value.as_deref().unwrap_or_default());
        }
        Ok(())
    }
}

fn connector(common: &Common) -> KafkaBuilder {
    let kafka = Kafka::builder(common.bootstrap.as_str());
    match &common.tls_ca {
        Some(ca) => kafka.security(AuthConfig::ssl(TlsConfig::new().with_ca_cert(ca))),
        None => kafka,
    }
}
