//! EndTxn: commits or aborts a transaction (KIP-98).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{ProducerEpoch, ProducerId};

message! {
    /// Commits or aborts a transaction (KIP-98).
    EndTxnRequest(versions: 0..=5, flexible: 3..) {
        transactional_id: ByteString;
        producer_id: ProducerId;
        producer_epoch: ProducerEpoch;
        committed: bool;
    }
}

message! {
    /// Whether the transaction ends; from version 5 with the identity of the next one (KIP-890).
    EndTxnResponse(versions: 0..=5, flexible: 3..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        producer_id: ProducerId => 5.., default ProducerId::NONE;
        producer_epoch: ProducerEpoch => 5.., default ProducerEpoch::NONE;
    }
}
