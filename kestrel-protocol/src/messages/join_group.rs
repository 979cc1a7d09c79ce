//! JoinGroup: joins or rejoins a classic group (static members: KIP-345; two steps: KIP-394).

use bytes::Bytes;
use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Joins or rejoins a classic group (static members: KIP-345; two steps: KIP-394).
    JoinGroupRequest(versions: 0..=9, flexible: 6..) {
        group_id: ByteString;
        session_timeout_ms: i32;
        rebalance_timeout_ms: i32 => 1.., default -1;
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 5..;
        protocol_type: ByteString;
        protocols: Vec<JoinGroupRequestProtocol>;
        reason: Option<ByteString> => 8..;
    }
    /// An entry of [`JoinGroupRequest::protocols`].
    JoinGroupRequestProtocol {
        name: ByteString;
        metadata: Bytes;
    }
}

message! {
    /// The generation joined; the leader also gets the members.
    JoinGroupResponse(versions: 0..=9, flexible: 6..) {
        throttle_time_ms: i32 => 2..;
        error_code: ErrorCode;
        generation_id: i32, default -1;
        protocol_type: Option<ByteString> => 7..;
        protocol_name: Option<ByteString>, null 7..;
        leader: ByteString;
        skip_assignment: bool => 9..;
        member_id: ByteString;
        members: Vec<JoinGroupResponseMember>;
    }
    /// An entry of [`JoinGroupResponse::members`].
    JoinGroupResponseMember {
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 5..;
        metadata: Bytes;
    }
}
