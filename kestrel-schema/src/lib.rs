//! Avro, Protobuf and JSON schemas as a schema registry sees them: canonical forms, identity, compatibility.
//!
//! Pure: no socket, no clock, no file. A schema registry, its client and a program's own tests judge schemas with the same code.
//!
//! | feature | what it adds |
//! |---|---|
//! | `avro` | [`avro::AvroSchema`] |
//! | `protobuf` | [`protobuf::ProtobufSchema`] |
//! | `json-schema` | [`json_schema::JsonSchema`] |
//!
//! Without any of them it has the names of things alone: [`Schema`], [`Reference`], [`Guid`], [`Level`].

#[cfg(feature = "avro")]
pub mod avro;
mod budget;
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json-schema"))]
mod check;
mod compatibility;
mod error;
mod guid;
#[cfg(feature = "json-schema")]
pub mod json_schema;
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json-schema"))]
pub mod lock;
mod metadata;
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json-schema"))]
mod parsed;
#[cfg(feature = "protobuf")]
pub mod protobuf;
mod rule_set;
mod schema;
#[cfg(all(test, any(feature = "avro", feature = "protobuf", feature = "json-schema")))]
mod spoiled;

pub use budget::{Budget, BudgetExceeded};
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json-schema"))]
pub use check::{Breakage, Direction, Version, check, check_pair};
pub use compatibility::{Incompatibility, Level};
pub use error::SchemaError;
pub use guid::Guid;
pub use metadata::Metadata;
#[cfg(any(feature = "avro", feature = "protobuf", feature = "json-schema"))]
pub use parsed::ParsedSchema;
pub use rule_set::{Rule, RuleEnvironment, RuleKind, RuleMode, RuleSet};
pub use schema::{Dependency, Reference, Schema, SchemaType};
