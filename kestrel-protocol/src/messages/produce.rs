//! Produce: appends record batches to partitions (KIP-98; topic ids from version 13, KIP-516).

use bytes::Bytes;
use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, NodeId, Uuid};

message! {
    /// Appends record batches to partitions (KIP-98; topic ids from version 13, KIP-516).
    ProduceRequest(versions: 3..=13, flexible: 9..) {
        transactional_id: Option<ByteString>;
        acks: i16;
        timeout_ms: i32;
        topic_data: Vec<TopicProduceData>;
    }
    /// An entry of [`ProduceRequest::topic_data`].
    TopicProduceData {
        name: ByteString => 3..=12;
        topic_id: Uuid => 13..;
        partition_data: Vec<PartitionProduceData>;
    }
    /// An entry of [`TopicProduceData::partition_data`].
    PartitionProduceData {
        index: i32;
        records: Option<Bytes>;
    }
}

message! {
    /// The offset that each batch got, or why it was refused.
    ProduceResponse(versions: 3..=13, flexible: 9..) {
        responses: Vec<TopicProduceResponse>;
        throttle_time_ms: i32;
        node_endpoints: Vec<NodeEndpoint> => 10.., tag 0;
    }
    /// An entry of [`ProduceResponse::responses`].
    TopicProduceResponse {
        name: ByteString => 3..=12;
        topic_id: Uuid => 13..;
        partition_responses: Vec<PartitionProduceResponse>;
    }
    /// An entry of [`ProduceResponse::node_endpoints`].
    NodeEndpoint {
        node_id: NodeId;
        host: ByteString;
        port: i32;
        rack: Option<ByteString>;
    }
    /// An entry of [`TopicProduceResponse::partition_responses`].
    PartitionProduceResponse {
        index: i32;
        error_code: ErrorCode;
        base_offset: i64;
        log_append_time_ms: i64, default -1;
        log_start_offset: i64 => 5.., default -1;
        record_errors: Vec<BatchIndexAndErrorMessage> => 8..;
        error_message: Option<ByteString> => 8..;
        current_leader: LeaderIdAndEpoch => 10.., tag 0;
    }
    /// An entry of [`PartitionProduceResponse::record_errors`].
    BatchIndexAndErrorMessage {
        batch_index: i32;
        batch_index_error_message: Option<ByteString>;
    }
    /// The value of [`PartitionProduceResponse::current_leader`].
    LeaderIdAndEpoch {
        leader_id: NodeId, default NodeId::NONE;
        leader_epoch: LeaderEpoch, default LeaderEpoch::NONE;
    }
}
