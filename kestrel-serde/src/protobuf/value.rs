//! Protobuf without Rust types.
//!
//! For programs that learn their messages at run time, from a descriptor.

#[cfg(feature = "registry")]
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage};

use super::depth;
#[cfg(feature = "registry")]
use super::message_type::MessageType;
#[cfg(feature = "registry")]
use crate::registry::{CompleteSchema, Import, SchemaFormat};
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Values of `prost_reflect::DynamicMessage`, all of one message type.
///
/// Fields that the descriptor does not know are kept, and written again. Hostile bytes are bounded as those of
/// [`Protobuf`](crate::Protobuf) are, and what is too deep to be read is not written. With a registry it is what [`ProtobufMessage`](crate::ProtobufMessage) is to prost's types.
///
/// ```
/// use bytes::BytesMut;
/// use kestrel_serde::{Deserializer, ProtobufValue, SerdeContext, Serializer};
/// use prost_reflect::{DescriptorPool, DynamicMessage, Value};
///
/// let timestamp = DescriptorPool::global().get_message_by_name("google.protobuf.Timestamp").unwrap();
/// let timestamps = ProtobufValue::new(timestamp.clone())?;
///
/// let mut value = DynamicMessage::new(timestamp);
/// value.set_field_by_name("seconds", Value::I64(7));
/// let ctx = SerdeContext::value("ticks");
/// let mut out = BytesMut::new();
/// timestamps.serialize(&mut ctx.writing(), &value, &mut out)?;
/// assert_eq!(&out[..], [8, 7]);
/// assert_eq!(timestamps.deserialize(&ctx.reading(), &out.freeze())?, value);
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProtobufValue {
    descriptor: MessageDescriptor,
    #[cfg(feature = "registry")]
    message_type: Arc<MessageType>,
}

impl ProtobufValue {
    /// Values of the message that `descriptor` describes.
    ///
    /// # Errors
    /// When a registry could not be told its schema: its file uses editions or groups. Never without the feature `registry`.
    pub fn new(descriptor: MessageDescriptor) -> Result<Self, SerdeError> {
        Ok(Self {
            #[cfg(feature = "registry")]
            message_type: Arc::new(MessageType::of_descriptor(&descriptor)?),
            descriptor,
        })
    }

    /// Describes the messages that this format reads and writes.
    #[must_use]
    pub const fn descriptor(&self) -> &MessageDescriptor {
        &self.descriptor
    }
}

impl Serializer<DynamicMessage> for ProtobufValue {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &DynamicMessage,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let (found, expected) = (value.descriptor(), &self.descriptor);
        if found != *expected && found.full_name() != expected.full_name() {
            let problem = format!("a {} where a {} is expected", found.full_name(), expected.full_name());
            return Err(SerdeError::encode(ctx, problem));
        }
        let start = out.len();
        out.reserve(value.encoded_len());
        value.encode_raw(out);
        depth::check(ctx, out, start, |message| {
            DynamicMessage::decode(self.descriptor.clone(), message).map(drop)
        })
    }
}

impl Deserializer<DynamicMessage> for ProtobufValue {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<DynamicMessage, SerdeError> {
        DynamicMessage::decode(self.descriptor.clone(), bytes.clone())
            .map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

#[cfg(feature = "registry")]
impl ProtobufValue {
    /// Values of the message of this full name in a `.proto` text.
    ///
    /// ```
    /// use kestrel_serde::ProtobufValue;
    /// use prost_reflect::DynamicMessage;
    ///
    /// let orders = ProtobufValue::from_proto(r#"syntax = "proto3"; message Order { int64 id = 1; }"#, "Order")?;
    /// let order = DynamicMessage::new(orders.descriptor().clone());
    /// # Ok::<(), kestrel_serde::SerdeError>(())
    /// ```
    ///
    /// # Errors
    /// When the text is none, imports what is not there, or does not declare that message.
    pub fn from_proto(files: impl Into<super::ProtoFiles>, full_name: &str) -> Result<Self, SerdeError> {
        let message_type = MessageType::of_files(files.into(), full_name)?;
        Ok(Self { descriptor: message_type.descriptor().clone(), message_type: Arc::new(message_type) })
    }

    /// The same, which also reads what was written as the message of this full name.
    #[must_use]
    pub fn also_reads(self, full_name: impl Into<String>) -> Self {
        let message_type = Arc::unwrap_or_clone(self.message_type).with_alias(full_name.into());
        Self { message_type: Arc::new(message_type), ..self }
    }
}

#[cfg(feature = "registry")]
impl SchemaFormat for ProtobufValue {
    type Writer = Self;
    type Reader = Self;

    const HAS_MESSAGE_INDEXES: bool = true;

    fn schema(&self) -> kestrel_schema::Schema {
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

    fn own_writer(&self) -> Result<Self, SerdeError> {
        Ok(self.clone())
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(Self, Vec<i32>), SerdeError> {
        Ok((self.clone(), self.message_type.indexes_in(target)?))
    }

    fn reader(&self, writer: &CompleteSchema, message: &[i32]) -> Result<Self, SerdeError> {
        self.message_type.check_writer(writer, message)?;
        Ok(self.clone())
    }
}
