//! Avro schemas: read, written canonically, compared.
//!
//! ```text
//! text --json--> tree --parser--> types --canonical--> text that a registry keeps
//!                                   |----normalized--> types in normal form --canonical--> text
//!                                   |----compatibility, validation--> verdicts
//! ```
//!
//! Everything is as Java's implementation has it, since a registry's identities and verdicts are made with that; `testdata/avro` has
//! what it says.

mod canonical;
mod compatibility;
mod json;
mod location;
mod logical;
mod name;
mod normalized;
mod parser;
mod sameness;
mod types;
mod validation;

use std::collections::HashSet;

use self::parser::Parser;
use self::types::{Shape, TypeId, Types};
use crate::{Budget, BudgetExceeded, Dependency, Incompatibility, SchemaError};

/// Who looks at a schema to read data: it is what they were written in, or what they are to become; see [`AvroSchema::data_forms`].
///
/// ```
/// use kestrel_schema::avro::{AvroSchema, Side};
///
/// let text = r#"{"type": "fixed", "name": "Key", "size": 8, "aliases": ["Id"]}"#;
/// let schema = AvroSchema::parse(text, &[])?;
/// assert_eq!(schema.data_forms(Side::Writer, 10)?, [r#"{"type":"fixed","name":"Key","size":8}"#]);
/// assert_eq!(schema.data_forms(Side::Reader, 10)?, [r#"{"type":"fixed","name":"Key","size":8,"aliases":["Id"]}"#]);
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Data were written in it.
    Writer,
    /// Data become what it says: its defaults and aliases count too.
    Reader,
}

/// A schema of Avro.
///
/// ```
/// use kestrel_schema::avro::AvroSchema;
///
/// let text = r#"{ "name": "Position", "type": "record", "namespace": "truck",
///     "fields": [{"type": {"type": "double"}, "name": "latitude", "unit": "degree"}] }"#;
/// let schema = AvroSchema::parse(text, &[])?;
/// assert_eq!(schema.record_name().as_deref(), Some("truck.Position"));
/// assert_eq!(
///     schema.canonical(),
///     r#"{"type":"record","name":"Position","namespace":"truck","fields":[{"name":"latitude","type":"double","unit":"degree"}]}"#
/// );
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AvroSchema {
    types: Types,
    root: TypeId,
    /// The schemas that it depends on, each after those that it depends on itself.
    depends_on: Vec<TypeId>,
    /// Full names of the schemas that this one refers to, which its text does not define.
    referred: HashSet<String>,
    canonical: String,
}

impl AvroSchema {
    /// Reads the text of a schema, given all that it refers to, each after those that it refers to itself.
    ///
    /// Takes what registries have taken over the years: names of any script, and defaults that do not fit. What they ask of a new
    /// schema beyond that is [`validate`](Self::validate).
    ///
    /// # Errors
    /// When the text is no such schema, refers to something that is not there, or is nested more than 256 levels deep.
    ///
    /// ```
    /// use kestrel_schema::avro::AvroSchema;
    ///
    /// let error = AvroSchema::parse(r#"{"type": "array", "items": "shop.Order"}"#, &[]).unwrap_err();
    /// assert_eq!(error.to_string(), "shop.Order is defined nowhere");
    /// ```
    pub fn parse(text: &str, dependencies: &[Dependency]) -> Result<Self, SchemaError> {
        let mut parser = Parser::default();
        let mut depends_on = Vec::with_capacity(dependencies.len());
        for dependency in dependencies {
            depends_on.push(read_dependency(&mut parser, dependency)?);
        }
        let name = |root: &TypeId| parser.types().get(*root).shape.branch_name();
        let referred = depends_on.iter().map(name).collect();
        let root = parser.schema(&json::read(text)?)?;
        let types = parser.into_types();
        let canonical = canonical::canonical(&types, root, &referred)?;
        Ok(Self { types, root, depends_on, referred, canonical })
    }

    /// Refuses what registries refuse in a new schema, though they have old ones with it: names that are not of A to Z, digits and
    /// underscores, and defaults that are no value of their field's type.
    ///
    /// # Errors
    /// With the name, or the field and its default.
    ///
    /// ```
    /// use kestrel_schema::avro::AvroSchema;
    ///
    /// let text = r#"{"type": "record", "name": "Order", "fields": [{"name": "count", "type": "int", "default": "none"}]}"#;
    /// let error = AvroSchema::parse(text, &[])?.validate().unwrap_err();
    /// assert_eq!(error.to_string(), r#"Order.count: its default "none" is no int"#);
    /// # Ok::<(), kestrel_schema::SchemaError>(())
    /// ```
    pub fn validate(&self) -> Result<(), SchemaError> {
        validation::validate(&self.types)
    }

    /// The text that a registry keeps and identifies it by: the same for texts that differ in layout alone.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical.clone()
    }

    /// The text that a registry keeps when it is asked to normalize.
    #[must_use]
    pub fn normalized(&self) -> String {
        let types = normalized::normalized(&self.types);
        canonical::canonical(&types, self.root, &self.referred)
            .expect("it is nested as deep as the canonical text")
    }

    /// What one side of data looks at, for libraries that take less than this one: a text for each schema that it depends on, and its
    /// own one last.
    ///
    /// They have shapes, names and valid logical types, and nothing that only people look at. A name is defined once, where it is used
    /// first in the texts together.
    ///
    /// # Errors
    /// When a text would be nested more than `max_depth` levels deep.
    ///
    /// ```
    /// use kestrel_schema::avro::{AvroSchema, Side};
    ///
    /// let text = r#"{"type": "record", "name": "Day", "fields": [
    ///     {"name": "at", "type": {"type": "int", "logicalType": "date", "zone": "UTC"}, "default": 0, "doc": "days since 1970"}]}"#;
    /// assert_eq!(
    ///     AvroSchema::parse(text, &[])?.data_forms(Side::Writer, 100)?,
    ///     [r#"{"type":"record","name":"Day","fields":[{"name":"at","type":{"type":"int","logicalType":"date"}}]}"#]
    /// );
    /// # Ok::<(), kestrel_schema::SchemaError>(())
    /// ```
    pub fn data_forms(&self, side: Side, max_depth: usize) -> Result<Vec<String>, SchemaError> {
        let roots: Vec<_> = self.depends_on.iter().copied().chain([self.root]).collect();
        canonical::data_forms(&self.types, &roots, side, max_depth)
    }

    /// The full name of what it describes, for subjects that are named after records; none if it is no record.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        match &self.types.get(self.root).shape {
            Shape::Record(record) => Some(record.head.name.to_string()),
            _ => None,
        }
    }

    /// What keeps this schema, as the reader's, from reading data of `writer`; empty if nothing does.
    ///
    /// # Errors
    /// When there is no verdict within the budget.
    ///
    /// ```
    /// use kestrel_schema::Budget;
    /// use kestrel_schema::avro::AvroSchema;
    ///
    /// let old = AvroSchema::parse(r#"{"type": "record", "name": "Order", "fields": []}"#, &[]).unwrap();
    /// let new = r#"{"type": "record", "name": "Order", "fields": [{"name": "total", "type": "long"}]}"#;
    /// let new = AvroSchema::parse(new, &[]).unwrap();
    /// let found = new.incompatibilities(&old, &mut Budget::default()).unwrap();
    /// assert_eq!((found[0].kind, found[0].path.as_str()), ("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/0"));
    /// assert_eq!(found[0].problem, "field total of Order: it was not written, and has no default");
    /// ```
    pub fn incompatibilities(
        &self,
        writer: &Self,
        budget: &mut Budget,
    ) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        compatibility::incompatibilities((&self.types, self.root), (&writer.types, writer.root), budget)
    }
}

fn read_dependency(parser: &mut Parser, dependency: &Dependency) -> Result<TypeId, SchemaError> {
    let root = json::read(&dependency.text).and_then(|json| parser.schema(&json));
    root.map_err(|error| SchemaError::new(format!("reference {}: {error}", dependency.reference.name)))
}

#[cfg(test)]
mod tests;
