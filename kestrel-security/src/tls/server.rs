//! TLS of a broker: who it says it is, and whether clients have to show a certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::{CipherSuites, Files, Identity, Plan, TlsError, TlsVersions, Trust, provider};

/// Whether clients have to show a certificate: `ssl.client.auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and need not have one; one that they show has to be of a trusted authority.
    Requested,
    /// They are asked, and refused without one of a trusted authority.
    Required,
}

/// The TLS settings of a listener. Files are read at the start, and again when they changed.
///
/// ```
/// use kestrel_security::tls::{ClientAuth, Identity, ServerTls, Trust};
///
/// let one_way = ServerTls::new(Identity::from_files("broker.pem", "broker.key"));
/// let mutual = one_way.clone().client_auth(ClientAuth::Required, Trust::file("ca.pem"));
/// # let _ = (one_way, mutual);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct ServerTls {
    identity: Identity,
    client_auth: ClientAuth,
    /// Read only where clients are asked for a certificate.
    trust: Trust,
    versions: TlsVersions,
    suites: CipherSuites,
}

impl ServerTls {
    /// A broker with this certificate that asks clients for none.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            client_auth: ClientAuth::None,
            trust: Trust::platform(),
            versions: TlsVersions::BOTH,
            suites: CipherSuites::default(),
        }
    }

    /// Asks clients for a certificate that one of `trust` signed.
    pub fn client_auth(self, client_auth: ClientAuth, trust: Trust) -> Self {
        Self { client_auth, trust, ..self }
    }

    /// Speaks only these versions of TLS. Default 1.2 and 1.3.
    pub const fn versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// Speaks only these cipher suites. Default all that there are.
    pub fn cipher_suites(self, suites: CipherSuites) -> Self {
        Self { suites, ..self }
    }

    fn verifier(&self, files: &Files) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let builder = || {
            let roots = self.trust.read(files)?;
            Ok::<_, TlsError>(WebPkiClientVerifier::builder_with_provider(roots, provider()))
        };
        let built = match self.client_auth {
            ClientAuth::None => return Ok(WebPkiClientVerifier::no_client_auth()),
            ClientAuth::Requested => builder()?.allow_unauthenticated().build(),
            ClientAuth::Required => builder()?.build(),
        };
        built.map_err(|error| TlsError::new("ssl.client.auth", error.to_string()))
    }
}

impl Plan for ServerTls {
    type Config = ServerConfig;

    fn paths(&self) -> Vec<&Path> {
        let trusted = self.trust.path().filter(|_| self.client_auth != ClientAuth::None);
        self.identity.paths().chain(trusted).collect()
    }

    fn build(&self, files: &Files) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(self.suites.provider())
            .with_protocol_versions(&self.versions.as_rustls())
            .map_err(|error| TlsError::new("TLS", error.to_string()))?;
        let resolver = self.identity.read(files)?;
        Ok(Arc::new(builder.with_client_cert_verifier(self.verifier(files)?).with_cert_resolver(resolver)))
    }
}
