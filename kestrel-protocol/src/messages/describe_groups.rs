//! DescribeGroups: asks for the state and members of classic groups.

use bytes::Bytes;
use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for the state and members of classic groups.
    DescribeGroupsRequest(versions: 0..=6, flexible: 5..) {
        groups: Vec<ByteString>;
        include_authorized_operations: bool => 3..;
    }
}

message! {
    /// The state and members of each group.
    DescribeGroupsResponse(versions: 0..=6, flexible: 5..) {
        throttle_time_ms: i32 => 1..;
        groups: Vec<DescribedGroup>;
    }
    /// An entry of [`DescribeGroupsResponse::groups`].
    DescribedGroup {
        error_code: ErrorCode;
        error_message: Option<ByteString> => 6..;
        group_id: ByteString;
        group_state: ByteString;
        protocol_type: ByteString;
        protocol_data: ByteString;
        members: Vec<DescribedGroupMember>;
        authorized_operations: i32 => 3.., default i32::MIN;
    }
    /// An entry of [`DescribedGroup::members`].
    DescribedGroupMember {
        member_id: ByteString;
        group_instance_id: Option<ByteString> => 4..;
        client_id: ByteString;
        client_host: ByteString;
        member_metadata: Bytes;
        member_assignment: Bytes;
    }
}
