//! DescribeTopicPartitions: asks for topics page by page (KIP-966).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, NodeId, Uuid};

message! {
    /// Asks for topics page by page (KIP-966).
    DescribeTopicPartitionsRequest(versions: 0..=0, flexible: 0..) {
        topics: Vec<TopicRequest>;
        response_partition_limit: i32, default 2000;
        cursor: Option<Cursor>;
    }
    /// An entry of [`DescribeTopicPartitionsRequest::topics`].
    TopicRequest {
        name: ByteString;
    }
    /// The value of [`DescribeTopicPartitionsRequest::cursor`].
    Cursor {
        topic_name: ByteString;
        partition_index: i32;
    }
}

message! {
    /// A page of topics, and the cursor of the next page.
    DescribeTopicPartitionsResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        topics: Vec<DescribeTopicPartitionsResponseTopic>;
        next_cursor: Option<Cursor>;
    }
    /// An entry of [`DescribeTopicPartitionsResponse::topics`].
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode;
        name: Option<ByteString>;
        topic_id: Uuid;
        is_internal: bool;
        partitions: Vec<DescribeTopicPartitionsResponsePartition>;
        topic_authorized_operations: i32, default i32::MIN;
    }
    /// An entry of [`DescribeTopicPartitionsResponseTopic::partitions`].
    DescribeTopicPartitionsResponsePartition {
        error_code: ErrorCode;
        partition_index: i32;
        leader_id: NodeId;
        leader_epoch: LeaderEpoch, default LeaderEpoch::NONE;
        replica_nodes: Vec<NodeId>;
        isr_nodes: Vec<NodeId>;
        eligible_leader_replicas: Option<Vec<NodeId>>;
        last_known_elr: Option<Vec<NodeId>>;
        offline_replicas: Vec<NodeId>;
    }
}
