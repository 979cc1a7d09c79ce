//! GetTelemetrySubscriptions: asks which client metrics the broker wants (KIP-714).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::Uuid;

message! {
    /// Asks which client metrics the broker wants (KIP-714).
    GetTelemetrySubscriptionsRequest(versions: 0..=0, flexible: 0..) {
        client_instance_id: Uuid;
    }
}

message! {
    /// The metrics wanted and how often.
    GetTelemetrySubscriptionsResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        client_instance_id: Uuid;
        subscription_id: i32;
        accepted_compression_types: Vec<i8>;
        push_interval_ms: i32;
        telemetry_max_bytes: i32;
        delta_temporality: bool;
        requested_metrics: Vec<ByteString>;
    }
}
