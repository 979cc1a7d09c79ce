//! The producer of a batch and the batch's place in its order: what makes a producer idempotent.

use crate::types::{ProducerEpoch, ProducerId};

/// The producer of a batch, and where the batch comes in its order (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer's id.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the batch's first record.
    pub base_sequence: i32,
}

impl ProducerStamp {
    /// No idempotence: all three are -1.
    pub const NONE: Self =
        Self { producer_id: ProducerId::NONE, producer_epoch: ProducerEpoch::NONE, base_sequence: -1 };
}
