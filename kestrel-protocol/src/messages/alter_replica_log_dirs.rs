//! AlterReplicaLogDirs: asks a broker to move partitions to another of its folders (KIP-113).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks a broker to move partitions to another of its folders (KIP-113).
    AlterReplicaLogDirsRequest(versions: 1..=2, flexible: 2..) {
        dirs: Vec<AlterReplicaLogDir>;
    }
    /// An entry of [`AlterReplicaLogDirsRequest::dirs`].
    AlterReplicaLogDir {
        path: ByteString;
        topics: Vec<AlterReplicaLogDirTopic>;
    }
    /// An entry of [`AlterReplicaLogDir::topics`].
    AlterReplicaLogDirTopic {
        name: ByteString;
        partitions: Vec<i32>;
    }
}

message! {
    /// Which moves have begun.
    AlterReplicaLogDirsResponse(versions: 1..=2, flexible: 2..) {
        throttle_time_ms: i32;
        results: Vec<AlterReplicaLogDirTopicResult>;
    }
    /// An entry of [`AlterReplicaLogDirsResponse::results`].
    AlterReplicaLogDirTopicResult {
        topic_name: ByteString;
        partitions: Vec<AlterReplicaLogDirPartitionResult>;
    }
    /// An entry of [`AlterReplicaLogDirTopicResult::partitions`].
    AlterReplicaLogDirPartitionResult {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
