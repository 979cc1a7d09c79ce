//! AddOffsetsToTxn: adds the offsets of a group to a transaction (KIP-98).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{ProducerEpoch, ProducerId};

message! {
    /// Adds the offsets of a group to a transaction (KIP-98).
    AddOffsetsToTxnRequest(versions: 0..=4, flexible: 3..) {
        transactional_id: ByteString;
        producer_id: ProducerId;
        producer_epoch: ProducerEpoch;
        group_id: ByteString;
    }
}

message! {
    /// Whether the offsets are in the transaction.
    AddOffsetsToTxnResponse(versions: 0..=4, flexible: 3..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
    }
}
