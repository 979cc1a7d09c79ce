//! Metadata: asks for brokers, topics and partition leaders.

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{LeaderEpoch, NodeId, Uuid};

message! {
    /// Asks for brokers, topics and partition leaders.
    MetadataRequest(versions: 0..=13, flexible: 9..) {
        topics: Option<Vec<MetadataRequestTopic>>, null 1..;
        allow_auto_topic_creation: bool => 4.., default true;
        include_cluster_authorized_operations: bool => 8..=10;
        include_topic_authorized_operations: bool => 8..;
    }
    /// An entry of [`MetadataRequest::topics`].
    MetadataRequestTopic {
        topic_id: Uuid => 10..;
        name: Option<ByteString>, null 10..;
    }
}

message! {
    /// The cluster as the answering broker sees it.
    MetadataResponse(versions: 0..=13, flexible: 9..) {
        throttle_time_ms: i32 => 3..;
        brokers: Vec<MetadataResponseBroker>;
        cluster_id: Option<ByteString> => 2..;
        controller_id: NodeId => 1.., default NodeId::NONE;
        topics: Vec<MetadataResponseTopic>;
        cluster_authorized_operations: i32 => 8..=10, default i32::MIN;
        error_code: ErrorCode => 13..;
    }
    /// An entry of [`MetadataResponse::brokers`].
    MetadataResponseBroker {
        node_id: NodeId;
        host: ByteString;
        port: i32;
        rack: Option<ByteString> => 1..;
    }
    /// An entry of [`MetadataResponse::topics`].
    MetadataResponseTopic {
        error_code: ErrorCode;
        name: Option<ByteString>, null 12..;
        topic_id: Uuid => 10..;
        is_internal: bool => 1..;
        partitions: Vec<MetadataResponsePartition>;
        topic_authorized_operations: i32 => 8.., default i32::MIN;
    }
    /// An entry of [`MetadataResponseTopic::partitions`].
    MetadataResponsePartition {
        error_code: ErrorCode;
        partition_index: i32;
        leader_id: NodeId;
        leader_epoch: LeaderEpoch => 7.., default LeaderEpoch::NONE;
        replica_nodes: Vec<NodeId>;
        isr_nodes: Vec<NodeId>;
        offline_replicas: Vec<NodeId> => 5..;
    }
}
