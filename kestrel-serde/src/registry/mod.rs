//! Formats whose schemas a schema registry keeps.
//!
//! ```text
//!   Avro, Protobuf, JsonSchema      SchemaFormat: a schema, and writers and readers for other schemas
//!        │ registry.format(..)
//!        ▼
//!   Registered<F>                   Serializer and Deserializer: subjects, ids, frames; one plan per schema
//!        │ not known?
//!        ▼
//!   Registry                        one cache: asks once for all that wait, and spares a registry that is down
//!        │ not known?
//!        ▼
//!   dyn SchemaRegistry              RegistryClient of kestrel-registry-client, or a table in a test
//! ```
//!
//! [`Registry::format`] is the door. A record of a schema that is known never comes further than `Registered<F>`: it takes one
//! lookup, no lock, and no allocation beside the value's.

mod answers;
mod clock;
mod context;
mod error;
mod format;
mod frame;
mod handle;
mod memory;
mod message_indexes;
mod observed;
mod references;
mod registered;
mod registration;
mod rules;
mod saved;
mod schema_registry;
mod subject;

pub use error::{RegistryError, RegistryErrorKind};
pub use format::{CompleteSchema, Import, SchemaFormat};
pub use frame::{InvalidFrame, SchemaKey, WireForm};
pub use handle::Registry;
pub use observed::{Asked, Question, RegistryObserver};
#[cfg(all(
    feature = "schema-lock",
    any(feature = "avro", feature = "protobuf", feature = "json-schema")
))]
pub(crate) use references::References;
pub use registered::{Registered, RegisteredWithSchema, WithSchema, WriteIn};
pub use schema_registry::{RegisteredSchema, RegistryAnswer, SchemaRegistry};
pub use subject::SubjectStrategy;

#[cfg(test)]
mod tests;
