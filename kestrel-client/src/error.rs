//! The errors of the client: one enum, its severity, and what it says about a write whose outcome is unknown.
//!
//! Every fallible call of this crate returns [`Error`]. It is cheap to clone, because all records of a failed batch
//! share one. Details are fields; the text names the setting that fixes the problem where there is one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::{ApiKey, DecodeError, EncodeError, ErrorClass, ErrorCode};
use kestrel_serde::SerdeError;

use crate::consumer::{DeserializeError, PositionError};

/// The result of the client's calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What an error asks of the caller (close to the groups of KIP-1050).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Nothing is wrong with the call: the same one may succeed later.
    Retriable,
    /// The open transaction must be aborted; after that the handle goes on.
    Abortable,
    /// This handle is finished: make a new one, or give up.
    Fatal,
    /// The call, a name or a setting is wrong: change it.
    Invalid,
}

/// Why a call of the client failed.
///
/// ```
/// use kestrel_client::{Client, Severity};
///
/// let error = Client::from_properties([("linger.msec", "5")]).unwrap_err();
/// assert_eq!(error.severity(), Severity::Invalid);
/// assert_eq!(error.to_string(), "linger.msec: unknown setting; did you mean `linger.ms`?");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is unknown, malformed, or contradicts another one.
    #[error("{key}: {problem}")]
    Config {
        /// Kafka's name of the setting.
        key: Box<str>,
        /// What is wrong with it.
        problem: Box<str>,
    },
    /// No server of `bootstrap.servers` and no known broker answered.
    #[error("no broker answered: {}", Attempts(attempts))]
    Bootstrap {
        /// Each address that was tried, and why it failed.
        attempts: Arc<[FailedAttempt]>,
    },
    /// The connection to a broker could not be made, or ended before the answer came.
    #[error("broker {broker}: {cause}")]
    Disconnected {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// What happened.
        cause: Arc<str>,
        /// Whether the request may have reached the broker.
        possibly_written: bool,
    },
    /// Something did not happen in time.
    #[error("{operation} did not finish within {after:?} (setting {setting}){}", Because(cause.as_deref()))]
    Timeout {
        /// What took too long.
        operation: &'static str,
        /// How long it was allowed to take.
        after: Duration,
        /// The setting with that limit.
        setting: &'static str,
        /// The last failure on the way, when there was one.
        cause: Option<Box<Self>>,
        /// Whether what was sent may have been stored all the same.
        possibly_written: bool,
    },
    /// A broker refused a request, or a part of it.
    #[error(transparent)]
    Broker(Box<BrokerError>),
    /// A broker's answer is not what the protocol says.
    #[error("broker {broker} sent an answer that cannot be read: {cause}")]
    MalformedResponse {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// What is wrong with the answer.
        cause: DecodeError,
    },
    /// Something in a request is longer than the protocol can say; nothing was sent.
    #[error("the {api} request cannot be sent: {cause}")]
    Encode {
        /// The request.
        api: ApiKey,
        /// The field, and how long it is.
        cause: EncodeError,
    },
    /// Broker and client have no version of an API in common.
    #[error("broker {broker} does not speak {api} in a version that this client does")]
    UnsupportedApi {
        /// The broker's address, with its id where that is known.
        broker: Arc<str>,
        /// The API.
        api: ApiKey,
    },
    /// The cluster has no topic of this name, and the request did not create it.
    #[error("topic {topic} does not exist")]
    UnknownTopic {
        /// The topic.
        topic: Arc<str>,
    },
    /// The topic has no partition of this number.
    #[error("topic {topic} has {partition_count} partitions, so there is no partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: Arc<str>,
        /// The number that was asked for.
        partition: i32,
        /// How many partitions the topic has.
        partition_count: usize,
    },
    /// A record is larger than a limit allows; it was not sent.
    #[error("a record of {size_bytes} bytes is above the limit of {limit_bytes} bytes ({setting})")]
    RecordTooLarge {
        /// The record's size with its overhead, in bytes.
        size_bytes: usize,
        /// The limit, in bytes.
        limit_bytes: usize,
        /// The setting with that limit.
        setting: &'static str,
    },
    /// A key or value could not be turned into bytes; nothing was sent.
    #[error(transparent)]
    Serialize(Arc<SerdeError>),
    /// A record was read whose key or value no deserializer accepts; a consumer's stream goes on after it.
    #[error(transparent)]
    Deserialize(Arc<DeserializeError>),
    /// A consumer's position in a partition is in trouble.
    #[error(transparent)]
    Position(Box<PositionError>),
    /// The producer's memory is used up at the moment (only from `try_send`).
    #[error("the {limit_bytes} bytes of buffer.memory are in use: await `send`, or try again later")]
    BufferFull {
        /// The size of the producer's memory, in bytes.
        limit_bytes: usize,
    },
    /// The producer can't go on: a fatal error came before.
    #[error("the producer has failed: {cause}")]
    ProducerFailed {
        /// The error that ended it.
        cause: Box<Self>,
    },
    /// The handle was closed before or during the call.
    #[error("the {what} is closed")]
    Closed {
        /// What was closed.
        what: &'static str,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Bootstrap { .. }
            | Self::Disconnected { .. }
            | Self::Timeout { .. }
            | Self::BufferFull { .. }
            | Self::UnknownTopic { .. } => Severity::Retriable,
            Self::Broker(error) => severity_of(error.code),
            Self::ProducerFailed { .. }
            | Self::Closed { .. }
            | Self::UnsupportedApi { .. }
            | Self::MalformedResponse { .. } => Severity::Fatal,
            Self::Config { .. }
            | Self::UnknownPartition { .. }
            | Self::RecordTooLarge { .. }
            | Self::Encode { .. }
            | Self::Serialize(_)
            | Self::Deserialize(_) => Severity::Invalid,
            Self::Position(error) => error.severity(),
        }
    }

    /// Whether trying the same call again may succeed.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.severity() == Severity::Retriable
    }

    /// What the broker said, if a broker said it.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Broker(error) => Some(error.code),
            Self::Timeout { cause: Some(cause), .. } | Self::ProducerFailed { cause } => cause.code(),
            _ => None,
        }
    }

    /// Whether records that this error was returned for may be stored all the same: sending them again may duplicate them.
    #[must_use]
    pub fn possibly_written(&self) -> bool {
        match self {
            Self::Disconnected { possibly_written, .. } | Self::Timeout { possibly_written, .. } => {
                *possibly_written
            }
            Self::Broker(error) => error.possibly_written,
            Self::MalformedResponse { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn config(key: impl Into<Box<str>>, problem: impl Into<Box<str>>) -> Self {
        Self::Config { key: key.into(), problem: problem.into() }
    }

    pub(crate) fn closed(what: &'static str) -> Self {
        Self::Closed { what }
    }

    pub(crate) fn timeout(operation: &'static str, after: Duration, setting: &'static str) -> Self {
        Self::Timeout { operation, after, setting, cause: None, possibly_written: false }
    }
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

/// The class of a code, as severity: the single place where one becomes the other.
fn severity_of(code: ErrorCode) -> Severity {
    match code.class() {
        ErrorClass::Retriable
        | ErrorClass::RefreshMetadata
        | ErrorClass::FindCoordinator
        | ErrorClass::Rejoin => Severity::Retriable,
        ErrorClass::Abortable => Severity::Abortable,
        ErrorClass::Invalid => Severity::Invalid,
        _ => Severity::Fatal,
    }
}

/// A broker's refusal, with what it was about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerError {
    /// What the broker said.
    pub code: ErrorCode,
    /// The request that it answered.
    pub api: ApiKey,
    /// The topic, when the refusal is about one.
    pub topic: Option<Arc<str>>,
    /// The partition, when the refusal is about one.
    pub partition: Option<i32>,
    /// The group or transactional id, when the refusal is about one.
    pub group: Option<Arc<str>>,
    /// The broker's own words.
    pub message: Option<Box<str>>,
    /// Whether what the request carried may have been stored all the same.
    pub possibly_written: bool,
}

impl BrokerError {
    pub(crate) fn new(api: ApiKey, code: ErrorCode) -> Self {
        Self { code, api, topic: None, partition: None, group: None, message: None, possibly_written: false }
    }

    pub(crate) fn topic(mut self, topic: impl Into<Arc<str>>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    pub(crate) fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    pub(crate) fn group(mut self, group: impl Into<Arc<str>>) -> Self {
        self.group = Some(group.into());
        self
    }

    pub(crate) fn message(mut self, message: Option<&str>) -> Self {
        self.message = message.filter(|text| !text.is_empty()).map(Into::into);
        self
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed", self.api)?;
        match (&self.topic, self.partition) {
            (Some(topic), Some(partition)) => write!(f, " for partition {partition} of topic {topic}")?,
            (Some(topic), None) => write!(f, " for topic {topic}")?,
            _ => {}
        }
        if let Some(group) = &self.group {
            write!(f, " for group {group}")?;
        }
        write!(f, ": {}", self.code)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => write!(f, ": {}", self.code.meaning()),
        }
    }
}

impl std::error::Error for BrokerError {}

/// One address that was tried, and why it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// The address as it was configured or as the cluster advertised it.
    pub address: Arc<str>,
    /// What happened.
    pub cause: Arc<str>,
}

/// The attempts of a round, as one line.
struct Attempts<'a>(&'a [FailedAttempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("there is no address to try");
        }
        for (index, attempt) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", attempt.address, attempt.cause)?;
        }
        Ok(())
    }
}

/// The cause of a timeout, as the end of its sentence.
struct Because<'a>(Option<&'a Error>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(cause) => write!(f, "; last failure: {cause}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_small_and_can_travel_between_threads() {
        fn assert_travels<T: Send + Sync + Clone + 'static>() {}
        assert_travels::<Error>();
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }

    #[test]
    fn texts_name_the_place_and_the_setting() {
        let refused =
            BrokerError::new(ApiKey::Produce, ErrorCode::MessageTooLarge).topic("orders").partition(3);
        let text = Error::from(refused.clone()).to_string();
        assert!(
            text.starts_with("Produce failed for partition 3 of topic orders: MESSAGE_TOO_LARGE (10)"),
            "{text}"
        );
        let timeout = Error::Timeout {
            operation: "delivery",
            after: Duration::from_secs(120),
            setting: "delivery.timeout.ms",
            cause: Some(Box::new(refused.into())),
            possibly_written: true,
        };
        assert!(
            timeout.to_string().contains("within 120s (setting delivery.timeout.ms); last failure: Produce")
        );
        assert_eq!(timeout.code(), Some(ErrorCode::MessageTooLarge));
        assert!(timeout.possibly_written());
        assert_eq!(timeout.severity(), Severity::Retriable);
    }

    #[test]
    fn severity_follows_the_class_of_the_code() {
        let of = |code| Error::from(BrokerError::new(ApiKey::Produce, code)).severity();
        assert_eq!(of(ErrorCode::NotLeaderOrFollower), Severity::Retriable);
        assert_eq!(of(ErrorCode::MessageTooLarge), Severity::Invalid);
        assert_eq!(of(ErrorCode::ProducerFenced), Severity::Fatal);
        assert_eq!(of(ErrorCode::TransactionAbortable), Severity::Abortable);
    }
}
