//! What an [`Error`] says, and what is behind it: no text stands in both.

use std::error::Error as StdError;
use std::fmt;

use super::Error;
use super::attempts::Attempts;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { key, problem } => write!(f, "{key}: {problem}"),
            Self::Properties { path, .. } => write!(f, "the settings in {} cannot be read", path.display()),
            Self::InvalidArgument { argument, problem } => write!(f, "{argument}: {problem}"),
            Self::Bootstrap { attempts } => write!(f, "no broker answered{}", Attempts(attempts)),
            Self::Disconnected { broker, .. } => write!(f, "the connection to broker {broker} failed"),
            Self::Authentication { broker, .. } => {
                write!(f, "broker {broker} and this client do not accept each other")
            }
            Self::Timeout { operation, after, setting, .. } => {
                write!(f, "{operation} did not finish within {after:?}")?;
                setting.map_or(Ok(()), |setting| write!(f, " (setting {setting})"))
            }
            Self::Broker(error) => write!(f, "{error}"),
            Self::MalformedResponse { broker, .. } => {
                write!(f, "broker {broker} sent an answer that cannot be read")
            }
            Self::Encode { api, .. } => write!(f, "the {api} request cannot be sent"),
            Self::UnsupportedApi { broker, api } => {
                write!(f, "broker {broker} does not speak {api} in a version that this client does")
            }
            Self::UnknownTopic { topic } => write!(f, "topic {topic} does not exist"),
            Self::UnknownPartition { topic, partition, partition_count } => write!(
                f,
                "topic {topic} has {partition_count} partitions, so there is no partition {partition}"
            ),
            Self::RecordTooLarge { size_bytes, limit_bytes, setting } => write!(
                f,
                "a record of {size_bytes} bytes is above the limit of {limit_bytes} bytes ({setting})"
            ),
            Self::Serialize(error) => write!(f, "{error}"),
            Self::Deserialize(error) => write!(f, "{error}"),
            Self::Held(error) => write!(f, "{error}"),
            Self::Position(error) => write!(f, "{error}"),
            Self::CommitFailed(error) => write!(f, "{error}"),
            Self::Stalled(error) => write!(f, "{error}"),
            Self::BufferFull { limit_bytes } => write!(
                f,
                "the {limit_bytes} bytes of buffer.memory are in use: await `send`, or try again later"
            ),
            Self::ProducerFailed { .. } => f.write_str("the producer has failed"),
            Self::TransactionFailed { .. } => {
                f.write_str("the transaction has failed and can only be aborted")
            }
            Self::TransactionAborted {} => {
                f.write_str("the transaction was aborted before the record was sent")
            }
            Self::ProducerFenced { transactional_id, .. } => write!(
                f,
                "the producer is fenced: another one has the transactional id {transactional_id}, or a transaction was open for \
                 too long (setting transaction.timeout.ms). Give two that run at once an id each; to go on, make a new producer"
            ),
            Self::Closed { what } => write!(f, "the {what} is closed"),
            Self::Ended { what, cause, .. } => write!(f, "the {what} has ended: {cause}"),
            Self::Other { .. } => f.write_str("the application's own code failed"),
        }?;
        match self.source() {
            Some(cause) if f.alternate() => write!(f, ": {}", Chain(cause)),
            _ => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Bootstrap { attempts } => attempts.last().map(|attempt| &*attempt.cause as _),
            Self::Disconnected { cause, .. }
            | Self::Authentication { cause, .. }
            | Self::Properties { cause, .. }
            | Self::Other { cause } => Some(&**cause),
            Self::Timeout { cause, .. } => cause.as_deref().map(|cause| cause as _),
            Self::ProducerFailed { cause }
            | Self::ProducerFenced { cause, .. }
            | Self::TransactionFailed { cause } => Some(&**cause),
            Self::MalformedResponse { cause, .. } => Some(cause),
            Self::Encode { cause, .. } => Some(cause),
            // Their texts are this one's, so the chain goes on behind them.
            Self::Broker(error) => error.source(),
            Self::Serialize(error) => error.source(),
            Self::Deserialize(error) => error.source(),
            Self::Held(error) => error.source(),
            Self::Position(error) => error.source(),
            Self::CommitFailed(error) => error.source(),
            Self::Stalled(error) => error.source(),
            Self::Config { .. }
            | Self::InvalidArgument { .. }
            | Self::UnsupportedApi { .. }
            | Self::UnknownTopic { .. }
            | Self::UnknownPartition { .. }
            | Self::RecordTooLarge { .. }
            | Self::BufferFull { .. }
            | Self::TransactionAborted {}
            | Self::Closed { .. }
            | Self::Ended { .. } => None,
        }
    }
}

/// An error and all that is behind it, in one line: for logs.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |&error| error.source())
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}
