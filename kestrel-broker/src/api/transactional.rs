//! What the handlers of a producer's transactional requests have in common.

use kestrel_protocol::ErrorCode;

/// The error as a client of this version knows it: before `first_version` there was no PRODUCER_FENCED (KIP-588).
pub(super) fn fenced_as_before(error: ErrorCode, version: i16, first_version: i16) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if version < first_version => ErrorCode::InvalidProducerEpoch,
        error => error,
    }
}

/// Whether the transaction coordinator would answer so again, if it was asked whether a transaction has a partition.
pub(super) const fn is_final(answer: ErrorCode) -> bool {
    matches!(
        answer,
        ErrorCode::ProducerFenced
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::InvalidProducerIdMapping
            | ErrorCode::InvalidTxnState
            | ErrorCode::TransactionAbortable
            | ErrorCode::InvalidRequest
    )
}
