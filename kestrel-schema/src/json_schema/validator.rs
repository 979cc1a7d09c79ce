//! Documents checked against a schema.

use std::fmt;

use jsonschema::PatternOptions;
use serde_json::Value;

use super::documents::{BASE, Documents, causes};
use crate::SchemaError;

/// The most regular expressions that the documents of a schema may have to be compiled.
const MAX_EXPRESSIONS: usize = 1_000;
/// How large each of them may be, in bytes, when it is compiled.
const MAX_EXPRESSION_SIZE: usize = 4 << 20;
/// How often an expression that goes back may do so for one text: a text for which that is not enough breaks the schema.
const MAX_STEPS_BACK: usize = 20_000;

/// How many schemas may be followed, each from within the one before, through a document to its innermost values: each uses the stack.
const MAX_STEPS_DOWN: usize = 1_000;
/// How deep documents nest that come from a text.
const MAX_LEVELS: usize = 128;

/// Checks documents against a JSON schema. Made once for all of them, and cheap to share; see [`JsonSchema::validator`].
///
/// A document nests as deep as `serde_json` reads it (127 levels), and less where a schema's references and combinations form long
/// chains: the depth of the document and the length of the longest chain together are at most a thousand steps.
///
/// `format` counts as it does by the drafts' own defaults: up to draft 7 what it says must hold, later it is a remark.
///
/// ```
/// use kestrel_schema::json_schema::JsonSchema;
/// use serde_json::json;
///
/// let schema = JsonSchema::parse(r#"{"type": "object", "properties": {"speed": {"type": "number", "minimum": 0}}}"#, &[])?;
/// let validator = schema.validator()?;
/// assert!(validator.check(&json!({"speed": 50.5})).is_ok());
/// let violation = validator.check(&json!({"speed": -1})).unwrap_err();
/// assert_eq!(violation.pointer, "/speed");
/// assert_eq!(violation.to_string(), "at /speed: the value is less than the minimum of 0");
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
///
/// [`JsonSchema::validator`]: super::JsonSchema::validator
pub struct Validator {
    compiled: jsonschema::Validator,
    /// How many schemas are followed at one place.
    chain: usize,
}

impl Validator {
    pub(super) fn of(documents: &Documents, chain: usize) -> Result<Self, SchemaError> {
        if chain > MAX_STEPS_DOWN {
            return Err(SchemaError::new(format!(
                "schemas that hold at one place refer to each other in a chain of more than {MAX_STEPS_DOWN}"
            )));
        }
        if documents.expressions() > MAX_EXPRESSIONS {
            return Err(SchemaError::new(format!("it has more than {MAX_EXPRESSIONS} regular expressions")));
        }
        let options = || {
            jsonschema::options()
                .with_draft(documents.draft)
                .with_registry(&documents.registry)
                .with_base_uri(BASE)
        };
        // Look-around and references back need the engine that goes back, and may for a stranger's text do so very often.
        let straight = PatternOptions::regex().size_limit(MAX_EXPRESSION_SIZE);
        let back =
            PatternOptions::fancy_regex().size_limit(MAX_EXPRESSION_SIZE).backtrack_limit(MAX_STEPS_BACK);
        let built = options().with_pattern_options(straight).build(&documents.root);
        let built = built.or_else(|_| options().with_pattern_options(back).build(&documents.root));
        let compiled = built
            .map_err(|error| SchemaError::new(format!("#{}: {}", error.instance_path(), causes(&error))))?;
        Ok(Self { compiled, chain })
    }

    /// Checks a document.
    ///
    /// # Errors
    /// The first thing in it that breaks the schema.
    pub fn check(&self, document: &Value) -> Result<(), Violation> {
        let levels = MAX_STEPS_DOWN / self.chain.max(1);
        if levels <= MAX_LEVELS && !is_within(document, levels) {
            let problem = format!(
                "the document nests more than {levels} levels deep, as far as its schema can be followed"
            );
            return Err(Violation { pointer: String::new(), problem });
        }
        self.compiled.validate(document).map_err(|error| Violation {
            pointer: error.instance_path().to_string(),
            problem: error.masked_with("the value").to_string(),
        })
    }
}

/// Whether a document nests so many levels at most, itself being the first.
fn is_within(document: &Value, levels: usize) -> bool {
    let Some(inside) = levels.checked_sub(1) else { return false };
    match document {
        Value::Array(items) => items.iter().all(|item| is_within(item, inside)),
        Value::Object(members) => members.values().all(|member| is_within(member, inside)),
        _ => true,
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").finish_non_exhaustive()
    }
}

/// The first thing in a document that breaks its schema. Its text never holds the document's values.
///
/// ```
/// use kestrel_schema::json_schema::JsonSchema;
///
/// let validator = JsonSchema::parse(r#"{"items": {"type": "integer"}}"#, &[])?.validator()?;
/// let violation = validator.check(&serde_json::json!([1, "secret"])).unwrap_err();
/// assert_eq!(violation.to_string(), r#"at /1: the value is not of type "integer""#);
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {problem}", if pointer.is_empty() { "the root" } else { pointer })]
pub struct Violation {
    /// The JSON pointer of the value: empty for the whole document, or `/items/3/name`.
    pub pointer: String,
    /// What it should be.
    pub problem: String,
}
