//! DeleteAcls: deletes the ACLs that match filters (KIP-140; patterns of names, KIP-290).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Deletes the ACLs that match filters (KIP-140; patterns of names, KIP-290).
    DeleteAclsRequest(versions: 1..=3, flexible: 2..) {
        filters: Vec<DeleteAclsFilter>;
    }
    /// An entry of [`DeleteAclsRequest::filters`].
    DeleteAclsFilter {
        resource_type_filter: i8;
        resource_name_filter: Option<ByteString>;
        pattern_type_filter: i8, default 3;
        principal_filter: Option<ByteString>;
        host_filter: Option<ByteString>;
        operation: i8;
        permission_type: i8;
    }
}

message! {
    /// The outcome for each filter, in the order of the request, with what was deleted.
    DeleteAclsResponse(versions: 1..=3, flexible: 2..) {
        throttle_time_ms: i32;
        filter_results: Vec<DeleteAclsFilterResult>;
    }
    /// An entry of [`DeleteAclsResponse::filter_results`].
    DeleteAclsFilterResult {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        matching_acls: Vec<DeleteAclsMatchingAcl>;
    }
    /// An entry of [`DeleteAclsFilterResult::matching_acls`].
    DeleteAclsMatchingAcl {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        resource_type: i8;
        resource_name: ByteString;
        pattern_type: i8, default 3;
        principal: ByteString;
        host: ByteString;
        operation: i8;
        permission_type: i8;
    }
}
