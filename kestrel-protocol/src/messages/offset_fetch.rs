//! OffsetFetch: asks for the stored positions of groups.

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, Uuid};

message! {
    /// Asks for the stored positions of groups.
    OffsetFetchRequest(versions: 1..=10, flexible: 6..) {
        group_id: ByteString => 1..=7;
        topics: Option<Vec<OffsetFetchRequestTopic>> => 1..=7, null 2..=7;
        groups: Vec<OffsetFetchRequestGroup> => 8..;
        require_stable: bool => 7..;
    }
    /// An entry of [`OffsetFetchRequest::topics`].
    OffsetFetchRequestTopic {
        name: ByteString;
        partition_indexes: Vec<i32>;
    }
    /// An entry of [`OffsetFetchRequest::groups`].
    OffsetFetchRequestGroup {
        group_id: ByteString;
        member_id: Option<ByteString> => 9..;
        member_epoch: i32 => 9.., default -1;
        topics: Option<Vec<OffsetFetchRequestTopics>>;
    }
    /// An entry of [`OffsetFetchRequestGroup::topics`].
    OffsetFetchRequestTopics {
        name: ByteString => 8..=9;
        topic_id: Uuid => 10..;
        partition_indexes: Vec<i32>;
    }
}

message! {
    /// The stored positions, with their metadata strings.
    OffsetFetchResponse(versions: 1..=10, flexible: 6..) {
        throttle_time_ms: i32 => 3..;
        topics: Vec<OffsetFetchResponseTopic> => 1..=7;
        error_code: ErrorCode => 2..=7;
        groups: Vec<OffsetFetchResponseGroup> => 8..;
    }
    /// An entry of [`OffsetFetchResponse::topics`].
    OffsetFetchResponseTopic {
        name: ByteString;
        partitions: Vec<OffsetFetchResponsePartition>;
    }
    /// An entry of [`OffsetFetchResponse::groups`].
    OffsetFetchResponseGroup {
        group_id: ByteString;
        topics: Vec<OffsetFetchResponseTopics>;
        error_code: ErrorCode;
    }
    /// An entry of [`OffsetFetchResponseTopic::partitions`].
    OffsetFetchResponsePartition {
        partition_index: i32;
        committed_offset: i64;
        committed_leader_epoch: LeaderEpoch => 5..=7, default LeaderEpoch::NONE;
        metadata: Option<ByteString>;
        error_code: ErrorCode;
    }
    /// An entry of [`OffsetFetchResponseGroup::topics`].
    OffsetFetchResponseTopics {
        name: ByteString => 8..=9;
        topic_id: Uuid => 10..;
        partitions: Vec<OffsetFetchResponsePartitions>;
    }
    /// An entry of [`OffsetFetchResponseTopics::partitions`].
    OffsetFetchResponsePartitions {
        partition_index: i32;
        committed_offset: i64;
        committed_leader_epoch: LeaderEpoch, default LeaderEpoch::NONE;
        metadata: Option<ByteString>;
        error_code: ErrorCode;
    }
}
