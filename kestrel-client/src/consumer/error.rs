//! What a consumer's stream reports beside records: trouble with a position, and records that cannot be deserialized.
//!
//! Both travel inside [`Error`]. The stream goes on after them; each says what it does next.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use kestrel_protocol::DecodeError;
use kestrel_serde::SerdeError;

use crate::error::{Chain, Error, Severity};
use crate::record::{ConsumerRecord, TopicPartition};

/// Trouble with the position of one partition.
///
/// Unless said otherwise at [`PositionProblem`], the partition is tried again after a pause (`retry.backoff.ms`, growing
/// to `retry.backoff.max.ms`), and the error comes again until its cause is gone or the position is set with
/// [`Consumer::seek`](crate::Consumer::seek). Other partitions are not held up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PositionError {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// What is wrong.
    pub problem: PositionProblem,
}

/// What is wrong with the position of a partition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PositionProblem {
    /// The partition is not assigned to this consumer.
    #[error("it is not assigned to this consumer")]
    NotAssigned,
    /// There is no position to begin at, and `auto.offset.reset` is `none`.
    #[error("there is no position to begin at, and auto.offset.reset is none: seek first")]
    NoOffset,
    /// The position is outside the log, the leader confirmed it, and `auto.offset.reset` is `none`.
    #[error(
        "offset {offset} is outside the log, which holds {start_offset} to {end_offset}, and auto.offset.reset is none"
    )]
    #[non_exhaustive]
    OutOfRange {
        /// The position.
        offset: i64,
        /// The first offset that the log holds.
        start_offset: i64,
        /// The offset after the last record.
        end_offset: i64,
    },
    /// Records that were handed out are gone from the log: an unclean leader election cut it (KIP-320).
    ///
    /// Reported only with `auto.offset.reset=none`; otherwise the consumer goes on at the log's end and warns.
    #[error(
        "the log was cut at offset {end_offset}, below the position {offset}, and auto.offset.reset is none"
    )]
    #[non_exhaustive]
    Truncated {
        /// The position.
        offset: i64,
        /// Where the log ends now, as far as it agrees with what was read.
        end_offset: i64,
    },
    /// The topic was deleted and created again: what was read belongs to the old one (KIP-516).
    ///
    /// Reported once. The consumer then goes on with the new topic from its beginning, so that nothing in it is missed;
    /// with `auto.offset.reset=none` it waits for a seek.
    #[error("the topic was deleted and created again")]
    Recreated,
    /// A record batch is damaged: its checksum, its layout or its compressed data.
    ///
    /// It is fetched again after the pause, because the damage may have happened on the way. To give up on the batch,
    /// seek to `next_offset`.
    #[error("the record batch at offset {offset} is damaged; seek to {next_offset} to skip it")]
    #[non_exhaustive]
    Damaged {
        /// The position.
        offset: i64,
        /// The offset after the batch, as far as its header can be believed.
        next_offset: i64,
        /// What is wrong with it.
        #[source]
        cause: DecodeError,
    },
}

impl PositionError {
    pub(crate) fn new(topic: Arc<str>, partition: i32, problem: PositionProblem) -> Self {
        Self { topic, partition, problem }
    }

    pub(crate) fn not_assigned(partition: &TopicPartition) -> Self {
        Self::new(partition.topic.clone(), partition.partition, PositionProblem::NotAssigned)
    }

    pub(crate) fn severity(&self) -> Severity {
        match self.problem {
            PositionProblem::Recreated | PositionProblem::Damaged { .. } => Severity::Retriable,
            PositionProblem::NotAssigned
            | PositionProblem::NoOffset
            | PositionProblem::OutOfRange { .. }
            | PositionProblem::Truncated { .. } => Severity::Invalid,
        }
    }
}

impl fmt::Display for PositionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {} of topic {}: {}", self.partition, self.topic, self.problem)
    }
}

impl std::error::Error for PositionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The problem's text is in this one's.
        self.problem.source()
    }
}

impl From<PositionError> for Error {
    fn from(error: PositionError) -> Self {
        Self::Position(Box::new(error))
    }
}

/// A record whose key or value no deserializer accepted (a *poison pill*), with the record as it was stored.
///
/// The position has moved past it: the next item of the stream is the next record.
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) {
/// use kestrel_client::Error;
///
/// while let Some(record) = consumer.next().await {
///     match record {
///         Ok(record) => println!("{:?}", record.value),
///         Err(Error::Deserialize(poison)) => {
///             eprintln!("skipping offset {}: {:#}", poison.record.offset, poison.cause);
///         }
///         Err(error) => return eprintln!("{error:#}"),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct DeserializeError {
    /// The record with key and value as bytes.
    pub record: ConsumerRecord,
    /// What the deserializer said.
    pub cause: SerdeError,
}

impl fmt::Display for DeserializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {} of partition {}: {}", self.record.offset, self.record.partition, self.cause)?;
        match self.source() {
            Some(cause) if f.alternate() => write!(f, ": {}", Chain(cause)),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for DeserializeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The cause's text is in this one's.
        self.cause.source()
    }
}

impl DeserializeError {
    pub(crate) fn into_error(record: ConsumerRecord, cause: SerdeError) -> Error {
        Error::Deserialize(Arc::new(Self { record, cause }))
    }
}
