//! RegistryClientBuilder: configures a client of a registry.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kestrel_serde::BoxError;
use kestrel_serde::registry::{RegistryError, RegistryErrorKind};

use crate::address::Address;
use crate::authentication::Authentication;
use crate::client::RegistryClient;
#[cfg(feature = "tls")]
use crate::http::Encryption;
use crate::http::{Dialler, Limits, Sender};

/// Configures a [`RegistryClient`].
///
/// ```
/// use std::time::Duration;
///
/// use kestrel_registry_client::RegistryClient;
///
/// let client = RegistryClient::builder("https://registry-1.example")
///     .url("https://registry-2.example")
///     .basic_auth("ada", "opensesame")
///     .request_timeout(Duration::from_secs(5))
///     .build()?;
/// assert!(!format!("{client:?}").contains("opensesame"));
/// # Ok::<(), kestrel_registry_client::RegistryError>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct RegistryClientBuilder {
    urls: Vec<String>,
    authentication: Result<Authentication, RegistryError>,
    #[cfg(feature = "tls")]
    tls: kestrel_security::tls::ClientTls,
    connect_timeout: Duration,
    limits: Limits,
}

impl RegistryClientBuilder {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            authentication: Ok(Authentication::None),
            #[cfg(feature = "tls")]
            tls: kestrel_security::tls::ClientTls::native_roots(),
            connect_timeout: Duration::from_secs(5),
            limits: Limits {
                request_timeout: Duration::from_secs(15),
                retries: 3,
                max_answer_bytes: 64 * 1024 * 1024,
            },
        }
    }

    /// Another address of the same registry. The one that has answered last is asked first; when it does not answer, or cannot at the
    /// moment (429 and 5xx), the others are tried at once.
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.urls.push(url.into());
        self
    }

    /// Proves who the client is by a user and a password: of Confluent Cloud, the API key and its secret. A user and a password in
    /// a URL, percent-encoded, do the same for that address.
    pub fn basic_auth(self, user: &str, password: &str) -> Self {
        Self { authentication: Ok(Authentication::basic(user, password)), ..self }
    }

    /// Proves who the client is by a token that does not change.
    pub fn bearer_token(self, token: &str) -> Self {
        Self { authentication: Authentication::bearer(token), ..self }
    }

    /// Proves who the client is by tokens, for which `provider` is asked with each attempt: it keeps them as long as they are good.
    ///
    /// ```
    /// use kestrel_registry_client::RegistryClient;
    ///
    /// let client = RegistryClient::builder("https://registry.example")
    ///     .bearer_provider(|| async { Ok(std::fs::read_to_string("/var/run/token")?) })
    ///     .build()?;
    /// # Ok::<(), kestrel_registry_client::RegistryError>(())
    /// ```
    pub fn bearer_provider<P, T>(self, provider: P) -> Self
    where
        P: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<String, BoxError>> + Send + 'static,
    {
        let source = Arc::new(move || Box::pin(provider()) as _);
        Self { authentication: Ok(Authentication::Bearer(source)), ..self }
    }

    /// TLS for `https://` addresses. Default: the authorities that this machine trusts.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: kestrel_security::tls::ClientTls) -> Self {
        Self { tls, ..self }
    }

    /// How long an attempt may take until there is a connection. Default 5 seconds.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self { connect_timeout: timeout, ..self }
    }

    /// How long an attempt may take from the connection to the end of the answer, and before that as long until there is a token.
    /// Default 15 seconds.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.limits.request_timeout = timeout;
        self
    }

    /// How often it is tried again, after pauses of 0.1 to 2 seconds, when all addresses have been tried: after failed connections,
    /// 429 and 5xx, and never where it could do harm (a deletion that may have happened). Default 3.
    pub fn retries(mut self, retries: usize) -> Self {
        self.limits.retries = retries;
        self
    }

    /// The most bytes of an answer. Default 64 MiB.
    pub fn max_answer_bytes(mut self, max: usize) -> Self {
        self.limits.max_answer_bytes = max;
        self
    }

    /// The client. It connects when it is used.
    ///
    /// # Errors
    /// [`RegistryErrorKind::Config`] when an address is none, or a token cannot be in a header.
    pub fn build(self) -> Result<RegistryClient, RegistryError> {
        let addresses = self.urls.iter().map(|url| {
            Address::parse(url).map_err(|error| {
                RegistryError::new(
                    RegistryErrorKind::Config,
                    format!("the address of the schema registry cannot be used: {error}"),
                )
            })
        });
        let dialler = Dialler {
            connect_timeout: self.connect_timeout,
            #[cfg(feature = "tls")]
            encryption: Encryption::new(self.tls),
        };
        let sender =
            Sender::new(addresses.collect::<Result<_, _>>()?, self.authentication?, dialler, self.limits);
        Ok(RegistryClient::over(sender))
    }
}

/// Without the addresses, which may have passwords in them.
impl fmt::Debug for RegistryClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryClientBuilder")
            .field("urls", &self.urls.len())
            .field("authentication", &self.authentication)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
