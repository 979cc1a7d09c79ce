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
    /// What is taken.
    pub used_bytes: usize,
    /// What there is.
    pub limit_bytes: usize,
    /// How many calls of `send` wait for memory.
    pub waiting: usize,
}
