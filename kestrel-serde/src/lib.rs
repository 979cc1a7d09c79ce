//! Typed serializers and deserializers for Kafka records.
//!
//! Under construction: the traits and their error are final, the formats follow.

mod closure;
mod context;
mod error;
mod serializer;

pub use closure::{DeserializeWith, SerializeWith, deserialize_with, serialize_with};
pub use context::{Part, SerdeContext};
pub use error::{BoxError, SerdeError};
pub use serializer::{Deserializer, Serializer};
