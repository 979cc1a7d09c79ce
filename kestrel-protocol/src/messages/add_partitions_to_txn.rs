//! AddPartitionsToTxn: adds partitions to transactions, or asks whether they are in them (KIP-98, KIP-890).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{ProducerEpoch, ProducerId};

message! {
    /// Adds partitions to transactions, or asks whether they are in them (KIP-98, KIP-890).
    AddPartitionsToTxnRequest(versions: 0..=5, flexible: 3..) {
        transactions: Vec<AddPartitionsToTxnTransaction> => 4..;
        v3_and_below_transactional_id: ByteString => 0..=3;
        v3_and_below_producer_id: ProducerId => 0..=3;
        v3_and_below_producer_epoch: ProducerEpoch => 0..=3;
        v3_and_below_topics: Vec<AddPartitionsToTxnTopic> => 0..=3;
    }
    /// An entry of [`AddPartitionsToTxnRequest::transactions`].
    AddPartitionsToTxnTransaction {
        transactional_id: ByteString;
        producer_id: ProducerId;
        producer_epoch: ProducerEpoch;
        verify_only: bool;
        topics: Vec<AddPartitionsToTxnTopic>;
    }
    /// An entry of [`AddPartitionsToTxnRequest::v3_and_below_topics`].
    AddPartitionsToTxnTopic {
        name: ByteString;
        partitions: Vec<i32>;
    }
}

message! {
    /// Whether each partition is in its transaction.
    AddPartitionsToTxnResponse(versions: 0..=5, flexible: 3..) {
        throttle_time_ms: i32;
        error_code: ErrorCode => 4..;
        results_by_transaction: Vec<AddPartitionsToTxnResult> => 4..;
        results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult> => 0..=3;
    }
    /// An entry of [`AddPartitionsToTxnResponse::results_by_transaction`].
    AddPartitionsToTxnResult {
        transactional_id: ByteString;
        topic_results: Vec<AddPartitionsToTxnTopicResult>;
    }
    /// An entry of [`AddPartitionsToTxnResponse::results_by_topic_v3_and_below`].
    AddPartitionsToTxnTopicResult {
        name: ByteString;
        results_by_partition: Vec<AddPartitionsToTxnPartitionResult>;
    }
    /// An entry of [`AddPartitionsToTxnTopicResult::results_by_partition`].
    AddPartitionsToTxnPartitionResult {
        partition_index: i32;
        partition_error_code: ErrorCode;
    }
}
