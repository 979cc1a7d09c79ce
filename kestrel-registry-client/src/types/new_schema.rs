//! NewSchema: a schema on its way to a registry.

use kestrel_schema::{Metadata, Reference, RuleSet, Schema, SchemaType};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// A schema on its way to a registry, with what is to be kept beside it. A [`Schema`] alone is one, too.
///
/// ```
/// use kestrel_registry_client::{Metadata, NewSchema, Schema};
///
/// let schema = NewSchema::from(Schema::avro(r#""long""#)).with_metadata(Metadata::default().property("owner", "fleet"));
/// assert_eq!(
///     serde_json::to_string(&schema)?,
///     r#"{"schema":"\"long\"","metadata":{"properties":{"owner":"fleet"}}}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewSchema {
    schema: Schema,
    id: Option<i32>,
    version: Option<i32>,
    metadata: Option<Metadata>,
    rule_set: Option<RuleSet>,
}

impl NewSchema {
    /// The same with this id, for a registry in [`Mode::Import`](crate::Mode::Import).
    #[must_use]
    pub fn with_id(self, id: i32) -> Self {
        Self { id: Some(id), ..self }
    }

    /// The same as this version: the number that it must get, or has in a registry in [`Mode::Import`](crate::Mode::Import).
    #[must_use]
    pub fn with_version(self, version: i32) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The same with these tags and properties.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self { metadata: Some(metadata), ..self }
    }

    /// The same with these rules.
    #[must_use]
    pub fn with_rules(self, rule_set: RuleSet) -> Self {
        Self { rule_set: Some(rule_set), ..self }
    }

    /// The schema itself.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }
}

impl From<Schema> for NewSchema {
    fn from(schema: Schema) -> Self {
        Self { schema, id: None, version: None, metadata: None, rule_set: None }
    }
}

impl From<&Schema> for NewSchema {
    fn from(schema: &Schema) -> Self {
        schema.clone().into()
    }
}

/// As registries read it. What they take for granted is left out, because older ones do not know it.
impl Serialize for NewSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { schema: Schema { schema_type, text, references }, id, version, metadata, rule_set } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", text)?;
        if *schema_type != SchemaType::Avro {
            map.serialize_entry("schemaType", schema_type)?;
        }
        if !references.is_empty() {
            map.serialize_entry::<str, [Reference]>("references", references)?;
        }
        if let Some(id) = id {
            map.serialize_entry("id", id)?;
        }
        if let Some(version) = version {
            map.serialize_entry("version", version)?;
        }
        if let Some(metadata) = metadata {
            map.serialize_entry("metadata", metadata)?;
        }
        if let Some(rule_set) = rule_set {
            map.serialize_entry("ruleSet", rule_set)?;
        }
        map.end()
    }
}

/// A change of the tags of a version, which makes a new version with the same schema.
///
/// ```
/// use kestrel_registry_client::TagChange;
///
/// let change = TagChange::default().add("Position.driver", ["PII"]).remove("Position.truck", ["PII"]);
/// assert_eq!(
///     serde_json::to_string(&change)?,
///     r#"{"tagsToAdd":[{"schemaEntity":{"entityPath":"Position.driver","entityType":"SR_FIELD"},"tags":["PII"]}],"tagsToRemove":[{"schemaEntity":{"entityPath":"Position.truck","entityType":"SR_FIELD"},"tags":["PII"]}]}"#
/// );
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagChange {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags_to_add: Vec<Tagged>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags_to_remove: Vec<Tagged>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tagged {
    schema_entity: Entity,
    tags: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    entity_path: String,
    entity_type: &'static str,
}

impl TagChange {
    /// Adds tags to a field, which is named by the full name of its record and its own.
    #[must_use]
    pub fn add<T: Into<String>>(
        mut self,
        field: impl Into<String>,
        tags: impl IntoIterator<Item = T>,
    ) -> Self {
        self.tags_to_add.push(Tagged::field(field.into(), tags));
        self
    }

    /// Removes tags from a field.
    #[must_use]
    pub fn remove<T: Into<String>>(
        mut self,
        field: impl Into<String>,
        tags: impl IntoIterator<Item = T>,
    ) -> Self {
        self.tags_to_remove.push(Tagged::field(field.into(), tags));
        self
    }
}

impl Tagged {
    fn field<T: Into<String>>(entity_path: String, tags: impl IntoIterator<Item = T>) -> Self {
        let schema_entity = Entity { entity_path, entity_type: "SR_FIELD" };
        Self { schema_entity, tags: tags.into_iter().map(Into::into).collect() }
    }
}
