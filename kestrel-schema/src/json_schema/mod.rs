//! JSON schemas: read, written canonically, compared.
//!
//! ```text
//! text, dependencies --> Documents --> Model (nodes) ---> Judgement by the rules ---> incompatibilities (STRICT, LENIENT)
//!                            |-------> canonical forms -> inclusion ----------------> incompatibilities (SEMANTIC)
//!                            '-------> Validator: checks documents
//! ```

mod decimal;
mod documents;
mod equality;
mod inclusion;
mod judgement;
mod matching;
mod model;
mod place;
mod policy;
mod rules;
mod text;
mod validator;
mod whole;

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use self::documents::Documents;
use self::model::Model;
pub use self::policy::Policy;
pub use self::validator::{Validator, Violation};
use crate::{Budget, BudgetExceeded, Dependency, Incompatibility, SchemaError};

/// A JSON schema of draft 4, 6, 7, 2019-09 or 2020-12. Cheap to clone.
///
/// The draft is the one that `$schema` names, and 7 if it names none or another one. A document nests at most 127 levels deep.
/// Nothing is fetched: a `$ref` leads into the document or to one of the dependencies, which it calls by the name of their reference (or
/// by an address that ends with it).
///
/// ```
/// use kestrel_schema::Budget;
/// use kestrel_schema::json_schema::JsonSchema;
///
/// let old = JsonSchema::parse(r#"{"title": "Speed", "type": "integer"}"#, &[])?;
/// let new = JsonSchema::parse(r#"{"title": "Speed", "type": "number", "maximum": 300.0}"#, &[])?;
/// assert_eq!(new.canonical(), r#"{"title":"Speed","type":"number","maximum":300.0}"#);
/// assert_eq!(new.record_name().as_deref(), Some("Speed"));
///
/// let found = new.incompatibilities(&old, &mut Budget::default()).unwrap();
/// assert_eq!(found[0].to_string(), "maximum was added (MAXIMUM_ADDED at #/maximum)");
///
/// let error = JsonSchema::parse(r#"{"properties": {"a": {"type": "strin"}}}"#, &[]).unwrap_err();
/// assert!(error.to_string().starts_with("#/properties/a/type: "));
/// # Ok::<(), kestrel_schema::SchemaError>(())
/// ```
#[derive(Clone)]
pub struct JsonSchema {
    canonical: Arc<str>,
    documents: Arc<Documents>,
    model: Arc<Model>,
}

impl JsonSchema {
    /// Reads the text of a schema, given all that it refers to, each after those that it refers to itself.
    ///
    /// # Errors
    /// When the text is no such schema (the error names the place), or refers to something that is not there.
    pub fn parse(text: &str, dependencies: &[Dependency]) -> Result<Self, SchemaError> {
        let documents = Documents::read(text, dependencies)?;
        let model = Model::of(&documents)?;
        Ok(Self { canonical: text::canonical(text).into(), documents: documents.into(), model: model.into() })
    }

    /// The text that a registry keeps and identifies it by: the same for texts that differ in layout alone.
    ///
    /// Names stay in their order, and numbers keep their digits: `1.50` is another text than `1.5`.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.canonical.to_string()
    }

    /// The text that a registry keeps when it is asked to normalize: the names of each object are sorted.
    #[must_use]
    pub fn normalized(&self) -> String {
        text::normalized(&self.canonical)
    }

    /// Its `title`, for subjects that are named after records; none if it has none.
    #[must_use]
    pub fn record_name(&self) -> Option<String> {
        self.documents.root.get("title").and_then(Value::as_str).map(str::to_owned)
    }

    /// What keeps this schema, as the reader's, from reading data of `writer`, as [`Policy::Strict`] has it; empty if nothing does.
    ///
    /// # Errors
    /// When there is no verdict within the budget.
    pub fn incompatibilities(
        &self,
        writer: &Self,
        budget: &mut Budget,
    ) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        self.incompatibilities_by(Policy::Strict, writer, budget)
    }

    /// What keeps this schema, as the reader's, from reading data of `writer`, as this policy has it; empty if nothing does.
    ///
    /// What is wrong within several places that refer to one definition is reported once.
    ///
    /// # Errors
    /// When there is no verdict within the budget. A step is about one pair of subschemas that is compared.
    pub fn incompatibilities_by(
        &self,
        policy: Policy,
        writer: &Self,
        budget: &mut Budget,
    ) -> Result<Vec<Incompatibility>, BudgetExceeded> {
        match policy {
            Policy::Semantic => inclusion::incompatibilities(writer, self, budget),
            Policy::Strict | Policy::Lenient => {
                judgement::incompatibilities(&writer.model, &self.model, policy, budget)
            }
        }
    }

    /// Compiles it, to check documents.
    ///
    /// # Errors
    /// When it has more than a thousand regular expressions, or one that is too large, or a chain of more than a thousand references and
    /// combinations that all hold at one place.
    pub fn validator(&self) -> Result<Validator, SchemaError> {
        Validator::of(&self.documents, self.model.chain())
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonSchema").field(&self.canonical).finish()
    }
}

#[cfg(test)]
mod tests;
