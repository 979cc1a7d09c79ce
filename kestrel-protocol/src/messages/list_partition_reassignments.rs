//! ListPartitionReassignments: asks which partitions are being moved to other brokers (KIP-455).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::NodeId;

message! {
    /// Asks which partitions are being moved to other brokers (KIP-455).
    ListPartitionReassignmentsRequest(versions: 0..=0, flexible: 0..) {
        timeout_ms: i32, default 60000;
        topics: Option<Vec<ListPartitionReassignmentsTopics>>;
    }
    /// An entry of [`ListPartitionReassignmentsRequest::topics`].
    ListPartitionReassignmentsTopics {
        name: ByteString;
        partition_indexes: Vec<i32>;
    }
}

message! {
    /// The moves that are under way.
    ListPartitionReassignmentsResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        topics: Vec<OngoingTopicReassignment>;
    }
    /// An entry of [`ListPartitionReassignmentsResponse::topics`].
    OngoingTopicReassignment {
        name: ByteString;
        partitions: Vec<OngoingPartitionReassignment>;
    }
    /// An entry of [`OngoingTopicReassignment::partitions`].
    OngoingPartitionReassignment {
        partition_index: i32;
        replicas: Vec<NodeId>;
        adding_replicas: Vec<NodeId>;
        removing_replicas: Vec<NodeId>;
    }
}
