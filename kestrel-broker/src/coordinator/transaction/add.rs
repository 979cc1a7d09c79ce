//! Partitions of a transaction: added, and asked for (KIP-98; before records are appended, KIP-890). Part of the machine.

use std::time::Instant;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::metadata::{TopicPartition, TransactionMetadata, detached};
use super::session::Added;
use super::state::TransactionState::Ongoing;
use super::{Effects, Timer, TransactionShard};
use crate::clock::after;
use crate::cluster::TransactionVersion;
use crate::coordinator::runtime::{Now, ReplyTo};
use crate::log::Transaction;

/// Partitions that a producer adds to its transaction.
#[derive(Debug, Clone)]
pub(crate) struct Addition {
    pub(crate) transactional_id: ByteString,
    pub(crate) producer: Transaction,
    pub(crate) partitions: Vec<TopicPartition>,
    /// The version of transactions that the client speaks.
    pub(crate) client_version: TransactionVersion,
}

/// An addition that waits until the last transaction is completed.
#[derive(Debug)]
pub(super) struct WaitingAddition {
    addition: Addition,
    to: ReplyTo<Added>,
    /// How long it waits at most.
    until: Instant,
}

impl TransactionShard {
    /// Adds partitions to a transaction, which the first of them begins. While the producer's last transaction is being
    /// completed it waits for that, up to `add.partitions.to.txn.retry.backoff.max.ms`.
    pub(in crate::coordinator) fn add(
        &mut self,
        addition: Addition,
        to: ReplyTo<Added>,
        now: Now,
    ) -> Effects {
        let mut effects = Effects::default();
        let known = self.known(&addition.transactional_id);
        match known.and_then(|known| added(known, &addition, now)) {
            Err(ErrorCode::ConcurrentTransactions) => self.wait(addition, to, now),
            Err(error) => effects.reply(to, Err(error)),
            Ok(next) => {
                if let Some(next) = next {
                    effects.record(self.record(&addition.transactional_id, next));
                }
                effects.reply(to, Ok(()));
            }
        }
        effects
    }

    /// Whether each partition is in a producer's transaction: an outcome for each.
    ///
    /// # Errors
    /// When it is not the producer's.
    pub(in crate::coordinator) fn verify(
        &self,
        transactional_id: &str,
        producer: Transaction,
        partitions: &[TopicPartition],
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        let known = self.known(transactional_id)?;
        known.check_producer(producer)?;
        if known.state.decided().is_some() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let outcome = |partition| match known.partitions.contains(partition) {
            true => ErrorCode::None,
            false => ErrorCode::TransactionAbortable,
        };
        Ok(partitions.iter().map(outcome).collect())
    }

    fn wait(&mut self, addition: Addition, to: ReplyTo<Added>, now: Now) {
        let transactional_id = detached(&addition.transactional_id);
        let until = after(now.instant, self.settings.add_partitions_patience);
        let waiting = &mut self.sessions.entry(transactional_id.clone()).or_default().waiting;
        if waiting.is_empty() {
            // All have the same patience: the first is the first to lose it.
            self.deadlines.schedule(Timer::Additions(transactional_id), until);
        }
        waiting.push(WaitingAddition { addition, to, until });
    }

    /// Answers those who have waited long enough.
    pub(super) fn end_waiting(&mut self, transactional_id: &ByteString, now: Now) -> Effects {
        let mut effects = Effects::default();
        let Some(session) = self.sessions.get_mut(transactional_id) else { return effects };
        let due = session.waiting.iter().take_while(|waiting| waiting.until <= now.instant).count();
        for WaitingAddition { to, .. } in session.waiting.drain(..due) {
            effects.reply(to, Err(ErrorCode::ConcurrentTransactions));
        }
        if let Some(next) = session.waiting.first() {
            self.deadlines.schedule(Timer::Additions(transactional_id.clone()), next.until);
        }
        effects
    }
}

/// The metadata with further partitions; `None` when they are all there.
fn added(
    known: &TransactionMetadata,
    addition: &Addition,
    now: Now,
) -> Result<Option<TransactionMetadata>, ErrorCode> {
    // Before it is looked who asks: the producer id may be the next one already.
    if known.state.decided().is_some() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    known.check_producer(addition.producer)?;
    let is_there = |partition| known.partitions.contains(partition);
    if known.state == Ongoing && addition.partitions.iter().all(is_there) {
        return Ok(None);
    }
    Ok(Some(known.with_partitions(&addition.partitions, addition.client_version, now.wall)))
}

/// Carries out what has waited for a transaction to be completed; gives what becomes of the transactional id.
pub(super) fn settle_waiting(
    mut current: TransactionMetadata,
    waiting: Vec<WaitingAddition>,
    now: Now,
    effects: &mut Effects,
) -> Option<TransactionMetadata> {
    let mut has_changed = false;
    for WaitingAddition { addition, to, .. } in waiting {
        let next = added(&current, &addition, now);
        effects.reply(to, next.as_ref().map(|_| ()).map_err(|error| *error));
        if let Ok(Some(next)) = next {
            current = next;
            has_changed = true;
        }
    }
    has_changed.then_some(current)
}
