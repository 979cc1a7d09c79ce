//! UnregisterBroker: takes a broker that is gone out of the cluster (KIP-631).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::NodeId;

message! {
    /// Takes a broker that is gone out of the cluster (KIP-631).
    UnregisterBrokerRequest(versions: 0..=0, flexible: 0..) {
        broker_id: NodeId;
    }
}

message! {
    /// Whether the broker is out.
    UnregisterBrokerResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
