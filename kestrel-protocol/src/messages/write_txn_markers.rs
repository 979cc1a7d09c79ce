//! WriteTxnMarkers: writes the markers that end transactions in partitions (KIP-98).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{ProducerEpoch, ProducerId};

message! {
    /// Writes the markers that end transactions in partitions (KIP-98).
    WriteTxnMarkersRequest(versions: 1..=2, flexible: 1..) {
        markers: Vec<WritableTxnMarker>;
    }
    /// An entry of [`WriteTxnMarkersRequest::markers`].
    WritableTxnMarker {
        producer_id: ProducerId;
        producer_epoch: ProducerEpoch;
        transaction_result: bool;
        topics: Vec<WritableTxnMarkerTopic>;
        coordinator_epoch: i32;
        transaction_version: i8 => 2..;
    }
    /// An entry of [`WritableTxnMarker::topics`].
    WritableTxnMarkerTopic {
        name: ByteString;
        partition_indexes: Vec<i32>;
    }
}

message! {
    /// Whether each marker was written.
    WriteTxnMarkersResponse(versions: 1..=2, flexible: 1..) {
        markers: Vec<WritableTxnMarkerResult>;
    }
    /// An entry of [`WriteTxnMarkersResponse::markers`].
    WritableTxnMarkerResult {
        producer_id: ProducerId;
        topics: Vec<WritableTxnMarkerTopicResult>;
    }
    /// An entry of [`WritableTxnMarkerResult::topics`].
    WritableTxnMarkerTopicResult {
        name: ByteString;
        partitions: Vec<WritableTxnMarkerPartitionResult>;
    }
    /// An entry of [`WritableTxnMarkerTopicResult::partitions`].
    WritableTxnMarkerPartitionResult {
        partition_index: i32;
        error_code: ErrorCode;
    }
}
