//! Typed serializers and deserializers for Kafka records.
//!
//! Under construction: the Avro format follows.

mod closure;
mod context;
mod error;
#[cfg(feature = "json")]
mod json;
mod primitives;
mod serializer;

pub use closure::{DeserializeWith, SerializeWith, deserialize_with, serialize_with};
pub use context::{Part, SerdeContext};
pub use error::{BoxError, SerdeError};
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "uuid")]
pub use primitives::Uuid;
pub use primitives::{Float32, Float64, Int32, Int64, Raw, Unit, Utf8};
pub use serializer::{Deserializer, Serializer};
