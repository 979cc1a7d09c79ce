//! Kestrel with its own serializers: the format is given to the topic handle, and to the consumer.

use bytes::Bytes;
use kestrel_bench::Order;
use kestrel_client::{AssignedConsumer, AutoOffsetReset, Delivery, NoKey, Producer, Raw, TypedProducer};

use super::super::held::Held;
use super::super::kestrel::{connect, producer};
use super::super::work::{Failure, Outcome};
use super::{TypedPeer, TypedReceiver, TypedSender, failure};
use crate::args::{Common, Serializers, Tuning};

/// The client of this workspace.
pub(super) struct Kestrel;

impl TypedPeer for Kestrel {
    type Sender = OrderSender;
    type Receiver = AssignedConsumer<Bytes, Order>;

    async fn sender(
        common: &Common,
        tuning: &Tuning,
        serializers: &Serializers,
    ) -> Result<OrderSender, Failure> {
        let producer = producer(common, tuning).await?;
        let format = serializers.format.kestrel(&serializers.registry).map_err(failure)?;
        let topic = producer.topic::<NoKey, Order>(common.topic.as_str()).value(format).open().await?;
        Ok(OrderSender { producer, topic, held: Held::new() })
    }

    async fn receiver(common: &Common, serializers: &Serializers) -> Result<Self::Receiver, Failure> {
        let consumer = connect(common)
            .await?
            .assigned_consumer::<Bytes, Order>()
            .assign_topics([common.topic.as_str()])
            .key(Raw)
            .value(serializers.format.kestrel(&serializers.registry).map_err(failure)?)
            .auto_offset_reset(AutoOffsetReset::Earliest);
        Ok(consumer.build().await?)
    }
}

pub(super) struct OrderSender {
    producer: Producer,
    topic: TypedProducer<NoKey, Order>,
    held: Held<Delivery>,
}

impl TypedSender for OrderSender {
    async fn send(&mut self, order: &Order) -> Result<(), Failure> {
        let delivery = self.topic.send_unkeyed(order).await?;
        self.held.hold(delivery).await;
        Ok(())
    }

    async fn finish(self) -> Result<Outcome, Failure> {
        self.producer.flush().await?;
        Ok(self.held.finish().await)
    }
}

impl TypedReceiver for AssignedConsumer<Bytes, Order> {
    async fn receive(&mut self, mut each: impl FnMut(Order)) -> Result<(), Failure> {
        let batch =
            self.next_batch().await?.ok_or_else(|| Failure("the consumer has no partitions".to_owned()))?;
        for record in &batch {
            each(record.value()?.ok_or_else(|| Failure("a record without an order".to_owned()))?);
        }
        Ok(())
    }
}
