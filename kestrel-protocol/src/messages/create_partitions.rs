//! CreatePartitions: adds partitions to topics (KIP-195).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::NodeId;

message! {
    /// Adds partitions to topics (KIP-195).
    CreatePartitionsRequest(versions: 0..=3, flexible: 2..) {
        topics: Vec<CreatePartitionsTopic>;
        timeout_ms: i32;
        validate_only: bool;
    }
    /// An entry of [`CreatePartitionsRequest::topics`].
    CreatePartitionsTopic {
        name: ByteString;
        count: i32;
        assignments: Option<Vec<CreatePartitionsAssignment>>;
    }
    /// An entry of [`CreatePartitionsTopic::assignments`].
    CreatePartitionsAssignment {
        broker_ids: Vec<NodeId>;
    }
}

message! {
    /// The outcome for each topic.
    CreatePartitionsResponse(versions: 0..=3, flexible: 2..) {
        throttle_time_ms: i32;
        results: Vec<CreatePartitionsTopicResult>;
    }
    /// An entry of [`CreatePartitionsResponse::results`].
    CreatePartitionsTopicResult {
        name: ByteString;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
