//! Events of producers.

use std::time::Duration;

use crate::error::Error;

/// A batch is stored, or has failed for good; see [`on_batch_produced`](super::Observer::on_batch_produced).
#[derive(Debug)]
#[non_exhaustive]
pub struct BatchProduced<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// How many records it has.
    pub records: usize,
    /// Its size before compression, with the headers of batch and records.
    pub uncompressed_bytes: usize,
    /// Its size as it was sent; 0 if it never was.
    pub compressed_bytes: usize,
    /// From its first record until it was sent for the first time: `linger.ms`, and the wait for its turn.
    pub queued: Duration,
    /// From its first record until now.
    pub took: Duration,
    /// How often it was sent.
    pub attempts: u32,
    /// The offset of its first record, which is `None` with `acks=0` and for a batch whose repetition was recognised; or why it
    /// failed.
    pub outcome: Result<Option<i64>, &'a Error>,
}

/// A producer's memory (`buffer.memory`); see [`on_producer_buffer`](super::Observer::on_producer_buffer).
#[derive(Debug)]
#[non_exhaustive]
pub struct ProducerBuffer {
    /// A number that no other producer of the client has.
    pub producer: u64,
    /// What is taken.
    pub used_bytes: usize,
    /// What there is; 0 when the producer and all of its handles are gone, which is the last that is heard of it.
    pub limit_bytes: usize,
    /// How many calls of `send` wait for memory.
    pub waiting: usize,
}

/// A transaction is committed, aborted, or lost with its producer; see
/// [`on_transaction_ended`](super::Observer::on_transaction_ended).
#[derive(Debug)]
#[non_exhaustive]
pub struct TransactionEnded<'a> {
    /// The producer's id.
    pub transactional_id: &'a str,
    /// How many records were stored in it.
    pub records: usize,
    /// From its begin until now.
    pub took: Duration,
    /// From the call that ends it until now: what was accepted and not stored yet is waited for first.
    pub ending: Duration,
    /// That it is committed, or why not: [`Error::TransactionAborted`] for one that the application has aborted or dropped; what has
    /// failed in it; what has ended its producer, of which a commit that was on its way
    /// [says](Error::possibly_written) whether it may have come.
    pub outcome: Result<(), &'a Error>,
}

/// A producer that writes in transactions is finished; see [`on_producer_failed`](super::Observer::on_producer_failed).
#[derive(Debug)]
#[non_exhaustive]
pub struct ProducerFailed<'a> {
    /// Its id.
    pub transactional_id: &'a str,
    /// Why: [`Error::ProducerFenced`] when another one has the id.
    pub error: &'a Error,
}
