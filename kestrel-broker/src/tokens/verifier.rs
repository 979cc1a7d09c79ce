//! TokenVerifier: validates a token from memory, in the middle of a login.

use std::sync::Arc;
use std::time::SystemTime;

use kestrel_protocol::Timestamp;
use kestrel_security::jwt::{KeySet, SignedTokens, TokenError, UnsecuredTokens};
use kestrel_security::sasl::{InvalidToken, TokenIdentity};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Validates the tokens of a listener.
#[derive(Debug)]
pub(crate) enum TokenVerifier {
    /// By the keys of who issues them.
    Signed(SignedVerifier),
    /// Not at all.
    Unsecured(UnsecuredTokens),
}

/// Validates tokens by the keys of who issues them.
#[derive(Debug)]
pub(crate) struct SignedVerifier {
    tokens: SignedTokens,
    /// The keys as they are now; locked for a moment only.
    keys: Mutex<Arc<KeySet>>,
    /// Told when a token names a key that is not there.
    unknown_key: Notify,
}

impl TokenVerifier {
    pub(super) const fn unsecured(tokens: UnsecuredTokens) -> Self {
        Self::Unsecured(tokens)
    }

    pub(super) fn signed(tokens: SignedTokens, keys: KeySet) -> Self {
        let keys = Mutex::new(Arc::new(keys));
        Self::Signed(SignedVerifier { tokens, keys, unknown_key: Notify::new() })
    }

    /// Validates a token. Asks for nothing: where the key is not known, the refresher hears of it, and the next login may succeed.
    ///
    /// # Errors
    /// What the client is told, and what only the log is.
    pub(crate) fn verify(&self, token: &str, wall: Timestamp) -> Result<TokenIdentity, InvalidToken> {
        let now = wall.to_system_time().unwrap_or(SystemTime::UNIX_EPOCH);
        let verified = match self {
            Self::Unsecured(tokens) => tokens.validate(token, now),
            Self::Signed(signed) => signed.verify(token, now),
        };
        Ok(verified?)
    }

    /// Waits until a token named a key that is not there. Once for all that did so meanwhile.
    pub(super) async fn unknown_key(&self) {
        match self {
            Self::Signed(signed) => signed.unknown_key.notified().await,
            Self::Unsecured(_) => std::future::pending().await,
        }
    }

    /// Takes other keys; gives whether they are other ones.
    pub(super) fn renew(&self, keys: KeySet) -> bool {
        let Self::Signed(signed) = self else { return false };
        let mut current = signed.keys.lock();
        let is_new = **current != keys;
        if is_new {
            *current = Arc::new(keys);
        }
        is_new
    }
}

impl SignedVerifier {
    fn verify(&self, token: &str, now: SystemTime) -> Result<TokenIdentity, TokenError> {
        let keys = Arc::clone(&self.keys.lock());
        let verified = self.tokens.validate(token, &keys, now);
        if let Err(TokenError::UnknownKey(_)) = &verified {
            self.unknown_key.notify_one();
        }
        verified
    }
}
