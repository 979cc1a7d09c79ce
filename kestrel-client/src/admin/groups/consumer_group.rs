//! Consumer groups as their coordinators describe them (KIP-848).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::consumer_group_describe::{
    Assignment, ConsumerGroupDescribeRequest, DescribedGroup, Member,
};
use kestrel_protocol::{ApiKey, NodeId};

use super::{GroupState, GroupType, check, names, outcomes};
use crate::admin::AclOperation;
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::coordinators::{CoordinatorType, at_coordinators, is_passing_at_coordinator};
use crate::error::{Error, Result};
use crate::record::TopicPartition;

/// A consumer group (KIP-848) with its members: its broker decides who reads what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerGroupDescription {
    /// The group's id.
    pub group_id: Arc<str>,
    /// The group's state.
    pub state: GroupState,
    /// Rises with each change of members, of what they want to read, or of those topics.
    pub group_epoch: i32,
    /// The group epoch that the members' target assignments were computed for: behind the other one while that goes on.
    pub assignment_epoch: i32,
    /// The name of the broker's assignor: `uniform`, `range`.
    pub assignor: Arc<str>,
    /// The broker that coordinates the group.
    pub coordinator: NodeId,
    /// The members.
    pub members: Vec<ConsumerGroupMemberDescription>,
    /// What the caller may do with the group, after [`Admin::with_authorized_operations`](crate::Admin::with_authorized_operations).
    pub authorized_operations: Option<BTreeSet<AclOperation>>,
}

/// A member of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerGroupMemberDescription {
    /// The id that the member chose, or that the coordinator gave it.
    pub member_id: Arc<str>,
    /// The id that a static member keeps over restarts (KIP-345).
    pub group_instance_id: Option<Arc<str>>,
    /// Where the member is, if it says so (`client.rack`).
    pub rack: Option<Arc<str>>,
    /// The assignment epoch that the member has reached.
    pub member_epoch: i32,
    /// The `client.id` of the member.
    pub client_id: Arc<str>,
    /// The address that the member connects from, as the coordinator sees it.
    pub client_host: Arc<str>,
    /// The topics that it wants to read, by name.
    pub subscribed_topics: Vec<Arc<str>>,
    /// The regular expression of topics that it wants to read, if it subscribed to one that the broker resolves.
    pub subscribed_pattern: Option<Arc<str>>,
    /// What it reads.
    pub assignment: Vec<TopicPartition>,
    /// What it is to read: the same, unless the group is being rebalanced.
    pub target_assignment: Vec<TopicPartition>,
    /// The protocol that it speaks: classic members may be in such a group while it is being moved over. `None` from brokers older
    /// than Apache Kafka 4.0.
    pub member_type: Option<GroupType>,
}

impl ConsumerGroupDescription {
    fn read(group: DescribedGroup, coordinator: NodeId) -> Self {
        Self {
            group_id: Arc::from(&*group.group_id),
            state: GroupState::from_name(&group.group_state),
            group_epoch: group.group_epoch,
            assignment_epoch: group.assignment_epoch,
            assignor: Arc::from(&*group.assignor_name),
            coordinator,
            members: group.members.into_iter().map(Into::into).collect(),
            authorized_operations: AclOperation::from_bits(group.authorized_operations),
        }
    }
}

impl From<Member> for ConsumerGroupMemberDescription {
    fn from(member: Member) -> Self {
        Self {
            member_id: Arc::from(&*member.member_id),
            group_instance_id: member.instance_id.as_deref().map(Arc::from),
            rack: member.rack_id.as_deref().map(Arc::from),
            member_epoch: member.member_epoch,
            client_id: Arc::from(&*member.client_id),
            client_host: Arc::from(&*member.client_host),
            subscribed_topics: member.subscribed_topic_names.iter().map(|name| Arc::from(&**name)).collect(),
            // Kafka has an empty text for none.
            subscribed_pattern: member
                .subscribed_topic_regex
                .as_deref()
                .filter(|pattern| !pattern.is_empty())
                .map(Arc::from),
            assignment: partitions(&member.assignment),
            target_assignment: partitions(&member.target_assignment),
            member_type: match member.member_type {
                0 => Some(GroupType::Classic),
                1 => Some(GroupType::Consumer),
                _ => None,
            },
        }
    }
}

/// Partitions in order.
fn partitions(assignment: &Assignment) -> Vec<TopicPartition> {
    let mut partitions: Vec<_> = assignment
        .topic_partitions
        .iter()
        .flat_map(|topic| {
            let name: Arc<str> = Arc::from(&*topic.topic_name);
            topic.partitions.iter().map(move |number| TopicPartition::new(Arc::clone(&name), *number))
        })
        .collect();
    partitions.sort();
    partitions
}

/// Asks coordinators for consumer groups.
#[derive(Debug)]
pub(super) struct DescribeConsumerGroups {
    pub(super) with_operations: bool,
}

impl Call for DescribeConsumerGroups {
    type Item = Arc<str>;
    type Output = ConsumerGroupDescription;
    const OPERATION: &'static str = "describing consumer groups";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        let describe = |node, groups| describe_at(client, node, groups, self.with_operations);
        at_coordinators(client, CoordinatorType::Group, items, describe).await
    }
}

async fn describe_at(
    client: &Client,
    node: NodeId,
    groups: Vec<Arc<str>>,
    with_operations: bool,
) -> Result<Vec<Result<ConsumerGroupDescription>>> {
    let request = ConsumerGroupDescribeRequest {
        group_ids: names(&groups),
        include_authorized_operations: with_operations,
    };
    let response = client.send(Target::Node(node), &request).await?;
    Ok(described(&groups, response.groups, node))
}

/// What is said of each of these groups.
fn described(
    groups: &[Arc<str>],
    answers: Vec<DescribedGroup>,
    node: NodeId,
) -> Vec<Result<ConsumerGroupDescription>> {
    let api = ApiKey::ConsumerGroupDescribe;
    let answers = answers.into_iter().map(|group| (group.group_id.clone(), group));
    outcomes(api, groups, answers, |group, answer| {
        check(api, group, answer.error_code, answer.error_message.as_deref())?;
        Ok(ConsumerGroupDescription::read(answer, node))
    })
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::ErrorCode;
    use kestrel_protocol::messages::consumer_group_describe::TopicPartitions;

    use super::*;

    fn assigned(topics: &[(&str, &[i32])]) -> Assignment {
        let topic = |(name, numbers): &(&str, &[i32])| TopicPartitions {
            topic_name: (*name).into(),
            partitions: numbers.to_vec(),
            ..TopicPartitions::default()
        };
        Assignment { topic_partitions: topics.iter().map(topic).collect() }
    }

    #[test]
    fn a_member_is_read_with_what_it_has_and_is_to_have() {
        let member = Member {
            member_id: "m".into(),
            instance_id: Some("host-7".into()),
            member_epoch: 4,
            subscribed_topic_names: vec!["orders".into()],
            subscribed_topic_regex: Some("".into()),
            assignment: assigned(&[("orders", &[3, 1]), ("bills", &[0])]),
            target_assignment: assigned(&[("orders", &[1])]),
            member_type: 0,
            ..Member::default()
        };
        let read = ConsumerGroupMemberDescription::from(member);
        let partition = |topic: &str, number| TopicPartition::new(topic, number);
        assert_eq!(read.assignment, [partition("bills", 0), partition("orders", 1), partition("orders", 3)]);
        assert_eq!(read.target_assignment, [partition("orders", 1)]);
        assert_eq!((read.member_epoch, read.group_instance_id.as_deref()), (4, Some("host-7")));
        assert_eq!((read.subscribed_pattern, read.member_type), (None, Some(GroupType::Classic)));
        let old = ConsumerGroupMemberDescription::from(Member::default());
        assert_eq!((old.member_type, old.assignment.len()), (None, 0));
    }

    #[test]
    fn each_group_finds_its_own_answer() {
        let group = |id: &str, error_code, state: &str| DescribedGroup {
            group_id: id.into(),
            error_code,
            group_state: state.into(),
            group_epoch: 7,
            assignment_epoch: 6,
            ..DescribedGroup::default()
        };
        let answers = vec![
            group("classic", ErrorCode::GroupIdNotFound, ""),
            group("audit", ErrorCode::None, "Reconciling"),
        ];
        let groups = ["audit", "classic", "forgotten", "audit"].map(Arc::from);
        let outcomes = described(&groups, answers, NodeId(3));
        let described = outcomes[0].as_ref().unwrap();
        assert_eq!((described.state, described.coordinator), (GroupState::Reconciling, NodeId(3)));
        assert_eq!((described.group_epoch, described.assignment_epoch), (7, 6));
        assert_eq!(outcomes[3].as_ref().unwrap(), described, "a group that is named twice");
        let codes: Vec<_> =
            outcomes[1..3].iter().map(|outcome| outcome.as_ref().unwrap_err().code()).collect();
        assert_eq!(codes, [Some(ErrorCode::GroupIdNotFound), Some(ErrorCode::UnknownServerError)]);
    }
}
