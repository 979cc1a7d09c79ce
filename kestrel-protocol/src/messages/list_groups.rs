//! ListGroups: asks for the groups that a broker coordinates (by state: KIP-518, by type: KIP-848).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for the groups that a broker coordinates (by state: KIP-518, by type: KIP-848).
    ListGroupsRequest(versions: 0..=5, flexible: 3..) {
        states_filter: Vec<ByteString> => 4..;
        types_filter: Vec<ByteString> => 5..;
    }
}

message! {
    /// The groups of the answering broker.
    ListGroupsResponse(versions: 0..=5, flexible: 3..) {
        throttle_time_ms: i32 => 1..;
        error_code: ErrorCode;
        groups: Vec<ListedGroup>;
    }
    /// An entry of [`ListGroupsResponse::groups`].
    ListedGroup {
        group_id: ByteString;
        protocol_type: ByteString;
        group_state: ByteString => 4..;
        group_type: ByteString => 5..;
    }
}
