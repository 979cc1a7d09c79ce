//! What a producer tells the client's observer: batches with their outcome, retries, transactions. Never per record.

use std::time::Instant;

use bytes::Bytes;

use super::transaction_watch::Ended;
use crate::environment;
use crate::error::Error;
use crate::observer::{BatchProduced, ObserverSeat, ProducerFailed, Retried, TransactionEnded};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::dispatcher::Retry;

/// Tells of a batch that has its outcome and is not on its way any more.
pub(super) fn tell_produced(observer: &ObserverSeat, batch: &ProducerBatch) {
    let outcome = match batch.state().outcome() {
        Some(Outcome::Stored { base_offset, .. }) => Ok(*base_offset),
        Some(Outcome::Failed(error)) => Err(error),
        // Its parts are told of.
        Some(Outcome::Split(_)) | None => return,
    };
    observer.tell(|observer| {
        let now = environment::now();
        let since_opened = |at: Instant| at.saturating_duration_since(batch.created_at);
        observer.on_batch_produced(&BatchProduced {
            topic: batch.state().topic(),
            partition: batch.state().partition(),
            records: usize::try_from(batch.record_count()).unwrap_or(0),
            uncompressed_bytes: batch.uncompressed_bytes(),
            compressed_bytes: batch.bytes().map_or(0, Bytes::len),
            queued: since_opened(batch.sent_at().unwrap_or(now)),
            took: since_opened(now),
            attempts: batch.attempts,
            outcome,
        });
    });
}

/// How many records of a batch are stored, now that it has its outcome.
pub(super) fn stored_records(batch: &ProducerBatch) -> usize {
    match batch.state().outcome() {
        Some(Outcome::Stored { .. }) => usize::try_from(batch.record_count()).unwrap_or(0),
        _ => 0,
    }
}

/// Tells of a transaction that has ended.
pub(super) fn tell_ended(observer: &ObserverSeat, transactional_id: &str, ended: &Ended) {
    let Ended { records, took, ending, cause } = ended;
    observer.tell(|observer| {
        observer.on_transaction_ended(&TransactionEnded {
            transactional_id,
            records: *records,
            took: *took,
            ending: *ending,
            outcome: cause.as_ref().map_or(Ok(()), Err),
        });
    });
}

/// Tells of a producer that is finished, and of its transaction.
pub(super) fn tell_over(
    observer: &ObserverSeat,
    transactional_id: &str,
    (is_news, ended): (bool, Option<Ended>),
    error: &Error,
) {
    if let Some(ended) = ended {
        tell_ended(observer, transactional_id, &ended);
    }
    if is_news {
        observer.tell(|observer| observer.on_producer_failed(&ProducerFailed { transactional_id, error }));
    }
}

/// Tells of something that is done again.
pub(super) fn tell_retried(observer: &ObserverSeat, retry: &Retry) {
    let Retry { operation, partition, failures, backoff, error } = retry;
    observer.tell(|observer| {
        observer.on_retried(&Retried {
            operation,
            topic: partition.as_ref().map(|partition| &*partition.topic),
            partition: partition.as_ref().map(|partition| partition.index),
            failures: *failures,
            backoff: *backoff,
            error,
        });
    });
}
