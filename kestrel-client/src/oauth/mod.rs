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

#![allow(dead_code, reason = "logins and built-in providers take it up")]

mod cache;
mod provider;
mod token;

#[allow(unused_imports, reason = "logins take it up")]
pub(crate) use cache::TokenCache;
pub use kestrel_security::sasl::InvalidExtension;
pub use provider::TokenProvider;
pub use token::Token;
