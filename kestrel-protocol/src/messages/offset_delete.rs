//! OffsetDelete: forgets stored positions of a group (KIP-496).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Forgets stored positions of a group, for topics that no member is subscribed to (KIP-496).
    OffsetDeleteRequest(versions: 0..=0) {
        group_id: ByteString;
        topics: Vec<OffsetDeleteRequestTopic>;
    }
    /// An entry of [`OffsetDeleteRequest::topics`].
    OffsetDeleteRequestTopic {
        name: ByteString;
        partitions: Vec<OffsetDeleteRequestPartition>;
    }
    /// An entry of [`OffsetDeleteRequestTopic::partitions`].
    OffsetDeleteRequestPartition {
        partition_index: i32;
    }
}

message! {
    /// The outcome for each partition.
    OffsetDeleteResponse(versions: 0..=0) {
        error_code: ErrorCode;
        throttle_time_ms: i32;
        topics: Vec<OffsetDeleteResponseTopic>;
    }
    /// An entry of [`OffsetDeleteResponse::topics`].
    OffsetDeleteResponseTopic {
        name: ByteString;
        partitions: Vec<OffsetDeleteResponsePartition>;
    }
    /// An entry of [`OffsetDeleteResponseTopic::partitions`].
    OffsetDeleteResponsePartition {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
