//! What a broker stores of a user's password, and Kafka's text of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kestrel_settings::Secret;

use super::mechanism::ScramMechanism;

/// The keys that a password leads to: enough to check a proof of it, not enough to make one.
///
/// The fields are those of Kafka's UserScramCredentialRecord.
///
/// ```
/// use kestrel_security::sasl::{ScramCredential, ScramMechanism};
/// use kestrel_settings::Secret;
///
/// let password = Secret::new("opensesame");
/// let credential = ScramCredential::from_password(ScramMechanism::Sha256, &password, b"a random salt", 4096)?;
/// assert_eq!(ScramCredential::parse(credential.to_text().expose())?, credential);
/// assert!(!format!("{credential:?}").contains("key"));
/// # Ok::<(), kestrel_security::sasl::CredentialError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ScramCredential {
    /// What the password was salted with.
    pub salt: Bytes,
    /// The hash of the client's key.
    pub stored_key: Bytes,
    /// The key that the server proves itself by.
    pub server_key: Bytes,
    /// How often the password was hashed.
    pub iterations: u32,
}

/// Why something is no credential. No text repeats any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The number of iterations is out of range.
    #[error("{0} iterations: a credential has from 4096 to 16384")]
    Iterations(u32),
    /// A text is not of the form `salt=…,stored_key=…,server_key=…,iterations=…`.
    #[error(
        "the text of a credential is salt=…,stored_key=…,server_key=…,iterations=…, the first three in Base64"
    )]
    Malformed,
}

impl ScramCredential {
    /// The credential of a password. It takes as long as `iterations` says, some milliseconds.
    ///
    /// `salt` has to be random; Kafka's have 26 bytes.
    ///
    /// # Errors
    /// When `iterations` is not from 4096 to 16384.
    pub fn from_password(
        mechanism: ScramMechanism,
        password: &Secret,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, CredentialError> {
        let salted = Self::salt_password(mechanism, password, salt, iterations)?;
        Self::from_salted_password(mechanism, &salted, salt, iterations)
    }

    /// The hash of a password and a salt, which AlterUserScramCredentials carries to a broker in place of the password. It takes as
    /// long as `iterations` says, some milliseconds. Whoever has it can log in: it is a secret too.
    ///
    /// # Errors
    /// When `iterations` is not from 4096 to 16384.
    pub fn salt_password(
        mechanism: ScramMechanism,
        password: &Secret,
        salt: &[u8],
        iterations: u32,
    ) -> Result<Vec<u8>, CredentialError> {
        check(iterations)?;
        Ok(mechanism.salted_password(password.expose().as_bytes(), salt, iterations))
    }

    /// The credential of a password that was salted already, as AlterUserScramCredentials has it.
    ///
    /// # Errors
    /// When `iterations` is not from 4096 to 16384.
    pub fn from_salted_password(
        mechanism: ScramMechanism,
        salted_password: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, CredentialError> {
        check(iterations)?;
        Ok(Self {
            salt: Bytes::copy_from_slice(salt),
            stored_key: mechanism.hash(&mechanism.client_key(salted_password)).into(),
            server_key: mechanism.server_key(salted_password).into(),
            iterations,
        })
    }

    /// Reads Kafka's text of a credential.
    ///
    /// # Errors
    /// When the text is not of that form.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let fields: Vec<_> = text.split(',').filter_map(|field| field.split_once('=')).collect();
        let all_are_fields = fields.len() == 4 && text.split(',').count() == 4;
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| all_are_fields && *key == name);
            found.map(|(_, value)| *value).ok_or(CredentialError::Malformed)
        };
        let bytes = |name: &str| -> Result<Bytes, CredentialError> {
            let decoded = STANDARD.decode(field(name)?);
            decoded.map(Bytes::from).map_err(|_| CredentialError::Malformed)
        };
        Ok(Self {
            salt: bytes("salt")?,
            stored_key: bytes("stored_key")?,
            server_key: bytes("server_key")?,
            iterations: field("iterations")?.parse().map_err(|_| CredentialError::Malformed)?,
        })
    }

    /// Kafka's text of the credential.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        let [salt, stored, server] =
            [&self.salt, &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        let iterations = self.iterations;
        Secret::new(format!("salt={salt},stored_key={stored},server_key={server},iterations={iterations}"))
    }
}

fn check(iterations: u32) -> Result<(), CredentialError> {
    let allowed = ScramMechanism::MIN_ITERATIONS..=ScramMechanism::MAX_ITERATIONS;
    allowed.contains(&iterations).then_some(()).ok_or(CredentialError::Iterations(iterations))
}

impl fmt::Debug for ScramCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramCredential").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}
