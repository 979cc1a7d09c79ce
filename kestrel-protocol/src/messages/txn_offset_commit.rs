//! TxnOffsetCommit: stores the positions of a group as part of a transaction (KIP-98, KIP-447).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, ProducerEpoch, ProducerId};

message! {
    /// Stores the positions of a group as part of a transaction (KIP-98, KIP-447).
    TxnOffsetCommitRequest(versions: 0..=5, flexible: 3..) {
        transactional_id: ByteString;
        group_id: ByteString;
        producer_id: ProducerId;
        producer_epoch: ProducerEpoch;
        generation_id: i32 => 3.., default -1;
        member_id: ByteString => 3..;
        group_instance_id: Option<ByteString> => 3..;
        topics: Vec<TxnOffsetCommitRequestTopic>;
    }
    /// An entry of [`TxnOffsetCommitRequest::topics`].
    TxnOffsetCommitRequestTopic {
        name: ByteString;
        partitions: Vec<TxnOffsetCommitRequestPartition>;
    }
    /// An entry of [`TxnOffsetCommitRequestTopic::partitions`].
    TxnOffsetCommitRequestPartition {
        partition_index: i32;
        committed_offset: i64;
        committed_leader_epoch: LeaderEpoch => 2.., default LeaderEpoch::NONE;
        committed_metadata: Option<ByteString>;
    }
}

message! {
    /// Whether the position of each partition was stored.
    TxnOffsetCommitResponse(versions: 0..=5, flexible: 3..) {
        throttle_time_ms: i32;
        topics: Vec<TxnOffsetCommitResponseTopic>;
    }
    /// An entry of [`TxnOffsetCommitResponse::topics`].
    TxnOffsetCommitResponseTopic {
        name: ByteString;
        partitions: Vec<TxnOffsetCommitResponsePartition>;
    }
    /// An entry of [`TxnOffsetCommitResponseTopic::partitions`].
    TxnOffsetCommitResponsePartition {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
