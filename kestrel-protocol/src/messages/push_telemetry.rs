//! PushTelemetry: carries the metrics of a client to the broker, in OpenTelemetry's encoding (KIP-714).

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::message;
use crate::types::Uuid;

message! {
    /// Carries the metrics of a client to the broker, in OpenTelemetry's encoding (KIP-714).
    PushTelemetryRequest(versions: 0..=0, flexible: 0..) {
        client_instance_id: Uuid;
        subscription_id: i32;
        terminating: bool;
        compression_type: i8;
        metrics: Bytes;
    }
}

message! {
    /// Whether the broker took them.
    PushTelemetryResponse(versions: 0..=0, flexible: 0..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
    }
}
