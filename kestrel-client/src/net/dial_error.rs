//! Dial error: why no connection could be made, which step failed, and what to change.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

#[cfg(feature = "tls")]
use kestrel_security::tls::{HandshakeError as TlsHandshakeError, TlsError};

use super::authentication::AuthenticationError;
use super::handshake::HandshakeError;
use crate::security::TokenError;

/// The steps of a connection, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DialStep {
    /// The certificates, which are in files.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nothing is encrypted"))]
    Reading,
    Connecting,
    /// The TLS handshake.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nothing is encrypted"))]
    Encrypting,
    /// The versions of all APIs.
    Greeting,
    /// SASL.
    Authenticating,
}

impl fmt::Display for DialStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reading => "certificates out of their files",
            Self::Connecting => "connection",
            Self::Encrypting => "TLS handshake",
            Self::Greeting => "handshake",
            Self::Authenticating => "authentication",
        })
    }
}

/// Where a connection was to lead: one of the addresses of a name, or a name that a connector was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Address(SocketAddr),
    Name(String),
}

impl Endpoint {
    /// Whether it is known to be this machine: what a connector makes of a name is not.
    pub(crate) const fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.ip().to_canonical().is_loopback(),
            Self::Name(_) => false,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Why no stream could be had: the address, and the last cause.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("the name cannot be resolved")]
    Resolve(#[source] io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("{endpoint} cannot be reached")]
    Connect {
        endpoint: Endpoint,
        #[source]
        cause: io::Error,
    },
    #[error("{endpoint}: no {step} within {after:?} (setting socket.connection.setup.timeout.ms)")]
    Timeout { endpoint: Endpoint, step: DialStep, after: Duration },
    #[error("the {step} with {endpoint} failed")]
    Io {
        endpoint: Endpoint,
        step: DialStep,
        #[source]
        cause: io::Error,
    },
    #[error("the {step} with {endpoint} failed: the broker closed the connection{advice}")]
    HungUp {
        endpoint: Endpoint,
        step: DialStep,
        advice: &'static str,
        #[source]
        cause: io::Error,
    },
    #[error("the handshake with {endpoint} failed")]
    Handshake {
        endpoint: Endpoint,
        #[source]
        cause: HandshakeError,
    },
    #[cfg(feature = "tls")]
    #[error("nothing can be encrypted")]
    Certificates(#[source] TlsError),
    #[cfg(feature = "tls")]
    #[error("the TLS handshake with {endpoint} failed")]
    Tls {
        endpoint: Endpoint,
        #[source]
        cause: TlsHandshakeError,
    },
    #[error("there is no token to authenticate with")]
    Token(#[source] TokenError),
    #[error("the authentication at {endpoint} failed")]
    Authentication {
        endpoint: Endpoint,
        #[source]
        cause: AuthenticationError,
    },
}

impl DialError {
    /// Whether nobody answers there: the name leads nowhere, or the address does.
    pub(crate) const fn is_about_the_address(&self) -> bool {
        matches!(
            self,
            Self::Resolve(_)
                | Self::NoAddress
                | Self::Connect { .. }
                | Self::Timeout { step: DialStep::Connecting, .. }
        )
    }

    /// Whether broker and client are not who they have to be for each other: trying again is of no use until somebody changes
    /// something.
    pub(crate) fn is_about_identity(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls { cause, .. } => cause.is_final(),
            #[cfg(feature = "tls")]
            Self::Certificates(_) => true,
            Self::Authentication { .. } => true,
            _ => false,
        }
    }

    /// Whether the two do not agree on encryption, because of a certificate mostly: another broker, which has another certificate,
    /// may be fine.
    pub(crate) const fn is_about_encryption(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls { .. } => true,
            _ => false,
        }
    }

    /// Whether there is no token: no broker can be authenticated at.
    pub(crate) const fn is_about_the_token(&self) -> bool {
        matches!(self, Self::Token(_))
    }

    /// Whether the broker looked at the proof of the client and refused it.
    pub(super) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Authentication { cause: AuthenticationError::Refused { .. }, .. })
    }

    /// Whether the peer hung up while it had the first request, as some brokers do on a version they do not know.
    pub(super) fn is_hang_up(&self) -> bool {
        matches!(self, Self::HungUp { step: DialStep::Greeting, .. })
    }
}
