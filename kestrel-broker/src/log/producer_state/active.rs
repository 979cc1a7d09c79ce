//! The producers of a log as DescribeProducers shows them (KIP-664).

use kestrel_protocol::{ProducerEpoch, ProducerId, Timestamp};

use super::{NO_SEQUENCE, ProducerState};

/// A producer whose batches a log knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActiveProducer {
    /// Its id.
    pub(crate) producer_id: ProducerId,
    /// Its epoch.
    pub(crate) epoch: ProducerEpoch,
    /// The last sequence of its last batch; -1 without one in this epoch.
    pub(crate) last_sequence: i32,
    /// When it wrote last.
    pub(crate) last_seen: Timestamp,
    /// The epoch of the coordinator that ended its last transaction; -1 when none has.
    pub(crate) coordinator_epoch: i32,
    /// The first offset of its open transaction.
    pub(crate) transaction_start: Option<i64>,
}

impl ProducerState {
    /// All producers, by id.
    pub(in crate::log) fn active(&self) -> Vec<ActiveProducer> {
        let mut active: Vec<_> = self
            .producers
            .iter()
            .map(|(&producer_id, producer)| ActiveProducer {
                producer_id,
                epoch: producer.epoch,
                last_sequence: producer.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence),
                last_seen: producer.last_seen,
                coordinator_epoch: producer.coordinator_epoch,
                transaction_start: producer.transaction_start,
            })
            .collect();
        active.sort_unstable_by_key(|producer| producer.producer_id);
        active
    }
}
