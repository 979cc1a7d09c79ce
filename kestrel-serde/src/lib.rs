//! Typed serializers and deserializers for Kafka records.
//!
//! A key or a value is bytes to Kafka. A format says which bytes: it is a value that implements [`Serializer`] for the types
//! that it can write and [`Deserializer`] for those that it can read, and is given to a typed producer or consumer once.
//!
//! | format | types | bytes | feature |
//! |---|---|---|---|
//! | [`Raw`] | `[u8]`, `Vec<u8>`, [`Bytes`](bytes::Bytes), newtypes of them | as they are | |
//! | [`Utf8`] | `str`, `String`, `Arc<str>`, newtypes of them | Kafka's `StringSerializer` | |
//! | [`Int32`], [`Int64`] | `i32`, `i64`, newtypes of them, integers that fit | Kafka's `IntegerSerializer`, `LongSerializer` | |
//! | [`Float32`], [`Float64`] | `f32`, `f64`, newtypes of them | Kafka's `FloatSerializer`, `DoubleSerializer` | |
//! | `Uuid` | `uuid::Uuid`, newtypes of it | Kafka's `UUIDSerializer` | `uuid` |
//! | [`Unit`] | `()` | none; any are ignored | |
//! | `Json` | any `Serialize`, `DeserializeOwned` | one JSON document | `json` (default) |
//! | `JsonSchema` | any `Serialize`, `DeserializeOwned` | one JSON document, checked against a schema | `json-schema` |
//! | `Avro` | any `Serialize`, `DeserializeOwned` | one Avro datum, without any prefix | `avro` |
//! | `AvroValue` | `apache_avro::types::Value` | one Avro datum, without any prefix | `avro` |
//! | `Protobuf` | any `prost::Message` | one message, without any prefix | `protobuf` |
//! | `ProtobufValue` | `prost_reflect::DynamicMessage` | one message, without any prefix | `protobuf` |
//! | `registry.format(..)` of `Avro` and the like | those of the format | the same behind the id of a registered schema, or with its GUID in a header | `registry` |
//! | `AvroJson`, `ProtobufJson`, `AnySchema` | `serde_json::Value` | the same, of any schema that a registry has | `generic` |
//! | [`serialize_with`], [`deserialize_with`] | yours | a closure's | |
//!
//! ```
//! use bytes::BytesMut;
//! use kestrel_serde::{Deserializer, Int64, SerdeContext, Serializer, Utf8};
//!
//! let mut key = BytesMut::new();
//! Utf8.serialize(&mut SerdeContext::key("payments").writing(), "ada", &mut key)?;
//! let mut value = BytesMut::new();
//! Int64.serialize(&mut SerdeContext::value("payments").writing(), &1_250, &mut value)?;
//!
//! let cents: i64 = Int64.deserialize(&SerdeContext::value("payments").reading(), &value.freeze())?;
//! assert_eq!((&key[..], cents), (&b"ada"[..], 1_250));
//! # Ok::<(), kestrel_serde::SerdeError>(())
//! ```
//!
//! # What a format must do
//!
//! `serialize` and `deserialize` are plain functions, called for every record, from any task. What must be awaited (a
//! registry's answer) belongs into `ready`, which the client awaits before; formats without such needs leave it out.
//! A format never sees a null: a missing key and a tombstone are the client's. Headers of the record, such as the id of its
//! schema, are read and written through the context.
//!
//! # A format by configuration
//!
//! Both traits are usable as trait objects, and a `Box` or [`Arc`](std::sync::Arc) of a format is that format. So what is
//! chosen at run time is given to a topic handle or a consumer like any other:
//!
//! ```
//! # #[cfg(all(feature = "json", feature = "avro"))] {
//! use apache_avro::AvroSchema;
//! use bytes::BytesMut;
//! use kestrel_serde::{Avro, Deserializer, Json, SerdeContext, SerdeError, Serializer};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
//! struct Order {
//!     id: i64,
//! }
//!
//! /// Whatever writes and reads orders.
//! trait OrderFormat: Serializer<Order> + Deserializer<Order> {}
//! impl<F: Serializer<Order> + Deserializer<Order>> OrderFormat for F {}
//!
//! fn format(name: &str) -> Result<Box<dyn OrderFormat>, SerdeError> {
//!     match name {
//!         "json" => Ok(Box::new(Json)),
//!         "avro" => Ok(Box::new(Avro::of::<Order>()?)),
//!         other => Err(SerdeError::schema(format!("no format {other}"))),
//!     }
//! }
//!
//! let ctx = SerdeContext::value("orders");
//! for (name, bytes) in [("json", &br#"{"id":7}"#[..]), ("avro", &[14])] {
//!     let format = format(name)?; // a `Box<dyn Serializer<Order>>` if writing is all that is needed
//!     let mut out = BytesMut::new();
//!     format.serialize(&mut ctx.writing(), &Order { id: 7 }, &mut out)?;
//!     assert_eq!(&out[..], bytes);
//!     assert_eq!(format.deserialize(&ctx.reading(), &out.freeze())?, Order { id: 7 });
//! }
//! assert!(format("xml").is_err());
//! # }
//! # Ok::<(), kestrel_serde::SerdeError>(())
//! ```
//!
//! # When it fails
//!
//! [`SerdeError`] says in one sentence what failed, in which part of which topic, and why. Bytes that are not what they
//! should be are a *poison pill* ([`SerdeError::is_poison`]): reading them again gives the same error, and what to do with the
//! record is the consumer's to decide. With every other error the record is kept.

//!
//! # Schemas that change
//!
//! With the feature `schema-lock`, `schema_lock!` holds a format's schema against those that data were written with, in a test: `lock::SchemaLock`.

#[cfg(feature = "avro")]
mod avro;
mod closure;
mod context;
mod error;
#[cfg(feature = "generic")]
mod generic;
#[cfg(any(feature = "json", feature = "avro"))]
mod guard;
mod headers;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json-schema")]
mod json_schema;
#[cfg(all(feature = "schema-lock", any(feature = "avro", feature = "protobuf", feature = "json-schema")))]
pub mod lock;
mod primitives;
#[cfg(feature = "protobuf")]
mod protobuf;
mod ready;
#[cfg(feature = "registry")]
pub mod registry;
mod serializer;

#[cfg(feature = "avro")]
pub use avro::{Avro, AvroValue, logical};
#[cfg(feature = "generic")]
pub use avro::{AvroDatumJson, AvroJson};
pub use closure::{DeserializeWith, SerializeWith, deserialize_with, serialize_with};
pub use context::{DeserializeContext, Part, SerdeContext, SerializeContext};
pub use error::{BoxError, SerdeError};
#[cfg(feature = "generic")]
pub use generic::AnySchema;
pub use headers::{AddedHeaders, ReadHeaders};
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "json-schema")]
pub use json_schema::JsonSchema;
#[cfg(feature = "uuid")]
pub use primitives::Uuid;
pub use primitives::{Float32, Float64, Int32, Int64, Raw, Unit, Utf8};
#[cfg(feature = "generic")]
pub use protobuf::{MessageJson, ProtobufJson};
#[cfg(all(feature = "protobuf", feature = "registry"))]
pub use protobuf::{ProtoFiles, ProtobufMessage};
#[cfg(feature = "protobuf")]
pub use protobuf::{Protobuf, ProtobufValue};
pub use ready::Ready;
pub use serializer::{Deserializer, Serializer};
