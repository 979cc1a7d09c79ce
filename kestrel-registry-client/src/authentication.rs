//! Authentication: what a client proves with who it is. Nothing of it is ever shown.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use hyper::header::HeaderValue;
use kestrel_serde::BoxError;
use kestrel_serde::registry::{RegistryError, RegistryErrorKind};

/// Gives a token for each request.
type TokenSource = dyn Fn() -> BoxFuture<'static, Result<String, BoxError>> + Send + Sync;

/// What a client proves with who it is.
#[derive(Clone, Default)]
pub(crate) enum Authentication {
    /// Nothing, but for what an address has in it.
    #[default]
    None,
    /// The same with each request.
    Fixed(HeaderValue),
    /// A token, asked for with each request.
    Bearer(Arc<TokenSource>),
}

impl Authentication {
    pub(crate) fn basic(user: &str, password: &str) -> Self {
        Self::Fixed(basic(user, password))
    }

    /// # Errors
    /// When the token has characters that no header may have.
    pub(crate) fn bearer(token: &str) -> Result<Self, RegistryError> {
        header(format!("Bearer {token}")).map(Self::Fixed)
    }

    /// The value of the header `Authorization`; `own` is what the address has in it.
    ///
    /// # Errors
    /// When there is no token to be had.
    pub(crate) async fn header(
        &self,
        own: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        match self {
            Self::None => Ok(own.cloned()),
            Self::Fixed(value) => Ok(Some(value.clone())),
            Self::Bearer(source) => {
                let token = source().await.map_err(|cause| {
                    RegistryError::new(RegistryErrorKind::Denied, "the provider gives no token")
                        .caused_by(cause)
                })?;
                header(format!("Bearer {token}")).map(Some).map_err(|_| {
                    let problem = "the provider gives a token with characters that no header may have";
                    RegistryError::new(RegistryErrorKind::Denied, problem)
                })
            }
        }
    }
}

/// The value for a user with a password.
pub(crate) fn basic(user: &str, password: &str) -> HeaderValue {
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    header(format!("Basic {encoded}")).expect("base64 has no characters that a header may not have")
}

fn header(value: String) -> Result<HeaderValue, RegistryError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| {
        RegistryError::new(RegistryErrorKind::Config, "the token has characters that no header may have")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Fixed(_) => "Fixed",
            Self::Bearer(_) => "Bearer",
        })
    }
}
