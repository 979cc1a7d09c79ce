//! Tokens for OAUTHBEARER: what a token is, who gives it, and how long it is used.
//!
//! A [`TokenProvider`] fetches tokens from wherever they come: a program writes its own, or takes one of those that are here.
//!
//! ```
//! use kestrel_client::oauth::Token;
//! use kestrel_client::{BoxError, async_trait, oauth::TokenProvider};
//!
//! /// Takes the token that a sidecar has put into a file.
//! #[derive(Debug)]
//! struct OfFile(&'static str);
//!
//! #[async_trait]
//! impl TokenProvider for OfFile {
//!     async fn token(&self) -> Result<Token, BoxError> {
//!         Ok(Token::new(std::fs::read_to_string(self.0)?.trim()))
//!     }
//! }
//! ```

mod cache;
#[cfg(feature = "aws-msk-iam")]
mod msk_iam;
#[cfg(feature = "oidc")]
mod oidc;
mod provider;
mod token;

pub(crate) use cache::TokenCache;
pub use kestrel_security::sasl::InvalidExtension;
#[cfg(feature = "aws-msk-iam")]
pub use msk_iam::{AwsCredentials, AwsCredentialsProvider, MskIam};
#[cfg(feature = "oidc")]
pub(crate) use oidc::of_settings;
#[cfg(feature = "oidc")]
pub use oidc::{ClientCredentials, InvalidEndpoint};
pub use provider::TokenProvider;
pub use token::Token;
