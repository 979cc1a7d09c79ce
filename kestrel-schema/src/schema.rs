//! A schema as it is sent to a registry: its type, its text, and the schemas that it refers to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SchemaError;

/// The language that a schema is written in. `Display`, `FromStr` and serde use the registry's names: `AVRO`, `PROTOBUF`, `JSON`.
///
/// ```
/// use kestrel_schema::SchemaType;
///
/// assert_eq!("PROTOBUF".parse(), Ok(SchemaType::Protobuf));
/// assert_eq!(SchemaType::default().to_string(), "AVRO");
/// ```
// Exhaustive: a fourth one would be a feature of this crate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum SchemaType {
    /// Apache Avro, which a registry takes a schema for that does not say what it is.
    #[default]
    Avro,
    /// Protocol Buffers: a `.proto` file.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl SchemaType {
    /// The registry's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avro => "AVRO",
            Self::Protobuf => "PROTOBUF",
            Self::Json => "JSON",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SchemaType {
    type Err = SchemaError;

    fn from_str(name: &str) -> Result<Self, SchemaError> {
        [Self::Avro, Self::Protobuf, Self::Json].into_iter().find(|known| known.name() == name).ok_or_else(
            || SchemaError::new(format!("unknown schema type {name}: AVRO, PROTOBUF and JSON are known")),
        )
    }
}

/// A name in a schema and the registered schema that it stands for.
///
/// ```
/// use kestrel_schema::{Reference, Schema};
///
/// let item = Reference { name: "shop.Item".into(), subject: "items-value".into(), version: 3 };
/// let basket = Schema::avro(r#"{"type": "array", "items": "shop.Item"}"#).with_references([item]);
/// assert_eq!(basket.references[0].version, 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The name that the text uses: a full name in Avro, the path of an `import` in Protobuf, a `$ref` in JSON Schema.
    pub name: String,
    /// The subject that the other schema is registered under.
    pub subject: String,
    /// Its version in that subject, from 1.
    pub version: i32,
}

/// A schema as it is sent to a registry.
///
/// ```
/// use kestrel_schema::{Schema, SchemaType};
///
/// let schema = Schema::avro(r#"{"type": "string"}"#);
/// assert_eq!((schema.schema_type, schema.references.len()), (SchemaType::Avro, 0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema {
    /// The language of `text`.
    pub schema_type: SchemaType,
    /// The schema itself.
    pub text: String,
    /// What `text` refers to that it does not define.
    pub references: Vec<Reference>,
}

impl Schema {
    /// A schema without references.
    pub fn new(schema_type: SchemaType, text: impl Into<String>) -> Self {
        Self { schema_type, text: text.into(), references: Vec::new() }
    }

    /// An Avro schema without references.
    pub fn avro(text: impl Into<String>) -> Self {
        Self::new(SchemaType::Avro, text)
    }

    /// A Protobuf schema without references: the text of a `.proto` file.
    pub fn protobuf(text: impl Into<String>) -> Self {
        Self::new(SchemaType::Protobuf, text)
    }

    /// A JSON schema without references.
    pub fn json(text: impl Into<String>) -> Self {
        Self::new(SchemaType::Json, text)
    }

    /// The same, referring to these.
    #[must_use]
    pub fn with_references(mut self, references: impl IntoIterator<Item = Reference>) -> Self {
        self.references.extend(references);
        self
    }
}

/// A schema that another one refers to, with its text.
///
/// Whoever parses a schema is given all that it refers to, directly or not, each after those that it refers to itself.
///
/// ```
/// # #[cfg(feature = "avro")] {
/// use kestrel_schema::{Dependency, ParsedSchema, Reference, Schema};
///
/// let reference = Reference { name: "shop.Item".into(), subject: "items-value".into(), version: 3 };
/// let basket = Schema::avro(r#"{"type": "array", "items": "shop.Item"}"#).with_references([reference.clone()]);
/// let text = r#"{"type": "record", "name": "shop.Item", "fields": []}"#.to_owned();
/// let parsed = ParsedSchema::parse(&basket, &[Dependency { reference, text }])?;
/// // What is referred to is no part of the text that a registry keeps.
/// assert_eq!(parsed.canonical(), r#"{"type":"array","items":"shop.Item"}"#);
/// # }
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The name that it is referred to by, and where it is registered.
    pub reference: Reference,
    /// Its text.
    pub text: String,
}
