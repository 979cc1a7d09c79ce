//! Bytes of a message that no log, error or debug output shows.

use std::fmt;

use bytes::Bytes;

/// Bytes that do not print: a token of a SASL exchange, a salted password.
///
/// `==` is for tests and takes as long as the bytes are alike: whoever checks a secret compares in constant time.
///
/// ```
/// use kestrel_protocol::SecretBytes;
///
/// let token = SecretBytes::from_static(b"\0alice\0alice-secret");
/// assert_eq!(format!("{token:?}"), "[hidden]");
/// assert_eq!(token.expose().len(), 19);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Bytes);

impl SecretBytes {
    /// Hides bytes that the program has for its whole life.
    #[must_use]
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(Bytes::from_static(bytes))
    }

    /// The bytes themselves, for whom they are meant.
    #[must_use]
    pub const fn expose(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for SecretBytes {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}
