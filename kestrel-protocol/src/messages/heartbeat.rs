//! Heartbeat: tells the coordinator that a member is alive.

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Tells the coordinator that a member is alive.
    HeartbeatRequest(versions: 0..=4, flexible: 4..) {
        group_id: ByteString;
        generation_id: i32;
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 3..;
    }
}

message! {
    /// Whether the member should rejoin.
    HeartbeatResponse(versions: 0..=4, flexible: 4..) {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode;
    }
}
