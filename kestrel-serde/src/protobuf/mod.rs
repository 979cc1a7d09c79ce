//! Protobuf.
//!
//! Messages of prost's, and messages that are known by a descriptor alone. Neither looks at a schema to read or write a record:
//! protobuf's own rules say what an older or newer reader makes of the bytes. A schema is only what a registry is told.

mod depth;
#[cfg(feature = "generic")]
mod json;
#[cfg(feature = "registry")]
mod message;
#[cfg(feature = "registry")]
mod message_type;
#[cfg(feature = "registry")]
mod proto_files;
#[cfg(test)]
mod tests;
mod value;

use bytes::{Bytes, BytesMut};
use prost::Message;

#[cfg(feature = "generic")]
pub use self::json::{MessageJson, ProtobufJson};
#[cfg(feature = "registry")]
pub use self::message::ProtobufMessage;
#[cfg(feature = "registry")]
pub use self::proto_files::ProtoFiles;
pub use self::value::ProtobufValue;
use crate::{DeserializeContext, Deserializer, SerdeError, SerializeContext, Serializer};

/// Any [`prost::Message`] as its bytes, without any prefix.
///
/// Fields that the type does not know are dropped when it is read, and fields that the bytes do not have take their defaults:
/// protobuf's rules of evolution. Bytes of a `bytes::Bytes` field are not copied, and keep their batch in memory.
///
/// Hostile bytes are bounded: messages lie in each other at most 100 deep (prost's limit), and nothing is allocated for a length
/// before the bytes are there. Bytes that are some other message may be read as this one; a schema registry tells them apart.
///
/// A message that lies deeper is not written either. It is refused once it is encoded, and prost encodes by calling itself: a message
/// thousands deep may leave the stack, and end the process, before anybody can refuse it, as dropping it would.
///
/// ```
/// use bytes::{Bytes, BytesMut};
/// use kestrel_serde::{Deserializer, Protobuf, SerdeContext, Serializer};
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Order {
///     #[prost(int64, tag = "1")]
///     id: i64,
///     #[prost(string, tag = "2")]
///     customer: String,
/// }
///
/// let ctx = SerdeContext::value("orders");
/// let order = Order { id: 7, customer: "ada".into() };
/// let mut out = BytesMut::new();
/// Protobuf.serialize(&mut ctx.writing(), &order, &mut out)?;
/// assert_eq!(&out[..], b"\x08\x07\x12\x03ada");
/// let read: Order = Protobuf.deserialize(&ctx.reading(), &out.freeze())?;
/// assert_eq!(read, order);
///
/// let poison: Result<Order, _> = Protobuf.deserialize(&ctx.reading(), &Bytes::from_static(b"\x08"));
/// assert!(format!("{:#}", poison.unwrap_err()).starts_with("cannot decode the value of topic orders: "));
/// # Ok::<(), kestrel_serde::SerdeError>(())
/// ```
///
/// # With a schema registry
///
/// A registry is told the `.proto` text, which prost's types do not have. There are three ways to it, each of which gives a
/// [`ProtobufMessage`]:
///
/// | the types | the text |
/// |---|---|
/// | `#[derive(prost::Message)]` by hand | [`Protobuf::from_proto`]: the text and the name of the message |
/// | of prost-build | the same with the `.proto` file, or [`Protobuf::from_descriptor_set`] with its `file_descriptor_set_path` |
/// | with `#[derive(prost_reflect::ReflectMessage)]` too | [`Protobuf::of`]: nothing more |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protobuf;

impl<T: Message + Default + 'static> Serializer<T> for Protobuf {
    fn serialize(
        &self,
        ctx: &mut SerializeContext<'_>,
        value: &T,
        out: &mut BytesMut,
    ) -> Result<(), SerdeError> {
        let start = out.len();
        out.reserve(value.encoded_len());
        value.encode_raw(out);
        depth::check(ctx, out, start, |message| T::decode(message).map(drop))
    }
}

impl<T: Message + Default + 'static> Deserializer<T> for Protobuf {
    fn deserialize(&self, ctx: &DeserializeContext<'_>, bytes: &Bytes) -> Result<T, SerdeError> {
        T::decode(bytes.clone()).map_err(|cause| SerdeError::decode(ctx, cause))
    }
}

#[cfg(feature = "registry")]
mod constructors {
    use kestrel_schema::protobuf::prost_reflect::{DescriptorPool, ReflectMessage};

    use super::message_type::MessageType;
    use super::{ProtoFiles, Protobuf, ProtobufMessage};
    use crate::SerdeError;

    impl Protobuf {
        /// Messages of a type that knows its descriptor, for use with a registry. The text is made of the descriptor.
        ///
        /// # Errors
        /// When the descriptor uses editions or groups.
        pub fn of<T: ReflectMessage + Default>() -> Result<ProtobufMessage, SerdeError> {
            MessageType::of_descriptor(&T::default().descriptor()).map(ProtobufMessage::new)
        }

        /// Messages of this full name in a `.proto` text, for use with a registry. A type of prost-build says its name itself:
        /// `&Order::full_name()`, of [`prost::Name`].
        ///
        /// The text is taken at its word: that the Rust type is that message is not checked.
        ///
        /// ```
        /// use kestrel_serde::{ProtoFiles, Protobuf};
        ///
        /// let orders = Protobuf::from_proto(
        ///     r#"syntax = "proto3"; package shop; message Order { int64 id = 1; string customer = 2; }"#,
        ///     "shop.Order",
        /// )?;
        /// let carts = Protobuf::from_proto(
        ///     ProtoFiles::new(r#"syntax = "proto3"; import "item.proto"; message Cart { repeated Item items = 1; }"#)
        ///         .import("item.proto", r#"syntax = "proto3"; message Item { int64 sku = 1; }"#),
        ///     "Cart",
        /// )?;
        /// # Ok::<(), kestrel_serde::SerdeError>(())
        /// ```
        ///
        /// # Errors
        /// When the text is none, imports what is not there, or does not declare that message.
        pub fn from_proto(
            files: impl Into<ProtoFiles>,
            full_name: &str,
        ) -> Result<ProtobufMessage, SerdeError> {
            MessageType::of_files(files.into(), full_name).map(ProtobufMessage::new)
        }

        /// Messages of this full name in an encoded `FileDescriptorSet`, for use with a registry: what `protoc
        /// --descriptor_set_out --include_imports` writes, and prost-build to its `file_descriptor_set_path`.
        ///
        /// # Errors
        /// When the bytes are none, or do not declare that message.
        pub fn from_descriptor_set(bytes: &[u8], full_name: &str) -> Result<ProtobufMessage, SerdeError> {
            let pool = DescriptorPool::decode(bytes).map_err(SerdeError::schema)?;
            let message = pool.get_message_by_name(full_name);
            let message = message.ok_or_else(|| {
                SerdeError::schema(format!("the descriptors declare no message {full_name}"))
            })?;
            MessageType::of_descriptor(&message).map(ProtobufMessage::new)
        }
    }
}
