//! TokenProvider: where tokens come from.

use std::future::Future;

use async_trait::async_trait;
use kestrel_serde::BoxError;

use super::token::Token;

/// Fetches tokens of OAUTHBEARER. For `Sasl::oauthbearer`.
///
/// A client asks at its first authentication, and again when four fifths of the last token's time are over; while an answer is awaited
/// nobody asks a second time. Connections and re-authentications wait for it, a minute at most.
///
/// A closure is one too:
///
/// ```
/// use kestrel_client::BoxError;
/// use kestrel_client::oauth::{Token, TokenProvider};
///
/// fn provider() -> impl TokenProvider {
///     || async { Ok::<_, BoxError>(Token::new(std::env::var("KAFKA_TOKEN")?)) }
/// }
/// ```
#[async_trait]
pub trait TokenProvider: Send + Sync + 'static {
    /// A token that is valid now.
    ///
    /// # Errors
    /// Why there is none. It is logged and becomes the cause of the connection's error: it must not have a secret in it.
    async fn token(&self) -> Result<Token, BoxError>;
}

#[async_trait]
impl<F, Fetching> TokenProvider for F
where
    F: Fn() -> Fetching + Send + Sync + 'static,
    Fetching: Future<Output = Result<Token, BoxError>> + Send,
{
    async fn token(&self) -> Result<Token, BoxError> {
        self().await
    }
}
