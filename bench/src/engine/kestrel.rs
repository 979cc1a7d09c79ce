//! Kestrel, used as its documentation says: a typed topic handle, deliveries awaited in order, batches of borrowed views.

use std::ops::Range;

use kestrel_client::{
    Acks as ClientAcks, AssignedConsumer, AutoOffsetReset, Client, Compression, Delivery, Error,
    IsolationLevel, NoKey, Producer, Tls, TransactionalProducer, TransactionalTopic, TypedProducer,
};
use kestrel_serde::Raw;

use super::held::Held;
use super::transactions::TransactionalPeer;
use super::work::{Failure, Outcome, Peer, Receiver, Sender};
use crate::args::{Acks, Codec, Common, Isolation, Tuning};
use crate::payload::Payload;

/// The client of this workspace.
pub(super) struct Kestrel;

impl Peer for Kestrel {
    type Sender = KestrelSender;
    type Receiver = AssignedConsumer<bytes::Bytes, bytes::Bytes>;

    async fn sender(common: &Common, tuning: &Tuning) -> Result<KestrelSender, Failure> {
        let producer = producer(common, tuning).await?;
        let topic = producer.topic::<NoKey, [u8]>(common.topic.as_str()).value(Raw).open().await?;
        Ok(KestrelSender { producer, topic, held: Held::new() })
    }

    async fn receiver(common: &Common) -> Result<Self::Receiver, Failure> {
        let client = connect(common).await?;
        let consumer = client
            .assigned_consumer::<bytes::Bytes, bytes::Bytes>()
            .assign_topics([common.topic.as_str()])
            .key(Raw)
            .value(Raw)
            .isolation_level(match common.isolation {
                Isolation::ReadUncommitted => IsolationLevel::ReadUncommitted,
                Isolation::ReadCommitted => IsolationLevel::ReadCommitted,
            })
            .auto_offset_reset(AutoOffsetReset::Earliest);
        Ok(consumer.build().await?)
    }
}

/// A producer with one topic open.
pub(super) struct KestrelSender {
    producer: Producer,
    topic: TypedProducer<NoKey, [u8]>,
    held: Held<Delivery>,
}

impl Sender for KestrelSender {
    async fn send(&mut self, value: &[u8]) -> Result<(), Failure> {
        let delivery = self.topic.send_unkeyed(value).await?;
        self.held.hold(delivery).await;
        Ok(())
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.producer.flush().await?;
        Ok(self.held.finish().await)
    }
}

impl Receiver for AssignedConsumer<bytes::Bytes, bytes::Bytes> {
    async fn receive(&mut self, mut each: impl FnMut(&[u8]) + Send) -> Result<(), Failure> {
        let batch =
            self.next_batch().await?.ok_or_else(|| Failure("the consumer has no partitions".to_owned()))?;
        for record in &batch {
            each(record.value_bytes().unwrap_or_default());
        }
        Ok(())
    }
}

/// A producer that writes in transactions, with one topic open.
pub(super) struct KestrelTransactions {
    producer: TransactionalProducer,
    topic: TransactionalTopic<NoKey, [u8]>,
    outcome: Outcome,
}

impl TransactionalPeer for KestrelTransactions {
    async fn open(common: &Common, tuning: &Tuning) -> Result<Self, Failure> {
        let mut builder = connect(common).await?.transactional_producer(common.topic.as_str());
        if common.matched() {
            builder = builder
                .compression(compression(tuning.compression))
                .linger(tuning.linger())
                .batch_size(tuning.batch_bytes)
                .buffer_memory(tuning.buffer_bytes)
                .max_in_flight_requests_per_connection(tuning.inflight);
        }
        let producer = builder.build().await?;
        let topic = producer.topic::<NoKey, [u8]>(common.topic.as_str()).value(Raw).open().await?;
        Ok(Self { producer, topic, outcome: Outcome::default() })
    }

    async fn write(&mut self, payload: &Payload, records: Range<u64>) -> Result<(), Failure> {
        let transaction = self.producer.begin().await?;
        let count = records.end - records.start;
        for index in records {
            transaction.send_unkeyed(&self.topic, payload.value(index)).await?;
        }
        // It waits for every acknowledgement.
        transaction.commit().await.map_err(Error::from)?;
        self.outcome.acked += count;
        Ok(())
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        Ok(self.outcome)
    }
}

/// A producer with the settings that were asked for.
pub(super) async fn producer(common: &Common, tuning: &Tuning) -> Result<Producer, Failure> {
    let mut builder = connect(common).await?.producer();
    if common.matched() {
        builder = builder
            .acks(match tuning.acks {
                Acks::All => ClientAcks::All,
                Acks::Leader => ClientAcks::Leader,
                Acks::None => ClientAcks::None,
            })
            .enable_idempotence(tuning.idempotent)
            .compression(compression(tuning.compression))
            .linger(tuning.linger())
            .batch_size(tuning.batch_bytes)
            .buffer_memory(tuning.buffer_bytes)
            .max_in_flight_requests_per_connection(tuning.inflight);
    }
    Ok(builder.build().await?)
}

pub(super) async fn connect(common: &Common) -> Result<Client, Failure> {
    let mut builder = Client::builder(common.bootstrap.as_str()).client_id("kestrel-bench");
    if let Some(ca) = &common.tls_ca {
        builder = builder.tls(Tls::ca_file(ca));
    }
    if common.metrics {
        builder = builder.metrics();
    }
    Ok(builder.connect().await?)
}

fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::None => Compression::None,
        Codec::Gzip => Compression::Gzip,
        Codec::Snappy => Compression::Snappy,
        Codec::Lz4 => Compression::Lz4,
        Codec::Zstd => Compression::Zstd,
    }
}
