//! Why a text is no schema.

/// The reason why a text is no schema of its type, in one sentence that names the place.
///
/// ```
/// use kestrel_schema::Level;
///
/// let error = "SIDEWAYS".parse::<Level>().unwrap_err();
/// assert_eq!(error.to_string(), "unknown level of compatibility SIDEWAYS");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

impl SchemaError {
    /// An error with this text.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}
