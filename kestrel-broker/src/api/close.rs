//! The reasons to close a connection instead of answering a request, each as one readable line.

use kestrel_protocol::{ApiKey, DecodeError, EncodeError, ErrorCode};

use super::LoginFailure;

/// A reason to close a connection instead of answering a request, as Apache Kafka does too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Close {
    /// The header names an API that is not served.
    #[error("{}", unserved(*.0))]
    UnknownApi(i16),
    /// The API is served, but not in this version.
    #[error("{api} version {version} is not served")]
    UnsupportedVersion {
        /// The API.
        api: ApiKey,
        /// The version asked for.
        version: i16,
    },
    /// The client could not log in, or may not stay.
    #[error(transparent)]
    Login(#[from] LoginFailure),
    /// The bytes are not the request that the header promises.
    #[error("malformed request: {0}")]
    Malformed(#[from] DecodeError),
    /// The answer has something in it that is longer than the protocol can say. What requests bring is short enough,
    /// and error messages are cut, so that this is a fault of the broker, which the log names.
    #[error("the answer to {api} cannot be sent: {cause}")]
    Unsayable {
        /// The API.
        api: ApiKey,
        /// The part that is too long.
        cause: EncodeError,
    },
    /// A request with acks=0 failed: closing is the only way to say so.
    #[error("a Produce request without acknowledgement failed: {0}")]
    Unacknowledged(ErrorCode),
    /// Fault injection asked for it.
    #[error("dropped by fault injection")]
    Fault,
}

impl Close {
    /// Its kind in a word or two, in which nothing is of the client's choice.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::UnknownApi(_) => "unknown API",
            Self::UnsupportedVersion { .. } => "version",
            Self::Login(failure) => failure.kind(),
            Self::Malformed(_) => "malformed request",
            Self::Unsayable { .. } => "answer",
            Self::Unacknowledged(_) => "acks=0",
            Self::Fault => "fault injection",
        }
    }
}

/// Names an API that is not served, and what a client can do without it.
fn unserved(api_key: i16) -> String {
    let what = match api_key {
        68 | 69 => "the groups of KIP-848 are not there yet, so the client needs group.protocol=classic",
        76..=79 | 90..=92 => "share groups are not there yet",
        88 | 89 => {
            "the groups of Kafka Streams of KIP-1071 are not there yet, so it needs group.protocol=classic"
        }
        38..=41 => "delegation tokens are not there yet",
        _ => return format!("API key {api_key} is not served"),
    };
    format!("API key {api_key} is not served: {what}")
}
