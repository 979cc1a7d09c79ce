//! The resources that ACLs are about: their types, and the patterns that name them.

use std::fmt;

use bytestring::ByteString;

use super::AclOperation::{self, *};

/// The name of the only resource of the type [`ResourceType::Cluster`].
pub(crate) const CLUSTER_NAME: &str = "kafka-cluster";
/// The name that, in a literal pattern, stands for every resource of its type.
pub(super) const WILDCARD: &str = "*";

/// A type of resource that ACLs are about.
///
/// ```
/// use kestrel_broker::ResourceType;
///
/// assert_eq!(ResourceType::TransactionalId.to_string(), "TransactionalId");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(i8)]
pub enum ResourceType {
    /// A topic.
    Topic = 2,
    /// A group of consumers.
    Group = 3,
    /// The cluster itself.
    Cluster = 4,
    /// The id of a transactional producer.
    TransactionalId = 5,
    /// A delegation token.
    DelegationToken = 6,
    /// A user, as whom somebody else makes delegation tokens.
    User = 7,
}

impl ResourceType {
    /// Each type, by number.
    pub(crate) const EACH: [Self; 6] =
        [Self::Topic, Self::Group, Self::Cluster, Self::TransactionalId, Self::DelegationToken, Self::User];

    /// The type with this number in requests and records.
    pub(crate) fn from_wire(number: i8) -> Option<Self> {
        Self::EACH.into_iter().find(|resource_type| resource_type.wire() == number)
    }

    /// The number in requests and records.
    pub(crate) const fn wire(self) -> i8 {
        self as i8
    }

    /// The operations that there are on such a resource, without [`AclOperation::All`].
    pub(crate) const fn operations(self) -> &'static [AclOperation] {
        match self {
            Self::Topic => &[Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs],
            Self::Group => &[Read, Delete, Describe, DescribeConfigs, AlterConfigs],
            Self::Cluster => {
                &[Create, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite]
            }
            Self::TransactionalId => &[Write, Describe, TwoPhaseCommit],
            Self::DelegationToken => &[Describe],
            Self::User => &[CreateTokens, DescribeTokens],
        }
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How the name of a pattern is compared with that of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(i8)]
pub enum PatternType {
    /// The resource has this name, or the pattern's name is `*`.
    Literal = 3,
    /// The resource's name begins with it (KIP-290).
    Prefixed = 4,
}

impl PatternType {
    /// The type with this number in requests and records; a filter's numbers are [`PatternFilter`](super::PatternFilter)'s.
    pub(crate) fn from_wire(number: i8) -> Option<Self> {
        [Self::Literal, Self::Prefixed].into_iter().find(|pattern_type| pattern_type.wire() == number)
    }

    /// The number in requests and records.
    pub(crate) const fn wire(self) -> i8 {
        self as i8
    }
}

impl fmt::Display for PatternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Literal => "LITERAL",
            Self::Prefixed => "PREFIXED",
        })
    }
}

/// A pattern that names resources of a type: one, all whose names begin alike, or all.
///
/// ```
/// use kestrel_broker::ResourcePattern;
///
/// assert_eq!(ResourcePattern::topic("orders").to_string(), "Topic:LITERAL:orders");
/// assert_eq!(ResourcePattern::group("billing-").prefixed().to_string(), "Group:PREFIXED:billing-");
/// assert_eq!(ResourcePattern::topic("*").to_string(), "Topic:LITERAL:*"); // every topic
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourcePattern {
    resource_type: ResourceType,
    name: ByteString,
    pattern_type: PatternType,
}

impl ResourcePattern {
    /// The resources of a type that have a name; with the name `*` all of them.
    pub fn new(resource_type: ResourceType, name: impl Into<String>) -> Self {
        Self { resource_type, name: name.into().into(), pattern_type: PatternType::Literal }
    }

    /// A topic, or every topic with the name `*`.
    pub fn topic(name: impl Into<String>) -> Self {
        Self::new(ResourceType::Topic, name)
    }

    /// A group of consumers, or every group with the name `*`.
    pub fn group(id: impl Into<String>) -> Self {
        Self::new(ResourceType::Group, id)
    }

    /// A transactional id, or every one with the name `*`.
    pub fn transactional_id(id: impl Into<String>) -> Self {
        Self::new(ResourceType::TransactionalId, id)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster() -> Self {
        Self::new(ResourceType::Cluster, CLUSTER_NAME)
    }

    /// The resources whose names begin with the name of this pattern.
    #[must_use]
    pub fn prefixed(mut self) -> Self {
        self.pattern_type = PatternType::Prefixed;
        self
    }

    /// A pattern as requests and records have it.
    pub(crate) const fn from_parts(
        resource_type: ResourceType,
        name: ByteString,
        pattern_type: PatternType,
    ) -> Self {
        Self { resource_type, name, pattern_type }
    }

    /// The type of the resources.
    #[must_use]
    pub const fn resource_type(&self) -> ResourceType {
        self.resource_type
    }

    /// The name to compare with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the name is compared.
    #[must_use]
    pub const fn pattern_type(&self) -> PatternType {
        self.pattern_type
    }

    /// The name, shared.
    pub(crate) const fn shared_name(&self) -> &ByteString {
        &self.name
    }

    /// Whether it names the resource of this name.
    pub(crate) fn names(&self, resource: &str) -> bool {
        match self.pattern_type {
            PatternType::Literal => *self.name == *resource || *self.name == *WILDCARD,
            PatternType::Prefixed => resource.starts_with(&*self.name),
        }
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.resource_type, self.pattern_type, self.name)
    }
}
