//! LeaveGroup: takes members out of a group (in batches from version 3, KIP-345).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Takes members out of a group (in batches from version 3, KIP-345).
    LeaveGroupRequest(versions: 0..=5, flexible: 4..) {
        group_id: ByteString;
        member_id: ByteString => 0..=2;
        members: Vec<MemberIdentity> => 3..;
    }
    /// An entry of [`LeaveGroupRequest::members`].
    MemberIdentity {
        member_id: ByteString;
        group_instance_id: Option<ByteString>;
        reason: Option<ByteString> => 5..;
    }
}

message! {
    /// The outcome for each member.
    LeaveGroupResponse(versions: 0..=5, flexible: 4..) {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode;
        members: Vec<MemberResponse> => 3..;
    }
    /// An entry of [`LeaveGroupResponse::members`].
    MemberResponse {
        member_id: ByteString;
        group_instance_id: Option<ByteString>;
        error_code: ErrorCode;
    }
}
