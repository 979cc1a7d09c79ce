//! The users that may log in by one listener, and their secrets.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use kestrel_protocol::Timestamp;
use kestrel_security::sasl::{Credentials, InvalidToken, ScramCredential, ScramMechanism, TokenIdentity};
use kestrel_settings::Secret;

use crate::cluster::ScramUsers;

/// The users of SCRAM: of the metadata, as of now.
pub(crate) type CurrentScramUsers = dyn Fn() -> Arc<ScramUsers> + Send + Sync;

/// Validates a token of OAUTHBEARER at a moment, from memory.
pub(crate) type TokenCheck = dyn Fn(&str, Timestamp) -> Result<TokenIdentity, InvalidToken> + Send + Sync;

/// The users that may log in by one listener.
pub(crate) struct Accounts {
    /// The users of PLAIN with their passwords.
    plain: HashMap<String, Secret>,
    /// The users of SCRAM.
    scram: Arc<CurrentScramUsers>,
    /// The users of OAUTHBEARER: those whose tokens are valid.
    tokens: Option<Box<TokenCheck>>,
    /// What the salts and iterations of users that do not exist are made of.
    decoy_key: [u8; 32],
}

impl Accounts {
    /// These users.
    pub(crate) fn new(
        plain: impl IntoIterator<Item = (String, Secret)>,
        scram: Arc<CurrentScramUsers>,
        decoy_key: [u8; 32],
    ) -> Self {
        Self { plain: plain.into_iter().collect(), scram, tokens: None, decoy_key }
    }

    /// Lets in also who has a token that `check` finds valid.
    pub(crate) fn with_tokens(mut self, check: Box<TokenCheck>) -> Self {
        self.tokens = Some(check);
        self
    }

    /// The users at a moment: tokens are valid for a time only.
    pub(super) const fn at(&self, wall: Timestamp) -> Known<'_> {
        Known { accounts: self, wall }
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

/// The users at a moment.
pub(super) struct Known<'a> {
    accounts: &'a Accounts,
    wall: Timestamp,
}

impl Credentials for Known<'_> {
    fn plain_password(&self, user: &str) -> Option<Secret> {
        self.accounts.plain.get(user).cloned()
    }

    fn scram_credential(&self, mechanism: ScramMechanism, user: &str) -> Option<ScramCredential> {
        (self.accounts.scram)().get(user)?.get(&mechanism).cloned()
    }

    fn scram_iterations(&self, mechanism: ScramMechanism) -> BTreeSet<u32> {
        let users = (self.accounts.scram)();
        let credentials = users.values().filter_map(|credentials| credentials.get(&mechanism));
        credentials.map(|credential| credential.iterations).collect()
    }

    fn validate_token(&self, token: &str) -> Result<TokenIdentity, InvalidToken> {
        match &self.accounts.tokens {
            Some(check) => check(token, self.wall),
            None => Err(InvalidToken::new("tokens are not accepted here")),
        }
    }

    fn decoy_key(&self) -> &[u8] {
        &self.accounts.decoy_key
    }
}
