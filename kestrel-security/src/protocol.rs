//! Security protocol: whether a connection is encrypted, and whether its client logs in (`security.protocol`). Pure.

use std::fmt;

use kestrel_settings::Value;

/// A security protocol of clients and listeners, by Apache Kafka's names.
///
/// ```
/// use kestrel_security::SecurityProtocol;
///
/// let protocol = SecurityProtocol::named("sasl_ssl").ok_or("unknown")?;
/// assert!(protocol.has_tls() && protocol.has_sasl());
/// assert_eq!((protocol.to_string(), protocol.id()), ("SASL_SSL".to_owned(), 3));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Neither encryption nor a login.
    Plaintext,
    /// TLS; a client that shows a certificate is the user that it names.
    Ssl,
    /// A login by SASL, readable to everyone on the way.
    SaslPlaintext,
    /// TLS, and a login by SASL within it.
    SaslSsl,
}

impl SecurityProtocol {
    /// All of them, by number.
    pub const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// The protocol with these two parts.
    #[must_use]
    pub const fn of(has_tls: bool, has_sasl: bool) -> Self {
        match (has_tls, has_sasl) {
            (false, false) => Self::Plaintext,
            (true, false) => Self::Ssl,
            (false, true) => Self::SaslPlaintext,
            (true, true) => Self::SaslSsl,
        }
    }

    /// The protocol of this name, in upper or lower case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }

    /// Apache Kafka's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// The number in metadata records.
    #[must_use]
    pub const fn id(self) -> i16 {
        match self {
            Self::Plaintext => 0,
            Self::Ssl => 1,
            Self::SaslPlaintext => 2,
            Self::SaslSsl => 3,
        }
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether clients log in by SASL.
    #[must_use]
    pub const fn has_sasl(self) -> bool {
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
