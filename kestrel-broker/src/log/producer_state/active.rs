//! The producers of a log as DescribeProducers shows them (KIP-664).

use kestrel_protocol::{ProducerEpoch, ProducerId, Timestamp};

use super::{NO_SEQUENCE, ProducerState, RememberedBatch};

/// A producer whose batches a log knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ActiveProducer {
    /// Its id.
    pub(crate) producer_id: ProducerId,
    /// Its epoch.
    pub(crate) epoch: ProducerEpoch,
    /// The last sequence of its last batch; -1 without one in this epoch.
    pub(crate) last_sequence: i32,
    /// The largest timestamp of its last batch, however old its events are: as Apache Kafka, whose tools judge by it whether a
    /// transaction hangs. That of its last append, when no batch of its epoch is known.
    pub(crate) last_timestamp: Timestamp,
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
                last_timestamp: producer
                    .batches
                    .back()
                    .map_or(producer.last_seen, RememberedBatch::timestamp),
                coordinator_epoch: producer.coordinator_epoch,
                transaction_start: producer.transaction_start,
            })
            .collect();
        active.sort_unstable_by_key(|producer| producer.producer_id);
        active
    }
}
