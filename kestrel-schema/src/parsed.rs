//! A schema that has been read and understood, whatever its language.

#[cfg(feature = "avro")]
use crate::avro::AvroSchema;
#[cfg(feature = "json-schema")]
use crate::json_schema::JsonSchema;
#[cfg(feature = "protobuf")]
use crate::protobuf::ProtobufSchema;
use crate::{Budget, BudgetExceeded, Dependency, Incompatibility, Schema, SchemaError, SchemaType};

/// A schema that has been read and understood.
///
/// ```
/// # #[cfg(feature = "avro")] {
/// use kestrel_schema::{ParsedSchema, Schema};
///
/// let schema = ParsedSchema::parse(&Schema::avro(r#"{"type": "string"}"#), &[])?;
/// assert_eq!(schema.canonical(), r#""string""#);
/// # }
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ParsedSchema {
    /// Of Avro.
    #[cfg(feature = "avro")]
    Avro(AvroSchema),
    /// Of Protobuf.
    #[cfg(feature = "protobuf")]
    Protobuf(Box<ProtobufSchema>),
    /// Of JSON Schema.
    #[cfg(feature = "json-schema")]
    Json(JsonSchema),
}

#[cfg_attr(
    not(any(feature = "avro", feature = "protobuf", feature = "json-schema")),
    expect(unused_variables)
)]
impl ParsedSchema {
    /// Reads a schema, given all that it refers to, directly or not, each after those that it refers to itself.
    ///
    /// # Errors
    /// When the text is no schema of its type, refers to something that is not there, or the type's feature is off.
    pub fn parse(schema: &Schema, dependencies: &[Dependency]) -> Result<Self, SchemaError> {
        match schema.schema_type {
            #[cfg(feature = "avro")]
            SchemaType::Avro => AvroSchema::parse(&schema.text, dependencies).map(Self::Avro),
            #[cfg(feature = "protobuf")]
            SchemaType::Protobuf => {
                ProtobufSchema::parse(&schema.text, dependencies).map(Box::new).map(Self::Protobuf)
            }
            #[cfg(feature = "json-schema")]
            SchemaType::Json => JsonSchema::parse(&schema.text, dependencies).map(Self::Json),
            #[allow(unreachable_patterns)]
            other => {
                Err(SchemaError::new(format!("{other} schemas need a feature of kestrel-schema that is off")))
            }
        }
    }

    /// The language that it is written in.
    #[must_use]
    pub const fn schema_type(&self) -> SchemaType {
        match *self {
            #[cfg(feature = "avro")]
            Self::Avro(_) => SchemaType::Avro,
            #[cfg(feature = "protobuf")]
            Self::Protobuf(_) => SchemaType::Protobuf,
            #[cfg(feature = "json-schema")]
            Self::Json(_) => SchemaType::Json,
        }
    }

    /// The text that a registry keeps and identifies it by: the same for texts that differ in layout alone.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            #[cfg(feature = "avro")]
            Self::Avro(schema) => schema.canonical(),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.canonical(),
            #[cfg(feature = "json-schema")]
            Self::Json(schema) => schema.canonical(),
        }
    }

    /// Refuses what registries refuse in a new schema, though they may have old ones with it.
    ///
    /// # Errors
    /// With the place. Only Avro has such rules: [`AvroSchema::validate`](crate::avro::AvroSchema::validate).
    pub fn validate(&self) -> Result<(), SchemaError> {
        match self {
            #[cfg(feature = "avro")]
            Self::Avro(schema) => schema.validate(),
            #[allow(unreachable_patterns)]
            _ => Ok(()),
        }
    }

    /// The text that a registry keeps when it is asked to normalize.
    #[must_use]
    pub fn normalized(&self) -> String {
        match self {
            #[cfg(feature = "avro")]
            Self::Avro(schema) => schema.normalized(),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.normalized(),
            #[cfg(feature = "json-schema")]
            Self::Json(schema) => schema.normalized(),
        }
    }

    /// The full name of what it describes, for subjects that are named after records; none if it has none.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        match self {
            #[cfg(feature = "avro")]
            Self::Avro(schema) => schema.record_name(),
            #[cfg(feature = "protobuf")]
            Self::Protobuf(schema) => schema.record_name(),
            #[cfg(feature = "json-schema")]
            Self::Json(schema) => schema.record_name(),
        }
    }

    /// What keeps this schema, as the reader's, from reading data of `writer`; empty if nothing does.
    ///
    /// # Errors
    /// When there is no verdict within the budget.
    pub fn incompatibilities(
        &self,
        writer: &Self,
        budget: &mut Budget,
    ) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        match (self, writer) {
            #[cfg(feature = "avro")]
            (Self::Avro(reader), Self::Avro(writer)) => reader.incompatibilities(writer, budget),
            #[cfg(feature = "protobuf")]
            (Self::Protobuf(reader), Self::Protobuf(writer)) => reader.incompatibilities(writer, budget),
            #[cfg(feature = "json-schema")]
            (Self::Json(reader), Self::Json(writer)) => reader.incompatibilities(writer, budget),
            #[allow(unreachable_patterns)]
            (reader, writer) => Ok(vec![Incompatibility {
                kind: "TYPE_MISMATCH",
                path: "/".to_owned(),
                problem: format!("{} cannot be read as {}", writer.schema_type(), reader.schema_type()),
            }]),
        }
    }
}
