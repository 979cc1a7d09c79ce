//! Protobuf as JSON: messages that a program learns at run time, for tools that show and write whatever there is.

mod text;
mod value;

use std::fmt;

use bytes::{Bytes, BytesMut};
use kestrel_schema::SchemaType;
use kestrel_schema::protobuf::ProtobufSchema;
use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::Value;

use super::message_type::MessageType;
use super::{ProtoFiles, depth};
use crate::registry::{CompleteSchema, Import, SchemaFormat};
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Messages of any Protobuf schema of a registry as JSON.
///
/// They are read as the message that was written, and written as the one that [`write_in`](crate::registry::Registered::write_in) and
/// [`message`](Self::message) say, or as the own one.
///
/// Fields have the names that the `.proto` file gives them; those of Protobuf's own JSON (`lowerCamelCase`) are read too. Numbers
/// are numbers, also of 64 bits; `bytes` are base64, enums the names of their values. A field with presence that is not set is left
/// out, and so are fields that the schema does not know.
///
/// ```
/// use bytes::BytesMut;
/// use kestrel_serde::registry::SchemaFormat;
/// use kestrel_serde::{Deserializer, ProtobufJson, SerdeContext, Serializer};
/// use serde_json::json;
///
/// let schema = r#"syntax = "proto3"; message Quake { double magnitude = 1; repeated string tags = 2; optional int64 felt = 3; }"#;
/// let quakes = ProtobufJson::from_proto(schema, "Quake")?.own_writer()?;
/// let (ctx, mut out) = (SerdeContext::value("quakes"), BytesMut::new());
/// quakes.serialize(&mut ctx.writing(), &json!({"magnitude": 4.7}), &mut out)?;
/// let read = quakes.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(read, json!({"magnitude": 4.7, "tags": []}));
///
/// let error = quakes.serialize(&mut ctx.writing(), &json!({"magnitud": 4.7}), &mut BytesMut::new()).unwrap_err();
/// assert!(format!("{error:#}").ends_with("the message Quake has no field magnitud"), "{error:#}");
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ProtobufJson {
    own: Option<MessageType>,
    message: Option<String>,
}

impl ProtobufJson {
    /// Messages of every schema. To write them, a schema has to be said that the registry has.
    #[must_use]
    pub const fn any() -> Self {
        Self { own: None, message: None }
    }

    /// The message of this full name in a `.proto` text; in reading every message.
    ///
    /// # Errors
    /// When the text is none, imports what is not there, or does not declare that message.
    pub fn from_proto(files: impl Into<ProtoFiles>, full_name: &str) -> Result<Self, SerdeError> {
        Ok(Self { own: Some(MessageType::of_files(files.into(), full_name)?), message: None })
    }

    /// Writes the message of this full name where the schema is one of the registry. Default: the first message of the schema.
    #[must_use]
    pub fn message(self, full_name: impl Into<String>) -> Self {
        Self { message: Some(full_name.into()), ..self }
    }
}

impl SchemaFormat for ProtobufJson {
    type Writer = MessageJson;
    type Reader = MessageJson;

    const HAS_MESSAGE_INDEXES: bool = true;

    fn schema(&self) -> kestrel_schema::Schema {
        self.own.as_ref().map_or_else(|| kestrel_schema::Schema::protobuf(""), MessageType::schema)
    }

    fn imports(&self) -> Vec<Import> {
        self.own.as_ref().map(MessageType::imports).unwrap_or_default()
    }

    fn uses(&self) -> Vec<String> {
        self.own.as_ref().map(MessageType::uses).unwrap_or_default()
    }

    fn record_name(&self) -> Option<String> {
        self.own.as_ref().map(|own| own.descriptor().full_name().to_owned())
    }

    fn message_indexes(&self) -> Vec<i32> {
        self.own.as_ref().map(MessageType::indexes).unwrap_or_default()
    }

    fn own_writer(&self) -> Result<MessageJson, SerdeError> {
        let own = self.own.as_ref().ok_or_else(crate::generic::no_schema)?;
        Ok(MessageJson { descriptor: own.descriptor().clone() })
    }

    fn writer(&self, target: &CompleteSchema) -> Result<(MessageJson, Vec<i32>), SerdeError> {
        let parsed = parse(target)?;
        let path = match &self.message {
            None => vec![0],
            Some(name) => parsed.indexes_of(name).ok_or_else(|| {
                SerdeError::schema(format!("the registered schema declares no message {name}"))
            })?,
        };
        let indexes = path.iter().map(|&index| i32::try_from(index).unwrap_or(i32::MAX)).collect();
        Ok((message_at(&parsed, &path)?, indexes))
    }

    fn reader(&self, writer: &CompleteSchema, message: &[i32]) -> Result<MessageJson, SerdeError> {
        let path: Option<Vec<_>> = message.iter().map(|&index| usize::try_from(index).ok()).collect();
        message_at(&parse(writer)?, &path.unwrap_or_default())
    }
}

fn parse(complete: &CompleteSchema) -> Result<ProtobufSchema, SerdeError> {
    let schema = complete.schema();
    match schema.schema_type {
        SchemaType::Protobuf => {
            ProtobufSchema::parse(&schema.text, complete.dependencies()).map_err(SerdeError::schema)
        }
        other => Err(SerdeError::schema(format!("it is a schema of type {other}, not PROTOBUF"))),
    }
}

fn message_at(schema: &ProtobufSchema, path: &[usize]) -> Result<MessageJson, SerdeError> {
    let descriptor = schema
        .message_at(path)
        .ok_or_else(|| SerdeError::schema(format!("the schema has no message at the path {path:?}")))?;
    Ok(MessageJson { descriptor })
}

/// Messages of one type as JSON, without anything of a registry around them: the writer and the reader of [`ProtobufJson`].
///
/// ```
/// use bytes::Bytes;
/// use kestrel_serde::registry::SchemaFormat;
/// use kestrel_serde::{Deserializer, ProtobufJson, SerdeContext};
/// use serde_json::json;
///
/// let counts = ProtobufJson::from_proto(r#"syntax = "proto3"; message Count { int64 n = 1; }"#, "Count")?.own_writer()?;
/// let count = counts.deserialize(&SerdeContext::value("counts").reading(), &Bytes::from_static(&[8, 3]))?;
/// assert_eq!(count, json!({"n": 3}));
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
#[derive(Clone)]
pub struct MessageJson {
    descriptor: MessageDescriptor,
}

impl Serializer<Value> for MessageJson {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &Value,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let message =
            value::message(&self.descriptor, value).map_err(|cause| SerdeError::encode(ctx, cause))?;
        let start = out.len();
        out.reserve(message.encoded_len());
        message.encode_raw(out);
        depth::check(ctx, out, start, |message| {
            DynamicMessage::decode(self.descriptor.clone(), message).map(drop)
        })
    }
}

impl Deserializer<Value> for MessageJson {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<Value, SerdeError> {
        let message = DynamicMessage::decode(self.descriptor.clone(), bytes.clone());
        message.map(|message| text::of_message(&message)).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

impl fmt::Debug for MessageJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MessageJson").field(&self.descriptor.full_name()).finish()
    }
}

#[cfg(test)]
mod tests;
