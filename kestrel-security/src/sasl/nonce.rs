//! Nonces: what makes each exchange of SCRAM another one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A text that nobody can foresee and that is used for one exchange.
///
/// ```
/// use kestrel_security::sasl::Nonce;
///
/// let random = [7; 24]; // from the system's generator, in a program
/// assert_eq!(Nonce::from_random(random).as_str().len(), 32);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// The text of `random`, which has to come from a generator fit for secrets.
    #[must_use]
    pub fn from_random(random: [u8; 24]) -> Self {
        // A multiple of three bytes needs no padding, and no letter of Base64 is a comma.
        Self(STANDARD.encode(random))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}
