//! What a server asks while it authenticates a peer.

use std::collections::BTreeSet;
use std::time::SystemTime;

use kestrel_settings::Secret;

use super::scram::{ScramCredential, ScramMechanism};

/// Whom a broker knows. Asked by a [`SaslServer`](super::SaslServer) in the middle of an exchange, so it answers from memory.
///
/// Every method but one has a default that knows nobody. The machine compares secrets itself, in constant time.
pub trait Credentials: Send + Sync {
    /// The password of a user of PLAIN.
    fn plain_password(&self, user: &str) -> Option<Secret> {
        let _ = user;
        None
    }

    /// The stored keys of a user of SCRAM.
    fn scram_credential(&self, mechanism: ScramMechanism, user: &str) -> Option<ScramCredential> {
        let _ = (mechanism, user);
        None
    }

    /// The numbers of iterations that the users of SCRAM have. A user that does not exist seems to have one of them; the fewest that are
    /// safe where there is none.
    fn scram_iterations(&self, mechanism: ScramMechanism) -> BTreeSet<u32> {
        let _ = mechanism;
        BTreeSet::new()
    }

    /// The owner and the stored keys of a delegation token, which logs in by SCRAM with its id as user (KIP-48).
    fn delegation_token(&self, mechanism: ScramMechanism, token_id: &str) -> Option<TokenUser> {
        let _ = (mechanism, token_id);
        None
    }

    /// Validates a token of OAUTHBEARER, its signature and its times among other things.
    ///
    /// # Errors
    /// What the client is told, and what only the log is.
    fn validate_token(&self, token: &str) -> Result<TokenIdentity, InvalidToken> {
        let _ = token;
        Err(InvalidToken::new("tokens are not accepted here"))
    }

    /// A secret that stays the same while the broker runs, at best the same one on all brokers of a cluster. Salts and iterations of users
    /// that do not exist are made of it, so that asking for a user twice does not tell whether there is one.
    fn decoy_key(&self) -> &[u8];
}

/// Who logs in with a delegation token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenUser {
    /// The user that the token stands for.
    pub owner: String,
    /// The keys that the token's HMAC, as a password, leads to.
    pub credential: ScramCredential,
    /// When the token ends.
    pub expires_at: SystemTime,
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIdentity {
    /// The name of the principal.
    pub principal_name: String,
    /// When the token ends.
    pub expires_at: SystemTime,
}

/// Why a token is refused. The fields are what the client gets, as JSON (RFC 7628); `reason` stays with the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidToken {
    /// `invalid_token`, or another one of OAuth's words.
    pub status: String,
    /// The scope that a token needs, where that is what it lacks.
    pub scope: Option<String>,
    /// Where the client finds out how to get a token.
    pub openid_configuration: Option<String>,
    /// The reason for the log; it must not have the token in it.
    pub reason: String,
}

impl InvalidToken {
    /// The status `invalid_token`, and a reason for the log.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            status: "invalid_token".to_owned(),
            scope: None,
            openid_configuration: None,
            reason: reason.into(),
        }
    }
}
