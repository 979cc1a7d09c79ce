//! CreateAcls: creates ACLs (KIP-140; on patterns of names, KIP-290).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Creates ACLs (KIP-140; on patterns of names, KIP-290).
    CreateAclsRequest(versions: 1..=3, flexible: 2..) {
        creations: Vec<AclCreation>;
    }
    /// An entry of [`CreateAclsRequest::creations`].
    AclCreation {
        resource_type: i8;
        resource_name: ByteString;
        resource_pattern_type: i8, default 3;
        principal: ByteString;
        host: ByteString;
        operation: i8;
        permission_type: i8;
    }
}

message! {
    /// The outcome for each ACL, in the order of the request.
    CreateAclsResponse(versions: 1..=3, flexible: 2..) {
        throttle_time_ms: i32;
        results: Vec<AclCreationResult>;
    }
    /// An entry of [`CreateAclsResponse::results`].
    AclCreationResult {
        error_code: ErrorCode;
        error_message: Option<ByteString>;
    }
}
