//! A classic group as its coordinator describes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use kestrel_protocol::{NodeId, consumer_protocol};

use super::GroupState;
use crate::admin::AclOperation;
use crate::assignor::decode_assignment;
use crate::record::TopicPartition;

/// A group with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupDescription {
    /// The group's id.
    pub group_id: Arc<str>,
    /// The group's state.
    pub state: GroupState,
    /// The kind of the members: `consumer`, `connect` and so on; empty for offsets that were committed without members.
    pub protocol_type: Arc<str>,
    /// The protocol that the members agreed on: in a consumer group the assignor's name; empty without members.
    pub protocol: Arc<str>,
    /// The broker that coordinates the group.
    pub coordinator: NodeId,
    /// The members.
    pub members: Vec<GroupMemberDescription>,
    /// What the caller may do with the group, after [`Admin::with_authorized_operations`](crate::Admin::with_authorized_operations).
    pub authorized_operations: Option<BTreeSet<AclOperation>>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMemberDescription {
    /// The id that the coordinator gave the member.
    pub member_id: Arc<str>,
    /// The id that a static member keeps over restarts (KIP-345).
    pub group_instance_id: Option<Arc<str>>,
    /// The `client.id` of the member.
    pub client_id: Arc<str>,
    /// The address that the member connects from, as the coordinator sees it.
    pub client_host: Arc<str>,
    /// The member's metadata when it joined, in the group's own protocol; empty unless the group is stable.
    pub metadata: Bytes,
    /// The member's assignment.
    pub assignment: MemberAssignment,
}

/// The assignment of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberAssignment {
    /// Partitions, for the member of a consumer group.
    Partitions(Vec<TopicPartition>),
    /// Bytes of the group's own protocol, or an assignment that cannot be decoded.
    Opaque(Bytes),
}

impl GroupDescription {
    pub(super) fn read(group: DescribedGroup, coordinator: NodeId) -> Self {
        let is_consumer = group.protocol_type == consumer_protocol::PROTOCOL_TYPE;
        let members = group.members.into_iter();
        Self {
            group_id: Arc::from(&*group.group_id),
            state: GroupState::from_name(&group.group_state),
            protocol_type: Arc::from(&*group.protocol_type),
            protocol: Arc::from(&*group.protocol_data),
            coordinator,
            members: members.map(|member| GroupMemberDescription::read(member, is_consumer)).collect(),
            authorized_operations: AclOperation::from_bits(group.authorized_operations),
        }
    }
}

impl GroupMemberDescription {
    fn read(member: DescribedGroupMember, is_consumer: bool) -> Self {
        Self {
            member_id: Arc::from(&*member.member_id),
            group_instance_id: member.group_instance_id.as_deref().map(Arc::from),
            client_id: Arc::from(&*member.client_id),
            client_host: Arc::from(&*member.client_host),
            metadata: member.member_metadata,
            assignment: MemberAssignment::read(member.member_assignment, is_consumer),
        }
    }
}

impl MemberAssignment {
    fn read(bytes: Bytes, is_consumer: bool) -> Self {
        match is_consumer {
            // Not assigned yet.
            true if bytes.is_empty() => Self::Partitions(Vec::new()),
            true => decode_assignment(bytes.clone()).map_or(Self::Opaque(bytes), Self::Partitions),
            false => Self::Opaque(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignor::encode_assignment;

    #[test]
    fn an_assignment_is_read_whole_or_left_as_it_is() {
        let partitions: Vec<TopicPartition> = vec![("t", 3).into()];
        let bytes = encode_assignment(&partitions).unwrap();
        let cut = bytes.slice(..bytes.len() - 1);
        assert_eq!(MemberAssignment::read(bytes.clone(), true), MemberAssignment::Partitions(partitions));
        assert_eq!(MemberAssignment::read(cut.clone(), true), MemberAssignment::Opaque(cut));
        assert_eq!(MemberAssignment::read(bytes.clone(), false), MemberAssignment::Opaque(bytes));
        assert_eq!(MemberAssignment::read(Bytes::new(), true), MemberAssignment::Partitions(Vec::new()));
    }
}
