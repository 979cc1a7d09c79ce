//! What a consumer reports beside records: trouble with a position, partitions that do not move, records that cannot be
//! deserialized, and commits that come too late.
//!
//! All travel inside [`Error`]. The consumer goes on after them; each says what it does next.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::DecodeError;
use kestrel_serde::SerdeError;

use super::{Chain, Error, Severity, SharedError};
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

/// A commit that did not happen: what was handed out of these partitions was not committed when the group took them away,
/// and will be read again, perhaps by another member (Java's `CommitFailedException`).
///
/// Offsets of other partitions that the same call was about are committed. Every further commit fails in the same way until
/// the consumer has handed out something new: whoever commits before working must not work on what was handed out before.
///
/// ```no_run
/// # async fn f(consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::Error;
///
/// match consumer.commit().await {
///     Err(Error::CommitFailed(failed)) => eprintln!("somebody else goes on with {:?}", failed.partitions),
///     other => other?,
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the commit failed for {}: lost before what was handed out was committed, so another member may read that again \
     (if the application was too slow: max.poll.interval.ms, max.poll.records)",
    Listed(partitions)
)]
#[non_exhaustive]
pub struct CommitFailed {
    /// The partitions that are gone: one or more, in order.
    pub partitions: Vec<TopicPartition>,
}

impl CommitFailed {
    /// The error, if there are such partitions.
    pub(crate) fn of(mut partitions: Vec<TopicPartition>) -> Option<Error> {
        partitions.sort();
        partitions.dedup();
        (!partitions.is_empty()).then(|| Error::CommitFailed(Box::new(Self { partitions })))
    }
}

/// Names, separated by commas.
struct Listed<'a>(&'a [TopicPartition]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, partition) in self.0.iter().enumerate() {
            write!(f, "{}{partition}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// A partition that is assigned and not paused and does not move, although the application asks for records.
///
/// Reported after about ten seconds without progress (half a minute when its broker holds the client back, because a quota is exceeded;
/// with `read_committed`, 15 minutes behind one open transaction), and every five seconds as long as it lasts; the log has it once. The
/// consumer goes on trying, so the stream may be read on. Other partitions are not held up.
#[derive(Debug, Clone, thiserror::Error)]
#[error("partition {partition} of topic {topic} has not moved for {} s: {waits_for}", stalled_for.as_secs())]
#[non_exhaustive]
pub struct StallError {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// How long nothing has moved.
    pub stalled_for: Duration,
    /// What the consumer waits for, and what may help.
    pub waits_for: Box<str>,
    /// The last failure, when there was one.
    #[source]
    pub cause: Option<Error>,
}

impl From<StallError> for Error {
    fn from(error: StallError) -> Self {
        Self::Stalled(Box::new(error))
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

    pub(crate) fn severity(&self) -> Severity {
        if self.cause.is_retriable() { Severity::Retriable } else { Severity::Invalid }
    }
}

/// A record that can neither be handed out nor passed at the moment: its deserializer cannot have what it needs (a schema, while the
/// registry is down or refuses), or it is poison and its dead letter was not stored.
///
/// Nothing is lost: the position stands before the record, and it is tried again after a pause (`retry.backoff.ms`, growing to
/// `retry.backoff.max.ms`) when the application asks for more. Other partitions are not held up meanwhile. It is
/// [retriable](Error::is_retriable) as long as that may help by itself. It is not where somebody has to change something first, and says
/// what: a registry that has refused for minutes, a letter that is too large for its topic, a topic that is not there or may not be
/// written to. That ends the loops that this crate runs.
///
/// ```no_run
/// # async fn f(mut consumer: kestrel_client::Consumer<String, u64>) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::Error;
///
/// while let Some(record) = consumer.next().await {
///     match record {
///         Ok(record) => println!("{:?}", record.value),
///         Err(Error::Held(held)) => eprintln!("{}-{} waits: {held}", held.topic, held.partition),
///         Err(error) => return Err(error),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("partition {partition} of topic {topic} is held at offset {offset}: {waits_for}")]
#[non_exhaustive]
pub struct HeldError {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    /// The step that failed, and what to look at.
    pub waits_for: Box<str>,
    /// Why it failed: an [`Error`] of the producer of dead letters, or a [`SerdeError`].
    #[source]
    pub cause: SharedError,
}

impl HeldError {
    /// A record whose deserializer cannot have what it needs.
    pub(crate) fn not_ready<K, V>(record: &ConsumerRecord<K, V>, cause: SerdeError) -> Error {
        Self::not_ready_at((record.topic.clone(), record.partition), record.offset, cause)
    }

    /// As [`Self::not_ready`], for a record that was not made yet.
    pub(crate) fn not_ready_at((topic, partition): (Arc<str>, i32), offset: i64, cause: SerdeError) -> Error {
        let waits_for = "its deserializer is not ready for it".into();
        Self { topic, partition, offset, waits_for, cause: Arc::new(cause) }.into()
    }

    /// A record that could not be passed because of `cause`.
    pub(crate) fn of<K, V>(
        record: &ConsumerRecord<K, V>,
        waits_for: impl Into<Box<str>>,
        cause: Error,
    ) -> Error {
        let (topic, partition, offset) = (record.topic.clone(), record.partition, record.offset);
        Self { topic, partition, offset, waits_for: waits_for.into(), cause: Arc::new(cause) }.into()
    }

    /// The record is tried again, unless there is nothing left to try it with, or somebody has to change something first.
    pub(crate) fn severity(&self) -> Severity {
        match self.cause.downcast_ref::<Error>() {
            // The application's handler of poison: it is asked again.
            Some(Error::Other { .. }) => return Severity::Retriable,
            // Nobody creates it while a record waits.
            Some(Error::UnknownTopic { .. }) => return Severity::Invalid,
            Some(cause) if cause.severity() == Severity::Abortable => return Severity::Retriable,
            Some(cause) => return cause.severity(),
            None => {}
        }
        match self.cause.downcast_ref::<SerdeError>() {
            Some(cause) if !cause.is_retriable() => Severity::Invalid,
            _ => Severity::Retriable,
        }
    }
}

impl From<HeldError> for Error {
    fn from(error: HeldError) -> Self {
        Self::Held(Box::new(error))
    }
}
