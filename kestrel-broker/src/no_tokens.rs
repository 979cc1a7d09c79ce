//! Tokens of OAUTHBEARER, in a build without them: no listener takes any.

use std::sync::Arc;

use kestrel_protocol::Timestamp;
use kestrel_security::sasl::{InvalidToken, TokenIdentity};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Listener;
use crate::error::StartError;

/// The tokens of one listener: there are none.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) verifier: Arc<TokenVerifier>,
    pub(crate) refresher: Option<KeyRefresher>,
}

/// Validates the tokens of a listener: none can be made.
#[derive(Debug)]
pub(crate) enum TokenVerifier {}

/// Keeps the keys of an issuer: none can be made.
#[derive(Debug)]
pub(crate) enum KeyRefresher {}

impl Tokens {
    pub(crate) async fn of(listener: &Listener, _: &Clock) -> Result<Option<Self>, StartError> {
        let mechanisms = listener.sasl.iter().flat_map(|sasl| &sasl.mechanisms);
        match mechanisms.filter_map(|enabled| enabled.tokens.as_ref()).next() {
            None => Ok(None),
            Some(checks) => match *checks {},
        }
    }
}

impl TokenVerifier {
    pub(crate) fn verify(&self, _: &str, _: Timestamp) -> Result<TokenIdentity, InvalidToken> {
        match *self {}
    }
}

impl KeyRefresher {
    pub(crate) async fn drive(self, _: CancellationToken) {
        match self {}
    }
}
