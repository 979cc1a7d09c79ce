//! Security: whether a client's connections are encrypted, with what certificates, and how the client proves who it is.
//!
//! Made once of settings and of what the builder was given; asked for by `net/dial` for each connection. Files of certificates are
//! read here, at the first connection and again when they change; nothing here knows requests or sockets.
//!
//! ```text
//!   properties ─┐                      ┌─ Encryption ── an Encryptor for each connection
//!   .tls(..)    ├─▶ Security::new ──▶──┤
//!   .sasl(..)  ─┘                      └─ Sasl ── a SaslClient for each authentication
//! ```

#[cfg(feature = "tls")]
mod encryption;
mod protocol;
mod sasl;
mod settings;
mod token;

use crate::config::{SECURITY, SecurityConfig};
use crate::error::Error;

#[cfg(feature = "tls")]
pub(crate) use encryption::{Encryption, Encryptor, in_words};
#[cfg(feature = "tls")]
pub use kestrel_security::tls::ClientTls as Tls;
pub(crate) use protocol::SecurityProtocol;
pub(crate) use sasl::Proof;
pub use sasl::Sasl;
pub(crate) use token::TokenError;

/// What the builder of a client was given beside its settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Credentials {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
    pub(crate) sasl: Option<Sasl>,
}

/// How the connections of a client are secured.
#[derive(Debug)]
pub(crate) struct Security {
    protocol: SecurityProtocol,
    #[cfg(feature = "tls")]
    encryption: Option<Encryption>,
    sasl: Option<Sasl>,
}

impl Security {
    /// What settings and `given` say together. What was given replaces the settings of its kind.
    ///
    /// # Errors
    /// [`Error::Config`] when they contradict each other, or leave out what is needed.
    pub(crate) fn new(config: &SecurityConfig, given: Credentials) -> Result<Self, Error> {
        let protocol = protocol(config, &given)?;
        #[cfg(feature = "tls")]
        let encryption = match given.tls {
            _ if !protocol.encrypts() => None,
            Some(tls) => Some(Encryption::new(tls)),
            None => Some(Encryption::new(settings::tls(config)?)),
        };
        let sasl = match given.sasl {
            _ if !protocol.authenticates() => None,
            Some(sasl) => Some(sasl),
            None => Some(settings::sasl(config)?),
        };
        settings::warn_of_unused(config, protocol);
        Ok(Self {
            protocol,
            #[cfg(feature = "tls")]
            encryption,
            sasl,
        })
    }

    pub(crate) const fn protocol(&self) -> SecurityProtocol {
        self.protocol
    }

    /// Reads certificates for the first time, so that what cannot be read is an error of the settings.
    ///
    /// # Errors
    /// [`Error::Config`] when a file cannot be read, or has no certificate or key in it.
    pub(crate) async fn load(&self) -> Result<(), Error> {
        #[cfg(feature = "tls")]
        if let Some(encryption) = &self.encryption {
            encryption.load().await.map_err(|error| settings::of_tls(&error))?;
        }
        Ok(())
    }

    /// What a connection to `host` is encrypted with, if it is.
    #[cfg(feature = "tls")]
    pub(crate) async fn encryptor(
        &self,
        host: &str,
    ) -> Result<Option<Encryptor>, kestrel_security::tls::TlsError> {
        match &self.encryption {
            Some(encryption) => encryption.encryptor(host).await.map(Some),
            None => Ok(None),
        }
    }

    /// What the client proves who it is with, if it has to.
    pub(crate) const fn sasl(&self) -> Option<&Sasl> {
        self.sasl.as_ref()
    }
}

/// The protocol that both the setting and what was given allow.
fn protocol(config: &SecurityConfig, given: &Credentials) -> Result<SecurityProtocol, Error> {
    #[cfg(feature = "tls")]
    let has_tls = given.tls.is_some();
    #[cfg(not(feature = "tls"))]
    let has_tls = false;
    let has_sasl = given.sasl.is_some();
    if !config.protocol.is_chosen() {
        return Ok(SecurityProtocol::of(has_tls, has_sasl));
    }
    let protocol = *config.protocol;
    let refused =
        |problem: String| Err(Error::config(SECURITY.protocol.name, format!("`{protocol}` {problem}")));
    if has_tls && !protocol.encrypts() {
        return refused("encrypts nothing, and contradicts `.tls(..)`".to_owned());
    }
    if has_sasl && !protocol.authenticates() {
        return refused("authenticates nobody, and contradicts `.sasl(..)`".to_owned());
    }
    if protocol.encrypts() && cfg!(not(feature = "tls")) {
        return refused("needs the feature `tls` of the crate kestrel-client, which is off".to_owned());
    }
    Ok(protocol)
}

#[cfg(test)]
mod tests;
