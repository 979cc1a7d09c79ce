//! What is asked of a log for the sake of transactions: markers, guards, and which are open (KIP-98, KIP-890).

#[cfg(test)]
use kestrel_protocol::ProducerId;
use kestrel_protocol::Timestamp;
use kestrel_protocol::record::control::{ControlPlace, EndTransactionMarker, end_transaction_batch};

use super::Log;
use crate::log::append::{AppendContext, Appended, Transaction};
use crate::log::error::AppendError;
use crate::log::producer_state::{VerificationGuard, Verifying};
use crate::log::validator;

impl Log {
    /// Appends the marker that ends a transaction (KIP-98), whether or not the transaction has records here.
    ///
    /// # Errors
    /// [`AppendError::InvalidProducerEpoch`] and [`AppendError::TransactionCoordinatorFenced`] for one that comes late, by the
    /// rules of this version of transactions; or [`AppendError::Log`]. Then nothing was appended.
    pub(crate) fn append_marker(
        &self,
        transaction: Transaction,
        marker: EndTransactionMarker,
        transaction_version: i16,
        context: AppendContext,
    ) -> Result<Appended, AppendError> {
        let config = self.config();
        let Transaction { producer_id, producer_epoch } = transaction;
        let (leader_epoch, timestamp) = (context.leader_epoch, context.now.as_millis());
        let place = ControlPlace { base_offset: 0, leader_epoch, timestamp };
        let batch = end_transaction_batch(place, producer_id, producer_epoch, marker);
        let batch = validator::stamp_append_time(batch, &config, context.now);
        let writer = self.lock_writer()?;
        writer.producers.check_marker(transaction, marker.coordinator_epoch, transaction_version)?;
        self.append_at_end(writer, &[batch], &config, context)
    }

    /// Whether a coordinator's records of a transaction may be appended.
    ///
    /// # Errors
    /// [`AppendError::InvalidProducerEpoch`]; [`AppendError::InvalidTxnState`] for the first ones without their guard.
    pub(crate) fn check_transaction(
        &self,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
    ) -> Result<(), AppendError> {
        self.writer.lock().producers.check_transaction(transaction, guard)
    }

    /// Whether the producer's transaction of this epoch has records here and has not ended.
    #[cfg(test)]
    pub(crate) fn has_open_transaction(&self, transaction: Transaction) -> bool {
        self.writer.lock().producers.has_open_transaction(transaction)
    }

    /// Begins the verification of a transaction, which ends with its first batch or with a marker; none when the transaction is
    /// open here already.
    pub(crate) fn begin_verification(&self, asked: Verifying, now: Timestamp) -> Option<VerificationGuard> {
        self.writer.lock().producers.begin_verification(asked, now)
    }

    /// Ends a verification that the coordinator has refused for good.
    pub(crate) fn refuse_verification(&self, transaction: Transaction, guard: VerificationGuard) {
        self.writer.lock().producers.refuse_verification(transaction, guard);
    }

    /// How many transactions are open.
    pub(crate) fn open_transaction_count(&self) -> usize {
        self.writer.lock().producers.open_transaction_count()
    }

    /// The open transactions: where each began, and whose it is.
    #[cfg(test)]
    pub(in crate::log) fn open_transactions(&self) -> Vec<(i64, ProducerId)> {
        self.writer.lock().producers.open_transactions().collect()
    }
}
