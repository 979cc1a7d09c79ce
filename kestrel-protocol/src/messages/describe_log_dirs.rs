//! DescribeLogDirs: asks for the folders of a broker and the sizes of partitions in them (KIP-113; free space, KIP-827).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for the folders of a broker and the sizes of partitions in them (KIP-113; free space, KIP-827).
    DescribeLogDirsRequest(versions: 1..=5, flexible: 2..) {
        topics: Option<Vec<DescribableLogDirTopic>>;
    }
    /// An entry of [`DescribeLogDirsRequest::topics`].
    DescribableLogDirTopic {
        topic: ByteString;
        partitions: Vec<i32>;
    }
}

message! {
    /// The folders, and what is in them.
    DescribeLogDirsResponse(versions: 1..=5, flexible: 2..) {
        throttle_time_ms: i32;
        error_code: ErrorCode => 3..;
        results: Vec<DescribeLogDirsResult>;
    }
    /// An entry of [`DescribeLogDirsResponse::results`].
    DescribeLogDirsResult {
        error_code: ErrorCode;
        log_dir: ByteString;
        topics: Vec<DescribeLogDirsTopic>;
        total_bytes: i64 => 4.., default -1;
        usable_bytes: i64 => 4.., default -1;
        is_cordoned: bool => 5..;
    }
    /// An entry of [`DescribeLogDirsResult::topics`].
    DescribeLogDirsTopic {
        name: ByteString;
        partitions: Vec<DescribeLogDirsPartition>;
    }
    /// An entry of [`DescribeLogDirsTopic::partitions`].
    DescribeLogDirsPartition {
        partition_index: i32;
        partition_size: i64;
        offset_lag: i64;
        is_future_key: bool;
    }
}
