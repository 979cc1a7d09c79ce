//! Groups: list (KIP-518, KIP-848), describe (both protocols), delete (KIP-229), remove members (KIP-571).
//!
//! What is asked about one group goes to its coordinator, and a list to every broker. Offsets are in [`offsets`], setting
//! them back in [`reset`].

mod consumer_group;
mod description;
mod listing;
mod members;
mod offsets;
mod reset;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::delete_groups::DeleteGroupsRequest;
use kestrel_protocol::messages::describe_groups::DescribeGroupsRequest;
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, NodeId};

pub use self::consumer_group::{ConsumerGroupDescription, ConsumerGroupMemberDescription};
pub use self::description::{GroupDescription, GroupMemberDescription, MemberAssignment};
pub use self::listing::{GroupFilter, GroupListing, GroupState, GroupType};
pub use self::members::MemberToRemove;
pub use self::reset::{OffsetReset, ResetTo};
use super::settle::{Call, Round};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::coordinators::{CoordinatorType, at_coordinators, is_passing_at_coordinator};
use crate::error::{BrokerError, Error, Result};
use crate::into::IntoName;

impl Admin {
    /// The groups of the cluster that this client may see, by id: every broker is asked for the ones that it coordinates.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{GroupFilter, GroupState};
    ///
    /// let idle = GroupFilter::all().states([GroupState::Empty]);
    /// for group in admin.list_groups(idle).await? {
    ///     println!("{} ({})", group.group_id, group.protocol_type);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnsupportedApi`] when a broker is too old for the filter (Apache Kafka 2.6 for states, 3.8 for types),
    /// `CLUSTER_AUTHORIZATION_FAILED`, [`Error::Timeout`] when a broker cannot be asked: a list without its groups would not
    /// be whole.
    pub async fn list_groups(&self, filter: GroupFilter) -> Result<Vec<GroupListing>> {
        let mut groups = self.settle_at_brokers(&listing::ListGroups { filter }).await?;
        groups.sort_by(|left, right| left.group_id.cmp(&right.group_id));
        // One that moved meanwhile may be named by two brokers.
        groups.dedup_by(|left, right| left.group_id == right.group_id);
        Ok(groups)
    }

    /// Classic groups with their members and what these are assigned.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::MemberAssignment;
    ///
    /// for (group, described) in admin.describe_groups(["billing"]).await {
    ///     let described = described?;
    ///     println!("{group}: {:?}, {}", described.state, described.protocol);
    ///     for member in described.members {
    ///         if let MemberAssignment::Partitions(partitions) = member.assignment {
    ///             println!("  {} at {}: {partitions:?}", member.client_id, member.client_host);
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per group: `GROUP_ID_NOT_FOUND`, also for a group of another kind ([`GroupType`]), `GROUP_AUTHORIZATION_FAILED`,
    /// `INVALID_GROUP_ID`, [`Error::Timeout`].
    pub async fn describe_groups(
        &self,
        groups: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, GroupDescription> {
        let groups = groups.into_iter().map(IntoName::into_name).collect();
        let call = DescribeGroups { with_operations: self.with_authorized_operations };
        self.settle(&call, groups).await
    }

    /// Consumer groups (KIP-848) with their members, what these have, and what they are to have. Groups whose members speak the
    /// classic protocol are [`Self::describe_groups`]'.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// for (group, described) in admin.describe_consumer_groups(["billing"]).await {
    ///     let described = described?;
    ///     println!("{group}: {:?} in epoch {}", described.state, described.group_epoch);
    ///     for member in described.members {
    ///         println!("  {} at {}: {:?}", member.client_id, member.client_host, member.assignment);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per group: `GROUP_ID_NOT_FOUND`, also for a group of another kind ([`GroupType`]), `GROUP_AUTHORIZATION_FAILED`,
    /// `TOPIC_AUTHORIZATION_FAILED` when a member reads what the caller may not see, `INVALID_GROUP_ID`, [`Error::UnsupportedApi`] from
    /// brokers without such groups, as kestrel-broker is, [`Error::Timeout`].
    pub async fn describe_consumer_groups(
        &self,
        groups: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, ConsumerGroupDescription> {
        let groups = groups.into_iter().map(IntoName::into_name).collect();
        let call =
            consumer_group::DescribeConsumerGroups { with_operations: self.with_authorized_operations };
        self.settle(&call, groups).await
    }

    /// Deletes groups that have no members, with their offsets.
    ///
    /// # Errors
    /// Per group: `NON_EMPTY_GROUP`, `GROUP_ID_NOT_FOUND` (also when an earlier attempt of this call had deleted it and its
    /// answer was lost), `GROUP_AUTHORIZATION_FAILED`, [`Error::Timeout`].
    pub async fn delete_groups(
        &self,
        groups: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, ()> {
        let groups = groups.into_iter().map(IntoName::into_name).collect();
        self.settle(&DeleteGroups, groups).await
    }

    /// Takes members out of a classic group; it rebalances. A member that is still running joins again: this is for those that are
    /// gone and that the group would wait for, such as static members.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::MemberToRemove;
    ///
    /// admin.remove_group_members("billing", [MemberToRemove::group_instance("host-7")]).await.into_result()?;
    ///
    /// let group = admin.describe_groups(["audit"]).await.into_result()?.remove(0).1;
    /// admin.remove_group_members("audit", &group.members).await.into_result()?; // all of them
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per member: `UNKNOWN_MEMBER_ID` (also when an earlier attempt of this call had removed it and its answer was lost),
    /// `GROUP_AUTHORIZATION_FAILED`, [`Error::UnsupportedApi`] from brokers older than Apache Kafka 2.4, [`Error::Timeout`].
    pub async fn remove_group_members(
        &self,
        group: impl IntoName,
        members: impl IntoIterator<Item = impl Into<MemberToRemove>>,
    ) -> AdminResults<MemberToRemove, ()> {
        let members = members.into_iter().map(Into::into).collect();
        let call = members::RemoveMembers { group: group.into_name() };
        self.settle(&call, members).await
    }
}

#[derive(Debug)]
struct DescribeGroups {
    with_operations: bool,
}

impl Call for DescribeGroups {
    type Item = Arc<str>;
    type Output = GroupDescription;
    const OPERATION: &'static str = "describing groups";
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
) -> Result<Vec<Result<GroupDescription>>> {
    let request =
        DescribeGroupsRequest { groups: names(&groups), include_authorized_operations: with_operations };
    let response = client.send(Target::Node(node), &request).await?;
    let answers = response.groups.into_iter().map(|group| (group.group_id.clone(), group));
    Ok(outcomes(ApiKey::DescribeGroups, &groups, answers, |group, answer| {
        check(ApiKey::DescribeGroups, group, answer.error_code, answer.error_message.as_deref())?;
        // Before version 6 (KIP-1043), and while it goes, a group that is not there is a dead one.
        match GroupDescription::read(answer, node) {
            dead if dead.state == GroupState::Dead => {
                Err(refused(ApiKey::DescribeGroups, group, ErrorCode::GroupIdNotFound).into())
            }
            described => Ok(described),
        }
    }))
}

#[derive(Debug)]
struct DeleteGroups;

impl Call for DeleteGroups {
    type Item = Arc<str>;
    type Output = ();
    const OPERATION: &'static str = "deleting groups";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        at_coordinators(client, CoordinatorType::Group, items, |node, groups| delete_at(client, node, groups))
            .await
    }
}

async fn delete_at(client: &Client, node: NodeId, groups: Vec<Arc<str>>) -> Result<Vec<Result<()>>> {
    let request = DeleteGroupsRequest { groups_names: names(&groups) };
    let response = client.send(Target::Node(node), &request).await?;
    let answers = response.results.into_iter().map(|group| (group.group_id, group.error_code));
    Ok(outcomes(ApiKey::DeleteGroups, &groups, answers, |group, code| {
        check(ApiKey::DeleteGroups, group, code, None)
    }))
}

/// What is said of each of these groups, by answers that name their groups, in any order. A group may be asked about twice.
fn outcomes<A: Clone, T>(
    api: ApiKey,
    groups: &[Arc<str>],
    answers: impl Iterator<Item = (ByteString, A)>,
    read: impl Fn(&Arc<str>, A) -> Result<T>,
) -> Vec<Result<T>> {
    let answers: HashMap<_, _> = answers.collect();
    let outcome = |group: &Arc<str>| match answers.get(&**group) {
        Some(answer) => read(group, answer.clone()),
        None => Err(left_out(api, group)),
    };
    groups.iter().map(outcome).collect()
}

fn names(groups: &[Arc<str>]) -> Vec<ByteString> {
    groups.iter().map(|group| ByteString::from(&**group)).collect()
}

fn check(api: ApiKey, group: &Arc<str>, code: ErrorCode, message: Option<&str>) -> Result<()> {
    match code {
        ErrorCode::None => Ok(()),
        code => Err(refused(api, group, code).message(message).into()),
    }
}

fn refused(api: ApiKey, group: &Arc<str>, code: ErrorCode) -> BrokerError {
    BrokerError::new(api, code).group(Arc::clone(group))
}

/// An answer that leaves out what was asked about.
fn left_out(api: ApiKey, group: &Arc<str>) -> Error {
    let message = Some("the broker's answer leaves it out");
    refused(api, group, ErrorCode::UnknownServerError).message(message).into()
}
