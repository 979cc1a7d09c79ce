//! Where a PEM text comes from: a file, or a setting that has the text itself. Pure.

use std::fmt;
use std::path::{Path, PathBuf};

use kestrel_settings::Secret;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::TlsError;
use super::block::blocks;
use super::files::Files;
use super::private_key::private_key;

/// The place that a PEM text comes from: a file, or the text itself.
///
/// ```
/// use kestrel_security::tls::PemSource;
///
/// let file = PemSource::file("/etc/kafka/broker.pem");
/// let text = PemSource::text("ssl.keystore.key", "-----BEGIN PRIVATE KEY----- … -----END PRIVATE KEY-----");
/// assert_eq!(format!("{file}, {text}, {text:?}"), "/etc/kafka/broker.pem, ssl.keystore.key, Text(\"ssl.keystore.key\", [hidden])");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PemSource(Place);

#[derive(Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// The text, and the name of the setting that has it.
    Text(&'static str, Secret),
}

impl PemSource {
    /// A file, which is read again when it changes.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// The text itself, and the name of the setting that had it, for errors.
    pub fn text(setting: &'static str, pem: impl Into<String>) -> Self {
        Self(Place::Text(setting, Secret::new(pem)))
    }

    pub(in super::super) fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Text(..) => None,
        }
    }

    /// The certificates, in order; at least one.
    pub(in super::super) fn certificates(
        &self,
        files: &Files,
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let blocks = blocks(self.pem(files)?).map_err(|problem| self.wrong(problem))?;
        let is_certificate = |label: &str| label == "CERTIFICATE" || label == "X509 CERTIFICATE";
        let found: Vec<_> = blocks
            .into_iter()
            .filter(|block| is_certificate(block.label))
            .map(|block| block.der.into())
            .collect();
        if found.is_empty() {
            return Err(self.wrong(
                "there is no certificate in it (a block that begins with -----BEGIN CERTIFICATE-----)",
            ));
        }
        Ok(found)
    }

    /// The private key.
    pub(in super::super) fn private_key(
        &self,
        password: Option<&Secret>,
        files: &Files,
    ) -> Result<PrivateKeyDer<'static>, TlsError> {
        let blocks = blocks(self.pem(files)?).map_err(|problem| self.wrong(problem))?;
        private_key(&blocks, password).map_err(|problem| self.wrong(problem))
    }

    pub(in super::super) fn wrong(&self, problem: impl Into<String>) -> TlsError {
        TlsError::new(self, problem)
    }

    fn pem<'a>(&'a self, files: &'a Files) -> Result<&'a str, TlsError> {
        match &self.0 {
            Place::Text(_, pem) => Ok(pem.expose()),
            Place::File(path) => {
                let bytes = files.get(path).ok_or_else(|| self.wrong("was not read"))?;
                refuse_java_store(path, bytes).map_err(|problem| self.wrong(problem))?;
                std::str::from_utf8(bytes)
                    .map_err(|_| self.wrong("is no text: PEM is wanted, which begins with -----BEGIN"))
            }
        }
    }
}

/// The first bytes of a JKS keystore.
const JKS_MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// The first byte of what is DER and no text: PKCS#12, or a certificate.
const DER_SEQUENCE: u8 = 0x30;
/// The second byte, when the length follows.
const DER_LONG_LENGTH: u8 = 0x80;

fn refuse_java_store(path: &Path, bytes: &[u8]) -> Result<(), String> {
    match bytes {
        [a, b, c, d, ..] if [*a, *b, *c, *d] == JKS_MAGIC => Err(from_jks(&path.display())),
        [DER_SEQUENCE, length, ..] if *length >= DER_LONG_LENGTH => Err(from_pkcs12(&path.display())),
        _ => Ok(()),
    }
}

/// The problem of a JKS keystore, with the commands that convert it.
pub(in super::super) fn from_jks(store: &dyn fmt::Display) -> String {
    format!(
        "is a JKS keystore, which only Java reads: convert it with `keytool -importkeystore -srckeystore {store} -destkeystore \
         store.p12 -deststoretype PKCS12`, then `openssl pkcs12 -in store.p12 -nodes -out store.pem`, and name store.pem with type PEM"
    )
}

/// The problem of a PKCS#12 keystore, with the command that converts it.
pub(in super::super) fn from_pkcs12(store: &dyn fmt::Display) -> String {
    format!(
        "is not PEM but PKCS12 or DER: convert it with `openssl pkcs12 -in {store} -nodes -out store.pem` (or, if it is one \
         certificate, `openssl x509 -inform der -in {store} -out store.pem`), and name store.pem with type PEM"
    )
}

impl fmt::Display for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => path.display().fmt(f),
            Place::Text(setting, _) => f.write_str(setting),
        }
    }
}

impl fmt::Debug for PemSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => f.debug_tuple("File").field(path).finish(),
            Place::Text(setting, pem) => f.debug_tuple("Text").field(setting).field(pem).finish(),
        }
    }
}
