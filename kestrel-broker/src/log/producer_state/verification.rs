//! Verifications under way: producers whose coordinator is being asked whether a transaction has this partition (KIP-890).
//!
//! A verification begins before the coordinator is asked and ends with the first batch of the transaction, with any marker of
//! the producer, or with a refusal of the coordinator. So an answer that a marker has overtaken no longer lets a batch in, which nobody would ever end. Pure;
//! nothing of it is stored: after a restart the coordinator is asked again.

use std::collections::HashMap;
use std::time::Duration;

use kestrel_protocol::{ProducerEpoch, ProducerId, Timestamp};

use crate::log::append::Transaction;

/// How long a verification is remembered at most, whose transaction has not come: as long as transactions may take by
/// default. Whoever comes later begins another one.
const EXPIRATION: Duration = Duration::from_secs(15 * 60);

/// The token of one verification: with it, and only while the verification is under way, the first batch of a transaction may
/// be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerificationGuard(u64);

/// The request for which a transaction is to be verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verifying {
    /// The transaction.
    pub(crate) transaction: Transaction,
    /// The first sequence of its batch; negative for records without, which a coordinator writes.
    pub(crate) first_sequence: i32,
    /// Whether the producer gets a new epoch for each transaction (version 2 of transactions).
    pub(crate) bumps_epoch: bool,
}

/// The verifications under way in one log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verifications {
    under_way: HashMap<ProducerId, Verification>,
    next_guard: u64,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verification {
    guard: VerificationGuard,
    since: Timestamp,
    epoch: ProducerEpoch,
    /// The lowest sequence that asked for it: none above it may come first, or the others would be out of order for ever.
    pub(super) lowest_sequence: i32,
    /// As [`Verifying::bumps_epoch`].
    pub(super) bumps_epoch: bool,
}

impl Verifications {
    /// Begins a verification, or joins the one that is under way for the producer.
    pub(super) fn begin(&mut self, asked: Verifying, now: Timestamp) -> VerificationGuard {
        let Transaction { producer_id, producer_epoch } = asked.transaction;
        let next_guard = &mut self.next_guard;
        let verification = self.under_way.entry(producer_id).or_insert_with(|| {
            *next_guard += 1;
            Verification {
                guard: VerificationGuard(*next_guard),
                since: now,
                epoch: producer_epoch,
                lowest_sequence: asked.first_sequence,
                bumps_epoch: asked.bumps_epoch,
            }
        });
        verification.note(producer_epoch, asked.first_sequence);
        verification.guard
    }

    /// The verification of this producer, if one is under way.
    pub(super) fn of(&self, producer_id: ProducerId) -> Option<&Verification> {
        self.under_way.get(&producer_id)
    }

    /// Ends the verification of this producer.
    pub(super) fn end(&mut self, producer_id: ProducerId) {
        // Most producers have no transactions.
        if !self.under_way.is_empty() {
            self.under_way.remove(&producer_id);
        }
    }

    /// Ends a verification that the coordinator has refused for good, unless a later epoch of the producer has joined it.
    pub(super) fn refuse(&mut self, transaction: Transaction, guard: VerificationGuard) {
        let refused = self.of(transaction.producer_id);
        if refused.is_some_and(|one| one.guard == guard && one.epoch == transaction.producer_epoch) {
            self.end(transaction.producer_id);
        }
    }

    /// Forgets those that began `expiration` ago, or very long ago.
    pub(super) fn remove_expired(&mut self, now: Timestamp, expiration: Duration) {
        let oldest = now.saturating_sub(expiration.min(EXPIRATION));
        self.under_way.retain(|_, verification| verification.since > oldest);
    }
}

impl Verification {
    /// Whether the guard is of this verification.
    pub(super) fn is_of(&self, guard: Option<VerificationGuard>) -> bool {
        guard == Some(self.guard)
    }

    fn note(&mut self, epoch: ProducerEpoch, first_sequence: i32) {
        if epoch > self.epoch {
            self.epoch = epoch;
            self.lowest_sequence = first_sequence;
        } else if epoch == self.epoch {
            self.lowest_sequence = self.lowest_sequence.min(first_sequence);
        }
    }
}
