//! DescribeTransactions: asks for the state of transactions (KIP-664).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{ProducerEpoch, ProducerId};

message! {
    /// Asks for the state of transactions (KIP-664).
    DescribeTransactionsRequest(versions: 0..=0, flexible: 0..) {
        transactional_ids: Vec<ByteString>;
    }
}

message! {
    /// The state of each transaction.
    DescribeTransactionsResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        transaction_states: Vec<TransactionState>;
    }
    /// An entry of [`DescribeTransactionsResponse::transaction_states`].
    TransactionState {
        error_code: ErrorCode;
        transactional_id: ByteString;
        transaction_state: ByteString;
        transaction_timeout_ms: i32;
        transaction_start_time_ms: i64;
        producer_id: ProducerId;
        producer_epoch: ProducerEpoch;
        topics: Vec<TopicData>;
    }
    /// An entry of [`TransactionState::topics`].
    TopicData {
        topic: ByteString;
        partitions: Vec<i32>;
    }
}
