//! An ACL: a pattern of resources, and what a principal from a host may or may not do to them.

use std::fmt;

use bytestring::ByteString;

use super::resource::WILDCARD;
use super::{AclOperation, ResourcePattern};

/// Whether an ACL allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum AclPermission {
    /// Denied, whatever other ACLs allow.
    Deny = 2,
    /// Allowed, unless another ACL denies it.
    Allow = 3,
}

impl AclPermission {
    /// The permission with this number in requests and records.
    pub(crate) fn from_wire(number: i8) -> Option<Self> {
        [Self::Deny, Self::Allow].into_iter().find(|permission| permission.wire() == number)
    }

    /// The number in requests and records.
    pub(crate) const fn wire(self) -> i8 {
        self as i8
    }
}

impl fmt::Display for AclPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deny => "DENY",
            Self::Allow => "ALLOW",
        })
    }
}

/// An ACL: allows or denies a principal from a host an operation on the resources of a pattern.
///
/// ```
/// use kestrel_broker::{AclBinding, AclOperation, ResourcePattern};
///
/// let acl = AclBinding::allow("User:alice", AclOperation::Read, ResourcePattern::topic("orders"));
/// assert_eq!(acl.to_string(), "ALLOW User:alice from * READ on Topic:LITERAL:orders");
/// let elsewhere = AclBinding::deny("User:*", AclOperation::All, ResourcePattern::topic("secrets-").prefixed());
/// assert_eq!(elsewhere.from_host("10.0.0.9").host(), "10.0.0.9");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclBinding {
    pattern: ResourcePattern,
    principal: ByteString,
    host: ByteString,
    operation: AclOperation,
    permission: AclPermission,
}

impl AclBinding {
    /// Allows a principal an operation, from every host.
    ///
    /// A principal is written as Apache Kafka has it, `User:alice`; `User:*` is everybody.
    pub fn allow(principal: impl Into<String>, operation: AclOperation, pattern: ResourcePattern) -> Self {
        let principal = ByteString::from(principal.into());
        Self::from_parts(pattern, principal, WILDCARD.into(), operation, AclPermission::Allow)
    }

    /// Denies a principal an operation, from every host. What one ACL denies no other allows.
    pub fn deny(principal: impl Into<String>, operation: AclOperation, pattern: ResourcePattern) -> Self {
        Self { permission: AclPermission::Deny, ..Self::allow(principal, operation, pattern) }
    }

    /// Restricts it to connections from one address, as text without a port; `*` is every address. Ranges are no hosts.
    #[must_use]
    pub fn from_host(mut self, address: impl Into<String>) -> Self {
        self.host = address.into().into();
        self
    }

    /// An ACL as requests and records have it.
    pub(crate) const fn from_parts(
        pattern: ResourcePattern,
        principal: ByteString,
        host: ByteString,
        operation: AclOperation,
        permission: AclPermission,
    ) -> Self {
        Self { pattern, principal, host, operation, permission }
    }

    /// The resources that it is about.
    #[must_use]
    pub const fn pattern(&self) -> &ResourcePattern {
        &self.pattern
    }

    /// Whom it is about, as `User:NAME`.
    #[must_use]
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// From which address, as text, or `*`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What it allows or denies.
    #[must_use]
    pub const fn operation(&self) -> AclOperation {
        self.operation
    }

    /// Whether it allows or denies.
    #[must_use]
    pub const fn permission(&self) -> AclPermission {
        self.permission
    }

    /// The principal, shared.
    pub(crate) const fn shared_principal(&self) -> &ByteString {
        &self.principal
    }

    /// The host, shared.
    pub(crate) const fn shared_host(&self) -> &ByteString {
        &self.host
    }
}

impl fmt::Display for AclBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pattern, principal, host, operation, permission } = self;
        write!(f, "{permission} {principal} from {host} {operation} on {pattern}")
    }
}
