//! ClientCredentials: tokens of an OpenID Connect provider by OAuth's client credentials (KIP-768).
//!
//! ```text
//!   ClientCredentials ── POST grant_type=client_credentials ──▶ the token endpoint, by HTTP or HTTPS
//!          ▲                                                          │
//!          └──────── Token: access_token, and when it ends ◀── answer ┘
//! ```

mod answer;
mod error;
mod form;
mod http;
mod settings;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kestrel_security::http::{HttpAddress, InvalidAddress};
use kestrel_security::sasl::{InvalidExtension, SaslExtensions};
use kestrel_serde::BoxError;
use kestrel_settings::Secret;
use tokio::time::sleep;

use error::OidcError;
use form::form_escaped;
use http::Post;
pub(crate) use settings::of_settings;

use super::provider::TokenProvider;
use super::token::Token;
use crate::environment::{after, now, seed, wall};
use crate::error::Chain;
use crate::net::ExponentialBackoff;
use crate::security::{Encryption, Tls};

/// A text that is no address of a token endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the token endpoint: {0}")]
pub struct InvalidEndpoint(#[from] InvalidAddress);

/// Fetches tokens from an OpenID Connect provider with the client's own id and secret. For `Sasl::oauthbearer`.
///
/// ```no_run
/// use kestrel_client::oauth::ClientCredentials;
/// use kestrel_client::{Client, Sasl, Tls};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = ClientCredentials::new("https://issuer.example/oauth2/token", "the id", "the secret")?
///     .scope("kafka")
///     .extension("logicalCluster", "lkc-1")?;
/// let builder =
///     Client::builder("kafka.example:9092").tls(Tls::native_roots()).sasl(Sasl::oauthbearer(tokens));
/// # Ok(())
/// # }
/// ```
///
/// A request that may succeed later is made again: after 100 ms, 200 ms and so on, for 10 s. One that is refused is not. The token is
/// not looked into but for its end (`exp` of a JWT, else `expires_in` of the answer).
///
/// Properties: `sasl.oauthbearer.token.endpoint.url`, and the credentials as
/// `sasl.oauthbearer.client.credentials.client.id` and `….secret` or as options of `sasl.jaas.config`.
#[derive(Clone)]
pub struct ClientCredentials {
    endpoint: HttpAddress,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
    extensions: SaslExtensions,
    /// Whether id and secret are escaped in the header, as RFC 6749 says and few providers expect.
    escapes_header: bool,
    encryption: Encryption,
    limits: Limits,
}

/// How long things take at most.
#[derive(Debug, Clone, Copy)]
struct Limits {
    connect: Duration,
    read: Duration,
    retry_backoff: Duration,
    retry_backoff_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(10),
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(10),
        }
    }
}

impl ClientCredentials {
    /// Credentials for the token endpoint `url`, which begins with `https://`, or with `http://` when it is on this machine
    /// (`localhost`, or a loopback address).
    ///
    /// # Errors
    /// When `url` is no such address.
    pub fn new(
        url: &str,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            endpoint: HttpAddress::parse(url)?,
            client_id: client_id.into(),
            client_secret: Secret::new(client_secret),
            scope: None,
            extensions: SaslExtensions::default(),
            escapes_header: false,
            encryption: Encryption::new(Tls::native_roots()),
            limits: Limits::default(),
        })
    }

    /// What the token has to be good for, as the provider names it; several are separated by spaces.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// A name and a value that brokers get beside the token, such as `logicalCluster` or `identityPoolId`.
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

    /// Whom to trust at an `https://` endpoint; default the authorities that this machine trusts.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.encryption = Encryption::new(tls);
        self
    }

    /// How long connecting, and the answer after it, may take for each request. Default 10 s each.
    #[must_use]
    pub fn timeouts(mut self, connect: Duration, read: Duration) -> Self {
        self.limits = Limits { connect, read, ..self.limits };
        self
    }

    /// The first wait before a request is made again, and how long requests are made again at all. Default 100 ms and 10 s.
    #[must_use]
    pub fn retry_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.limits = Limits { retry_backoff: first, retry_backoff_max: longest.max(first), ..self.limits };
        self
    }

    async fn fetch(&self) -> Result<Token, OidcError> {
        let post = Post { endpoint: &self.endpoint, authorization: self.authorization(), form: self.form() };
        let (status, body) = http::post(post, &self.encryption, self.limits).await?;
        let fetched = answer::read(status, &body, wall())?;
        Ok(fetched.with_extensions(self.extensions.clone()))
    }

    /// The header that has id and secret in it.
    fn authorization(&self) -> Secret {
        let (id, secret) = (self.client_id.trim(), self.client_secret.expose().trim());
        let pair = match self.escapes_header {
            true => format!("{}:{}", form_escaped(id), form_escaped(secret)),
            false => format!("{id}:{secret}"),
        };
        Secret::new(format!("Basic {}", STANDARD.encode(pair)))
    }

    fn form(&self) -> String {
        match self.scope.as_deref().map(str::trim).filter(|scope| !scope.is_empty()) {
            Some(scope) => format!("grant_type=client_credentials&scope={}", form_escaped(scope)),
            None => "grant_type=client_credentials".to_owned(),
        }
    }
}

#[async_trait]
impl TokenProvider for ClientCredentials {
    async fn token(&self) -> Result<Token, BoxError> {
        let Limits { retry_backoff, retry_backoff_max, .. } = self.limits;
        let deadline = after(now(), retry_backoff_max);
        let mut backoff = ExponentialBackoff::new(retry_backoff, retry_backoff_max, seed());
        for failures in 1.. {
            let error = match self.fetch().await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            let delay = backoff.delay(failures);
            // Rather early than late: who waits for the token should hear of this error, and not that its own time is over.
            let is_last = delay.is_zero() || delay > deadline.saturating_duration_since(now());
            if !error.may_pass() || is_last {
                return Err(error.into());
            }
            tracing::debug!(error = %Chain(&error), "a token is asked for again");
            sleep(delay).await;
        }
        unreachable!("the loop ends with a token or an error")
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials")
            .field("endpoint", &self.endpoint.to_string())
            .field("client_id", &self.client_id)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
