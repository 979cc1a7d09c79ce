//! The key and value of `__transaction_state`.

use bytestring::ByteString;

use crate::{ProducerEpoch, ProducerId, message};

message! {
    /// The key of a transactional id.
    TransactionLogKey(versions: 0..=0) {
        /// The transactional id.
        transactional_id: ByteString;
    }
}

message! {
    /// What is kept of a transactional id (the tagged fields: KIP-890).
    TransactionLogValue(versions: 0..=1, flexible: 1..) {
        /// The producer that has the transactional id.
        producer_id: ProducerId;
        /// The producer id before this one.
        previous_producer_id: ProducerId => 1.., tag 0, default ProducerId::NONE;
        /// The producer id that comes next.
        next_producer_id: ProducerId => 1.., tag 1, default ProducerId::NONE;
        /// The producer's epoch.
        producer_epoch: ProducerEpoch;
        /// The epoch of the producer id that comes next.
        next_producer_epoch: ProducerEpoch => 1.., tag 3, default ProducerEpoch::NONE;
        /// How long a transaction may be open, in milliseconds.
        transaction_timeout_ms: i32;
        /// The number of the state.
        transaction_status: i8;
        /// The partitions of the transaction; `None` without one.
        transaction_partitions: Option<Vec<PartitionsOfTopic>>;
        /// When this was written, in milliseconds since 1970.
        transaction_last_update_timestamp_ms: i64;
        /// When the transaction began, in milliseconds since 1970; -1 without one.
        transaction_start_timestamp_ms: i64;
        /// The version of the protocol of transactions that the client speaks.
        client_transaction_version: i16 => 1.., tag 2;
    }
    /// The partitions of one topic in a transaction.
    PartitionsOfTopic {
        /// The topic's name.
        topic: ByteString;
        /// The numbers of the partitions.
        partition_ids: Vec<i32>;
    }
}
