//! EndTxn, and what else ends transactions: fencing and time (KIP-98; an epoch for each transaction, KIP-890). Part of the machine.

use bytestring::ByteString;
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId, Timestamp};

use super::metadata::{Decision, TransactionMetadata, bumped};
use super::state::TransactionState::{CompleteAbort, CompleteCommit, Empty, Ongoing};
use super::{Effects, Handled, Refused, TransactionShard, spare};
use crate::cluster::TransactionVersion;
use crate::coordinator::runtime::Now;
use crate::log::Transaction;

/// What EndTxn says.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) transactional_id: ByteString,
    pub(crate) producer: Transaction,
    pub(crate) outcome: TransactionOutcome,
    /// The version of transactions that the client speaks.
    pub(crate) client_version: TransactionVersion,
}

/// What is to be done about an EndTxn that is in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The transaction ends.
    End,
    /// It has ended so already: the answer was lost.
    Ended,
}

impl TransactionShard {
    /// Handles EndTxn: the producer of the next transaction. The answer waits until the decision is stored, not for the markers.
    pub(in crate::coordinator) fn end(
        &mut self,
        ending: &Ending,
        spare_id: Option<ProducerId>,
        now: Now,
    ) -> Handled<Result<Transaction, Refused>> {
        match self.decide(ending, spare_id, now) {
            Ok((producer, effects)) => (Ok(producer), effects),
            Err(refused) => (Err(refused), Effects::default()),
        }
    }

    fn decide(
        &mut self,
        ending: &Ending,
        spare_id: Option<ProducerId>,
        now: Now,
    ) -> Result<Handled<Transaction>, Refused> {
        let known = self.known(&ending.transactional_id)?.clone();
        let bumps = ending.client_version.bumps_epochs();
        let verdict = if bumps { verdict_by_epoch(ending, &known) } else { verdict_by_state(ending, &known) };
        if verdict? == Verdict::Ended {
            return Ok((known.producer, Effects::default()));
        }
        let prepared = if bumps {
            self.prepare(&known, &ending.transactional_id, ending.outcome, spare_id, now.wall)?
        } else {
            let (outcome, producer) = (ending.outcome, known.producer);
            known.prepared(of_first_version(outcome, producer), now.wall)
        };
        Ok((prepared.next_producer(), self.enter_prepared(&ending.transactional_id, &prepared, now)))
    }

    /// Ends a transaction with an epoch of its own for the markers: what its producer still writes comes too late.
    fn prepare(
        &mut self,
        known: &TransactionMetadata,
        transactional_id: &ByteString,
        outcome: TransactionOutcome,
        spare_id: Option<ProducerId>,
        now: Timestamp,
    ) -> Result<TransactionMetadata, Refused> {
        let next_producer_id = if known.is_exhausted() { spare(spare_id)? } else { ProducerId::NONE };
        let Transaction { producer_id, producer_epoch } = known.producer;
        self.session(transactional_id).last_epoch = producer_epoch;
        let producer = Transaction { producer_id, producer_epoch: bumped(producer_epoch) };
        let client_version = TransactionVersion::V2;
        Ok(known.prepared(Decision { outcome, producer, next_producer_id, client_version }, now))
    }

    /// Aborts a transaction whose producer may not go on: another one has come, or it has taken too long.
    ///
    /// # Errors
    /// [`Refused::NoSpareProducerId`] when its epochs have run out.
    pub(super) fn fence(
        &mut self,
        transactional_id: &ByteString,
        ongoing: &TransactionMetadata,
        spare_id: Option<ProducerId>,
        now: Now,
    ) -> Result<Effects, Refused> {
        let outcome = TransactionOutcome::Abort;
        let prepared = if self.version.get().bumps_epochs() {
            self.prepare(ongoing, transactional_id, outcome, spare_id, now.wall)?
        } else {
            let Transaction { producer_id, producer_epoch } = ongoing.producer;
            // Nobody is given this epoch, nor may anybody ask with the one before.
            self.session(transactional_id).last_epoch = ProducerEpoch::NONE;
            let producer = Transaction { producer_id, producer_epoch: bumped(producer_epoch) };
            ongoing.prepared(of_first_version(outcome, producer), now.wall)
        };
        Ok(self.enter_prepared(transactional_id, &prepared, now))
    }
}

/// How a transaction ends whose producer keeps its epoch.
const fn of_first_version(outcome: TransactionOutcome, producer: Transaction) -> Decision {
    let (next_producer_id, client_version) = (ProducerId::NONE, TransactionVersion::V0);
    Decision { outcome, producer, next_producer_id, client_version }
}

/// Judges an EndTxn by the state alone: one that comes again is not told from the next one.
fn verdict_by_state(ending: &Ending, known: &TransactionMetadata) -> Result<Verdict, ErrorCode> {
    known.check_producer(ending.producer)?;
    match (known.state, ending.outcome) {
        (state, _) if state.decided().is_some() => Err(ErrorCode::ConcurrentTransactions),
        (Ongoing, _) => Ok(Verdict::End),
        (CompleteCommit, TransactionOutcome::Commit) | (CompleteAbort, TransactionOutcome::Abort) => {
            Ok(Verdict::Ended)
        }
        _ => Err(ErrorCode::InvalidTxnState),
    }
}

/// Judges an EndTxn by its epoch (KIP-890): that of the transaction, or of the one before, whose answer was lost.
fn verdict_by_epoch(ending: &Ending, known: &TransactionMetadata) -> Result<Verdict, ErrorCode> {
    if known.state.decided().is_some() {
        return Err(ErrorCode::ConcurrentTransactions);
    }
    let Transaction { producer_id, producer_epoch } = ending.producer;
    let has_run_out = producer_id == known.previous_producer_id
        && producer_epoch.0 == i16::MAX - 1
        && known.producer.producer_epoch == ProducerEpoch(0);
    if known.producer.producer_id != producer_id && !has_run_out {
        return Err(ErrorCode::InvalidProducerIdMapping);
    }
    let is_current = ending.producer == known.producer;
    let was_bumped = known.client_version.bumps_epochs()
        && known.producer.producer_epoch.0.checked_sub(1) == Some(producer_epoch.0);
    let comes_again = matches!(known.state, CompleteCommit | CompleteAbort) && (was_bumped || has_run_out);
    match (known.state, ending.outcome) {
        _ if !is_current && !comes_again => Err(ErrorCode::ProducerFenced),
        (CompleteCommit, TransactionOutcome::Commit) | (CompleteAbort, TransactionOutcome::Abort)
            if comes_again =>
        {
            Ok(Verdict::Ended)
        }
        _ if comes_again => Err(ErrorCode::InvalidTxnState),
        (Ongoing, _) => Ok(Verdict::End),
        // Nothing was added to it: what its producer wrote in vain must come too late all the same.
        (Empty | CompleteCommit | CompleteAbort, TransactionOutcome::Abort) => Ok(Verdict::End),
        _ => Err(ErrorCode::InvalidTxnState),
    }
}
