//! DescribeQuorum: asks how far voters and observers of the metadata quorum are (KIP-595; endpoints, KIP-853).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, NodeId, Uuid};

message! {
    /// Asks how far voters and observers of the metadata quorum are (KIP-595; endpoints, KIP-853).
    DescribeQuorumRequest(versions: 0..=2, flexible: 0..) {
        topics: Vec<TopicData>;
    }
    /// An entry of [`DescribeQuorumRequest::topics`].
    TopicData {
        topic_name: ByteString;
        partitions: Vec<PartitionData>;
    }
    /// An entry of [`TopicData::partitions`].
    PartitionData {
        partition_index: i32;
    }
}

message! {
    /// The leader of the quorum, its voters and its observers.
    DescribeQuorumResponse(versions: 0..=2, flexible: 0..) {
        error_code: ErrorCode;
        error_message: Option<ByteString> => 2..;
        topics: Vec<ResponseTopicData>;
        nodes: Vec<Node> => 2..;
    }
    /// An entry of [`DescribeQuorumResponse::topics`].
    ResponseTopicData {
        topic_name: ByteString;
        partitions: Vec<ResponsePartitionData>;
    }
    /// An entry of [`DescribeQuorumResponse::nodes`].
    Node {
        node_id: NodeId;
        listeners: Vec<Listener>;
    }
    /// An entry of [`ResponseTopicData::partitions`].
    ResponsePartitionData {
        partition_index: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString> => 2..;
        leader_id: NodeId;
        leader_epoch: LeaderEpoch;
        high_watermark: i64;
        current_voters: Vec<ReplicaState>;
        observers: Vec<ReplicaState>;
    }
    /// An entry of [`Node::listeners`].
    Listener {
        name: ByteString;
        host: ByteString;
        port: u16;
    }
    /// An entry of [`ResponsePartitionData::current_voters`].
    ReplicaState {
        replica_id: NodeId;
        replica_directory_id: Uuid => 2..;
        log_end_offset: i64;
        last_fetch_timestamp: i64 => 1.., default -1;
        last_caught_up_timestamp: i64 => 1.., default -1;
    }
}
