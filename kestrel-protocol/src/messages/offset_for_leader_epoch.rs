//! OffsetForLeaderEpoch: asks where a leader epoch ends, to find out whether a log was truncated (KIP-101, KIP-320).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, NodeId};

message! {
    /// Asks where a leader epoch ends, to find out whether a log was truncated (KIP-101, KIP-320).
    OffsetForLeaderEpochRequest(versions: 2..=4, flexible: 4..) {
        replica_id: NodeId => 3.., default NodeId(-2);
        topics: Vec<OffsetForLeaderTopic>;
    }
    /// An entry of [`OffsetForLeaderEpochRequest::topics`].
    OffsetForLeaderTopic {
        topic: ByteString;
        partitions: Vec<OffsetForLeaderPartition>;
    }
    /// An entry of [`OffsetForLeaderTopic::partitions`].
    OffsetForLeaderPartition {
        partition: i32;
        current_leader_epoch: LeaderEpoch, default LeaderEpoch::NONE;
        leader_epoch: LeaderEpoch;
    }
}

message! {
    /// The end offset of the epoch in each partition.
    OffsetForLeaderEpochResponse(versions: 2..=4, flexible: 4..) {
        throttle_time_ms: i32;
        topics: Vec<OffsetForLeaderTopicResult>;
    }
    /// An entry of [`OffsetForLeaderEpochResponse::topics`].
    OffsetForLeaderTopicResult {
        topic: ByteString;
        partitions: Vec<EpochEndOffset>;
    }
    /// An entry of [`OffsetForLeaderTopicResult::partitions`].
    EpochEndOffset {
        error_code: ErrorCode;
        partition: i32;
        leader_epoch: LeaderEpoch, default LeaderEpoch::NONE;
        end_offset: i64, default -1;
    }
}
