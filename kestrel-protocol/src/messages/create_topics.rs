//! CreateTopics: creates topics (KIP-4).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{NodeId, Uuid};

message! {
    /// Creates topics (KIP-4).
    CreateTopicsRequest(versions: 2..=7, flexible: 5..) {
        topics: Vec<CreatableTopic>;
        timeout_ms: i32, default 60000;
        validate_only: bool;
    }
    /// An entry of [`CreateTopicsRequest::topics`].
    CreatableTopic {
        name: ByteString;
        num_partitions: i32;
        replication_factor: i16;
        assignments: Vec<CreatableReplicaAssignment>;
        configs: Vec<CreatableTopicConfig>;
    }
    /// An entry of [`CreatableTopic::assignments`].
    CreatableReplicaAssignment {
        partition_index: i32;
        broker_ids: Vec<NodeId>;
    }
    /// An entry of [`CreatableTopic::configs`].
    CreatableTopicConfig {
        name: ByteString;
        value: Option<ByteString>;
    }
}

message! {
    /// The outcome for each topic, with its configuration from version 5 (KIP-525).
    CreateTopicsResponse(versions: 2..=7, flexible: 5..) {
        throttle_time_ms: i32;
        topics: Vec<CreatableTopicResult>;
    }
    /// An entry of [`CreateTopicsResponse::topics`].
    CreatableTopicResult {
        name: ByteString;
        topic_id: Uuid => 7..;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        topic_config_error_code: i16 => 5.., tag 0;
        num_partitions: i32 => 5.., default -1;
        replication_factor: i16 => 5.., default -1;
        configs: Option<Vec<CreatableTopicConfigs>> => 5..;
    }
    /// An entry of [`CreatableTopicResult::configs`].
    CreatableTopicConfigs {
        name: ByteString;
        value: Option<ByteString>;
        read_only: bool;
        config_source: i8, default -1;
        is_sensitive: bool;
    }
}
