//! The operations that ACLs allow or deny, as Apache Kafka numbers and names them.

use std::fmt;

use AclOperation::*;

/// An operation that an ACL allows or denies.
///
/// ```
/// use kestrel_broker::AclOperation;
///
/// assert_eq!(AclOperation::DescribeConfigs.to_string(), "DESCRIBE_CONFIGS");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(i8)]
pub enum AclOperation {
    /// All of them.
    All = 2,
    /// Reads records of a topic, or consumes as a member of a group.
    Read = 3,
    /// Writes records to a topic, or with a transactional id.
    Write = 4,
    /// Creates a topic: asked on the topic and on the cluster.
    Create = 5,
    /// Deletes a topic, records of it, or a group.
    Delete = 6,
    /// Changes a topic's partitions; on the cluster: ACLs and users.
    Alter = 7,
    /// Sees that something is there. Allowed with Read, Write, Delete and Alter.
    Describe = 8,
    /// Acts as a broker of the cluster.
    ClusterAction = 9,
    /// Sees a configuration. Allowed with AlterConfigs.
    DescribeConfigs = 10,
    /// Changes a configuration.
    AlterConfigs = 11,
    /// Gets a producer id. Since Apache Kafka 2.8, Write on any topic is enough.
    IdempotentWrite = 12,
    /// Makes delegation tokens for a user.
    CreateTokens = 13,
    /// Sees the delegation tokens of a user.
    DescribeTokens = 14,
    /// Prepares transactions that somebody else commits (KIP-939).
    TwoPhaseCommit = 15,
}

impl AclOperation {
    /// Each operation, by number.
    pub(crate) const EACH: [Self; 14] = [
        All,
        Read,
        Write,
        Create,
        Delete,
        Alter,
        Describe,
        ClusterAction,
        DescribeConfigs,
        AlterConfigs,
        IdempotentWrite,
        CreateTokens,
        DescribeTokens,
        TwoPhaseCommit,
    ];

    /// The operation with this number in requests and records.
    pub(crate) fn from_wire(number: i8) -> Option<Self> {
        Self::EACH.into_iter().find(|operation| operation.wire() == number)
    }

    /// The number in requests and records.
    pub(crate) const fn wire(self) -> i8 {
        self as i8
    }

    /// Whether an ACL about this operation is about `asked`, too: the same one, or ALL (KAFKA-13697).
    pub(super) fn covers(self, asked: Self) -> bool {
        self == asked || self == All
    }

    /// Whether an ACL that allows this operation allows `asked` with it. A denial implies nothing.
    pub(super) fn implies(self, asked: Self) -> bool {
        self.covers(asked)
            || match asked {
                Describe => matches!(self, Read | Write | Delete | Alter),
                DescribeConfigs => matches!(self, AlterConfigs),
                _ => false,
            }
    }
}

impl fmt::Display for AclOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            All => "ALL",
            Read => "READ",
            Write => "WRITE",
            Create => "CREATE",
            Delete => "DELETE",
            Alter => "ALTER",
            Describe => "DESCRIBE",
            ClusterAction => "CLUSTER_ACTION",
            DescribeConfigs => "DESCRIBE_CONFIGS",
            AlterConfigs => "ALTER_CONFIGS",
            IdempotentWrite => "IDEMPOTENT_WRITE",
            CreateTokens => "CREATE_TOKENS",
            DescribeTokens => "DESCRIBE_TOKENS",
            TwoPhaseCommit => "TWO_PHASE_COMMIT",
        })
    }
}
