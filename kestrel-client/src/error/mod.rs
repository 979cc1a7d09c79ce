//! The errors of the client: one enum, its severity, and what it says about a write whose outcome is unknown.
//!
//! Every fallible call of this crate returns [`Error`]. It is cheap to clone, because all records of a failed batch
//! share one. Details are fields; the text names the setting that fixes the problem where there is one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::{ApiKey, DecodeError, EncodeError, ErrorClass, ErrorCode};
use kestrel_serde::{BoxError, SerdeError};

mod attempts;
mod broker;
mod consumer;
mod fault;
mod text;
mod word;

pub use attempts::{FailedAttempt, SharedError};
pub use broker::BrokerError;
pub use consumer::{CommitFailed, DeserializeError, HeldError, PositionError, PositionProblem, StallError};
pub(crate) use fault::is_of_the_record;
pub(crate) use text::Chain;

/// The result of the client's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error asks of the caller (close to the groups of KIP-1050).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing is wrong with the call: the same one may succeed later.
    Retriable,
    /// The open transaction must be aborted; after that the handle goes on.
    Abortable,
    /// This handle is finished: make a new one, or give up.
    Fatal,
    /// The call, a name, a setting or the application's own code is wrong: change it. The handle goes on.
    Invalid,
}

/// Why a call of the client failed.
///
/// The text (`{error}`) says what failed; what it failed of is its [`source`](std::error::Error::source), down to the
/// [`io::Error`](std::io::Error) of the socket, and in no text twice. `{error:#}` writes the whole chain in one line, as
/// `anyhow` does.
///
/// ```
/// use kestrel_client::{Client, Severity};
///
/// let error = Client::from_properties([("linger.msec", "5")]).unwrap_err();
/// assert_eq!(error.severity(), Severity::Invalid);
/// assert_eq!(error.to_string(), "linger.msec: unknown setting; did you mean `linger.ms`?");
/// ```
///
/// Why a connection failed is found by walking the chain:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::error::Error;
/// use std::io;
///
/// use kestrel_client::Client;
///
/// let error = Client::builder("127.0.0.1:1").connect().await.unwrap_err(); // nobody listens there
/// let chain = std::iter::successors(error.source(), |&cause| cause.source());
/// let kind = chain.filter_map(|cause| cause.downcast_ref::<io::Error>()).next().map(io::Error::kind);
/// assert_eq!(kind, Some(io::ErrorKind::ConnectionRefused));
/// eprintln!("{error:#}");
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// A setting is unknown, malformed, or contradicts another one.
    #[non_exhaustive]
    Config {
        /// Kafka's name of the setting.
        key: Box<str>,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// A file of settings cannot be read.
    #[non_exhaustive]
    Properties {
        /// The file.
        path: Box<Path>,
        /// What the system said, or which line is not of the format.
        cause: SharedError,
    },
    /// An argument of the call cannot be, or the call is not one for this handle.
    #[non_exhaustive]
    InvalidArgument {
        /// The argument's name, as the call has it.
        argument: &'static str,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// No server of `bootstrap.servers` and no known broker answered.
    #[non_exhaustive]
    Bootstrap {
        /// Each address that was tried, and why it failed. The cause of the last one is the source of this error.
        attempts: Arc<[FailedAttempt]>,
    },
    /// The connection to a broker could not be made, or ended before the answer came.
    #[non_exhaustive]
    Disconnected {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// What happened.
        cause: SharedError,
        /// Whether the request may have reached the broker.
        possibly_written: bool,
    },
    /// Broker and client are not for each other who they have to be: the broker refuses the password, the token, the mechanism or
    /// the client's certificate, or has a certificate that is not trusted. Nothing was sent.
    ///
    /// Connecting is tried again with the next call, after `reconnect.backoff.ms`; a call that waits does not wait for it to change.
    #[non_exhaustive]
    Authentication {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// Which step failed, why, and what to change.
        cause: SharedError,
    },
    /// Something did not happen in time.
    #[non_exhaustive]
    Timeout {
        /// What took too long.
        operation: &'static str,
        /// How long it was allowed to take.
        after: Duration,
        /// The setting with that limit; `None` when the caller gave it.
        setting: Option<&'static str>,
        /// The last failure on the way, when there was one.
        cause: Option<Box<Self>>,
        /// Whether what was sent may have been stored all the same.
        possibly_written: bool,
    },
    /// A broker refused a request, or a part of it.
    Broker(Box<BrokerError>),
    /// A broker's answer is not what the protocol says.
    #[non_exhaustive]
    MalformedResponse {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// What is wrong with the answer.
        cause: DecodeError,
    },
    /// Something in a request is longer than the protocol can say; nothing was sent.
    #[non_exhaustive]
    Encode {
        /// The request.
        api: ApiKey,
        /// The field, and how long it is.
        cause: EncodeError,
    },
    /// Broker and client have no version of an API in common.
    #[non_exhaustive]
    UnsupportedApi {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// The API.
        api: ApiKey,
    },
    /// The cluster has no topic of this name, and the request did not create it.
    #[non_exhaustive]
    UnknownTopic {
        /// The topic.
        topic: Arc<str>,
    },
    /// The topic has no partition of this number.
    #[non_exhaustive]
    UnknownPartition {
        /// The topic.
        topic: Arc<str>,
        /// The number that was asked for.
        partition: i32,
        /// How many partitions the topic has.
        partition_count: usize,
    },
    /// A record is larger than a limit allows; it was not sent.
    #[non_exhaustive]
    RecordTooLarge {
        /// The record's size with its overhead, in bytes.
        size_bytes: usize,
        /// The limit, in bytes.
        limit_bytes: usize,
        /// The setting with that limit.
        setting: &'static str,
    },
    /// A key or value could not be turned into bytes; nothing was sent.
    Serialize(Arc<SerdeError>),
    /// A record was read whose key or value no deserializer accepts; a consumer's stream goes on after it.
    Deserialize(Arc<DeserializeError>),
    /// A record can neither be handed out nor passed at the moment; it is tried again.
    Held(Box<HeldError>),
    /// A consumer's position in a partition is in trouble.
    Position(Box<PositionError>),
    /// What a consumer handed out cannot be committed any more: its group has taken the partitions away.
    CommitFailed(Box<CommitFailed>),
    /// A partition that a consumer has, and has not paused, does not move.
    Stalled(Box<StallError>),
    /// The producer's memory is used up at the moment (only from `try_send`).
    #[non_exhaustive]
    BufferFull {
        /// The size of the producer's memory, in bytes.
        limit_bytes: usize,
    },
    /// The producer can't go on: a fatal error came before.
    #[non_exhaustive]
    ProducerFailed {
        /// The error that ended it.
        cause: Box<Self>,
    },
    /// The transaction that is open can only be aborted: something in it has failed.
    #[non_exhaustive]
    TransactionFailed {
        /// The failure.
        cause: Box<Self>,
    },
    /// The record was accepted, and its transaction was aborted before it was sent.
    #[non_exhaustive]
    TransactionAborted {},
    /// Another producer with the same transactional id has taken over, or the broker has ended a transaction that was open for
    /// too long. This producer is finished.
    #[non_exhaustive]
    ProducerFenced {
        /// The id that both have.
        transactional_id: Arc<str>,
        /// What the broker said.
        cause: Box<Self>,
    },
    /// The handle was closed before or during the call.
    #[non_exhaustive]
    Closed {
        /// What was closed.
        what: &'static str,
    },
    /// The handle's background task is gone without having been asked to: the tokio runtime that the client was made in
    /// has shut down, or the task panicked, which is a bug. Make a new client in a runtime that lives.
    #[non_exhaustive]
    Ended {
        /// What ended.
        what: &'static str,
        /// Why.
        cause: Arc<str>,
        /// Whether records that were on their way may be stored all the same.
        possibly_written: bool,
    },
    /// The application's own code failed, inside a call of this crate that runs it; made by [`Error::other`]. The handle goes on.
    #[non_exhaustive]
    Other {
        /// What it said.
        cause: SharedError,
    },
}

impl Error {
    /// An error of the application's own, for what this crate calls back and expects its `Result` from.
    ///
    /// ```
    /// use std::io;
    ///
    /// use kestrel_client::Error;
    ///
    /// let error = Error::other(io::Error::from(io::ErrorKind::StorageFull));
    /// assert_eq!(format!("{error:#}"), "the application's own code failed: no storage space");
    /// ```
    pub fn other(cause: impl Into<BoxError>) -> Self {
        Self::Other { cause: shared(cause) }
    }

    /// What to do about it: what happens to the handle that returned the error.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Bootstrap { .. }
            | Self::Disconnected { .. }
            | Self::Timeout { .. }
            | Self::BufferFull { .. }
            | Self::Stalled(_)
            | Self::UnknownTopic { .. }
            // The connection is made anew, and the handle goes on.
            | Self::MalformedResponse { .. } => Severity::Retriable,
            Self::Broker(error) => severity_of(error.api, error.code),
            Self::TransactionFailed { .. } | Self::TransactionAborted {} => Severity::Abortable,
            Self::ProducerFailed { .. }
            | Self::ProducerFenced { .. }
            | Self::Closed { .. }
            | Self::Ended { .. } => Severity::Fatal,
            Self::Config { .. }
            | Self::Properties { .. }
            | Self::InvalidArgument { .. }
            | Self::Authentication { .. }
            | Self::UnsupportedApi { .. }
            | Self::UnknownPartition { .. }
            | Self::RecordTooLarge { .. }
            | Self::Encode { .. }
            | Self::CommitFailed(_)
            // The application's to mend: what called its code goes on, and can be called again.
            | Self::Other { .. } => Severity::Invalid,
            Self::Serialize(error) if error.is_retriable() => Severity::Retriable,
            Self::Serialize(_) => Severity::Invalid,
            Self::Deserialize(error) => error.severity(),
            Self::Held(error) => error.severity(),
            Self::Position(error) => error.severity(),
        }
    }

    /// Whether trying the same call again may succeed.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.severity() == Severity::Retriable
    }

    /// Whether it goes away by itself, so that a call that may take long tries again: narrower than [`Self::is_retriable`].
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Broker(error) => is_passing(error.code.class()),
            Self::MalformedResponse { .. } => false,
            _ => self.is_retriable(),
        }
    }

    /// What the broker said, if a broker said it.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Broker(error) => Some(error.code),
            Self::Timeout { cause: Some(cause), .. }
            | Self::ProducerFailed { cause }
            | Self::ProducerFenced { cause, .. }
            | Self::TransactionFailed { cause } => cause.code(),
            Self::Stalled(stall) => stall.cause.as_ref().and_then(Self::code),
            Self::Held(held) => held.cause.downcast_ref::<Self>().and_then(Self::code),
            _ => None,
        }
    }

    /// Whether records that this error was returned for may be stored all the same: sending them again may duplicate them.
    #[must_use]
    pub fn possibly_written(&self) -> bool {
        match self {
            Self::Disconnected { possibly_written, .. }
            | Self::Timeout { possibly_written, .. }
            | Self::Ended { possibly_written, .. } => *possibly_written,
            Self::Broker(error) => error.possibly_written,
            Self::ProducerFenced { cause, .. } | Self::ProducerFailed { cause } => cause.possibly_written(),
            Self::MalformedResponse { .. } => true,
            _ => false,
        }
    }

    /// The same error, of something that may have happened all the same.
    pub(crate) fn of_what_may_be_written(self) -> Self {
        match self {
            Self::Disconnected { broker, cause, .. } => {
                Self::Disconnected { broker, cause, possibly_written: true }
            }
            Self::Timeout { operation, after, setting, cause, .. } => {
                Self::Timeout { operation, after, setting, cause, possibly_written: true }
            }
            Self::Ended { what, cause, .. } => Self::Ended { what, cause, possibly_written: true },
            Self::Broker(mut refusal) => {
                refusal.possibly_written = true;
                Self::Broker(refusal)
            }
            Self::ProducerFenced { transactional_id, cause } => {
                let cause = Box::new(cause.of_what_may_be_written());
                Self::ProducerFenced { transactional_id, cause }
            }
            Self::ProducerFailed { cause } => {
                Self::ProducerFailed { cause: Box::new(cause.of_what_may_be_written()) }
            }
            other if other.possibly_written() => other,
            other => {
                let cause = Chain(&other).to_string().into();
                Self::Ended { what: "producer", cause, possibly_written: true }
            }
        }
    }

    pub(crate) fn config(key: impl Into<Box<str>>, problem: impl Into<Box<str>>) -> Self {
        Self::Config { key: key.into(), problem: problem.into() }
    }

    pub(crate) fn properties(path: &Path, cause: impl Into<BoxError>) -> Self {
        Self::Properties { path: path.into(), cause: shared(cause) }
    }

    pub(crate) fn invalid_argument(argument: &'static str, problem: impl Into<Box<str>>) -> Self {
        Self::InvalidArgument { argument, problem: problem.into() }
    }

    /// An error unless an offset is one: -1 and below mean something else on the wire.
    pub(crate) fn check_offset(argument: &'static str, offset: i64) -> Result<()> {
        if offset < 0 {
            let problem = format!("{offset} is negative: offsets begin at 0");
            return Err(Self::invalid_argument(argument, problem));
        }
        Ok(())
    }

    pub(crate) fn closed(what: &'static str) -> Self {
        Self::Closed { what }
    }

    /// `broker` was not reached, or did not answer, because of `cause`.
    pub(crate) fn disconnected(
        broker: impl Into<Arc<str>>,
        cause: impl Into<BoxError>,
        possibly_written: bool,
    ) -> Self {
        Self::Disconnected { broker: broker.into(), cause: shared(cause), possibly_written }
    }

    /// `broker` or this client is not who it has to be, because of `cause`.
    pub(crate) fn authentication(broker: impl Into<Arc<str>>, cause: impl Into<BoxError>) -> Self {
        Self::Authentication { broker: broker.into(), cause: shared(cause) }
    }

    /// `operation` took longer than `setting` allows, which is `after`.
    pub(crate) fn timeout(operation: &'static str, after: Duration, setting: &'static str) -> Self {
        Self::Timeout { operation, after, setting: Some(setting), cause: None, possibly_written: false }
    }

    /// `operation` took longer than its caller allowed.
    pub(crate) fn out_of_patience(operation: &'static str, patience: Duration) -> Self {
        Self::Timeout { operation, after: patience, setting: None, cause: None, possibly_written: false }
    }
}

/// A cause, to be shared by the copies of an error.
pub(crate) fn shared(cause: impl Into<BoxError>) -> SharedError {
    Arc::from(cause.into())
}

impl From<BrokerError> for Error {
    fn from(error: BrokerError) -> Self {
        Self::Broker(Box::new(error))
    }
}

impl From<SerdeError> for Error {
    fn from(error: SerdeError) -> Self {
        Self::Serialize(Arc::new(error))
    }
}

/// What a refusal means for the handle that asked: the single place where a code becomes a severity.
///
/// Fatal is what the handle does not survive, and nothing else: a producer that is fenced or may not write at all, a member
/// whose name was taken over. Whoever is refused anything else goes on, and may succeed with another call or later.
fn severity_of(api: ApiKey, code: ErrorCode) -> Severity {
    match code.class() {
        class if is_passing(class) => Severity::Retriable,
        ErrorClass::Abortable => Severity::Abortable,
        _ if ends_the_handle(api, code) => Severity::Fatal,
        _ if is_about_the_moment(code) => Severity::Retriable,
        _ => Severity::Invalid,
    }
}

fn is_passing(class: ErrorClass) -> bool {
    matches!(
        class,
        ErrorClass::Retriable
            | ErrorClass::RefreshMetadata
            | ErrorClass::FindCoordinator
            | ErrorClass::Rejoin
    )
}

/// Whether the producer or the group's member that was refused so is finished.
fn ends_the_handle(api: ApiKey, code: ErrorCode) -> bool {
    match api {
        ApiKey::Produce => {
            let may_not =
                [ErrorCode::ClusterAuthorizationFailed, ErrorCode::TransactionalIdAuthorizationFailed];
            code.class() == ErrorClass::Fenced || may_not.contains(&code)
        }
        // A producer that gets no identity never begins.
        ApiKey::InitProducerId => true,
        ApiKey::JoinGroup | ApiKey::SyncGroup | ApiKey::Heartbeat | ApiKey::OffsetCommit => {
            code == ErrorCode::FencedInstanceId
        }
        _ => false,
    }
}

/// Whether a refusal that no class calls passing is about the state of the cluster, and not about what was asked.
fn is_about_the_moment(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::UnknownServerError
            | ErrorCode::BrokerNotAvailable
            | ErrorCode::StaleControllerEpoch
            | ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::DuplicateSequenceNumber
            | ErrorCode::UnknownProducerId
            | ErrorCode::ReassignmentInProgress
            | ErrorCode::StaleBrokerEpoch
            | ErrorCode::GroupMaxSizeReached
            | ErrorCode::IneligibleReplica
            | ErrorCode::NewLeaderElected
            | ErrorCode::OffsetMovedToTieredStorage
            | ErrorCode::UnreleasedInstanceId
            | ErrorCode::RebootstrapRequired
            | ErrorCode::Unknown(_)
    )
}

#[cfg(test)]
mod tests;
