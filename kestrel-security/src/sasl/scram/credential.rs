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

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by Apache Kafka 4.3.1: ScramCredentialUtils.credentialToString of ScramFormatter.generateCredential.
    const OF_KAFKA: [(ScramMechanism, &str); 2] = [
        (
            ScramMechanism::Sha256,
            "salt=MW1zbTcxcGY5b2JobXZzMWkxb2Z2ZDZjMzA=,stored_key=8pUtxjLuaCnIE2S1KcRHjnsjpVZZUwKljsm0dYd0ZkI=,server_key=SPi3H8tceWHgYmmi2F5bN/3uqa7+YcH2UYGMXcq8pVg=,iterations=4096",
        ),
        (
            ScramMechanism::Sha512,
            "salt=YzZ0N2V3bjFlenpwYTA0aHc3M3Bxa3Yzcw==,stored_key=CnGMwWu5yKROzUi6cCCLJfmm30YWyu3lkiC52+rj1o44Na8Po1b6J16Jbcq/ARSN45QAq1IB3DKg/t7z4Wwi6w==,server_key=2MvsZJPmWjD6GY6E11EQFaZOgVGMnT4YWcFMe0h5M/2DEwS/tW9ieIb5/6L/XBezSLH5+cTbigcV2yzy2cBy/Q==,iterations=4096",
        ),
    ];

    #[test]
    fn credentials_are_those_that_kafka_makes() {
        for (mechanism, text) in OF_KAFKA {
            let of_kafka = ScramCredential::parse(text).unwrap();
            let password = Secret::new("pass word,=é");
            let (salt, iterations) = (&of_kafka.salt, of_kafka.iterations);
            let own = ScramCredential::from_password(mechanism, &password, salt, iterations).unwrap();
            assert_eq!(own, of_kafka);
            assert_eq!(own.to_text().expose(), text);
        }
    }

    #[test]
    fn what_is_no_text_of_a_credential_is_refused() {
        let fine = OF_KAFKA[0].1;
        for text in [
            "",
            &fine.replace("salt=", "sold="),
            &fine.replace(",iterations=4096", ""),
            &format!("{fine},more=1"),
            &format!("{fine},more"),
            &fine.replace("=4096", "=many"),
            &fine.replace("stored_key=", "stored_key=*"),
        ] {
            assert_eq!(ScramCredential::parse(text), Err(CredentialError::Malformed), "{text}");
        }
    }

    #[test]
    fn few_and_many_iterations_are_refused() {
        for iterations in [0, 4095, 16_385] {
            let refused = Err(CredentialError::Iterations(iterations));
            let password = Secret::new("opensesame");
            for mechanism in ScramMechanism::ALL {
                assert_eq!(
                    ScramCredential::from_password(mechanism, &password, b"salt", iterations),
                    refused
                );
                assert_eq!(
                    ScramCredential::from_salted_password(mechanism, b"salted", b"salt", iterations),
                    refused
                );
            }
        }
    }
}
