//! Tokens of OAUTHBEARER: the rules of a listener, the keys of the issuer, and the task that keeps these as they are now.
//!
//! ```text
//!   api/session ──token──► TokenVerifier ◄──KeySet── KeyRefresher ◄── KeySource: a file, or HTTPS
//!                               └──a key that is not known──▲         when: RefreshSchedule
//! ```
//!
//! What a token says is decided by `kestrel_security::jwt`. Started by `broker/`; knows no other room.

mod key_source;
mod refresher;
mod schedule;
mod verifier;

use std::sync::Arc;

pub(crate) use refresher::KeyRefresher;
pub(crate) use verifier::TokenVerifier;

use crate::clock::Clock;
use crate::config::{Listener, TokenChecks};
use crate::error::StartError;

/// The tokens of one listener.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Validates them.
    pub(crate) verifier: Arc<TokenVerifier>,
    /// Keeps the keys; `None` where nothing is signed.
    pub(crate) refresher: Option<KeyRefresher>,
}

impl Tokens {
    /// The tokens of a listener, with the keys of who issues them; `None` where it takes none.
    ///
    /// # Errors
    /// When the keys cannot be fetched, as in Apache Kafka: nobody could log in.
    pub(crate) async fn of(listener: &Listener, clock: &Clock) -> Result<Option<Self>, StartError> {
        let mechanisms = listener.sasl.iter().flat_map(|sasl| &sasl.mechanisms);
        let Some(checks) = mechanisms.filter_map(|enabled| enabled.tokens.as_ref()).next() else {
            return Ok(None);
        };
        match checks {
            TokenChecks::Unsecured(tokens) => {
                let verifier = Arc::new(TokenVerifier::unsecured(tokens.clone()));
                Ok(Some(Self { verifier, refresher: None }))
            }
            TokenChecks::Signed(checks) => {
                let refresher = KeyRefresher::open(checks, &listener.name, clock.clone()).await;
                let refresher = refresher.map_err(|error| StartError::token_keys(&listener.name, &error))?;
                Ok(Some(Self { verifier: refresher.verifier(), refresher: Some(refresher) }))
            }
        }
    }
}

#[cfg(test)]
mod tests;
