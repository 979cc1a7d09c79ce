//! Filters over ACLs.

use std::sync::Arc;

use kestrel_protocol::ByteString;
use kestrel_protocol::messages::delete_acls::DeleteAclsFilter;
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;

use super::binding::AclBinding;
use super::operation::{AclOperation, AclPermissionType, PatternType, ResourceType};
use crate::into::IntoName;

/// The protocol's number for any operation, resource or permission.
const ANY: i8 = 1;
/// The protocol's number for every pattern that a name matches.
const MATCH: i8 = 2;

/// A filter over ACLs: matches all until it is narrowed.
///
/// ```
/// use kestrel_client::admin::{AclBindingFilter, ResourceType};
/// let of_alice = AclBindingFilter::any().principal("User:alice");
/// let exactly = AclBindingFilter::any().named(ResourceType::Topic, "orders"); // ACLs that have this name
/// let affecting = AclBindingFilter::any().affecting(ResourceType::Topic, "orders"); // also those of `ord…` and `*`
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AclBindingFilter {
    resource_type: i8,
    name: Option<Arc<str>>,
    pattern_type: i8,
    principal: Option<Arc<str>>,
    host: Option<Arc<str>>,
    operation: i8,
    permission_type: i8,
}

impl AclBindingFilter {
    /// Every ACL.
    pub const fn any() -> Self {
        Self {
            resource_type: ANY,
            name: None,
            pattern_type: ANY,
            principal: None,
            host: None,
            operation: ANY,
            permission_type: ANY,
        }
    }

    /// Matches the one ACL that equals `acl`.
    pub fn only(acl: &AclBinding) -> Self {
        Self {
            resource_type: acl.pattern.resource_type.to_wire(),
            name: Some(acl.pattern.name.clone()),
            pattern_type: acl.pattern.pattern_type.to_wire(),
            principal: Some(acl.principal.clone()),
            host: Some(acl.host.clone()),
            operation: acl.operation.to_wire(),
            permission_type: acl.permission_type.to_wire(),
        }
    }

    /// Matches ACLs on resources of this kind, whatever their names.
    pub const fn resource_type(mut self, resource_type: ResourceType) -> Self {
        self.resource_type = resource_type.to_wire();
        self
    }

    /// Matches ACLs of this kind with exactly this name, as a literal name or as a prefix.
    pub fn named(mut self, resource_type: ResourceType, name: impl IntoName) -> Self {
        self.name = Some(name.into_name());
        self.pattern_type = ANY;
        self.resource_type(resource_type)
    }

    /// Matches the ACLs that decide about this resource: those with its name, with a prefix of it and with `*`.
    pub fn affecting(mut self, resource_type: ResourceType, name: impl IntoName) -> Self {
        self.name = Some(name.into_name());
        self.pattern_type = MATCH;
        self.resource_type(resource_type)
    }

    /// Matches ACLs whose names are literal, or those whose names are prefixes.
    pub const fn pattern_type(mut self, pattern_type: PatternType) -> Self {
        self.pattern_type = pattern_type.to_wire();
        self
    }

    /// Matches ACLs of this principal, which is `User:` and a name or `User:*`; the latter does not find those of single users.
    pub fn principal(mut self, principal: impl IntoName) -> Self {
        self.principal = Some(principal.into_name());
        self
    }

    /// Matches ACLs of this IP address, or of `*`; the latter does not find those of single addresses.
    pub fn host(mut self, address: impl IntoName) -> Self {
        self.host = Some(address.into_name());
        self
    }

    /// Matches ACLs of this operation, and not those of [`AclOperation::All`].
    pub const fn operation(mut self, operation: AclOperation) -> Self {
        self.operation = operation.to_wire();
        self
    }

    /// Matches ACLs that allow, or those that deny.
    pub const fn permission_type(mut self, permission_type: AclPermissionType) -> Self {
        self.permission_type = permission_type.to_wire();
        self
    }

    pub(super) fn to_describe(&self) -> DescribeAclsRequest {
        DescribeAclsRequest {
            resource_type_filter: self.resource_type,
            resource_name_filter: text(self.name.as_deref()),
            pattern_type_filter: self.pattern_type,
            principal_filter: text(self.principal.as_deref()),
            host_filter: text(self.host.as_deref()),
            operation: self.operation,
            permission_type: self.permission_type,
        }
    }

    pub(super) fn to_delete(&self) -> DeleteAclsFilter {
        DeleteAclsFilter {
            resource_type_filter: self.resource_type,
            resource_name_filter: text(self.name.as_deref()),
            pattern_type_filter: self.pattern_type,
            principal_filter: text(self.principal.as_deref()),
            host_filter: text(self.host.as_deref()),
            operation: self.operation,
            permission_type: self.permission_type,
        }
    }
}

fn text(text: Option<&str>) -> Option<ByteString> {
    text.map(ByteString::from)
}
