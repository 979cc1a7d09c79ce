//! JSON Web Tokens as a broker takes them by OAUTHBEARER: signatures, and what the claims have to say. Pure.
//!
//! ```text
//!   token ──► Jws ──header──► KeySet ──PublicKey──► signature ──► Claims ──TokenRules──► TokenIdentity
//!   (text)    (three parts)   (a JWKS document)    (Algorithm)    (times, issuer, audience, subject)
//! ```
//!
//! The key decides: an algorithm is used only with a key that is made for it, there is none with a shared secret, and no token says by
//! its header alone that it needs no signature. [`UnsecuredTokens`] are another type with rules of their own, for development.
//!
//! ```
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! use kestrel_security::jwt::{KeySet, SignedTokens, UnsecuredTokens};
//! use kestrel_security::sasl::unsecured_token;
//!
//! let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
//! let token = unsecured_token("alice", now, Duration::from_secs(60));
//! let identity = UnsecuredTokens::default().validate(token.expose(), now)?;
//! assert_eq!(identity.principal_name, "alice");
//!
//! let keys = KeySet::from_json(br#"{"keys":[]}"#)?;
//! assert!(SignedTokens::default().validate(token.expose(), &keys, now).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod algorithm;
mod claims;
mod error;
mod jws;
mod key_set;
mod public_key;
mod signed;
mod unsecured;

pub use error::{KeySetError, TokenError};
pub use key_set::KeySet;
pub use signed::SignedTokens;
pub use unsecured::UnsecuredTokens;

#[cfg(test)]
mod tests;
