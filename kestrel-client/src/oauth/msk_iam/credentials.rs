//! AwsCredentials: what tokens for MSK are signed with, and where it comes from.

use std::fmt;
use std::future::Future;

use async_trait::async_trait;
use kestrel_protocol::Timestamp;
use kestrel_serde::BoxError;
use kestrel_settings::Secret;

/// An access key of AWS and its secret.
///
/// ```
/// use kestrel_client::oauth::AwsCredentials;
///
/// let credentials = AwsCredentials::new("AKIAIOSFODNN7EXAMPLE", "the secret").session_token("the token");
/// assert!(!format!("{credentials:?}").contains("secret"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AwsCredentials {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    expires_at: Option<Timestamp>,
}

impl AwsCredentials {
    /// A key and its secret, which last.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
            expires_at: None,
        }
    }

    /// The token of a session, which temporary credentials have.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(Secret::new(token));
        self
    }

    /// When temporary credentials end: tokens end with them.
    #[must_use]
    pub fn expires_at(mut self, at: impl Into<Timestamp>) -> Self {
        self.expires_at = Some(at.into());
        self
    }

    pub(super) fn key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(super) fn secret(&self) -> &str {
        self.secret_access_key.expose()
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.session_token.as_ref().map(Secret::expose)
    }

    pub(super) fn end(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Gives AWS credentials, for each token anew: whoever has to fetch them keeps them. A closure is one too.
#[async_trait]
pub trait AwsCredentialsProvider: Send + Sync + 'static {
    /// Credentials that are valid now.
    ///
    /// # Errors
    /// Why there are none. It is logged: it must not have a secret in it.
    async fn credentials(&self) -> Result<AwsCredentials, BoxError>;
}

#[async_trait]
impl<F, Fetching> AwsCredentialsProvider for F
where
    F: Fn() -> Fetching + Send + Sync + 'static,
    Fetching: Future<Output = Result<AwsCredentials, BoxError>> + Send,
{
    async fn credentials(&self) -> Result<AwsCredentials, BoxError> {
        self().await
    }
}

/// The credentials in the environment of the process.
pub(super) struct OfEnvironment;

#[async_trait]
impl AwsCredentialsProvider for OfEnvironment {
    async fn credentials(&self) -> Result<AwsCredentials, BoxError> {
        of_variables(|name| std::env::var(name).ok())
    }
}

/// The credentials in variables, as AWS names them.
pub(super) fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Result<AwsCredentials, BoxError> {
    let required = |name: &str| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("the environment variable {name} is not set"))
    };
    let credentials = AwsCredentials::new(required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    Ok(match variable("AWS_SESSION_TOKEN").filter(|token| !token.is_empty()) {
        Some(token) => credentials.session_token(token),
        None => credentials,
    })
}
