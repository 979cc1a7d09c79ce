//! Known: what there is to know of a group, whichever protocol its members speak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kestrel_client::admin::{
    ConsumerGroupDescription, ConsumerGroupMemberDescription, GroupDescription, GroupFilter, GroupListing,
    GroupMemberDescription, GroupState, GroupType, MemberAssignment,
};
use kestrel_client::{Admin, Error, ErrorCode, TopicPartition};

use crate::failure::Failure;
use crate::output::Outcomes;

/// What is known of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) id: Arc<str>,
    pub(super) state: Option<GroupState>,
    pub(super) kind: Option<GroupType>,
    /// Of the groups that have a protocol whose members can be told.
    pub(super) details: Option<Details>,
}

/// What a coordinator tells of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Details {
    /// Who assigns partitions to members, by the name of the algorithm.
    pub(super) assignor: Option<String>,
    pub(super) coordinator: i32,
    /// Of a consumer group (KIP-848): its epoch, and the one that its assignment is of.
    pub(super) epochs: Option<(i32, i32)>,
    pub(super) members: Vec<Member>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) id: Arc<str>,
    pub(super) instance: Option<Arc<str>>,
    pub(super) client: Arc<str>,
    pub(super) host: Arc<str>,
    /// The epoch that it has reached (KIP-848).
    pub(super) epoch: Option<i32>,
    /// What it reads; `None` when that cannot be told.
    pub(super) assignment: Option<Vec<TopicPartition>>,
    /// What its broker wants it to read (KIP-848): the same, unless partitions are on their way from one member to another.
    pub(super) target: Option<Vec<TopicPartition>>,
}

impl Known {
    /// The groups of these names that are there, in this order; what became of each goes to `outcomes`.
    pub(super) async fn find(
        admin: &Admin,
        names: &[String],
        outcomes: &mut Outcomes,
    ) -> Result<Vec<Self>, Failure> {
        let classic: Vec<_> = admin.describe_groups(names).await.into_iter().collect();
        let missing = classic.iter().filter(|(_, described)| is_missing(described));
        let mut others = others(admin, missing.map(|(id, _)| Arc::clone(id)).collect()).await?;
        let known = classic.into_iter().filter_map(|(id, described)| {
            let known = others.remove(&id).unwrap_or_else(|| described.map(Self::from));
            outcomes.note(&id, known)
        });
        Ok(known.collect())
    }

    /// Its members, as far as they can be told.
    pub(super) fn members(&self) -> &[Member] {
        self.details.as_ref().map_or(&[], |details| &details.members)
    }

    /// Which member has which partition, by its client and host.
    pub(super) fn owners(&self) -> BTreeMap<TopicPartition, String> {
        let assigned = self.members().iter().filter_map(|member| {
            let owner = format!("{}@{}", member.client, member.host.trim_start_matches('/'));
            let partitions = member.assignment.as_ref()?.iter();
            Some(partitions.map(move |partition| (partition.clone(), owner.clone())))
        });
        assigned.flatten().collect()
    }
}

fn is_missing(described: &Result<GroupDescription, Error>) -> bool {
    matches!(described, Err(error) if error.code() == Some(ErrorCode::GroupIdNotFound))
}

/// Those of these groups that are there and have another protocol than the classic one. Of a share group or one of Kafka Streams' it is
/// known what the list of groups says.
async fn others(
    admin: &Admin,
    ids: BTreeSet<Arc<str>>,
) -> Result<BTreeMap<Arc<str>, Result<Known, Error>>, Failure> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let listed = admin.list_groups(GroupFilter::all()).await?.into_iter();
    let listed = listed.filter(|listing| ids.contains(&listing.group_id));
    let (consumers, others): (Vec<_>, Vec<_>) =
        listed.partition(|listing| listing.group_type == Some(GroupType::Consumer));
    let consumers = consumers.into_iter().map(|listing| listing.group_id);
    let described = admin.describe_consumer_groups(consumers).await.into_iter();
    let others = others.into_iter().map(|listing| (Arc::clone(&listing.group_id), Ok(listing.into())));
    Ok(described.map(|(id, described)| (id, described.map(Known::from))).chain(others).collect())
}

impl From<GroupDescription> for Known {
    fn from(group: GroupDescription) -> Self {
        let details = Details {
            assignor: Some(group.protocol.to_string()).filter(|protocol| !protocol.is_empty()),
            coordinator: group.coordinator.0,
            epochs: None,
            members: group.members.iter().map(Member::from).collect(),
        };
        Self {
            id: group.group_id,
            state: Some(group.state),
            kind: Some(GroupType::Classic),
            details: Some(details),
        }
    }
}

impl From<ConsumerGroupDescription> for Known {
    fn from(group: ConsumerGroupDescription) -> Self {
        let details = Details {
            assignor: Some(group.assignor.to_string()).filter(|assignor| !assignor.is_empty()),
            coordinator: group.coordinator.0,
            epochs: Some((group.group_epoch, group.assignment_epoch)),
            members: group.members.iter().map(Member::from).collect(),
        };
        Self {
            id: group.group_id,
            state: Some(group.state),
            kind: Some(GroupType::Consumer),
            details: Some(details),
        }
    }
}

impl From<GroupListing> for Known {
    fn from(listing: GroupListing) -> Self {
        Self { id: listing.group_id, state: listing.state, kind: listing.group_type, details: None }
    }
}

impl From<&GroupMemberDescription> for Member {
    fn from(member: &GroupMemberDescription) -> Self {
        let assignment = match &member.assignment {
            MemberAssignment::Partitions(partitions) => Some(partitions.clone()),
            _ => None,
        };
        Self {
            id: Arc::clone(&member.member_id),
            instance: member.group_instance_id.clone(),
            client: Arc::clone(&member.client_id),
            host: Arc::clone(&member.client_host),
            epoch: None,
            assignment,
            target: None,
        }
    }
}

impl From<&ConsumerGroupMemberDescription> for Member {
    fn from(member: &ConsumerGroupMemberDescription) -> Self {
        Self {
            id: Arc::clone(&member.member_id),
            instance: member.group_instance_id.clone(),
            client: Arc::clone(&member.client_id),
            host: Arc::clone(&member.client_host),
            epoch: Some(member.member_epoch),
            assignment: Some(member.assignment.clone()),
            target: Some(member.target_assignment.clone()),
        }
    }
}
