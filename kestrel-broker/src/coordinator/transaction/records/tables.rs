//! The key and value of `__transaction_state` as tables, in our own notation.
//!
//! Expanded by [`kestrel_protocol::message!`]; gathered in [`TransactionRecord`](super::TransactionRecord).

use bytestring::ByteString;
use kestrel_protocol::{ProducerEpoch, ProducerId, message};

message! {
    /// The key of a transactional id.
    TransactionLogKey(versions: 0..=0) {
        transactional_id: ByteString;
    }
}

message! {
    /// What is kept of a transactional id (the tagged fields: KIP-890).
    TransactionLogValue(versions: 0..=1, flexible: 1..) {
        producer_id: ProducerId;
        previous_producer_id: ProducerId => 1.., tag 0, default ProducerId::NONE;
        next_producer_id: ProducerId => 1.., tag 1, default ProducerId::NONE;
        producer_epoch: ProducerEpoch;
        next_producer_epoch: ProducerEpoch => 1.., tag 3, default ProducerEpoch::NONE;
        transaction_timeout_ms: i32;
        transaction_status: i8;
        transaction_partitions: Option<Vec<PartitionsOfTopic>>;
        transaction_last_update_timestamp_ms: i64;
        transaction_start_timestamp_ms: i64;
        client_transaction_version: i16 => 1.., tag 2;
    }
    /// The partitions of one topic in a transaction.
    PartitionsOfTopic {
        topic: ByteString;
        partition_ids: Vec<i32>;
    }
}
