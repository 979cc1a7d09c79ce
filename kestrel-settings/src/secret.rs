//! Secrets: values that no log, error or debug output shows.

use std::fmt;

use crate::value::Value;

/// A text that does not print: a password, a key, a token.
///
/// ```
/// use kestrel_settings::Secret;
///
/// let secret = Secret::new("opensesame");
/// assert_eq!(format!("{secret:?} {secret}"), "[hidden] [hidden]");
/// assert_eq!(secret.expose(), "opensesame");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What stands in place of a secret.
    pub const HIDDEN: &'static str = "[hidden]";

    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whom it is meant.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::HIDDEN)
    }
}

impl Value for Secret {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::new(text))
    }

    fn print(&self) -> String {
        Self::HIDDEN.to_owned()
    }
}
