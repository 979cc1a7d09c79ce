//! The dispatcher's side of transactions: what of them holds batches back, drops them, and ends with them.

use std::time::Instant;

use super::{Dispatcher, Draw, Retry};
use crate::error::{Error, Result};
use crate::producer::batch::ProducerBatch;
use crate::producer::delivery::Outcome;
use crate::producer::partition_id::PartitionId;
use crate::producer::sequences::Certainty;
use crate::producer::transaction::{
    GroupOffsets, Situation, Standing, TransactionAnswer, TransactionManager, TransactionNews,
    TransactionRequest, TransactionVersion,
};

impl Dispatcher {
    /// Begins a transaction, if none is open or being ended. Gives whether it has.
    pub(crate) fn handle_begin(&mut self, now: Instant) -> bool {
        let has_begun = self.transactions.as_mut().is_some_and(TransactionManager::begin);
        if has_begun {
            self.release_held(now);
        }
        has_begun
    }

    /// The open transaction is to be committed: nothing is sent in it any more.
    pub(crate) fn handle_commit(&mut self) {
        if let Some(transactions) = &mut self.transactions {
            transactions.commit();
        }
    }

    /// The open transaction is to be aborted, if there is one whose commit was not asked for.
    pub(crate) fn handle_abort(&mut self) {
        if let Some(transactions) = &mut self.transactions {
            transactions.abort();
        }
    }

    /// Offsets are to become part of the open transaction.
    pub(crate) fn handle_offsets(&mut self, offsets: GroupOffsets) {
        if let Some(transactions) = &mut self.transactions {
            transactions.send_offsets(offsets);
        }
    }

    /// The version of transactions that a broker has finalized.
    pub(crate) fn handle_finalized(&mut self, version: TransactionVersion) {
        if let Some(transactions) = &mut self.transactions {
            transactions.handle_finalized(version);
        }
    }

    /// A coordinator has answered, or never will.
    pub(crate) fn handle_transaction_answer(&mut self, answer: TransactionAnswer, now: Instant) {
        let has_gap = self.partitions.values().any(|partition| partition.sequences.has_gap());
        let Some(transactions) = &mut self.transactions else { return };
        if has_gap {
            transactions.note_gap();
        }
        match transactions.handle_answer(answer, now) {
            TransactionNews::None => {}
            TransactionNews::Identity(identity) => self.handle_identity(identity, now),
            TransactionNews::Admitted => self.release_held(now),
            TransactionNews::Retry { operation, failures, backoff, error } => {
                // A single failure is what happens when coordinators move and brokers restart.
                if failures > 1 {
                    self.complaints.note(&error, now);
                }
                self.metadata_wanted |= error.code().is_none();
                self.retries.push_back(Retry { operation, partition: None, failures, backoff, error });
            }
            TransactionNews::Failed(error) => self.complaints.note(&error, now),
            TransactionNews::Fatal(error) => self.fail(error),
        }
    }

    /// Drops what the open transaction does not take any more, because it has failed or is aborted.
    pub(crate) fn drop_refused(&mut self, now: Instant, draw: Draw<'_>) {
        let Some(error) = self.transactions.as_ref().and_then(TransactionManager::refusal) else {
            return;
        };
        let busy = self.partitions.iter().filter(|(_, partition)| !partition.is_idle());
        for id in busy.map(|(id, _)| id).collect::<Vec<PartitionId>>() {
            let Some(partition) = self.partitions.get_mut(id) else { continue };
            for batch in partition.take_all(draw) {
                self.refuse(batch, &error);
            }
            self.reschedule(id, now);
        }
    }

    fn refuse(&mut self, batch: ProducerBatch, error: &Error) {
        let certainty = if batch.possibly_written { Certainty::Possible } else { Certainty::Certain };
        self.lose(&batch, certainty);
        self.settle(batch, Outcome::Failed(error.clone()));
    }

    /// The next request to a coordinator.
    pub(crate) fn poll_transaction_request(&mut self, now: Instant) -> Option<TransactionRequest> {
        let situation = Situation {
            identity: self.identity.current(),
            is_flushed: self.is_idle(),
            has_in_flight: self.partitions.values().any(|partition| !partition.in_flight.is_empty()),
        };
        self.transactions.as_mut()?.poll_request(situation, now)
    }

    /// What became of the next call that has sent offsets.
    pub(crate) fn poll_offsets_sent(&mut self) -> Option<Result<()>> {
        self.transactions.as_mut()?.poll_offsets_sent()
    }

    /// How the transactions stand; the producer may have failed besides.
    pub(crate) fn standing(&self) -> Option<Standing<'_>> {
        self.transactions.as_ref().map(|transactions| transactions.standing())
    }

    /// The version of the open transaction; `None` without transactions.
    pub(crate) fn transaction_version(&self) -> Option<TransactionVersion> {
        self.transactions.as_ref().map(TransactionManager::version)
    }

    /// Whether what could be sent again is given up, because its transaction is not committed.
    pub(super) fn refuses_batches(&self) -> bool {
        self.transactions.as_ref().is_some_and(|transactions| transactions.refusal().is_some())
    }

    /// A record of the open transaction is lost.
    pub(super) fn fail_transaction(&mut self, error: &Error) {
        if let Some(transactions) = &mut self.transactions {
            transactions.fail(error);
        }
    }

    /// An error that ends the producer, by its own name.
    pub(super) fn named(&self, error: Error) -> Error {
        match &self.transactions {
            Some(transactions) => transactions.named(error),
            None => error,
        }
    }
}
