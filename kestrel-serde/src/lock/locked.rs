//! What is held against a lock: a schema, or a format that has one.

use kestrel_schema::Schema;

use crate::registry::{Import, SchemaFormat};

/// A schema that a [`SchemaLock`](super::SchemaLock) can check: every format that a registry can keep the schema of, and a
/// [`Schema`] itself, as a text in any of the three languages.
///
/// ```
/// use kestrel_serde::lock::{Locked, Schema};
///
/// assert_eq!(Locked::schema(&Schema::protobuf("syntax = \"proto3\";")).schema_type.name(), "PROTOBUF");
/// ```
pub trait Locked {
    /// The schema.
    fn schema(&self) -> Schema;

    /// The schemas that it is made of, each after those that it uses itself. Default: none.
    fn imports(&self) -> Vec<Import> {
        Vec::new()
    }

    /// The names of the imports that it refers to directly. Default: none.
    fn uses(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Locked for Schema {
    fn schema(&self) -> Schema {
        self.clone()
    }
}

impl<F: SchemaFormat> Locked for F {
    fn schema(&self) -> Schema {
        SchemaFormat::schema(self)
    }

    fn imports(&self) -> Vec<Import> {
        SchemaFormat::imports(self)
    }

    fn uses(&self) -> Vec<String> {
        SchemaFormat::uses(self)
    }
}
