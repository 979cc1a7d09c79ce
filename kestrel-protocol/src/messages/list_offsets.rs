//! ListOffsets: asks for the offset of a timestamp, or for the first or last one (KIP-79).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, NodeId};

message! {
    /// Asks for the offset of a timestamp, or for the first or last one (KIP-79).
    ListOffsetsRequest(versions: 1..=11, flexible: 6..) {
        replica_id: NodeId;
        isolation_level: i8 => 2..;
        topics: Vec<ListOffsetsTopic>;
        timeout_ms: i32 => 10..;
    }
    /// An entry of [`ListOffsetsRequest::topics`].
    ListOffsetsTopic {
        name: ByteString;
        partitions: Vec<ListOffsetsPartition>;
    }
    /// An entry of [`ListOffsetsTopic::partitions`].
    ListOffsetsPartition {
        partition_index: i32;
        current_leader_epoch: LeaderEpoch => 4.., default LeaderEpoch::NONE;
        timestamp: i64;
    }
}

message! {
    /// The offset and timestamp found in each partition.
    ListOffsetsResponse(versions: 1..=11, flexible: 6..) {
        throttle_time_ms: i32 => 2..;
        topics: Vec<ListOffsetsTopicResponse>;
    }
    /// An entry of [`ListOffsetsResponse::topics`].
    ListOffsetsTopicResponse {
        name: ByteString;
        partitions: Vec<ListOffsetsPartitionResponse>;
    }
    /// An entry of [`ListOffsetsTopicResponse::partitions`].
    ListOffsetsPartitionResponse {
        partition_index: i32;
        error_code: ErrorCode;
        timestamp: i64, default -1;
        offset: i64, default -1;
        leader_epoch: LeaderEpoch => 4.., default LeaderEpoch::NONE;
    }
}
