//! What is asked of a partition for the sake of transactions: verified appends, markers, guards (KIP-98, KIP-890).

use bytes::Bytes;
use kestrel_protocol::Timestamp;
use kestrel_protocol::record::control::EndTransactionMarker;

use super::Partition;
use crate::log::{
    AppendContext, AppendError, AppendOrigin, Appended, Transaction, VerificationGuard, Verifying,
};

impl Partition {
    /// As [`Self::append`], of records that may be the first of a transaction here: with the guard of its verification, which
    /// [`Self::begin_verification`] gave before the coordinator was asked.
    ///
    /// # Errors
    /// As [`Self::append`]; [`AppendError::InvalidTxnState`] in it when a marker came after the guard was given.
    pub(crate) fn append_verified(
        &self,
        records: Bytes,
        origin: AppendOrigin,
        guard: Option<VerificationGuard>,
        now: Timestamp,
    ) -> Result<Appended, AppendError> {
        let context = AppendContext { leader_epoch: self.leader_epoch(), now, origin, guard };
        let size_bytes = records.len();
        let appended = self.log.append(records, context);
        self.traffic.appended(size_bytes, &appended);
        let appended = appended?;
        self.advance();
        Ok(appended)
    }

    /// Appends the marker that ends a transaction (KIP-98), whether or not the transaction has records here: it also raises the
    /// producer's epoch.
    ///
    /// # Errors
    /// `INVALID_PRODUCER_EPOCH` for a marker that comes late: with transactions of version 2 (KIP-890) any whose epoch was there
    /// before, unless the transaction has ended; with version 1 one below the producer's epoch.
    /// `TRANSACTION_COORDINATOR_FENCED` when a newer coordinator has written here. Otherwise as [`Self::append`].
    pub(crate) fn append_marker(
        &self,
        transaction: Transaction,
        marker: EndTransactionMarker,
        transaction_version: i16,
        now: Timestamp,
    ) -> Result<Appended, AppendError> {
        let (leader_epoch, origin) = (self.leader_epoch(), AppendOrigin::Coordinator);
        let context = AppendContext { leader_epoch, now, origin, guard: None };
        let appended = self.log.append_marker(transaction, marker, transaction_version, context)?;
        self.advance();
        Ok(appended)
    }

    /// Whether records that a coordinator writes for a transaction may be appended, whose verification this guard is of.
    ///
    /// # Errors
    /// [`AppendError::InvalidProducerEpoch`]; [`AppendError::InvalidTxnState`] when no verification is under way and the
    /// transaction is not open here.
    pub(crate) fn check_transaction(
        &self,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
    ) -> Result<(), AppendError> {
        self.log.check_transaction(transaction, guard)
    }

    /// Whether the producer's transaction of this epoch has records here and has not ended: then its coordinator knows of them.
    #[cfg(test)]
    pub(crate) fn has_open_transaction(&self, transaction: Transaction) -> bool {
        self.log.has_open_transaction(transaction)
    }

    /// Begins to verify that a transaction has this partition, before its coordinator is asked: the first batch is appended with
    /// the guard, by [`Self::append_verified`]. None when the transaction is open here already: nobody needs to be asked.
    pub(crate) fn begin_verification(&self, asked: Verifying, now: Timestamp) -> Option<VerificationGuard> {
        self.log.begin_verification(asked, now)
    }

    /// Ends a verification that the coordinator has refused for good.
    pub(crate) fn refuse_verification(&self, transaction: Transaction, guard: VerificationGuard) {
        self.log.refuse_verification(transaction, guard);
    }
}
