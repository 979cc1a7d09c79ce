//! DescribeProducers: asks for the producers that write to partitions (KIP-664).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::ProducerId;

message! {
    /// Asks for the producers that write to partitions (KIP-664).
    DescribeProducersRequest(versions: 0..=0, flexible: 0..) {
        topics: Vec<TopicRequest>;
    }
    /// An entry of [`DescribeProducersRequest::topics`].
    TopicRequest {
        name: ByteString;
        partition_indexes: Vec<i32>;
    }
}

message! {
    /// The producers of each partition.
    DescribeProducersResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        topics: Vec<TopicResponse>;
    }
    /// An entry of [`DescribeProducersResponse::topics`].
    TopicResponse {
        name: ByteString;
        partitions: Vec<PartitionResponse>;
    }
    /// An entry of [`TopicResponse::partitions`].
    PartitionResponse {
        partition_index: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        active_producers: Vec<ProducerState>;
    }
    /// An entry of [`PartitionResponse::active_producers`].
    ProducerState {
        producer_id: ProducerId;
        producer_epoch: i32;
        last_sequence: i32, default -1;
        last_timestamp: i64, default -1;
        coordinator_epoch: i32;
        current_txn_start_offset: i64, default -1;
    }
}
