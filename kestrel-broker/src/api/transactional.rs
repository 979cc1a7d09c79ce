//! What the handlers of a producer's transactional requests have in common.

use kestrel_protocol::ErrorCode;

/// The error as a client of this version knows it: before `first_version` there was no PRODUCER_FENCED (KIP-588).
pub(super) fn fenced_as_before(error: ErrorCode, version: i16, first_version: i16) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if version < first_version => ErrorCode::InvalidProducerEpoch,
        error => error,
    }
}
