//! Compatibility: the verdict of a registry on a schema.

use serde::Deserialize;

/// The verdict of a registry on a schema that is to become a version of a subject.
///
/// ```
/// use kestrel_registry_client::Compatibility;
///
/// let verdict: Compatibility = serde_json::from_str(r#"{"is_compatible": false, "messages": ["speed needs a default"]}"#)?;
/// assert_eq!((verdict.is_compatible, verdict.messages.len()), (false, 1));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Compatibility {
    /// Whether it gets along with the versions that it was compared with.
    pub is_compatible: bool,
    /// What does not, when it was asked for with [`verbose`](crate::Call::verbose).
    #[serde(default)]
    pub messages: Vec<String>,
}
