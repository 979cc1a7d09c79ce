//! Fetch: reads record batches from partitions (sessions: KIP-227; topic ids from version 13, KIP-516).

use bytes::Bytes;
use bytestring::ByteString;

use crate::error::DecodeError;
use crate::error_code::ErrorCode;
use crate::message;
use crate::messages::{Field, Version};
use crate::types::{LeaderEpoch, NodeId, ProducerId, Uuid};
use crate::wire::{Reader, Writer};

message! {
    /// Reads record batches from partitions (sessions: KIP-227; topic ids from version 13, KIP-516).
    FetchRequest(versions: 4..=18, flexible: 12..) {
        cluster_id: Option<ByteString> => 12.., tag 0;
        replica_id: NodeId => 4..=14, default NodeId::NONE;
        replica_state: ReplicaState => 15.., tag 1;
        max_wait_ms: i32;
        min_bytes: i32;
        max_bytes: i32, default i32::MAX;
        isolation_level: i8;
        session_id: i32 => 7..;
        session_epoch: i32 => 7.., default -1;
        topics: Vec<FetchTopic>;
        forgotten_topics_data: Vec<ForgottenTopic> => 7..;
        rack_id: ByteString => 11..;
    }
    /// The value of [`FetchRequest::replica_state`].
    ReplicaState {
        replica_id: NodeId, default NodeId::NONE;
        replica_epoch: i64, default -1;
    }
    /// An entry of [`FetchRequest::topics`].
    FetchTopic {
        topic: ByteString => 4..=12;
        topic_id: Uuid => 13..;
        partitions: Vec<FetchPartition>;
    }
    /// An entry of [`FetchRequest::forgotten_topics_data`].
    ForgottenTopic {
        topic: ByteString => 7..=12;
        topic_id: Uuid => 13..;
        partitions: Vec<i32>;
    }
    /// An entry of [`FetchTopic::partitions`].
    FetchPartition {
        partition: i32;
        current_leader_epoch: LeaderEpoch => 9.., default LeaderEpoch::NONE;
        fetch_offset: i64;
        last_fetched_epoch: LeaderEpoch => 12.., default LeaderEpoch::NONE;
        log_start_offset: i64 => 5.., default -1;
        partition_max_bytes: i32;
        replica_directory_id: Uuid => 17.., tag 0;
        high_watermark: i64 => 18.., tag 1, default i64::MAX;
    }
}

message! {
    /// The record batches of each partition with its watermarks.
    FetchResponse(versions: 4..=18, flexible: 12..) {
        throttle_time_ms: i32;
        error_code: ErrorCode => 7..;
        session_id: i32 => 7..;
        responses: Vec<FetchableTopicResponse>;
        node_endpoints: Vec<NodeEndpoint> => 16.., tag 0;
    }
    /// An entry of [`FetchResponse::responses`].
    FetchableTopicResponse {
        topic: ByteString => 4..=12;
        topic_id: Uuid => 13..;
        partitions: Vec<PartitionData>;
    }
    /// An entry of [`FetchResponse::node_endpoints`].
    NodeEndpoint {
        node_id: NodeId;
        host: ByteString;
        port: i32;
        rack: Option<ByteString>;
    }
    /// An entry of [`FetchableTopicResponse::partitions`].
    PartitionData {
        partition_index: i32;
        error_code: ErrorCode;
        high_watermark: i64;
        last_stable_offset: i64, default -1;
        log_start_offset: i64 => 5.., default -1;
        diverging_epoch: EpochEndOffset => 12.., tag 0;
        current_leader: LeaderIdAndEpoch => 12.., tag 1;
        snapshot_id: SnapshotId => 12.., tag 2;
        aborted_transactions: Option<Vec<AbortedTransaction>>;
        preferred_read_replica: NodeId => 11.., default NodeId::NONE;
        records: Option<RecordData>;
    }
    /// The value of [`PartitionData::diverging_epoch`].
    EpochEndOffset {
        epoch: LeaderEpoch, default LeaderEpoch::NONE;
        end_offset: i64, default -1;
    }
    /// The value of [`PartitionData::current_leader`].
    LeaderIdAndEpoch {
        leader_id: NodeId, default NodeId::NONE;
        leader_epoch: LeaderEpoch, default LeaderEpoch::NONE;
    }
    /// The value of [`PartitionData::snapshot_id`].
    SnapshotId {
        end_offset: i64, default -1;
        epoch: i32, default -1;
    }
    /// An entry of [`PartitionData::aborted_transactions`].
    AbortedTransaction {
        producer_id: ProducerId;
        first_offset: i64;
    }
}

/// The record batches of one partition in an answer.
///
/// ```
/// use kestrel_protocol::messages::fetch::RecordData;
/// assert_eq!(RecordData::from(bytes::Bytes::from_static(b"...")).len(), RecordData::Elsewhere(3).len());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordData {
    /// In memory, as everything that was decoded.
    Here(Bytes),
    /// So many bytes that leave a gap in the answer: whoever sends it has them, in a file most likely.
    Elsewhere(usize),
}

impl RecordData {
    /// How many bytes they are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::Elsewhere(length) => *length,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, if they are in memory.
    #[must_use]
    pub fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Here(bytes) => Some(bytes),
            Self::Elsewhere(_) => None,
        }
    }
}

impl From<Bytes> for RecordData {
    fn from(bytes: Bytes) -> Self {
        Self::Here(bytes)
    }
}

impl Field for Option<RecordData> {
    fn encode(&self, writer: &mut Writer, version: Version, what: &'static str) {
        match self {
            None => writer.put_bytes(None, version.flexible, what),
            Some(RecordData::Here(bytes)) => writer.put_bytes(Some(bytes), version.flexible, what),
            Some(RecordData::Elsewhere(length)) => writer.put_gap(*length, version.flexible, what),
        }
    }

    fn decode(reader: &mut Reader, version: Version, what: &'static str) -> Result<Self, DecodeError> {
        Ok(reader.get_bytes(version.flexible, what)?.map(RecordData::Here))
    }
}
