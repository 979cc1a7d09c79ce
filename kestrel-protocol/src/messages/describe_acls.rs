//! DescribeAcls: asks for the ACLs that match a filter (KIP-140; patterns of names, KIP-290).

use bytestring::ByteString;

use crate::error_code::ErrorCode;
use crate::message;

message! {
    /// Asks for the ACLs that match a filter (KIP-140; patterns of names, KIP-290).
    DescribeAclsRequest(versions: 1..=3, flexible: 2..) {
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
    /// The ACLs by resource.
    DescribeAclsResponse(versions: 1..=3, flexible: 2..) {
        throttle_time_ms: i32;
        error_code: ErrorCode;
        error_message: Option<ByteString>;
        resources: Vec<DescribeAclsResource>;
    }
    /// An entry of [`DescribeAclsResponse::resources`].
    DescribeAclsResource {
        resource_type: i8;
        resource_name: ByteString;
        pattern_type: i8, default 3;
        acls: Vec<AclDescription>;
    }
    /// An entry of [`DescribeAclsResource::acls`].
    AclDescription {
        principal: ByteString;
        host: ByteString;
        operation: i8;
        permission_type: i8;
    }
}
