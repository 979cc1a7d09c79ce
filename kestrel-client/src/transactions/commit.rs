//! CommitError: why a transaction was not committed, with a handle that can do what is legal next and nothing else.

use std::fmt;

use super::{Transaction, TransactionalProducer};
use crate::consumer::HandedOut;
use crate::error::{Error, Result};
use crate::producer::{EndFailure, Ending};

/// Why [`Transaction::commit`] has not committed, or does not know whether it has.
///
/// As an [`Error`] (`?` in a function that returns one) it is its cause, and the transaction is dropped: one that failed is
/// aborted, one whose commit is not decided goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum CommitError<'p> {
    /// It is not committed and will not be: a record of it was not stored, or its offsets were refused. Abort it, and do the
    /// work again.
    #[non_exhaustive]
    Abortable {
        /// The transaction, for [`Transaction::abort`].
        transaction: Transaction<'p>,
        /// Why.
        source: Error,
    },
    /// The end did not come within `max.block.ms`: it may be committed by now, or be later, so that it cannot be aborted.
    #[non_exhaustive]
    Undecided {
        /// The commit, to wait on.
        commit: UndecidedCommit<'p>,
        /// What was waited for.
        source: Error,
    },
    /// The producer has failed for good, and the transaction is not committed, unless `source`
    /// [says](Error::possibly_written) that it may be.
    #[non_exhaustive]
    Fatal {
        /// Why: [`Error::ProducerFenced`] when another producer has the same id.
        source: Error,
    },
}

impl<'p> CommitError<'p> {
    pub(super) fn new(
        producer: &'p TransactionalProducer,
        offsets: Vec<HandedOut>,
        failure: EndFailure,
    ) -> Self {
        match failure {
            EndFailure::Abortable(source) => {
                Self::Abortable { transaction: Transaction::new(producer), source }
            }
            EndFailure::Fatal(source) => Self::Fatal { source },
            EndFailure::Undecided(ending, source) => {
                Self::Undecided { commit: UndecidedCommit { producer, offsets, ending }, source }
            }
        }
    }

    const fn cause(&self) -> &Error {
        match self {
            Self::Abortable { source, .. } | Self::Undecided { source, .. } | Self::Fatal { source } => {
                source
            }
        }
    }
}

impl fmt::Display for CommitError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abortable { .. } => "the transaction cannot be committed, and has to be aborted",
            Self::Undecided { .. } => "it is not known yet whether the transaction is committed",
            Self::Fatal { .. } => "the transaction was not committed, and its producer has failed",
        })?;
        if f.alternate() { write!(f, ": {:#}", self.cause()) } else { Ok(()) }
    }
}

impl std::error::Error for CommitError<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.cause())
    }
}

impl From<CommitError<'_>> for Error {
    fn from(error: CommitError<'_>) -> Self {
        match error {
            CommitError::Abortable { source, .. }
            | CommitError::Undecided { source, .. }
            | CommitError::Fatal { source } => source,
        }
    }
}

/// A commit whose outcome is not known yet. It goes on by itself; there is nothing to do but to wait.
///
/// When it is dropped, the next [`begin`](TransactionalProducer::begin) waits for the outcome.
///
/// ```no_run
/// # async fn f(mut producer: kestrel_client::TransactionalProducer) -> Result<(), kestrel_client::Error> {
/// use kestrel_client::CommitError;
///
/// let mut outcome = producer.begin().await?.commit().await;
/// while let Err(CommitError::Undecided { commit, source, .. }) = outcome {
///     eprintln!("still waiting: {source:#}");
///     outcome = commit.outcome().await;
/// }
/// outcome?;
/// # Ok(())
/// # }
/// ```
///
/// It cannot be aborted:
///
/// ```compile_fail,E0599
/// async fn give_up(commit: kestrel_client::UndecidedCommit<'_>) -> Result<(), kestrel_client::Error> {
///     commit.abort().await
/// }
/// ```
#[derive(Debug)]
pub struct UndecidedCommit<'p> {
    producer: &'p TransactionalProducer,
    /// The offsets that consumers hear of when they are committed.
    offsets: Vec<HandedOut>,
    ending: Ending,
}

impl<'p> UndecidedCommit<'p> {
    /// Waits for the outcome for another `max.block.ms`.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    ///
    /// # Cancel safety
    /// Dropping the future does not take the commit back: the next [`begin`](TransactionalProducer::begin) waits for it.
    pub async fn outcome(self) -> Result<(), CommitError<'p>> {
        let Self { producer, offsets, ending } = self;
        let ended = producer.control.wait_for_end(ending).await;
        close(producer, offsets, ended)
    }
}

/// The outcome of a commit, as its caller gets it; consumers hear that their offsets are committed.
pub(super) fn close(
    producer: &TransactionalProducer,
    offsets: Vec<HandedOut>,
    ended: Result<(), EndFailure>,
) -> Result<(), CommitError<'_>> {
    match ended {
        Ok(()) => {
            offsets.into_iter().for_each(HandedOut::note_committed);
            Ok(())
        }
        Err(failure) => Err(CommitError::new(producer, offsets, failure)),
    }
}
