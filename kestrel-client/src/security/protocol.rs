//! Security protocol: whether a connection is encrypted, and whether it is authenticated (`security.protocol`).

use std::fmt;

use kestrel_settings::Value;

/// What a connection to a broker does before its first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecurityProtocol {
    /// Nothing.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL, readable to everyone on the way.
    SaslPlaintext,
    /// TLS, and SASL within it.
    SaslSsl,
}

impl SecurityProtocol {
    pub(crate) const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// The protocol with these two parts.
    pub(crate) const fn of(encrypts: bool, authenticates: bool) -> Self {
        match (encrypts, authenticates) {
            (false, false) => Self::Plaintext,
            (true, false) => Self::Ssl,
            (false, true) => Self::SaslPlaintext,
            (true, true) => Self::SaslSsl,
        }
    }

    /// The protocol of this name, in upper or lower case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }

    /// Apache Kafka's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    pub(crate) const fn encrypts(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    pub(crate) const fn authenticates(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

impl fmt::Display for SecurityProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Value for SecurityProtocol {
    fn parse(text: &str) -> Result<Self, String> {
        Self::named(text).ok_or_else(|| "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL".to_owned())
    }

    fn print(&self) -> String {
        self.name().to_owned()
    }
}
