//! What is kept of a transactional id, and the transitions that it makes. Part of the machine.
//!
//! A transition gives the next metadata; it is true once the record of it is replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId, Timestamp};

use super::records::TransactionRecord;
use super::state::TransactionState;
use crate::cluster::TransactionVersion;
use crate::log::Transaction;

/// A partition by topic and number.
pub(crate) type TopicPartition = (ByteString, i32);

/// From this epoch on a producer id is used up: one more is left, to fence with.
const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX - 1);
/// The timeout of a transaction that has none: it is one part of a two-phase commit (KIP-939).
const NEVER: Duration = Duration::from_millis(i32::MAX as u64);

/// What the log says of a transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionMetadata {
    /// The producer that has the transactional id now, and the epoch of its transaction.
    pub(crate) producer: Transaction,
    /// The producer id before the last transition: what a producer may still believe its own.
    pub(super) previous_producer_id: ProducerId,
    /// The producer id that takes over when the transaction is completed, if epochs have run out.
    pub(super) next_producer_id: ProducerId,
    /// How long a transaction may take.
    pub(crate) timeout: Duration,
    /// Its state.
    pub(crate) state: TransactionState,
    /// The partitions of the transaction.
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// When the transaction began; [`Timestamp::NONE`] before the first one.
    pub(crate) started_at: Timestamp,
    /// When it was last changed.
    pub(super) updated_at: Timestamp,
    /// The version of transactions that the client speaks.
    pub(super) client_version: TransactionVersion,
}

impl TransactionMetadata {
    /// The partitions of the transaction, topic by topic.
    pub(crate) fn by_topic(&self) -> BTreeMap<&ByteString, Vec<i32>> {
        let mut topics: BTreeMap<&ByteString, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in &self.partitions {
            topics.entry(topic).or_default().push(*partition);
        }
        topics
    }

    /// A transactional id that nobody has used yet: its first epoch is still to come.
    pub(super) fn created(producer_id: ProducerId, timeout: Duration) -> Self {
        Self {
            producer: Transaction { producer_id, producer_epoch: ProducerEpoch::NONE },
            previous_producer_id: ProducerId::NONE,
            next_producer_id: ProducerId::NONE,
            timeout,
            state: TransactionState::Empty,
            partitions: BTreeSet::new(),
            started_at: Timestamp::NONE,
            updated_at: Timestamp::NONE,
            client_version: TransactionVersion::V0,
        }
    }

    /// For a producer that begins, or begins anew.
    pub(super) fn initialized(&self, producer: Transaction, timeout: Duration, now: Timestamp) -> Self {
        let started_at = Timestamp::NONE;
        Self { producer, timeout, started_at, ..self.entering(TransactionState::Empty, now) }
    }

    /// With more partitions, the first of which begin a transaction.
    pub(super) fn with_partitions(
        &self,
        added: &[TopicPartition],
        client_version: TransactionVersion,
        now: Timestamp,
    ) -> Self {
        let started_at = if self.state.is_idle() { now } else { self.started_at };
        let mut next = Self { started_at, client_version, ..self.entering(TransactionState::Ongoing, now) };
        for partition in added {
            if !next.partitions.contains(partition) {
                next.partitions.insert((detached(&partition.0), partition.1));
            }
        }
        next
    }

    /// The end of the transaction is decided; markers of `producer` are to be written.
    pub(super) fn prepared(&self, end: Decision, now: Timestamp) -> Self {
        let Decision { outcome, producer, next_producer_id, client_version } = end;
        // An abort without partitions has not begun at any time.
        let started_at = if self.state.is_idle() { now } else { self.started_at };
        let entered = self.entering(TransactionState::prepared(outcome), now);
        Self { producer, next_producer_id, client_version, started_at, ..entered }
    }

    /// All markers are stored.
    pub(super) fn completed(&self, outcome: TransactionOutcome, now: Timestamp) -> Self {
        Self {
            producer: self.next_producer(),
            next_producer_id: ProducerId::NONE,
            ..self.entering(TransactionState::completed(outcome), now)
        }
    }

    /// The producer of the next transaction, once the one that is being ended is completed.
    pub(super) fn next_producer(&self) -> Transaction {
        if self.next_producer_id == ProducerId::NONE {
            return self.producer;
        }
        Transaction { producer_id: self.next_producer_id, producer_epoch: ProducerEpoch(0) }
    }

    /// The same in another state, as it was one transition ago.
    fn entering(&self, state: TransactionState, now: Timestamp) -> Self {
        assert!(state.follows(self.state), "{state:?} after {:?}", self.state);
        let keeps_partitions = matches!(self.state, TransactionState::Ongoing);
        Self {
            previous_producer_id: self.producer.producer_id,
            state,
            partitions: if keeps_partitions { self.partitions.clone() } else { BTreeSet::new() },
            updated_at: now,
            ..self.clone()
        }
    }

    /// The record that says this, as the brokers' version of transactions has it.
    pub(super) fn into_record(
        self,
        transactional_id: ByteString,
        version: TransactionVersion,
    ) -> TransactionRecord {
        let metadata = if version >= TransactionVersion::V1 { self } else { self.without_tags() };
        TransactionRecord { transactional_id, metadata: Some(metadata) }
    }

    /// What the first version of the records has room for.
    fn without_tags(self) -> Self {
        let (previous_producer_id, next_producer_id) = (ProducerId::NONE, ProducerId::NONE);
        Self { previous_producer_id, next_producer_id, client_version: TransactionVersion::V0, ..self }
    }

    /// Whether no epoch is left to give to a producer: the last one is kept to fence with.
    pub(super) fn is_exhausted(&self) -> bool {
        is_exhausted(self.producer.producer_epoch)
    }

    /// Whether the transaction has taken longer than it may.
    pub(super) fn has_timed_out(&self, now: Timestamp) -> bool {
        self.state == TransactionState::Ongoing
            && self.timeout != NEVER
            && self.started_at.saturating_add(self.timeout) < now
    }

    /// Checks that a request is of this very producer.
    pub(super) fn check_producer(&self, producer: Transaction) -> Result<(), ErrorCode> {
        if self.producer.producer_id != producer.producer_id {
            Err(ErrorCode::InvalidProducerIdMapping)
        } else if self.producer.producer_epoch != producer.producer_epoch {
            Err(ErrorCode::ProducerFenced)
        } else {
            Ok(())
        }
    }
}

/// How a transaction is to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decision {
    pub(super) outcome: TransactionOutcome,
    /// Whose markers end it.
    pub(super) producer: Transaction,
    /// The producer id that takes over, if the epochs of this one have run out.
    pub(super) next_producer_id: ProducerId,
    pub(super) client_version: TransactionVersion,
}

/// A copy of its own of what may be a part of a request, whose buffer would stay as long as the text.
pub(super) fn detached(text: &str) -> ByteString {
    ByteString::from(text)
}

/// Whether a producer of this epoch gets no further one.
pub(super) fn is_exhausted(epoch: ProducerEpoch) -> bool {
    epoch.0 >= LAST_EPOCH.0
}

/// The epoch after this one; the largest one stays what it is.
pub(super) const fn bumped(epoch: ProducerEpoch) -> ProducerEpoch {
    ProducerEpoch(epoch.0.saturating_add(1))
}
