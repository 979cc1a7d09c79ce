//! kacrab: records sent without waiting and their futures awaited later; a consumer with its partitions assigned.

use std::sync::Arc;
use std::time::Duration;

use kacrab::common::TopicPartition;
use kacrab::consumer::Consumer;
use kacrab::producer::{Producer, ProducerRecord, SendFuture};

use super::held::Held;
use super::work::{Failure, Outcome, Peer, Receiver, Sender};
use crate::args::{Acks, Codec, Common, Tuning};

/// How many records a poll returns at most: more than that was not faster.
const RECORDS_OF_A_POLL: &str = "10000";

/// The `kacrab` crate.
pub(super) struct Kacrab;

impl Peer for Kacrab {
    type Sender = KacrabSender;
    type Receiver = KacrabReceiver;

    async fn sender(common: &Common, tuning: &Tuning) -> Result<KacrabSender, Failure> {
        let mut builder = Producer::builder();
        for (key, value) in connection(common) {
            builder = builder.set(key, value);
        }
        if common.matched() {
            builder = builder
                .set("acks", acks(tuning.acks))
                .set("enable.idempotence", tuning.idempotent.to_string())
                .set("compression.type", codec(tuning.compression))
                .set("linger.ms", tuning.linger_ms.to_string())
                .set("batch.size", tuning.batch_bytes.to_string())
                .set("buffer.memory", tuning.buffer_bytes.to_string())
                .set("max.in.flight.requests.per.connection", tuning.inflight.to_string());
        }
        let producer = builder.build().await?;
        Ok(KacrabSender { producer, topic: common.topic.as_str().into(), held: Held::new() })
    }

    async fn receiver(common: &Common) -> Result<KacrabReceiver, Failure> {
        let mut settings = connection(common);
        settings.push(("auto.offset.reset", "earliest"));
        if common.matched() {
            settings.push(("max.poll.records", RECORDS_OF_A_POLL));
        }
        let mut consumer = Consumer::from_map(settings).await?;
        let partitions = partitions_of(common).await?;
        consumer
            .assign((0..partitions).map(|partition| TopicPartition::new(common.topic.as_str(), partition)))?;
        Ok(KacrabReceiver { consumer })
    }
}

pub(super) struct KacrabSender {
    producer: Producer,
    topic: Arc<str>,
    held: Held<SendFuture>,
}

impl Sender for KacrabSender {
    async fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        let value = bytes::Bytes::copy_from_slice(value);
        let sent = self.producer.send(ProducerRecord::topic_value(Arc::clone(&self.topic), value))?;
        self.held.hold(sent).await;
        Ok(())
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.producer.flush().await?;
        Ok(self.held.finish().await)
    }
}

pub(super) struct KacrabReceiver {
    consumer: Consumer,
}

impl Receiver for KacrabReceiver {
    async fn receive(&mut self, mut each: impl FnMut(&[u8]) + Send) -> Result<(), Failure> {
        for record in self.consumer.poll(Duration::from_secs(1)).await?.iter() {
            each(record.value.as_deref().unwrap_or_default());
        }
        Ok(())
    }
}

/// Its consumer cannot be asked; its producer can.
async fn partitions_of(common: &Common) -> Result<i32, Failure> {
    let mut builder = Producer::builder();
    for (key, value) in connection(common) {
        builder = builder.set(key, value);
    }
    let producer = builder.build().await?;
    let partitions = producer.partitions_for(&common.topic).await?;
    Ok(i32::try_from(partitions.len())?)
}

/// The settings of a connection to the broker.
fn connection(common: &Common) -> Vec<(&'static str, &str)> {
    let mut settings = vec![("bootstrap.servers", common.bootstrap.as_str())];
    if let Some(ca) = &common.tls_ca {
        settings.extend([
            ("security.protocol", "SSL"),
            ("ssl.truststore.type", "PEM"),
            ("ssl.truststore.location", ca),
        ]);
    }
    settings
}

fn acks(acks: Acks) -> &'static str {
    match acks {
        Acks::All => "all",
        Acks::Leader => "1",
        Acks::None => "0",
    }
}

fn codec(codec: Codec) -> &'static str {
    match codec {
        Codec::None => "none",
        Codec::Gzip => "gzip",
        Codec::Snappy => "snappy",
        Codec::Lz4 => "lz4",
        Codec::Zstd => "zstd",
    }
}
