//! What the machines say after each token.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;

/// What a client does after a token of the broker.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientStep {
    /// Send this and wait for the answer.
    Send(Bytes),
    /// The broker has accepted the client, and has proved itself where the mechanism can.
    Done,
}

/// What a server does after a token of its peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerStep {
    /// Send this: the peer has to answer it.
    Challenge(Bytes),
    /// The peer is who it says.
    Done(Authenticated),
}

/// Who was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// The name of the principal: a user, a token's principal, the owner of a delegation token.
    pub authorization_id: String,
    /// When the credentials end, and the session with them; `None` when they do not.
    pub expires_at: Option<SystemTime>,
    /// Whether a delegation token was used. Such a peer may not make further tokens.
    pub token_authenticated: bool,
    /// The last token, for the answer that says that all is well; empty for most mechanisms.
    pub last: Bytes,
}

impl Authenticated {
    pub(super) fn new(authorization_id: impl Into<String>) -> Self {
        Self {
            authorization_id: authorization_id.into(),
            expires_at: None,
            token_authenticated: false,
            last: Bytes::new(),
        }
    }
}

impl fmt::Debug for ClientStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(token) => write!(f, "Send({} bytes)", token.len()),
            Self::Done => f.write_str("Done"),
        }
    }
}
