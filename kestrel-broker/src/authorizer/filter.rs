//! A filter of ACLs, as DescribeAcls and DeleteAcls have it.

use bytestring::ByteString;

use super::{AclBinding, AclOperation, AclPermission, PatternType, ResourcePattern, ResourceType};

/// How a filter compares its name with the patterns of ACLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatternFilter {
    /// Patterns of both types, with exactly its name.
    Any,
    /// Patterns that name the resource of its name.
    Match,
    /// Patterns of one type, with exactly its name.
    Exactly(PatternType),
}

impl PatternFilter {
    /// The filter with this number in requests.
    pub(crate) fn from_wire(number: i8) -> Option<Self> {
        match number {
            1 => Some(Self::Any),
            2 => Some(Self::Match),
            other => PatternType::from_wire(other).map(Self::Exactly),
        }
    }
}

/// A filter of ACLs. What is `None` matches everything.
#[derive(Debug, Clone)]
pub(crate) struct AclFilter {
    pub(crate) resource_type: Option<ResourceType>,
    pub(crate) resource_name: Option<ByteString>,
    pub(crate) pattern: PatternFilter,
    pub(crate) principal: Option<ByteString>,
    pub(crate) host: Option<ByteString>,
    pub(crate) operation: Option<AclOperation>,
    pub(crate) permission: Option<AclPermission>,
}

impl AclFilter {
    /// The filter that every ACL passes.
    #[cfg(test)]
    pub(crate) const ALL: Self = Self {
        resource_type: None,
        resource_name: None,
        pattern: PatternFilter::Any,
        principal: None,
        host: None,
        operation: None,
        permission: None,
    };

    /// Whether an ACL passes. Operations and permissions are compared as they are: ALL is an operation like others.
    pub(crate) fn matches(&self, acl: &AclBinding) -> bool {
        fn is<T: PartialEq + ?Sized>(asked: Option<&T>, found: &T) -> bool {
            asked.is_none_or(|asked| asked == found)
        }
        self.names(acl.pattern())
            && is(self.principal.as_deref(), acl.principal())
            && is(self.host.as_deref(), acl.host())
            && is(self.operation.as_ref(), &acl.operation())
            && is(self.permission.as_ref(), &acl.permission())
    }

    fn names(&self, pattern: &ResourcePattern) -> bool {
        if self.resource_type.is_some_and(|asked| asked != pattern.resource_type()) {
            return false;
        }
        if let PatternFilter::Exactly(asked) = self.pattern
            && asked != pattern.pattern_type()
        {
            return false;
        }
        let Some(asked) = self.resource_name.as_deref() else { return true };
        match self.pattern {
            PatternFilter::Match => pattern.names(asked),
            PatternFilter::Any | PatternFilter::Exactly(_) => asked == pattern.name(),
        }
    }
}
