//! InitProducerId: asks for a producer id and epoch (KIP-98, KIP-360).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::{ProducerEpoch, ProducerId};

message! {
    /// Asks for a producer id and epoch (KIP-98, KIP-360).
    InitProducerIdRequest(versions: 0..=5, flexible: 2..) {
        transactional_id: Option<ByteString>;
        transaction_timeout_ms: i32;
        producer_id: ProducerId => 3.., default ProducerId::NONE;
        producer_epoch: ProducerEpoch => 3.., default ProducerEpoch::NONE;
    }
}

message! {
    /// The producer id and epoch.
    InitProducerIdResponse(versions: 0..=5, flexible: 2..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        producer_id: ProducerId, default ProducerId::NONE;
        producer_epoch: ProducerEpoch;
    }
}
