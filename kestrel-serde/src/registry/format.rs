//! SchemaFormat: a format that can be used with a registry.
//!
//! Avro, Protobuf and JSON Schema implement it, and [`Registered`](super::Registered) does all the rest: ids, frames, subjects,
//! caches. A format never asks a registry and never sees an id.

use std::fmt;

use kestrel_schema::{Dependency, Schema};

use super::RegisteredSchema;
use crate::SerdeError;

/// A format whose schema a registry keeps.
///
/// `Writer` and `Reader` are what values are written and read with, made once per schema and used for every record of it: they
/// are a [`Serializer`](crate::Serializer) and a [`Deserializer`](crate::Deserializer) of bare bytes, without anything of a
/// registry around them.
///
/// ```
/// use kestrel_schema::Schema;
/// use kestrel_serde::registry::{CompleteSchema, SchemaFormat};
/// use kestrel_serde::{SerdeError, Utf8};
///
/// /// Texts that need no schema, and are registered with one all the same.
/// #[derive(Debug)]
/// struct Texts;
///
/// impl SchemaFormat for Texts {
///     type Writer = Utf8;
///     type Reader = Utf8;
///
///     fn schema(&self) -> Schema {
///         Schema::json(r#"{"type": "string"}"#)
///     }
///
///     fn record_name(&self) -> Option<String> {
///         None
///     }
///
///     fn own_writer(&self) -> Result<Utf8, SerdeError> {
///         Ok(Utf8)
///     }
///
///     fn writer(&self, target: &CompleteSchema) -> Result<(Utf8, Vec<i32>), SerdeError> {
///         Ok((self.reader(target, &[])?, Vec::new()))
///     }
///
///     fn reader(&self, writer: &CompleteSchema, _: &[i32]) -> Result<Utf8, SerdeError> {
///         match writer.schema() == &self.schema() {
///             true => Ok(Utf8),
///             false => Err(SerdeError::schema("only texts are read")),
///         }
///     }
/// }
/// ```
pub trait SchemaFormat: fmt::Debug + Send + Sync + 'static {
    /// Writes values in one schema.
    type Writer: Send + Sync + 'static;
    /// Reads what was written in one schema.
    type Reader: Send + Sync + 'static;

    /// Whether the path to a message stands between a schema's id and the bytes, as Protobuf has it.
    const HAS_MESSAGE_INDEXES: bool = false;

    /// The schema to be registered. What it refers to is registered already, or among [`imports`](Self::imports).
    fn schema(&self) -> Schema;

    /// The schemas to be registered before it, each after those that it uses itself. Default: none.
    fn imports(&self) -> Vec<Import> {
        Vec::new()
    }

    /// The names of the imports that the own schema refers to directly. Default: none.
    fn uses(&self) -> Vec<String> {
        Vec::new()
    }

    /// The full name of the record or message, for subjects that are named after it; `None` if it has no name.
    fn record_name(&self) -> Option<String>;

    /// The path to the message in the own schema; empty unless [`HAS_MESSAGE_INDEXES`](Self::HAS_MESSAGE_INDEXES).
    fn message_indexes(&self) -> Vec<i32> {
        Vec::new()
    }

    /// Writes values in the own schema.
    ///
    /// # Errors
    /// When that cannot be used.
    fn own_writer(&self) -> Result<Self::Writer, SerdeError>;

    /// Writes values in `target`, which is not the own schema but one that the registry has: the latest, or a given one. The path
    /// is that of the message in it; empty unless [`HAS_MESSAGE_INDEXES`](Self::HAS_MESSAGE_INDEXES).
    ///
    /// # Errors
    /// When what values of the own schema hold has no place in it.
    fn writer(&self, target: &CompleteSchema) -> Result<(Self::Writer, Vec<i32>), SerdeError>;

    /// Reads what was written in `writer`; of Protobuf, the message at this path.
    ///
    /// # Errors
    /// When the own schema can read nothing of what that one writes: each of its records is a poison pill.
    fn reader(&self, writer: &CompleteSchema, message: &[i32]) -> Result<Self::Reader, SerdeError>;
}

/// A registered schema with all that it refers to, directly or not.
///
/// ```
/// use kestrel_schema::Schema;
/// use kestrel_serde::registry::{CompleteSchema, RegisteredSchema};
///
/// let complete = CompleteSchema::new(RegisteredSchema::new(Schema::avro(r#""long""#)).with_id(3), Vec::new());
/// assert_eq!((complete.schema().text.as_str(), complete.registered().id), (r#""long""#, Some(3)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteSchema {
    registered: RegisteredSchema,
    dependencies: Vec<Dependency>,
}

impl CompleteSchema {
    /// A schema and what it refers to, each after those that it refers to itself.
    #[must_use]
    pub const fn new(registered: RegisteredSchema, dependencies: Vec<Dependency>) -> Self {
        Self { registered, dependencies }
    }

    /// The schema itself.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.registered.schema
    }

    /// The schema with its id, GUID, subject and version, as far as the registry has said them.
    #[must_use]
    pub const fn registered(&self) -> &RegisteredSchema {
        &self.registered
    }

    /// What it refers to, directly or not, each after those that it refers to itself.
    #[must_use]
    pub fn dependencies(&self) -> &[Dependency] {
        &self.dependencies
    }
}

/// A schema that a format's own one is made of, to be registered under a subject of its own before it.
///
/// ```
/// use kestrel_schema::Schema;
/// use kestrel_serde::registry::Import;
///
/// let common = Import {
///     name: "acme/common.proto".into(),
///     schema: Schema::protobuf(r#"syntax = "proto3"; message Place { double latitude = 1; }"#),
///     uses: Vec::new(),
/// };
/// assert!(common.uses.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The name that it is referred to by: the path of a `.proto` file. Its subject is named so too, unless a
    /// [strategy](super::Registered::reference_subjects) says another one.
    pub name: String,
    /// The schema itself. `references` has those that are registered already.
    pub schema: Schema,
    /// The names of the imports before it that it refers to directly.
    pub uses: Vec<String>,
}
