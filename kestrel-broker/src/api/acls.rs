//! ACLs as requests write them: what CreateAcls, DescribeAcls and DeleteAcls have in common. Pure.

use kestrel_protocol::messages::create_acls::AclCreation;
use kestrel_protocol::messages::delete_acls::DeleteAclsFilter;
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;
use kestrel_protocol::{DecodeError, DecodeErrorKind, ErrorCode};

use super::{Close, RequestContext};
use crate::authorizer::{
    AclBinding, AclFilter, AclOperation, AclPermission, PatternFilter, PatternType, ResourcePattern,
    ResourceType,
};
use crate::cluster::ApiError;

/// The number of "any", in filters.
const ANY: i8 = 1;
/// The number that no request may have: a client has it for what it does not know itself.
const UNKNOWN: i8 = 0;

/// Whether ACLs are there at all.
///
/// # Errors
/// When no authorizer is configured, with `why` as the text.
pub(super) fn check_authorizer(context: &RequestContext, why: &str) -> Result<(), ApiError> {
    if context.access.is_open() { Err(ApiError::new(ErrorCode::SecurityDisabled, why)) } else { Ok(()) }
}

/// The end of the connection, which Apache Kafka has for numbers of 0.
pub(super) fn close_at_unknown(mut numbers: impl Iterator<Item = i8>) -> Result<(), Close> {
    let wrong = DecodeErrorKind::Inconsistent("it has a number 0, which stands for nothing");
    if numbers.any(|number| number == UNKNOWN) {
        return Err(DecodeError::new(wrong, "ACL").into());
    }
    Ok(())
}

/// The numbers in an ACL.
pub(super) fn numbers_of_creation(acl: &AclCreation) -> [i8; 4] {
    [acl.resource_type, acl.resource_pattern_type, acl.operation, acl.permission_type]
}

/// The numbers in a filter.
pub(super) fn numbers_of_filter(filter: &DescribeAclsRequest) -> [i8; 4] {
    [filter.resource_type_filter, filter.pattern_type_filter, filter.operation, filter.permission_type]
}

/// The ACL that a request describes.
///
/// # Errors
/// When something in it is for filters only, or not known.
pub(super) fn binding(acl: AclCreation) -> Result<AclBinding, ApiError> {
    let resource_type = ResourceType::from_wire(acl.resource_type)
        .ok_or_else(|| invalid("resourceType", acl.resource_type))?;
    let pattern_type = PatternType::from_wire(acl.resource_pattern_type)
        .ok_or_else(|| invalid("patternType", acl.resource_pattern_type))?;
    let operation =
        AclOperation::from_wire(acl.operation).ok_or_else(|| invalid("operation", acl.operation))?;
    let permission = AclPermission::from_wire(acl.permission_type)
        .ok_or_else(|| invalid("permissionType", acl.permission_type))?;
    let pattern = ResourcePattern::from_parts(resource_type, acl.resource_name, pattern_type);
    Ok(AclBinding::from_parts(pattern, acl.principal, acl.host, operation, permission))
}

fn invalid(what: &str, number: i8) -> ApiError {
    let name = match (what, number) {
        (_, ANY) => "ANY",
        ("patternType", 2) => "MATCH",
        _ => "UNKNOWN",
    };
    ApiError::new(ErrorCode::InvalidRequest, format!("Invalid {what} {name}"))
}

/// A filter of DeleteAcls: what DescribeAcls asks with.
pub(super) fn as_description(filter: DeleteAclsFilter) -> DescribeAclsRequest {
    DescribeAclsRequest {
        resource_type_filter: filter.resource_type_filter,
        resource_name_filter: filter.resource_name_filter,
        pattern_type_filter: filter.pattern_type_filter,
        principal_filter: filter.principal_filter,
        host_filter: filter.host_filter,
        operation: filter.operation,
        permission_type: filter.permission_type,
    }
}

/// The filter that a request describes.
///
/// # Errors
/// When a number in it is not known.
pub(super) fn filter(asked: &DescribeAclsRequest) -> Result<AclFilter, ApiError> {
    let unknown = |part: &str| ApiError::new(ErrorCode::InvalidRequest, format!("Unknown {part}."));
    let pattern = || unknown("patternFilter");
    let entry = || unknown("entryFilter");
    Ok(AclFilter {
        resource_type: any_or(asked.resource_type_filter, ResourceType::from_wire).ok_or_else(pattern)?,
        resource_name: asked.resource_name_filter.clone(),
        pattern: PatternFilter::from_wire(asked.pattern_type_filter).ok_or_else(pattern)?,
        principal: asked.principal_filter.clone(),
        host: asked.host_filter.clone(),
        operation: any_or(asked.operation, AclOperation::from_wire).ok_or_else(entry)?,
        permission: any_or(asked.permission_type, AclPermission::from_wire).ok_or_else(entry)?,
    })
}

/// What a number selects: everything, or the value that it is of; `None` when it is of none.
fn any_or<T>(number: i8, from_wire: impl Fn(i8) -> Option<T>) -> Option<Option<T>> {
    if number == ANY { Some(None) } else { from_wire(number).map(Some) }
}
