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
mod sasl;
mod settings;
mod token;

use std::sync::Once;

use kestrel_security::sasl::Mechanism;

use crate::config::{SECURITY, SecurityConfig};
use crate::error::Error;

#[cfg(feature = "tls")]
pub(crate) use encryption::{Encryption, Encryptor, in_words};
pub(crate) use kestrel_security::SecurityProtocol;
#[cfg(feature = "tls")]
pub use kestrel_security::tls::ClientTls as Tls;
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
    /// A readable login is spoken of once.
    readable_login: Once,
}

impl Security {
    /// What settings and `given` say together. What was given replaces the settings of its kind.
    ///
    /// # Errors
    /// [`Error::Config`] when they contradict each other, or leave out what is needed.
    pub(crate) fn new(config: &SecurityConfig, given: Credentials) -> Result<Self, Error> {
        let protocol = protocol(config, &given)?;
        settings::warn_of_unused(config, protocol);
        warn_of_replaced(config, &given);
        #[cfg(feature = "tls")]
        let encryption = match given.tls {
            _ if !protocol.has_tls() => None,
            Some(tls) => Some(Encryption::new(tls)),
            None => Some(Encryption::new(settings::tls(config)?)),
        };
        let sasl = match given.sasl {
            _ if !protocol.has_sasl() => None,
            Some(sasl) => Some(sasl),
            None => Some(settings::sasl(config)?),
        };
        Ok(Self {
            protocol,
            #[cfg(feature = "tls")]
            encryption,
            sasl,
            readable_login: Once::new(),
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

    /// Warns, once, when a login that is no secret on its way goes to an address that is not of this machine.
    pub(crate) fn warn_if_readable(&self, is_loopback: bool) {
        let Some(sasl) = &self.sasl else { return };
        let mechanism = sasl.mechanism();
        let is_readable = matches!(mechanism, Mechanism::Plain | Mechanism::OAuthBearer);
        if is_readable && !is_loopback && !self.protocol.has_tls() {
            self.readable_login.call_once(|| {
                tracing::warn!(
                    "the login by {mechanism} goes over the network without encryption, for everybody on the way to read: say \
                     SASL_SSL in {}, or `.tls(..)`",
                    SECURITY.protocol.name
                );
            });
        }
    }
}

/// Says which settings have no effect because the builder was given something in their place.
fn warn_of_replaced(config: &SecurityConfig, given: &Credentials) {
    let warn = |names: Vec<&str>, by: &str| {
        if !names.is_empty() {
            tracing::warn!("{by} replaces the settings {}", names.join(", "));
        }
    };
    #[cfg(feature = "tls")]
    if given.tls.is_some() {
        warn(settings::set_for_tls(config), "`.tls(..)`");
    }
    if given.sasl.is_some() {
        warn(settings::set_for_sasl(config), "`.sasl(..)`");
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
        // Who has named certificates expects encryption: a password must not go out without it because one line was forgotten.
        if has_sasl
            && !has_tls
            && let [name, ..] = *settings::set_for_tls(config)
        {
            return Err(Error::config(
                SECURITY.protocol.name,
                format!(
                    "is not set, and {name} is: say SASL_SSL, or `.tls(..)`; or SASL_PLAINTEXT, which encrypts nothing"
                ),
            ));
        }
        return Ok(SecurityProtocol::of(has_tls, has_sasl));
    }
    let protocol = *config.protocol;
    let refused =
        |problem: String| Err(Error::config(SECURITY.protocol.name, format!("`{protocol}` {problem}")));
    if has_tls && !protocol.has_tls() {
        return refused("encrypts nothing, and contradicts `.tls(..)`".to_owned());
    }
    if has_sasl && !protocol.has_sasl() {
        return refused("authenticates nobody, and contradicts `.sasl(..)`".to_owned());
    }
    if protocol.has_tls() && cfg!(not(feature = "tls")) {
        return refused("needs the feature `tls` of the crate kestrel-client, which is off".to_owned());
    }
    Ok(protocol)
}

#[cfg(test)]
mod tests;
