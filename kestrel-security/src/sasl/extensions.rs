//! Extensions of OAUTHBEARER: pairs that go to the broker beside the token (KIP-342).

use std::collections::BTreeMap;

/// Names and values that a broker gets with a token, such as a hosted cluster's `logicalCluster`.
///
/// ```
/// use kestrel_security::sasl::SaslExtensions;
///
/// let mut extensions = SaslExtensions::default();
/// extensions.insert("logicalCluster", "lkc-1")?;
/// assert!(extensions.insert("auth", "Bearer x").is_err());
/// assert_eq!(extensions.iter().collect::<Vec<_>>(), [("logicalCluster", "lkc-1")]);
/// # Ok::<(), kestrel_security::sasl::InvalidExtension>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SaslExtensions(BTreeMap<String, String>);

/// An extension that the message has no room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidExtension {
    /// The name is not made of letters, or is the one that the token has.
    #[error("extension `{0}`: a name is made of the letters A to Z and a to z, and is not `auth`")]
    Name(String),
    /// The value is empty, or has characters that are not printable ASCII.
    #[error("extension `{0}`: a value is one or more printable ASCII characters")]
    Value(String),
}

impl SaslExtensions {
    /// Adds an extension, in the place of another one of its name.
    ///
    /// # Errors
    /// When RFC 7628 does not allow the name or the value.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), InvalidExtension> {
        let (name, value) = (name.into(), value.into());
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic()) && name != "auth";
        if !is_name {
            return Err(InvalidExtension::Name(name));
        }
        if value.is_empty() || !value.bytes().all(is_value) {
            return Err(InvalidExtension::Value(name));
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// All names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// Whether a byte may be in a value.
fn is_value(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | b' ' | b'\t' | b'\r' | b'\n')
}
