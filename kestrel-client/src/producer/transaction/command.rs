//! TransactionCommand: what the handles of a transactional producer ask of its sender, and the answers.

use tokio::sync::oneshot;

use super::offsets::GroupOffsets;
use crate::error::{Error, Result};

/// What the handles of a transactional producer ask of its sender.
#[derive(Debug)]
pub(crate) enum TransactionCommand {
    /// Begin a transaction once the one before has ended; abort that if it is open.
    Begin(oneshot::Sender<Result<()>>),
    /// Make offsets part of the open transaction.
    SendOffsets(GroupOffsets, oneshot::Sender<Result<()>>),
    /// Commit the open transaction.
    Commit(oneshot::Sender<Result<(), EndFailure>>),
    /// Abort the open transaction, if there is one, and wait until the last one has ended.
    Abort(oneshot::Sender<Result<(), EndFailure>>),
    /// As `Abort`; nobody waits.
    Abandon,
}

/// The end of a transaction that was asked for, to be waited for.
pub(crate) type Ending = oneshot::Receiver<Result<(), EndFailure>>;

/// Why the end of a transaction that was asked for has not come.
#[derive(Debug)]
pub(crate) enum EndFailure {
    /// The transaction can only be aborted.
    Abortable(Error),
    /// The producer has failed.
    Fatal(Error),
    /// It takes longer than its caller would wait.
    Undecided(Ending, Error),
}

impl EndFailure {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Abortable(error) | Self::Fatal(error) | Self::Undecided(_, error) => error,
        }
    }
}
