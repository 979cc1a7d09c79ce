//! The transaction coordinator as handlers see it: each request by name, and the topic that transactions are kept in.

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;

use super::runtime::Outcome;
use crate::log::Transaction;

/// The transaction coordinator of a broker.
///
/// What changes a transaction happens while the method is called, in the order of the calls; the future that it gives only
/// waits, and dropping it undoes nothing.
#[derive(Debug)]
pub(crate) struct TransactionCoordinator;

#[expect(clippy::unused_self, reason = "its machine is about to come")]
impl TransactionCoordinator {
    /// Adds partitions to the transaction of a producer, as Produce from version 12 and TxnOffsetCommit from version 5 do
    /// (KIP-890): an outcome for each partition, in their order.
    pub(crate) fn add_partitions(
        &self,
        transactional_id: &ByteString,
        producer: Transaction,
        partitions: &[(ByteString, i32)],
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        let _ = (transactional_id, producer, partitions);
        std::future::ready(Err(ErrorCode::CoordinatorNotAvailable))
    }

    /// Whether each partition is in the transaction of a producer, as earlier versions must have seen to (KIP-890):
    /// `TRANSACTION_ABORTABLE` for one that is not, in the order of the partitions.
    pub(crate) fn verify_partitions(
        &self,
        transactional_id: &ByteString,
        producer: Transaction,
        partitions: &[(ByteString, i32)],
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        let _ = (transactional_id, producer, partitions);
        std::future::ready(Err(ErrorCode::CoordinatorNotAvailable))
    }
}
