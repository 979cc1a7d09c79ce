//! TLS of a client: whom it trusts, who it says it is, and how closely it looks at the broker.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kestrel_settings::Secret;
use rustls::ClientConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;

use super::unverified::Unverified;
use super::{Files, Identity, Plan, TlsError, TlsVersions, Trust, provider};

/// The TLS settings of a client. Files are read when it connects, and again when they changed.
///
/// ```
/// use kestrel_security::tls::ClientTls;
///
/// let hosted = ClientTls::native_roots();
/// let own = ClientTls::ca_file("ca.pem").client_cert_files("client.pem", "client.key");
/// # let _ = (hosted, own);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ClientTls {
    trust: Trust,
    identity: Option<Identity>,
    check: Check,
    versions: TlsVersions,
}

/// What of a broker's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// Who signed it, and that it is for the name that was connected to.
    SignerAndName,
    /// Who signed it.
    Signer,
    /// Nothing.
    Nothing,
}

impl ClientTls {
    /// Trusts the authorities that this machine trusts: for hosted clusters.
    pub const fn native_roots() -> Self {
        Self::trusting(Trust::platform())
    }

    /// Trusts the authorities in a PEM file, and no others.
    pub fn ca_file(path: impl Into<PathBuf>) -> Self {
        Self::trusting(Trust::file(path))
    }

    /// Trusts the authorities in a PEM text, and no others.
    pub fn ca_pem(text: impl Into<String>) -> Self {
        Self::trusting(Trust::pem(text))
    }

    /// Trusts `trust`, and nobody else.
    pub const fn trusting(trust: Trust) -> Self {
        Self { trust, identity: None, check: Check::SignerAndName, versions: TlsVersions::BOTH }
    }

    /// Shows a certificate to brokers that ask for one (mutual TLS).
    pub fn client_cert(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Shows the certificate of two PEM files, the chain and its private key, to brokers that ask for one.
    pub fn client_cert_files(self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client_cert(Identity::from_files(chain, key))
    }

    /// Shows the certificate of two PEM texts, the chain and its private key, to brokers that ask for one.
    pub fn client_cert_pem(self, chain: impl Into<String>, key: impl Into<String>) -> Self {
        self.client_cert(Identity::from_pem(chain, key))
    }

    /// The password of the client certificate's key. Has no effect without a client certificate.
    pub fn key_password(self, password: Secret) -> Self {
        Self { identity: self.identity.map(|identity| identity.with_key_password(password)), ..self }
    }

    /// Speaks only these versions of TLS. Default 1.2 and 1.3.
    pub const fn versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// Takes a certificate also when it is for another name than the one that was connected to.
    ///
    /// **Dangerous**: whoever has any certificate of a trusted authority can pass for the broker. With
    /// [`native_roots`](Self::native_roots) that is everybody. (`ssl.endpoint.identification.algorithm=` with an empty value.)
    pub const fn danger_without_host_name_check(mut self) -> Self {
        if matches!(self.check, Check::SignerAndName) {
            self.check = Check::Signer;
        }
        self
    }

    /// Takes every certificate, whoever signed it.
    ///
    /// **Dangerous**: whoever is on the way can read and change everything, passwords among it.
    /// (`enable.ssl.certificate.verification=false`.)
    pub const fn danger_without_any_check(mut self) -> Self {
        self.check = Check::Nothing;
        self
    }

    fn verifier(&self, files: &Files) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let algorithms = provider().signature_verification_algorithms;
        match self.check {
            Check::SignerAndName => {
                let built =
                    WebPkiServerVerifier::builder_with_provider(self.trust.read(files)?, provider()).build();
                built.map(|verifier| verifier as _).map_err(|error| TlsError::new("TLS", error.to_string()))
            }
            Check::Signer => Ok(Arc::new(Unverified { roots: Some(self.trust.read(files)?), algorithms })),
            Check::Nothing => Ok(Arc::new(Unverified { roots: None, algorithms })),
        }
    }
}

impl Plan for ClientTls {
    type Config = ClientConfig;

    fn paths(&self) -> Vec<&Path> {
        let trusted = self.trust.path().filter(|_| self.check != Check::Nothing);
        trusted.into_iter().chain(self.identity.iter().flat_map(Identity::paths)).collect()
    }

    fn build(&self, files: &Files) -> Result<Arc<ClientConfig>, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.versions.as_rustls())
            .map_err(|error| TlsError::new("TLS", error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(files)?);
        Ok(Arc::new(match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(identity.read(files)?),
            None => builder.with_no_client_auth(),
        }))
    }
}

/// The name that a broker's certificate has to have, from the host that is connected to: a name or an address, IPv6 with or
/// without brackets, a name with or without the dot at its end.
///
/// ```
/// use kestrel_security::tls::server_name;
///
/// assert_eq!(server_name("broker.example.com.")?, server_name("broker.example.com")?);
/// assert!(server_name("[::1]").is_ok() && server_name("a b").is_err());
/// # Ok::<(), kestrel_security::tls::TlsError>(())
/// ```
///
/// # Errors
/// When it is neither.
pub fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        TlsError::new(host, "is neither a host name nor an address, as a certificate could have it")
    })
}
