//! Why a client could not log in, in words for the log, and how its connection ends. No secret is in any of it.

use std::time::Duration;

use kestrel_protocol::ApiKey;
use kestrel_security::sasl::Mechanism;

use super::super::{AnswerFrame, Close};
use crate::config::SecurityProtocol;

/// How many characters of what a client says get into the log.
const MAX_QUOTED_CHARS: usize = 200;

/// Why a client could not log in, or may not stay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LoginFailure {
    /// The client does not speak SASL.
    #[error(
        "{api} before authentication: clients of this listener need security.protocol={protocol} and sasl.mechanism={mechanisms}"
    )]
    Unauthenticated {
        /// What it sent.
        api: ApiKey,
        /// What the listener speaks.
        protocol: SecurityProtocol,
        /// The mechanisms that are enabled.
        mechanisms: String,
    },
    /// The client asked a second time what the broker speaks.
    #[error("ApiVersions a second time before authentication")]
    VersionsAgain,
    /// The client wants a mechanism that is not enabled.
    #[error("the SASL mechanism {asked} is not enabled here: {enabled} (sasl.enabled.mechanisms)")]
    Mechanism {
        /// The one it wants.
        asked: String,
        /// Those that are.
        enabled: String,
    },
    /// Something else than a token came in the middle of an exchange.
    #[error("{api} in the middle of an authentication with {mechanism}")]
    OutOfPlace {
        /// What came.
        api: ApiKey,
        /// The mechanism.
        mechanism: Mechanism,
    },
    /// A token came where none was expected.
    #[error("a SASL token where none is expected")]
    TokenOutOfPlace,
    /// The mechanism refused the client.
    #[error("{what} with {mechanism} failed: {reason}")]
    Refused {
        /// Whether it logged in for the first time.
        what: Attempt,
        /// The mechanism.
        mechanism: Mechanism,
        /// The user and what is wrong.
        reason: String,
    },
    /// The client sends and sends and does not log in.
    #[error("more than {0} requests before authentication")]
    TooManyRequests(u32),
    /// The session is over, and the client did not log in again (KIP-368).
    #[error(
        "the session is over (connections.max.reauth.ms, or the end of the token), and the client did not log in again before"
    )]
    SessionOver,
}

impl LoginFailure {
    /// Its kind in a word or two, in which nothing is of the client's choice.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Unauthenticated { .. } => "no login",
            Self::VersionsAgain => "versions again",
            Self::Mechanism { .. } => "mechanism",
            Self::OutOfPlace { .. } | Self::TokenOutOfPlace => "login out of place",
            Self::Refused { .. } => "login refused",
            Self::TooManyRequests(_) => "requests before login",
            Self::SessionOver => "session over",
        }
    }
}

/// Whether somebody logs in, or logs in again on the same connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// For the first time.
    Authentication,
    /// Again (KIP-368).
    Reauthentication,
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Authentication => "authentication",
            Self::Reauthentication => "re-authentication",
        })
    }
}

/// The end of a connection whose client is refused.
#[derive(Debug)]
pub(in crate::api) struct Refused {
    /// The last answer, where the protocol has one.
    pub(in crate::api) answer: Option<Box<AnswerFrame>>,
    /// How long the client waits for it, and for the end: whoever guesses passwords gets few guesses.
    pub(in crate::api) delay: Duration,
    /// The reason.
    pub(in crate::api) close: Close,
}

impl Refused {
    /// An end without an answer and without delay.
    pub(super) const fn at_once(close: Close) -> Self {
        Self { answer: None, delay: Duration::ZERO, close }
    }
}

impl From<Close> for Refused {
    fn from(close: Close) -> Self {
        Self::at_once(close)
    }
}

impl From<LoginFailure> for Refused {
    fn from(failure: LoginFailure) -> Self {
        Self::at_once(Close::Login(failure))
    }
}

/// What a client said, fit for a line of the log: without control characters, and not long.
pub(super) fn quoted(text: &str) -> String {
    let visible = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(MAX_QUOTED_CHARS).map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_user_makes_another_kind() {
        let failure = |user: &str| LoginFailure::Refused {
            what: Attempt::Authentication,
            mechanism: Mechanism::Plain,
            reason: format!("the user {user}"),
        };
        assert_ne!(failure("a").to_string(), failure("b").to_string());
        assert_eq!(failure("a").kind(), failure("b").kind());
    }

    #[test]
    fn what_a_client_says_makes_no_lines_and_no_long_ones() {
        assert_eq!(quoted("user `a\nWARN all is lost`"), "user `a\u{fffd}WARN all is lost`");
        assert_eq!(quoted(&"x".repeat(70_000)).len(), MAX_QUOTED_CHARS);
    }
}
