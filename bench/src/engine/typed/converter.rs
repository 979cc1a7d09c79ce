//! The serializers of `schema_registry_converter`, with the fastest half of rdkafka.

use kestrel_bench::{ConverterReader, ConverterWriter, Order};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message;

use super::super::PATIENCE;
use super::super::rdkafka_base::{BaseSender, MESSAGES_OF_A_POLL, RdkafkaBase};
use super::super::work::{Failure, Outcome, Peer, Sender};
use super::{TypedPeer, TypedReceiver, TypedSender, failure};
use crate::args::{Common, Serializers, Tuning};

/// `schema_registry_converter` with `ThreadedProducer` and `BaseConsumer`.
pub(super) struct Converter;

impl TypedPeer for Converter {
    type Sender = OrderSender;
    type Receiver = OrderReceiver;

    async fn sender(
        common: &Common,
        tuning: &Tuning,
        serializers: &Serializers,
    ) -> Result<OrderSender, Failure> {
        let Serializers { format, registry } = serializers;
        let writer = ConverterWriter::open(*format, registry, &common.topic).await.map_err(failure)?;
        Ok(OrderSender { sender: RdkafkaBase::sender(common, tuning).await?, writer })
    }

    async fn receiver(common: &Common, serializers: &Serializers) -> Result<OrderReceiver, Failure> {
        let reader = ConverterReader::new(serializers.format, &serializers.registry).map_err(failure)?;
        Ok(OrderReceiver { consumer: RdkafkaBase::receiver(common).await?, reader })
    }
}

pub(super) struct OrderSender {
    sender: BaseSender,
    writer: ConverterWriter,
}

impl TypedSender for OrderSender {
    async fn send(&mut self, order: &Order) -> Result<(), Failure> {
        let bytes = self.writer.write(order).await.map_err(failure)?;
        self.sender.send(&bytes).await
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.sender.finish().await
    }
}

pub(super) struct OrderReceiver {
    consumer: BaseConsumer,
    reader: ConverterReader,
}

impl TypedReceiver for OrderReceiver {
    async fn receive(&mut self, mut each: impl FnMut(Order)) -> Result<(), Failure> {
        let mut patience = PATIENCE;
        for _ in 0..MESSAGES_OF_A_POLL {
            let Some(message) = self.consumer.poll(patience) else { break };
            let message = message?;
            each(self.reader.read(message.payload().unwrap_or_default()).await.map_err(failure)?);
            patience = std::time::Duration::ZERO;
        }
        if patience == PATIENCE {
            return Err(Failure(format!("no record came for {} s", PATIENCE.as_secs())));
        }
        Ok(())
    }
}
