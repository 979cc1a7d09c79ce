//! The words of ACLs with their numbers in the protocol: operations, resources, patterns of names, permissions.

use std::collections::BTreeSet;

use crate::admin::numbered::numbered;

numbered! {
    /// An operation that an ACL allows or denies.
    ///
    /// Allowing to read, write, delete or alter implies allowing to describe, and allowing to alter configurations implies allowing
    /// to describe them. Denials imply nothing.
    ///
    /// ```
    /// assert_eq!(kestrel_client::admin::AclOperation::DescribeConfigs.to_string(), "DescribeConfigs");
    /// ```
    AclOperation {
        /// Every operation.
        All = 2,
        /// Reading records of a topic; being a member of a group and committing its offsets.
        Read = 3,
        /// Writing records to a topic; using a transactional id.
        Write = 4,
        /// Creating topics.
        Create = 5,
        /// Deleting topics, records and groups.
        Delete = 6,
        /// Adding partitions; changing ACLs and users.
        Alter = 7,
        /// Seeing that something is there.
        Describe = 8,
        /// What brokers ask of each other.
        ClusterAction = 9,
        /// Seeing configurations.
        DescribeConfigs = 10,
        /// Changing configurations and quotas.
        AlterConfigs = 11,
        /// Producing idempotently; implied by the right to write to some topic (KIP-679).
        IdempotentWrite = 12,
        /// Making delegation tokens for a user (KIP-373).
        CreateTokens = 13,
        /// Seeing the delegation tokens of a user (KIP-373).
        DescribeTokens = 14,
        /// Taking part in another system's two-phase commit (KIP-939).
        TwoPhaseCommit = 15,
    }
}

numbered! {
    /// The kind of what an ACL is about.
    ResourceType {
        /// Topics.
        Topic = 2,
        /// Groups of consumers.
        Group = 3,
        /// The cluster, whose only name is `kafka-cluster`.
        Cluster = 4,
        /// Transactional ids of producers.
        TransactionalId = 5,
        /// Delegation tokens.
        DelegationToken = 6,
        /// Users, for whom delegation tokens are made (KIP-373).
        User = 7,
    }
}

numbered! {
    /// How the name in an ACL is compared with the name of a resource (KIP-290).
    PatternType {
        /// The names are equal; `*` means every name.
        Literal = 3,
        /// The resource's name begins with the one in the ACL.
        Prefixed = 4,
    }
}

numbered! {
    /// Whether an ACL allows or denies.
    AclPermissionType {
        /// It denies, whatever other ACLs allow.
        Deny = 2,
        /// It allows, unless another ACL denies.
        Allow = 3,
    }
}

impl AclOperation {
    /// The operations whose bits are set, each at its number; `None` when the broker did not say.
    pub(in crate::admin) fn from_bits(bits: i32) -> Option<BTreeSet<Self>> {
        let is_set = |number: &i8| bits & (1 << number) != 0;
        (bits != i32::MIN).then(|| (0..31).filter(is_set).map(Self::from_wire).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_read_from_their_bits() {
        assert_eq!(AclOperation::from_bits(i32::MIN), None);
        assert_eq!(AclOperation::from_bits(0), Some(BTreeSet::new()));
        // What Apache Kafka 4.3 answers for a topic when there is no authorizer.
        let topic = [
            AclOperation::Read,
            AclOperation::Write,
            AclOperation::Create,
            AclOperation::Delete,
            AclOperation::Alter,
            AclOperation::Describe,
            AclOperation::DescribeConfigs,
            AclOperation::AlterConfigs,
        ];
        assert_eq!(AclOperation::from_bits(3_576), Some(topic.into()));
        assert_eq!(AclOperation::from_bits(1 << 30), Some([AclOperation::Other(30)].into()));
    }

    #[test]
    fn numbers_come_back_as_they_went() {
        for number in -1..20 {
            assert_eq!(AclOperation::from_wire(number).to_wire(), number);
            assert_eq!(ResourceType::from_wire(number).to_wire(), number);
            assert_eq!(PatternType::from_wire(number).to_wire(), number);
            assert_eq!(AclPermissionType::from_wire(number).to_wire(), number);
        }
    }
}
