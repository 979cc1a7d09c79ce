//! The last batches of idempotent and transactional producers (KIP-98): a replayed machine.
//!
//! [`ProducerState::check`] decides about a batch, [`ProducerState::replay`] takes it in: after the append, and again
//! when the log is recovered. Called by the log under its writer's lock and by the loader.
//!
//! ```text
//!                   epoch older ──> refused, fenced
//!                   epoch newer ──> accepted from sequence 0 on
//!   batch ── check ─ epoch equal ── one of the last five? ──> duplicate: the original offsets
//!                                   follows the last one? ──> accepted
//!                                   anything else         ──> refused, out of order
//!                   id unknown  ──> accepted with any sequence: its state may have expired
//!
//!   in a transaction, besides:      open here in this epoch?      ──> as above
//!                                   verified, and no marker since ──> as above: the batch begins it here
//!                                   anything else                 ──> refused: nobody would end it
//! ```

mod active;
mod snapshot;
mod verification;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use kestrel_protocol::record::control::{EndTransactionMarker, TransactionOutcome};
use kestrel_protocol::record::{RecordBatchHeader, increment_sequence};
use kestrel_protocol::{ProducerEpoch, ProducerId, Timestamp};

use super::append::Transaction;
use super::error::AppendError;
use crate::log::format::txn_index::AbortedTransaction;

pub(crate) use active::ActiveProducer;
use verification::{Verification, Verifications};
pub(crate) use verification::{VerificationGuard, Verifying};

/// How many batches per producer are remembered: as many as a producer may have in flight.
const REMEMBERED_BATCHES: usize = 5;
/// The sequence before the first one.
const NO_SEQUENCE: i32 = -1;
/// A coordinator epoch that was never set.
const NO_COORDINATOR_EPOCH: i32 = -1;

/// The producers of one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProducerState {
    producers: HashMap<ProducerId, Producer>,
    /// The open transactions, by their first offset.
    open_transactions: BTreeMap<i64, ProducerId>,
    verifications: Verifications,
}

/// A batch as its producer's duplicates are recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RememberedBatch {
    last_sequence: i32,
    last_offset: i64,
    offset_delta: i32,
    timestamp: Timestamp,
}

/// The outcome of [`ProducerState::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The batch may be appended.
    New,
    /// The batch is in the log already.
    Duplicate(RememberedBatch),
}

/// A transaction that a marker has ended, and that has records in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndedTransaction {
    /// The offset of its first record.
    pub(super) first_offset: i64,
    /// The offset of its marker.
    pub(super) last_offset: i64,
    /// Its entry for the transaction index, if it was aborted.
    pub(super) aborted: Option<AbortedTransaction>,
}

/// The last batch of each producer.
pub(super) type LastBatches = HashMap<ProducerId, LastBatch>;

/// Where the state of a producer stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastBatch {
    /// In its last batch of records, by its last sequence number.
    Data {
        /// The last offset of that batch.
        last_offset: i64,
    },
    /// It wrote nothing in its epoch, which stands in a marker only.
    Marker {
        /// The epoch.
        epoch: ProducerEpoch,
    },
}

impl LastBatch {
    /// Whether it is the batch with this header.
    pub(super) fn is(self, header: &RecordBatchHeader) -> bool {
        match self {
            Self::Data { last_offset } => header.last_offset() == last_offset,
            Self::Marker { epoch } => header.is_control() && header.producer_epoch == epoch,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Producer {
    epoch: ProducerEpoch,
    coordinator_epoch: i32,
    last_seen: Timestamp,
    transaction_start: Option<i64>,
    batches: VecDeque<RememberedBatch>,
}

impl RememberedBatch {
    /// The offset of the first record.
    pub(super) fn base_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }

    /// The offset of the last record.
    pub(super) fn last_offset(&self) -> i64 {
        self.last_offset
    }

    /// The largest timestamp.
    pub(super) fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    fn of(header: &RecordBatchHeader) -> Self {
        Self {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: Timestamp::from_millis(header.max_timestamp),
        }
    }

    fn is_resent_by(&self, header: &RecordBatchHeader) -> bool {
        let first_sequence = increment_sequence(self.last_sequence, -self.offset_delta);
        first_sequence == header.base_sequence && self.last_sequence == header.last_sequence()
    }
}

impl ProducerState {
    /// Whether a client's batch may be appended. Batches without a producer id always may.
    ///
    /// One that would begin a transaction here needs the guard of its verification.
    pub(super) fn check(
        &self,
        header: &RecordBatchHeader,
        guard: Option<VerificationGuard>,
    ) -> Result<Verdict, AppendError> {
        let producer_id = header.producer_id;
        if producer_id == ProducerId::NONE {
            return Ok(Verdict::New);
        }
        let producer = self.producers.get(&producer_id);
        if let Some(original) = producer.and_then(|producer| producer.find_original(header)) {
            return Ok(Verdict::Duplicate(*original));
        }
        let transaction = Transaction { producer_id, producer_epoch: header.producer_epoch };
        self.check_epoch(transaction)?;
        if header.is_transactional() {
            self.check_verified(transaction, guard)?;
        }
        let verification = self.verifications.of(producer_id).filter(|_| header.is_transactional());
        check_sequence(header, producer, verification)?;
        let has_open = producer.is_some_and(|producer| producer.transaction_start.is_some());
        if has_open && !header.is_transactional() {
            let reason = "its records are outside of its transaction, which is open here";
            return Err(AppendError::InvalidTxnState { producer_id, reason });
        }
        Ok(Verdict::New)
    }

    /// Whether a coordinator's records of a transaction may be appended: they have no place in the producer's order.
    pub(super) fn check_transaction(
        &self,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
    ) -> Result<(), AppendError> {
        self.check_epoch(transaction)?;
        self.check_verified(transaction, guard)
    }

    fn check_epoch(&self, transaction: Transaction) -> Result<(), AppendError> {
        let Transaction { producer_id, producer_epoch: received } = transaction;
        match self.producers.get(&producer_id).map(|producer| producer.epoch) {
            Some(current) if received < current => {
                Err(AppendError::InvalidProducerEpoch { producer_id, current, received })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the transaction has records here, or that its coordinator was asked and no marker came since.
    fn check_verified(
        &self,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
    ) -> Result<(), AppendError> {
        let producer_id = transaction.producer_id;
        let is_verified = self.verifications.of(producer_id).is_some_and(|one| one.is_of(guard));
        if is_verified || self.has_open_transaction(transaction) {
            return Ok(());
        }
        let reason = "its records are not part of a transaction that its coordinator knows here";
        Err(AppendError::InvalidTxnState { producer_id, reason })
    }

    /// Whether the marker that ends a transaction may be appended, by the version of transactions that its coordinator speaks.
    ///
    /// With version 2 each transaction ends in an epoch of its own: a marker of an epoch that was there before is a late one, or
    /// comes again for a transaction that has ended (KIP-890). Before, a transaction ends in the epoch of its records.
    pub(super) fn check_marker(
        &self,
        transaction: Transaction,
        coordinator_epoch: i32,
        transaction_version: i16,
    ) -> Result<(), AppendError> {
        let Transaction { producer_id, producer_epoch: received } = transaction;
        let Some(producer) = self.producers.get(&producer_id) else { return Ok(()) };
        let current = producer.epoch;
        let is_open = producer.transaction_start.is_some();
        if received < current || (transaction_version >= 2 && received == current && is_open) {
            return Err(AppendError::InvalidProducerEpoch { producer_id, current, received });
        }
        if coordinator_epoch < producer.coordinator_epoch {
            let (current, received) = (producer.coordinator_epoch, coordinator_epoch);
            return Err(AppendError::TransactionCoordinatorFenced { producer_id, current, received });
        }
        Ok(())
    }

    /// Whether the producer's transaction of this epoch has records here and has not ended.
    pub(super) fn has_open_transaction(&self, transaction: Transaction) -> bool {
        let producer = self.producers.get(&transaction.producer_id);
        producer.is_some_and(|producer| producer.has_open_transaction(transaction.producer_epoch))
    }

    /// Begins the verification of a transaction; none when it is open already, so that nobody needs to be asked.
    pub(super) fn begin_verification(
        &mut self,
        asked: Verifying,
        now: Timestamp,
    ) -> Option<VerificationGuard> {
        if self.has_open_transaction(asked.transaction) {
            return None;
        }
        Some(self.verifications.begin(asked, now))
    }

    /// Ends a verification that the coordinator has refused for good.
    pub(super) fn refuse_verification(&mut self, transaction: Transaction, guard: VerificationGuard) {
        self.verifications.refuse(transaction, guard);
    }

    /// Takes in a batch of the log, given its stored header, at the time `now`. `marker` is what the batch says when it ends a
    /// transaction; gives that transaction if it has records.
    ///
    /// A producer is idle since its last append, however old the events are that it writes. (Apache Kafka goes by the
    /// timestamps of the records alone, so it forgets a producer of last year's events between two batches.)
    pub(super) fn replay(
        &mut self,
        header: &RecordBatchHeader,
        marker: Option<EndTransactionMarker>,
        now: Timestamp,
    ) -> Option<EndedTransaction> {
        if header.producer_id == ProducerId::NONE {
            return None;
        }
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer::new(header));
        producer.move_to_epoch(header.producer_epoch);
        producer.last_seen = now.max(Timestamp::from_millis(header.max_timestamp));
        if header.is_transactional() {
            self.verifications.end(header.producer_id);
        }
        if let Some(marker) = marker {
            producer.coordinator_epoch = marker.coordinator_epoch;
            let first_offset = producer.transaction_start.take()?;
            self.open_transactions.remove(&first_offset);
            let last_offset = header.last_offset();
            let aborted = (marker.outcome == TransactionOutcome::Abort).then(|| AbortedTransaction {
                producer_id: header.producer_id,
                first_offset,
                last_offset,
                last_stable_offset: self.first_unstable_offset().unwrap_or(last_offset + 1),
            });
            return Some(EndedTransaction { first_offset, last_offset, aborted });
        } else if !header.is_control() {
            producer.remember(RememberedBatch::of(header));
            if header.is_transactional() && producer.transaction_start.is_none() {
                producer.transaction_start = Some(header.base_offset);
                self.open_transactions.insert(header.base_offset, header.producer_id);
            }
        }
        None
    }

    /// As [`Self::replay`], of a log that is walked, whose ends are stored: gives the transaction if it was aborted.
    pub(super) fn replay_walked(
        &mut self,
        header: &RecordBatchHeader,
        marker: Option<EndTransactionMarker>,
        now: Timestamp,
    ) -> Option<AbortedTransaction> {
        self.replay(header, marker, now)?.aborted
    }

    /// Remembers the batches of `recent`, which saw the same log to the same end, if not from its beginning.
    pub(super) fn recall(&mut self, recent: &Self) {
        for (id, producer) in &mut self.producers {
            let Some(seen) = recent.producers.get(id).filter(|seen| seen.epoch == producer.epoch) else {
                continue;
            };
            let last = |producer: &Producer| producer.batches.back().map(RememberedBatch::last_offset);
            if last(seen) == last(producer) && seen.batches.len() > producer.batches.len() {
                producer.batches.clone_from(&seen.batches);
            }
        }
    }

    /// The first offset of the oldest open transaction.
    pub(super) fn first_unstable_offset(&self) -> Option<i64> {
        self.open_transactions.first_key_value().map(|(&offset, _)| offset)
    }

    /// How many transactions are open.
    pub(super) fn open_transaction_count(&self) -> usize {
        self.open_transactions.len()
    }

    /// The open transactions: where each began, and whose it is.
    #[cfg(test)]
    pub(super) fn open_transactions(&self) -> impl Iterator<Item = (i64, ProducerId)> {
        self.open_transactions.iter().map(|(&first_offset, &producer_id)| (first_offset, producer_id))
    }

    /// Forgets the producers that were idle for `expiration` and have no transaction open.
    pub(super) fn remove_expired(&mut self, now: Timestamp, expiration: Duration) {
        let oldest = now.saturating_sub(expiration);
        self.producers
            .retain(|_, producer| producer.transaction_start.is_some() || producer.last_seen > oldest);
        self.verifications.remove_expired(now, expiration);
    }

    /// The last batch of each producer: what the log must not lose of it.
    pub(super) fn last_batches(&self) -> LastBatches {
        let last = |producer: &Producer| match producer.batches.back() {
            Some(batch) => LastBatch::Data { last_offset: batch.last_offset },
            None => LastBatch::Marker { epoch: producer.epoch },
        };
        self.producers.iter().map(|(&id, producer)| (id, last(producer))).collect()
    }

    /// How many producers are remembered.
    pub(super) fn len(&self) -> usize {
        self.producers.len()
    }
}

impl Producer {
    fn new(header: &RecordBatchHeader) -> Self {
        Self {
            epoch: header.producer_epoch,
            coordinator_epoch: NO_COORDINATOR_EPOCH,
            last_seen: Timestamp::NONE,
            transaction_start: None,
            batches: VecDeque::new(),
        }
    }

    fn has_open_transaction(&self, epoch: ProducerEpoch) -> bool {
        self.transaction_start.is_some() && self.epoch == epoch
    }

    /// The batch that this one repeats.
    fn find_original(&self, header: &RecordBatchHeader) -> Option<&RememberedBatch> {
        let mut batches = self.batches.iter().filter(|_| header.producer_epoch == self.epoch);
        batches.find(|batch| batch.is_resent_by(header))
    }

    /// The sequence that a batch of this epoch begins with.
    fn next_sequence(&self, epoch: ProducerEpoch) -> i32 {
        match self.batches.back() {
            Some(last) if epoch == self.epoch => increment_sequence(last.last_sequence, 1),
            _ => 0,
        }
    }

    fn move_to_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    fn remember(&mut self, batch: RememberedBatch) {
        if self.batches.len() == REMEMBERED_BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }
}

/// Whether the batch follows the one before. A producer that was never seen, or was forgotten with its records, may begin
/// anywhere (KIP-360), unless it has a new epoch for each transaction: then it begins at 0 wherever it begins.
fn check_sequence(
    header: &RecordBatchHeader,
    producer: Option<&Producer>,
    verification: Option<&Verification>,
) -> Result<(), AppendError> {
    let received = header.base_sequence;
    let refused = |expected| {
        Err(AppendError::OutOfOrderSequence { producer_id: header.producer_id, expected, received })
    };
    if let Some(verification) = verification {
        let is_first_of_all = producer.is_none_or(|producer| producer.batches.is_empty());
        if verification.bumps_epoch && is_first_of_all && received != 0 {
            return refused(0);
        }
        if received > verification.lowest_sequence {
            return refused(verification.lowest_sequence);
        }
    }
    match producer.map(|producer| producer.next_sequence(header.producer_epoch)) {
        Some(expected) if expected != received => refused(expected),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
