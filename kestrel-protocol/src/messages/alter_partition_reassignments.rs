//! AlterPartitionReassignments: moves partitions to other brokers, or calls such moves off (KIP-455).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::NodeId;

message! {
    /// Moves partitions to other brokers, or calls such moves off (KIP-455).
    AlterPartitionReassignmentsRequest(versions: 0..=1, flexible: 0..) {
        timeout_ms: i32, default 60000;
        allow_replication_factor_change: bool => 1.., default true;
        topics: Vec<ReassignableTopic>;
    }
    /// An entry of [`AlterPartitionReassignmentsRequest::topics`].
    ReassignableTopic {
        name: ByteString;
        partitions: Vec<ReassignablePartition>;
    }
    /// An entry of [`ReassignableTopic::partitions`].
    ReassignablePartition {
        partition_index: i32;
        replicas: Option<Vec<NodeId>>;
    }
}

message! {
    /// Which moves have begun or were called off.
    AlterPartitionReassignmentsResponse(versions: 0..=1, flexible: 0..) {
        throttle_time_ms: i32;
        allow_replication_factor_change: bool => 1.., default true;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        responses: Vec<ReassignableTopicResponse>;
    }
    /// An entry of [`AlterPartitionReassignmentsResponse::responses`].
    ReassignableTopicResponse {
        name: ByteString;
        partitions: Vec<ReassignablePartitionResponse>;
    }
    /// An entry of [`ReassignableTopicResponse::partitions`].
    ReassignablePartitionResponse {
        partition_index: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
