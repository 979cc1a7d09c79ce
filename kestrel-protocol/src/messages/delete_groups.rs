//! DeleteGroups: deletes empty groups (KIP-229).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Deletes empty groups (KIP-229).
    DeleteGroupsRequest(versions: 0..=2, flexible: 2..) {
        groups_names: Vec<ByteString>;
    }
}

message! {
    /// The outcome for each group.
    DeleteGroupsResponse(versions: 0..=2, flexible: 2..) {
        throttle_time_ms: i32;
        results: Vec<DeletableGroupResult>;
    }
    /// An entry of [`DeleteGroupsResponse::results`].
    DeletableGroupResult {
        group_id: ByteString;
        error_code: ErrorCode;
    }
}
