//! Who one side says it is: a chain of certificates and the private key of the first.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kestrel_settings::Secret;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys};

use super::{Files, PemSource, TlsError, provider};

/// The certificate of one side with its private key, and where both come from.
///
/// The chain begins with the side's own certificate; those that signed it follow, the root may be left out. Keys are RSA, ECDSA or
/// Ed25519, as PKCS#8, PKCS#1 or SEC1; an encrypted one has to be PKCS#8.
///
/// ```
/// use kestrel_security::tls::Identity;
/// use kestrel_settings::Secret;
///
/// let broker = Identity::from_files("broker.pem", "broker.key").with_key_password(Secret::new("opensesame"));
/// let client = Identity::from_file("client-with-key.pem");
/// # let _ = (broker, client);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    chain: PemSource,
    key: PemSource,
    key_password: Option<Secret>,
}

impl Identity {
    /// An identity from wherever its parts are.
    #[must_use]
    pub const fn new(chain: PemSource, key: PemSource) -> Self {
        Self { chain, key, key_password: None }
    }

    /// An identity from two PEM files.
    pub fn from_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(PemSource::file(chain), PemSource::file(key))
    }

    /// An identity from one PEM file with the certificates and the key.
    pub fn from_file(file: impl Into<PathBuf>) -> Self {
        let source = PemSource::file(file);
        Self::new(source.clone(), source)
    }

    /// An identity from PEM texts.
    pub fn from_pem(chain: impl Into<String>, key: impl Into<String>) -> Self {
        Self::new(
            PemSource::text("the text of the certificates", chain),
            PemSource::text("the text of the private key", key),
        )
    }

    /// The password of an encrypted key (`ssl.key.password`).
    #[must_use]
    pub fn with_key_password(self, password: Secret) -> Self {
        Self { key_password: Some(password), ..self }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.chain, &self.key].into_iter().filter_map(PemSource::path)
    }

    pub(super) fn read(&self, files: &Files) -> Result<Arc<SingleCertAndKey>, TlsError> {
        let chain = self.chain.certificates(files)?;
        let key = self.key.private_key(self.key_password.as_ref(), files)?;
        let certified =
            CertifiedKey::from_der(chain, key, &provider()).map_err(|error| self.refused(&error))?;
        Ok(Arc::new(certified.into()))
    }

    fn refused(&self, error: &Error) -> TlsError {
        match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => self.key.wrong(format!(
                "the private key is not the one of the first certificate of {}: they have to be made together, and the chain \
                 begins with the certificate of the key",
                self.chain
            )),
            Error::InvalidCertificate(_) => {
                self.chain.wrong(format!("the first certificate cannot be read: {error}"))
            }
            _ => self.key.wrong(format!(
                "the private key cannot be used: RSA from 2048 bits on, ECDSA on P-256, P-384 and P-521, and Ed25519 can ({error})"
            )),
        }
    }
}
