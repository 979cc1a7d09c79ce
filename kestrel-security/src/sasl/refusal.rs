//! Refusals of a server: what the peer may know, and what only the log does.

use std::borrow::Cow;
use std::fmt;

/// The most characters of a peer's name that a log shows.
const LONGEST_NAME: usize = 128;

/// Why a server refused to authenticate its peer. Displayed it is the reason for the log; the peer gets [`Self::for_peer`].
///
/// The peer's text is the same for an unknown user and for a wrong password. Neither text has a password or a token in it.
///
/// ```
/// use kestrel_security::sasl::{Credentials, Mechanism, Nonce, SaslServer};
///
/// struct Nobody;
///
/// impl Credentials for Nobody {
///     fn decoy_key(&self) -> &[u8] {
///         b"drawn when the broker starts"
///     }
/// }
///
/// let mut server = SaslServer::new(Mechanism::Plain, Nonce::from_random([1; 24]));
/// let refusal = server.handle(b"\0alice\0opensesame", &Nobody).unwrap_err();
/// assert_eq!(refusal.for_peer(), "Authentication failed: Invalid username or password");
/// assert_eq!(refusal.to_string(), "user \"alice\" is unknown, or has no password for PLAIN");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    peer: Cow<'static, str>,
    log: String,
}

impl Refusal {
    pub(super) fn new(peer: impl Into<Cow<'static, str>>, log: impl Into<String>) -> Self {
        Self { peer: peer.into(), log: log.into() }
    }

    /// A refusal of what a peer sent that is none of the mechanism's messages.
    pub(super) fn malformed(problem: &str) -> Self {
        Self::new(format!("Authentication failed: {problem}"), format!("malformed: {problem}"))
    }

    /// A refusal of a user that wants to be somebody else.
    pub(super) fn other_authorization_id(user: &str) -> Self {
        let peer =
            "Authentication failed: Client requested an authorization id that is different from username";
        Self::new(peer, format!("user {} asked for the authorization id of somebody else", quoted(user)))
    }

    /// The text of the answer to the peer.
    #[must_use]
    pub fn for_peer(&self) -> &str {
        &self.peer
    }
}

/// A name that a peer chose, fit for a log: in quotes, escaped, and not longer than a name is.
pub(super) fn quoted(name: &str) -> String {
    let begin: String = name.chars().take(LONGEST_NAME).collect();
    format!("{begin:?}")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log)
    }
}

impl std::error::Error for Refusal {}
