//! SyncGroup: distributes the leader's assignment in a classic group.

use bytes::Bytes;
use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Distributes the leader's assignment in a classic group.
    SyncGroupRequest(versions: 0..=5, flexible: 4..) {
        group_id: ByteString;
        generation_id: i32;
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 3..;
        protocol_type: Option<ByteString> => 5..;
        protocol_name: Option<ByteString> => 5..;
        assignments: Vec<SyncGroupRequestAssignment>;
    }
    /// An entry of [`SyncGroupRequest::assignments`].
    SyncGroupRequestAssignment {
        member_id: ByteString;
        assignment: Bytes;
    }
}

message! {
    /// The assignment of the asking member.
    SyncGroupResponse(versions: 0..=5, flexible: 4..) {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode;
        protocol_type: Option<ByteString> => 5..;
        protocol_name: Option<ByteString> => 5..;
        assignment: Bytes;
    }
}
