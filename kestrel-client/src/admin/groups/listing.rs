//! Lists groups by kind and state.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;
use kestrel_protocol::messages::list_groups::{ListGroupsRequest, ListedGroup};
use kestrel_protocol::{ApiKey, ByteString, NodeId};

use super::is_passing_at_coordinator;
use crate::admin::named::named;
use crate::admin::settle::{Call, Round, check};
use crate::client::{Client, Target};
use crate::error::{Error, Result};

/// The first version of ListGroups that filters by state (KIP-518).
const STATES_VERSION: i16 = 4;
/// The first version of ListGroups that filters by type (KIP-848).
const TYPES_VERSION: i16 = 5;

named! {
    /// The state of a group.
    ///
    /// ```
    /// assert_eq!(kestrel_client::admin::GroupState::PreparingRebalance.to_string(), "PreparingRebalance");
    /// ```
    GroupState {
        /// It has offsets and no members.
        Empty,
        /// Members are to join.
        PreparingRebalance,
        /// Members have joined and wait for what the leader assigns.
        CompletingRebalance,
        /// Members have their assignments.
        Stable,
        /// It is being removed.
        Dead,
        /// The broker computes an assignment (KIP-848).
        Assigning,
        /// Members take over their assignments (KIP-848).
        Reconciling,
        /// The group has not what it needs (KIP-1071).
        NotReady,
    }
}

named! {
    /// The protocol of a group.
    GroupType {
        /// Members join and a leader assigns: consumers before KIP-848, Connect's workers, and offsets without members.
        Classic,
        /// Consumers whose broker assigns (KIP-848).
        Consumer,
        /// Consumers that share records (KIP-932).
        Share,
        /// Kafka Streams with its broker's help (KIP-1071).
        Streams,
    }
}

/// A filter over groups: matches all until it is narrowed.
///
/// ```
/// use kestrel_client::admin::{GroupFilter, GroupState, GroupType};
/// let filter = GroupFilter::all().states([GroupState::Empty, GroupState::Dead]).types([GroupType::Classic]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct GroupFilter {
    states: Vec<GroupState>,
    types: Vec<GroupType>,
}

impl GroupFilter {
    /// All groups.
    pub const fn all() -> Self {
        Self { states: Vec::new(), types: Vec::new() }
    }

    /// Groups in one of these states (KIP-518). Default: in any.
    pub fn states(mut self, states: impl IntoIterator<Item = GroupState>) -> Self {
        self.states = states.into_iter().collect();
        self
    }

    /// Groups of one of these types (KIP-848). Default: of any.
    pub fn types(mut self, types: impl IntoIterator<Item = GroupType>) -> Self {
        self.types = types.into_iter().collect();
        self
    }

    fn first_version(&self) -> i16 {
        match (self.types.is_empty(), self.states.is_empty()) {
            (false, _) => TYPES_VERSION,
            (true, false) => STATES_VERSION,
            (true, true) => 0,
        }
    }

    fn request(&self) -> ListGroupsRequest {
        let name = |name: &'static str| ByteString::from_static(name);
        ListGroupsRequest {
            states_filter: self.states.iter().map(|state| name(state.name())).collect(),
            types_filter: self.types.iter().map(|kind| name(kind.name())).collect(),
        }
    }
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupListing {
    /// The group's id.
    pub group_id: Arc<str>,
    /// The kind of the members: `consumer`, `connect` and so on; empty for offsets that were committed without members.
    pub protocol_type: Arc<str>,
    /// The group's state; `None` from brokers before Apache Kafka 2.6.
    pub state: Option<GroupState>,
    /// The group's protocol; `None` from brokers before Apache Kafka 3.8.
    pub group_type: Option<GroupType>,
}

impl From<ListedGroup> for GroupListing {
    fn from(group: ListedGroup) -> Self {
        let said = |name: ByteString| Some(name).filter(|name| !name.is_empty());
        Self {
            group_id: Arc::from(&*group.group_id),
            protocol_type: Arc::from(&*group.protocol_type),
            state: said(group.group_state).map(|name| GroupState::from_name(&name)),
            group_type: said(group.group_type).map(|name| GroupType::from_name(&name)),
        }
    }
}

/// Asks brokers for the groups that they coordinate.
#[derive(Debug)]
pub(super) struct ListGroups {
    pub(super) filter: GroupFilter,
}

impl Call for ListGroups {
    type Item = NodeId;
    type Output = Vec<GroupListing>;
    const OPERATION: &'static str = "listing groups";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[NodeId], _: Instant) -> Round<Self> {
        Ok(join_all(items.iter().map(|&node| self.list_at(client, node))).await)
    }
}

impl ListGroups {
    async fn list_at(&self, client: &Client, node: NodeId) -> Result<Vec<GroupListing>> {
        let (target, since) = (Target::Node(node), self.filter.first_version());
        let response = client.send_since(target, &self.filter.request(), since).await?;
        check(ApiKey::ListGroups, response.error_code, None)?;
        Ok(response.groups.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_whatever_their_case_and_new_ones_are_unknown() {
        assert_eq!(GroupState::from_name("preparingRebalance"), GroupState::PreparingRebalance);
        assert_eq!(GroupType::from_name("classic"), GroupType::Classic);
        assert_eq!(GroupState::from_name("Napping"), GroupState::Unknown);
        for state in [GroupState::Empty, GroupState::NotReady, GroupState::CompletingRebalance] {
            assert_eq!(GroupState::from_name(state.name()), state);
        }
    }

    #[test]
    fn a_filter_needs_the_version_that_has_it() {
        assert_eq!(GroupFilter::all().first_version(), 0);
        assert_eq!(GroupFilter::all().states([GroupState::Empty]).first_version(), 4);
        assert_eq!(
            GroupFilter::all().states([GroupState::Empty]).types([GroupType::Share]).first_version(),
            5
        );
    }

    #[test]
    fn an_old_broker_says_less() {
        let listed =
            ListedGroup { group_id: "g".into(), protocol_type: "consumer".into(), ..ListedGroup::default() };
        let listing = GroupListing::from(listed);
        assert_eq!((listing.state, listing.group_type), (None, None));
    }
}
