//! What a refusal, or a request that was lost, means for the transaction: one place for all rules. Pure.

use kestrel_protocol::{ErrorClass, ErrorCode};

use super::request::TransactionVersion;
use crate::error::Error;

/// What was asked, as far as the meaning of a refusal depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// About the producer as a whole.
    Producer,
    /// About what is in the transaction.
    Contents,
    /// The end of the transaction: asked until its outcome is known.
    End,
}

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    /// The same again, after a pause.
    Retry,
    /// The same again, once it is known who coordinates.
    FindCoordinator,
    /// The same again shortly: the end of the transaction before is being written.
    AwaitEnd,
    /// The transaction can only be aborted.
    Abort,
    /// The broker has forgotten the identity: the transaction is over, and another identity has to be asked for.
    Forgotten,
    /// The producer is finished.
    Fatal,
}

/// Judges why `question` was not answered as hoped, in a transaction of `version`.
pub(super) fn judge(question: Question, error: &Error, version: TransactionVersion) -> Reaction {
    let Some(code) = error.code() else {
        // Lost on the way: whoever was asked may be gone.
        return if error.is_retriable() { Reaction::FindCoordinator } else { Reaction::Fatal };
    };
    match code {
        ErrorCode::ConcurrentTransactions => Reaction::AwaitEnd,
        // It says nothing about what was done (row 29: it is no success).
        ErrorCode::UnknownServerError => Reaction::Retry,
        ErrorCode::RequestTimedOut => Reaction::FindCoordinator,
        // Perhaps nobody but the broker has raised the epoch, to abort what was open for too long (KIP-890): the end tells.
        ErrorCode::InvalidProducerEpoch | ErrorCode::ProducerFenced
            if question == Question::Contents && version == TransactionVersion::V2 =>
        {
            Reaction::Abort
        }
        ErrorCode::InvalidProducerEpoch
        | ErrorCode::ProducerFenced
        | ErrorCode::TransactionalIdAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed => Reaction::Fatal,
        ErrorCode::UnknownProducerId | ErrorCode::InvalidProducerIdMapping => match question {
            Question::Producer => Reaction::Fatal,
            Question::Contents | Question::End => Reaction::Forgotten,
        },
        ErrorCode::InvalidTxnState => match question {
            // The broker has aborted it, because it was open for too long: in version 2 an abort finds out the next epoch.
            Question::End => Reaction::Abort,
            Question::Producer | Question::Contents => Reaction::Fatal,
        },
        _ => match code.class() {
            // The member is not what it was, so that asking again is of no use.
            ErrorClass::Rejoin => Reaction::Abort,
            ErrorClass::FindCoordinator => Reaction::FindCoordinator,
            ErrorClass::Retriable | ErrorClass::RefreshMetadata => Reaction::Retry,
            ErrorClass::Abortable => Reaction::Abort,
            _ => match question {
                Question::Contents => Reaction::Abort,
                Question::Producer | Question::End => Reaction::Fatal,
            },
        },
    }
}
