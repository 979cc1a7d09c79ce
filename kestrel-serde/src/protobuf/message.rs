//! ProtobufMessage: prost's messages of which a registry keeps the schema.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kestrel_schema::Schema;
use prost::Message;

use super::Protobuf;
use super::message_type::MessageType;
use crate::registry::{CompleteSchema, Import, SchemaFormat};
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Messages of prost's with their schema, for use with a registry; made by [`Protobuf::of`], [`Protobuf::from_proto`] and
/// [`Protobuf::from_descriptor_set`].
///
/// With a registry the bytes are Confluent's: the schema's id, the place of the message in its file, the message. Imports are
/// registered first, each under a subject named as its path. A record is read if its writer's schema says that it is the
/// message of this full name, wherever in the file that stands; another message is a poison pill. Without a registry it is
/// [`Protobuf`].
///
/// ```
/// # use kestrel_serde::registry::{Registered, Registry};
/// # use kestrel_serde::{Protobuf, ProtobufMessage, SerdeError};
/// # fn orders(registry: &Registry) -> Result<Registered<ProtobufMessage>, SerdeError> {
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Order {
///     #[prost(int64, tag = "1")]
///     id: i64,
/// }
///
/// // For producers and consumers of `Order`.
/// let text = r#"syntax = "proto3"; package shop; message Order { int64 id = 1; }"#; // or include_str!("order.proto")
/// let orders = registry.format(Protobuf::from_proto(text, "shop.Order")?);
/// # Ok(orders) }
/// ```
#[derive(Debug, Clone)]
pub struct ProtobufMessage {
    message_type: Arc<MessageType>,
}

impl ProtobufMessage {
    pub(super) fn new(message_type: MessageType) -> Self {
        Self { message_type: Arc::new(message_type) }
    }

    /// The same, which also reads what was written as the message of this full name: the message was renamed, or its package was.
    #[must_use]
    pub fn also_reads(self, full_name: impl Into<String>) -> Self {
        Self::new(Arc::unwrap_or_clone(self.message_type).with_alias(full_name.into()))
    }
}

impl<T: Message + Default + 'static> Serializer<T> for ProtobufMessage {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        Protobuf.serialize(ctx, value, out)
    }
}

impl<T: Message + Default + 'static> Deserializer<T> for ProtobufMessage {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        Protobuf.deserialize(ctx, bytes)
    }
}

impl SchemaFormat for ProtobufMessage {
    type Writer = Protobuf;
    type Reader = Protobuf;

    const HAS_MESSAGE_INDEXES: bool = true;

    fn schema(&self) -> Schema {
        self.message_type.schema()
    }

    fn imports(&self) -> Vec<Import> {
        self.message_type.imports()
    }

    fn uses(&self) -> Vec<String> {
        self.message_type.uses()
    }

    fn record_name(&self) -> Option<String> {
        Some(self.message_type.full_name().to_owned())
    }

    fn message_indexes(&self) -> Vec<i32> {
        self.message_type.indexes()
    }

    fn own_writer(&self) -> Result<Protobuf, SerdeError> {
        Ok(Protobuf)
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(Protobuf, Vec<i32>), SerdeError> {
        Ok((Protobuf, self.message_type.indexes_in(target)?))
    }

    fn reader(&self, writer: &CompleteSchema, message: &[i32]) -> Result<Protobuf, SerdeError> {
        self.message_type.check_writer(writer, message)?;
        Ok(Protobuf)
    }
}
