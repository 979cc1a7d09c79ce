//! How strictly two versions of a JSON schema are compared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SchemaError;

/// How strictly two versions of a JSON schema are compared. `Display`, `FromStr` and serde use the names `STRICT`, `LENIENT`, `SEMANTIC`.
///
/// The first two are Confluent's, which go through a table of changes: each is allowed or it is not. That table is careful about
/// *open* objects, which take properties that the schema does not name: a property that is added to one might have been there all the time,
/// with another type. So `STRICT` refuses it, unless the old schema said `additionalProperties: false`; `LENIENT` lets it pass. The table
/// does not look at all keywords (it knows nothing of `if`, `contains`, `propertyNames`, `format` or the schemas in `patternProperties`).
///
/// [`Semantic`](Self::Semantic) asks for what is meant: does the reader's schema take every document that the writer's takes?
///
/// ```
/// use kestrel_schema::Budget;
/// use kestrel_schema::json_schema::{JsonSchema, Policy};
///
/// let old = JsonSchema::parse(r#"{"type": "object", "properties": {"id": {"type": "integer"}}}"#, &[])?;
/// let new = JsonSchema::parse(
///     r#"{"type": "object", "properties": {"id": {"type": "integer"}, "note": {"type": "string"}}}"#,
///     &[],
/// )?;
/// let strict = new.incompatibilities_by(Policy::Strict, &old, &mut Budget::default()).unwrap();
/// assert_eq!(strict[0].kind, "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL");
/// assert!(new.incompatibilities_by(Policy::Lenient, &old, &mut Budget::default()).unwrap().is_empty());
/// // An old document may have had a number there, which the new schema refuses: the strict one is right.
/// let semantic = new.incompatibilities_by(Policy::Semantic, &old, &mut Budget::default()).unwrap();
/// assert_eq!(semantic[0].kind, "DOCUMENTS_REFUSED");
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Policy {
    /// The table of changes, where objects that are not closed may hold anything under a name that is new.
    #[default]
    Strict,
    /// The same table, trusting that writers put nothing into an object that its schema does not name.
    Lenient,
    /// Inclusion: every document that is valid for the writer is valid for the reader. Where it can be neither proved nor refuted,
    /// that is an incompatibility of kind `NO_VERDICT`: what is not proved is not let pass.
    Semantic,
}

impl Policy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Lenient, Self::Semantic];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "STRICT",
            Self::Lenient => "LENIENT",
            Self::Semantic => "SEMANTIC",
        }
    }

    /// Whether a change that `Strict` refuses is allowed all the same.
    pub(super) fn forgives(self, kind: &str) -> bool {
        self == Self::Lenient && FORGIVEN.contains(&kind)
    }
}

/// What `Lenient` lets pass. What an old document breaks *inside* such a property is not forgiven.
const FORGIVEN: [&str; 9] = [
    "ADDITIONAL_PROPERTIES_NARROWED",
    "ADDITIONAL_PROPERTIES_REMOVED",
    "UNEVALUATED_PROPERTIES_NARROWED",
    "UNEVALUATED_PROPERTIES_REMOVED",
    "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL",
    "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL",
    "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL",
    "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
    "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
];

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Policy {
    type Err = SchemaError;

    fn from_str(name: &str) -> Result<Self, SchemaError> {
        Self::ALL.into_iter().find(|policy| policy.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
            SchemaError::new(format!("unknown policy {name}: STRICT, LENIENT and SEMANTIC are known"))
        })
    }
}
