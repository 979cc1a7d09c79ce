//! An ACL: allows or denies a principal an operation on resources.

use std::fmt;
use std::sync::Arc;

use kestrel_protocol::ByteString;
use kestrel_protocol::messages::create_acls::AclCreation;
use kestrel_protocol::messages::delete_acls::DeleteAclsMatchingAcl;
use kestrel_protocol::messages::describe_acls::{AclDescription, DescribeAclsResource};

use super::operation::{AclOperation, AclPermissionType, PatternType, ResourceType};
use crate::into::IntoName;

/// The resources that an ACL is about: one by name, all whose names begin so, or all of a kind.
///
/// ```
/// use kestrel_client::admin::ResourcePattern;
/// let orders = ResourcePattern::topic("orders"); // this topic
/// let shop = ResourcePattern::topic("shop.").prefixed(); // topics whose names begin so
/// let all = ResourcePattern::topic("*"); // every topic
/// assert_eq!([orders.to_string(), shop.to_string()], ["Topic orders", "Topic shop.…"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ResourcePattern {
    /// The kind of the resources.
    pub resource_type: ResourceType,
    /// Their name, or what their names begin with.
    pub name: Arc<str>,
    /// How the name is compared.
    pub pattern_type: PatternType,
}

impl ResourcePattern {
    /// The resource of this kind and name; all of the kind if the name is `*`.
    pub fn literal(resource_type: ResourceType, name: impl IntoName) -> Self {
        Self { resource_type, name: name.into_name(), pattern_type: PatternType::Literal }
    }

    /// A topic, or all of them by `*`.
    pub fn topic(name: impl IntoName) -> Self {
        Self::literal(ResourceType::Topic, name)
    }

    /// A group, or all of them by `*`.
    pub fn group(group_id: impl IntoName) -> Self {
        Self::literal(ResourceType::Group, group_id)
    }

    /// A transactional id, or all of them by `*`.
    pub fn transactional_id(id: impl IntoName) -> Self {
        Self::literal(ResourceType::TransactionalId, id)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster() -> Self {
        Self::literal(ResourceType::Cluster, "kafka-cluster")
    }

    /// All resources whose names begin with the name of this one (KIP-290).
    #[must_use]
    pub fn prefixed(mut self) -> Self {
        self.pattern_type = PatternType::Prefixed;
        self
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = if self.pattern_type == PatternType::Prefixed { "…" } else { "" };
        write!(f, "{} {}{rest}", self.resource_type, self.name)
    }
}

/// An ACL: one principal may, or may not, do one operation with resources.
///
/// ```
/// use kestrel_client::admin::{AclBinding, AclOperation, ResourcePattern};
/// let acl = AclBinding::allow("User:alice", AclOperation::Read, ResourcePattern::topic("orders"));
/// let only_here = acl.clone().host("10.0.0.7");
/// assert_eq!(acl.to_string(), "Allow User:alice from * Read of Topic orders");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct AclBinding {
    /// The resources.
    pub pattern: ResourcePattern,
    /// The principal: `User:` and a name, or `User:*` for everybody.
    pub principal: Arc<str>,
    /// The address of connections: an IP address, or `*` for everywhere.
    pub host: Arc<str>,
    /// The operation.
    pub operation: AclOperation,
    /// Whether the ACL allows or denies.
    pub permission_type: AclPermissionType,
}

impl AclBinding {
    /// Allows `principal`, which is `User:` and a name or `User:*`, an operation from everywhere.
    pub fn allow(principal: impl IntoName, operation: AclOperation, pattern: ResourcePattern) -> Self {
        Self::new(principal, AclPermissionType::Allow, operation, pattern)
    }

    /// Denies `principal`, which is `User:` and a name or `User:*`, an operation from everywhere, whatever others allow.
    pub fn deny(principal: impl IntoName, operation: AclOperation, pattern: ResourcePattern) -> Self {
        Self::new(principal, AclPermissionType::Deny, operation, pattern)
    }

    /// The same only for connections from this IP address.
    #[must_use]
    pub fn host(mut self, address: impl IntoName) -> Self {
        self.host = address.into_name();
        self
    }

    fn new(
        principal: impl IntoName,
        permission_type: AclPermissionType,
        operation: AclOperation,
        pattern: ResourcePattern,
    ) -> Self {
        Self { pattern, principal: principal.into_name(), host: Arc::from("*"), operation, permission_type }
    }

    pub(super) fn to_wire(&self) -> AclCreation {
        AclCreation {
            resource_type: self.pattern.resource_type.to_wire(),
            resource_name: ByteString::from(&*self.pattern.name),
            resource_pattern_type: self.pattern.pattern_type.to_wire(),
            principal: ByteString::from(&*self.principal),
            host: ByteString::from(&*self.host),
            operation: self.operation.to_wire(),
            permission_type: self.permission_type.to_wire(),
        }
    }

    pub(super) fn of_deleted(acl: &DeleteAclsMatchingAcl) -> Self {
        Self {
            pattern: pattern(acl.resource_type, &acl.resource_name, acl.pattern_type),
            principal: Arc::from(&*acl.principal),
            host: Arc::from(&*acl.host),
            operation: AclOperation::from_wire(acl.operation),
            permission_type: AclPermissionType::from_wire(acl.permission_type),
        }
    }

    pub(super) fn of_described(resource: &DescribeAclsResource, acl: &AclDescription) -> Self {
        Self {
            pattern: pattern(resource.resource_type, &resource.resource_name, resource.pattern_type),
            principal: Arc::from(&*acl.principal),
            host: Arc::from(&*acl.host),
            operation: AclOperation::from_wire(acl.operation),
            permission_type: AclPermissionType::from_wire(acl.permission_type),
        }
    }
}

impl fmt::Display for AclBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, principal, host, operation, permission_type } = self;
        write!(f, "{permission_type} {principal} from {host} {operation} of {pattern}")
    }
}

fn pattern(resource_type: i8, name: &ByteString, pattern_type: i8) -> ResourcePattern {
    ResourcePattern {
        resource_type: ResourceType::from_wire(resource_type),
        name: Arc::from(&**name),
        pattern_type: PatternType::from_wire(pattern_type),
    }
}
