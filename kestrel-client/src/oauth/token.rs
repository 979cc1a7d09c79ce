//! Token: what a broker is shown.

use std::fmt;
use std::time::{Duration, SystemTime};

use kestrel_protocol::Timestamp;
use kestrel_security::sasl::{InvalidExtension, SaslExtensions, unsecured_token};
use kestrel_settings::Secret;

use crate::environment::wall;

/// A token of OAUTHBEARER, with when it ends and what goes to the broker beside it. Its text is never printed.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use kestrel_client::oauth::Token;
///
/// # #[expect(clippy::disallowed_methods)]
/// let token = Token::new("eyJhbGciOi...")
///     .expires_at(SystemTime::now() + Duration::from_secs(900))
///     .extension("logicalCluster", "lkc-1")?;
/// assert!(!format!("{token:?}").contains("eyJ"));
/// # Ok::<(), kestrel_client::oauth::InvalidExtension>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: Secret,
    expires_at: Option<Timestamp>,
    extensions: SaslExtensions,
}

impl Token {
    /// A token of which nobody knows when it ends: it is asked for anew for each authentication.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Secret::new(text), expires_at: None, extensions: SaslExtensions::default() }
    }

    /// A token of `subject` that nobody has signed, valid from now for `lifetime`: for brokers at home that take such tokens
    /// (`kestrel-broker --unsecured-tokens`, or Apache Kafka without a validator).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use kestrel_client::oauth::Token;
    /// use kestrel_client::{Client, Sasl};
    ///
    /// let alice = Sasl::oauthbearer(|| async { Ok(Token::unsecured("alice", Duration::from_secs(3600))) });
    /// let builder = Client::builder("localhost:9092").sasl(alice);
    /// # let _ = builder;
    /// ```
    pub fn unsecured(subject: &str, lifetime: Duration) -> Self {
        let now = wall();
        let begin = now.to_system_time().unwrap_or(SystemTime::UNIX_EPOCH);
        let text = unsecured_token(subject, begin, lifetime);
        Self::new(text.expose()).expires_at(now.saturating_add(lifetime))
    }

    /// When the token ends. It is used until most of the time until then is over.
    pub fn expires_at(mut self, at: impl Into<Timestamp>) -> Self {
        self.expires_at = Some(at.into());
        self
    }

    /// A name and a value that the broker gets beside the token (KIP-342).
    ///
    /// # Errors
    /// When the name is not made of letters, or the value not of printable ASCII.
    pub fn extension(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, InvalidExtension> {
        self.extensions.insert(name, value)?;
        Ok(self)
    }

    #[cfg(feature = "oidc")]
    pub(super) fn with_extensions(self, extensions: SaslExtensions) -> Self {
        Self { extensions, ..self }
    }

    pub(crate) const fn text(&self) -> &Secret {
        &self.text
    }

    pub(crate) const fn extensions(&self) -> &SaslExtensions {
        &self.extensions
    }

    pub(super) const fn end(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .field("extensions", &self.extensions)
            .finish_non_exhaustive()
    }
}
