//! StoredSchema: a schema as a registry has it.

use kestrel_schema::{Guid, Metadata, Reference, RuleSet, Schema, SchemaType};
use kestrel_serde::registry::RegisteredSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A schema as a registry has it. Registries do not say everything with each answer, and older ones less.
///
/// ```
/// use kestrel_registry_client::StoredSchema;
///
/// let stored: StoredSchema = serde_json::from_str(r#"{"subject": "counts-value", "version": 2, "id": 7, "schema": "\"long\""}"#)?;
/// assert_eq!((stored.id, stored.version), (Some(7), Some(2)));
/// assert_eq!(stored.schema.unwrap().text, r#""long""#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(from = "Body")]
pub struct StoredSchema {
    /// Its number in this registry.
    pub id: Option<i32>,
    /// Its identity in every registry.
    pub guid: Option<Guid>,
    /// The subject that it was found or registered under.
    pub subject: Option<String>,
    /// Its version in that subject, from 1.
    pub version: Option<i32>,
    /// The schema itself; older registries do not repeat one that they were sent.
    pub schema: Option<Schema>,
    /// Its tags and properties.
    pub metadata: Option<Metadata>,
    /// Its rules.
    pub rule_set: Option<RuleSet>,
    /// When it was registered, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    /// Whether the version is deleted, though not permanently.
    pub is_deleted: bool,
    /// The largest id that the registry has given, when it was asked for.
    pub max_id: Option<i32>,
}

impl StoredSchema {
    /// What formats need of it; `asked` stands in for a schema that was not repeated.
    pub(crate) fn into_registered(self, asked: Option<&Schema>) -> Option<RegisteredSchema> {
        let schema = self.schema.or_else(|| asked.cloned())?;
        let mut registered = RegisteredSchema::new(schema);
        (registered.id, registered.guid) = (self.id, self.guid);
        (registered.subject, registered.version) = (self.subject, self.version);
        (registered.metadata, registered.rule_set) = (self.metadata, self.rule_set);
        Some(registered)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    id: Option<i32>,
    #[serde(default, deserialize_with = "guid")]
    guid: Option<Guid>,
    subject: Option<String>,
    version: Option<i32>,
    schema_type: Option<SchemaType>,
    schema: Option<String>,
    references: Option<Vec<Reference>>,
    metadata: Option<Metadata>,
    rule_set: Option<RuleSet>,
    ts: Option<i64>,
    deleted: Option<bool>,
    max_id: Option<i32>,
}

impl From<Body> for StoredSchema {
    fn from(body: Body) -> Self {
        let schema_type = body.schema_type.unwrap_or_default();
        let references = body.references.unwrap_or_default();
        let schema = body.schema.map(|text| Schema::new(schema_type, text).with_references(references));
        Self {
            id: body.id,
            guid: body.guid,
            subject: body.subject,
            version: body.version,
            schema,
            metadata: body.metadata,
            rule_set: body.rule_set,
            timestamp: body.ts,
            is_deleted: body.deleted.unwrap_or_default(),
            max_id: body.max_id,
        }
    }
}

fn guid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Guid>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
}

/// A version of a subject.
///
/// ```
/// use kestrel_registry_client::SubjectVersion;
///
/// let place: SubjectVersion = serde_json::from_str(r#"{"subject": "counts-value", "version": 2}"#)?;
/// assert_eq!((&*place.subject, place.version), ("counts-value", 2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The version, from 1.
    pub version: i32,
}

/// The number of a schema in one of a registry's contexts.
///
/// ```
/// use kestrel_registry_client::ContextId;
///
/// let id: ContextId = serde_json::from_str(r#"{"context": ".", "id": 7}"#)?;
/// assert_eq!((&*id.context, id.id), (".", 7));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct ContextId {
    /// The context: `.` is the default one.
    pub context: String,
    /// The number.
    pub id: i32,
}

/// Which build of a registry it is.
///
/// ```
/// use kestrel_registry_client::ServerVersion;
///
/// let version: ServerVersion = serde_json::from_str(r#"{"version": "8.1.0", "commitId": "abc"}"#)?;
/// assert_eq!(version.version, "8.1.0");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerVersion {
    /// The version.
    pub version: String,
    /// The commit that it was built from.
    #[serde(default)]
    pub commit_id: Option<String>,
}
