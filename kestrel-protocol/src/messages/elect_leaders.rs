//! ElectLeaders: asks for elections of leaders: of the preferred ones, or of any that is there (KIP-460).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for elections of leaders: of the preferred ones, or of any that is there (KIP-460).
    ElectLeadersRequest(versions: 0..=2, flexible: 2..) {
        election_type: i8 => 1..;
        topic_partitions: Option<Vec<TopicPartitions>>;
        timeout_ms: i32, default 60000;
    }
    /// An entry of [`ElectLeadersRequest::topic_partitions`].
    TopicPartitions {
        topic: ByteString;
        partitions: Vec<i32>;
    }
}

message! {
    /// Which elections were held.
    ElectLeadersResponse(versions: 0..=2, flexible: 2..) {
        throttle_time_ms: i32;
        error_code: ErrorCode => 1..;
        replica_election_results: Vec<ReplicaElectionResult>;
    }
    /// An entry of [`ElectLeadersResponse::replica_election_results`].
    ReplicaElectionResult {
        topic: ByteString;
        partition_result: Vec<PartitionResult>;
    }
    /// An entry of [`ReplicaElectionResult::partition_result`].
    PartitionResult {
        partition_id: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
