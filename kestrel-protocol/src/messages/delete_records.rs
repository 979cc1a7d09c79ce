//! DeleteRecords: moves the log start of partitions (KIP-107).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Moves the log start of partitions (KIP-107).
    DeleteRecordsRequest(versions: 0..=2, flexible: 2..) {
        topics: Vec<DeleteRecordsTopic>;
        timeout_ms: i32;
    }
    /// An entry of [`DeleteRecordsRequest::topics`].
    DeleteRecordsTopic {
        name: ByteString;
        partitions: Vec<DeleteRecordsPartition>;
    }
    /// An entry of [`DeleteRecordsTopic::partitions`].
    DeleteRecordsPartition {
        partition_index: i32;
        offset: i64;
    }
}

message! {
    /// The new log start of each partition.
    DeleteRecordsResponse(versions: 0..=2, flexible: 2..) {
        throttle_time_ms: i32;
        topics: Vec<DeleteRecordsTopicResult>;
    }
    /// An entry of [`DeleteRecordsResponse::topics`].
    DeleteRecordsTopicResult {
        name: ByteString;
        partitions: Vec<DeleteRecordsPartitionResult>;
    }
    /// An entry of [`DeleteRecordsTopicResult::partitions`].
    DeleteRecordsPartitionResult {
        partition_index: i32;
        low_watermark: i64;
        error_code: ErrorCode;
    }
}
