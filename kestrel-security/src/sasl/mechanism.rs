//! The mechanisms by their names on the wire and in `sasl.mechanism`.

use std::fmt;
use std::str::FromStr;

use super::scram::ScramMechanism;

/// A way to authenticate, with Kafka's name.
///
/// ```
/// use kestrel_security::sasl::Mechanism;
///
/// assert_eq!("SCRAM-SHA-512".parse(), Ok(Mechanism::ScramSha512));
/// assert_eq!(Mechanism::OAuthBearer.to_string(), "OAUTHBEARER");
/// let error = "GSSAPI".parse::<Mechanism>().unwrap_err().to_string();
/// assert_eq!(error, "`GSSAPI` is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mechanism {
    /// User and password as they are (RFC 4616): only over TLS.
    Plain,
    /// A proof of the password with SHA-256 (RFC 7677).
    ScramSha256,
    /// A proof of the password with SHA-512.
    ScramSha512,
    /// A token that somebody else gave out (RFC 7628, KIP-255).
    OAuthBearer,
}

impl Mechanism {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::ScramSha256, Self::ScramSha512, Self::OAuthBearer];

    /// Kafka's name of the mechanism.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => ScramMechanism::Sha256.name(),
            Self::ScramSha512 => ScramMechanism::Sha512.name(),
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// The hash of a SCRAM mechanism; `None` for the others.
    #[must_use]
    pub const fn scram(self) -> Option<ScramMechanism> {
        match self {
            Self::ScramSha256 => Some(ScramMechanism::Sha256),
            Self::ScramSha512 => Some(ScramMechanism::Sha512),
            Self::Plain | Self::OAuthBearer => None,
        }
    }
}

impl From<ScramMechanism> for Mechanism {
    fn from(scram: ScramMechanism) -> Self {
        match scram {
            ScramMechanism::Sha256 => Self::ScramSha256,
            ScramMechanism::Sha512 => Self::ScramSha512,
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mechanism {
    type Err = UnknownMechanism;

    fn from_str(name: &str) -> Result<Self, UnknownMechanism> {
        let found = Self::ALL.into_iter().find(|mechanism| mechanism.name() == name);
        found.ok_or_else(|| UnknownMechanism(name.to_owned()))
    }
}

/// A name that no supported mechanism has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER")]
pub struct UnknownMechanism(String);
