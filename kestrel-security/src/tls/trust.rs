//! Whom one side believes: the authorities whose signatures count.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;

use super::{Files, PemSource, TlsError};

/// The authorities whose signatures under the other side's certificate count.
///
/// ```
/// use kestrel_security::tls::Trust;
///
/// let own = Trust::file("/etc/kafka/ca.pem");
/// assert_ne!(own, Trust::platform());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust(Roots);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Roots {
    Pem(PemSource),
    Platform,
}

impl Trust {
    /// The certificates of a PEM text.
    #[must_use]
    pub const fn new(source: PemSource) -> Self {
        Self(Roots::Pem(source))
    }

    /// The certificates of a PEM file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(PemSource::file(path))
    }

    /// The certificates of a PEM text.
    pub fn pem(text: impl Into<String>) -> Self {
        Self::new(PemSource::text("the text of the trusted certificates", text))
    }

    /// The authorities that this machine trusts: what browsers and package managers trust. `SSL_CERT_FILE` and `SSL_CERT_DIR`
    /// in the environment replace them.
    #[must_use]
    pub const fn platform() -> Self {
        Self(Roots::Platform)
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match &self.0 {
            Roots::Pem(source) => source.path(),
            Roots::Platform => None,
        }
    }

    pub(super) fn read(&self, files: &Files) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut problems = String::new();
        match &self.0 {
            Roots::Pem(source) => {
                for (index, certificate) in source.certificates(files)?.into_iter().enumerate() {
                    let number = index + 1;
                    roots.add(certificate).map_err(|error| {
                        source.wrong(format!("certificate {number} cannot be used to trust anybody: {error}"))
                    })?;
                }
            }
            Roots::Platform => {
                // Some of a platform's hundreds are odd: those that are well-formed do.
                let native = rustls_native_certs::load_native_certs();
                problems = native.errors.iter().map(|error| format!(" ({error})")).collect();
                roots.add_parsable_certificates(native.certs);
            }
        }
        if roots.is_empty() {
            return Err(TlsError::new(
                "the trusted certificates of this machine",
                format!(
                    "there are none{problems}: install the package ca-certificates, or name a file with \
                     ssl.truststore.location (ssl.ca.location)"
                ),
            ));
        }
        Ok(Arc::new(roots))
    }
}
