//! What a producer tells the client's observer: batches with their outcome, retries, the use of memory. Never per record.

use std::time::Instant;

use bytes::Bytes;

use crate::environment;
use crate::observer::{BatchProduced, ObserverSeat, ProducerBuffer, Retried};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::dispatcher::Retry;
use crate::producer::memory::Memory;

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

/// Tells of the memory of a producer, whose use has changed.
pub(crate) fn tell_buffer(observer: &ObserverSeat, memory: &Memory) {
    observer.tell(|observer| {
        observer.on_producer_buffer(&ProducerBuffer {
            used_bytes: memory.used_bytes(),
            limit_bytes: memory.limit_bytes(),
            waiting: memory.waiting(),
        });
    });
}
