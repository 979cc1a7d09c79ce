//! OffsetCommit: stores the positions of a group.

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, Uuid};

message! {
    /// Stores the positions of a group.
    OffsetCommitRequest(versions: 2..=10, flexible: 8..) {
        group_id: ByteString;
        generation_id_or_member_epoch: i32, default -1;
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 7..;
        retention_time_ms: i64 => 2..=4, default -1;
        topics: Vec<OffsetCommitRequestTopic>;
    }
    /// An entry of [`OffsetCommitRequest::topics`].
    OffsetCommitRequestTopic {
        name: ByteString => 2..=9;
        topic_id: Uuid => 10..;
        partitions: Vec<OffsetCommitRequestPartition>;
    }
    /// An entry of [`OffsetCommitRequestTopic::partitions`].
    OffsetCommitRequestPartition {
        partition_index: i32;
        committed_offset: i64;
        committed_leader_epoch: LeaderEpoch => 6.., default LeaderEpoch::NONE;
        committed_metadata: Option<ByteString>;
    }
}

message! {
    /// The outcome for each partition.
    OffsetCommitResponse(versions: 2..=10, flexible: 8..) {
        throttle_time_ms: i32 => 3..;
        topics: Vec<OffsetCommitResponseTopic>;
    }
    /// An entry of [`OffsetCommitResponse::topics`].
    OffsetCommitResponseTopic {
        name: ByteString => 2..=9;
        topic_id: Uuid => 10..;
        partitions: Vec<OffsetCommitResponsePartition>;
    }
    /// An entry of [`OffsetCommitResponseTopic::partitions`].
    OffsetCommitResponsePartition {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
