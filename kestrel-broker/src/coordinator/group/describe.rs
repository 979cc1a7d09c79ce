//! What is told about groups: DescribeGroups, ListGroups. Part of the machine; changes nothing.

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::messages::describe_groups::{DescribedGroup, DescribedGroupMember};

use super::GroupShard;
use super::classic::{ClassicGroup, State};
use super::member::Member;
use crate::metrics::GroupMetrics;

/// The type of every group that there is.
pub(crate) const CLASSIC: &str = "classic";

/// Which groups ListGroups asks for (KIP-518, KIP-848). An empty list asks for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFilter {
    /// The states, in any case.
    pub(crate) states: Vec<ByteString>,
    /// The types, in any case.
    pub(crate) types: Vec<ByteString>,
}

impl ListFilter {
    fn takes(&self, group: &ClassicGroup) -> bool {
        let any = |wanted: &[ByteString], has: &str| {
            wanted.is_empty() || wanted.iter().any(|name| name.eq_ignore_ascii_case(has))
        };
        any(&self.states, group.state.name()) && any(&self.types, CLASSIC)
    }
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupOverview {
    /// Its id.
    pub(crate) id: ByteString,
    /// `consumer`, `connect`; empty for a group that only stores offsets.
    pub(crate) protocol_type: ByteString,
    /// The name of its state.
    pub(crate) state: &'static str,
}

impl GroupShard {
    /// Handles DescribeGroups for one group; `None` when it is not there.
    pub(crate) fn describe(&self, group_id: &str) -> Option<DescribedGroup> {
        self.groups.get(group_id).map(ClassicGroup::describe)
    }

    /// Handles ListGroups.
    pub(crate) fn list(&self, filter: &ListFilter) -> Vec<GroupOverview> {
        let overview = |group: &ClassicGroup| GroupOverview {
            id: group.id.clone(),
            protocol_type: group.protocol_type.clone().unwrap_or_default(),
            state: group.state.name(),
        };
        self.groups.values().filter(|group| filter.takes(group)).map(overview).collect()
    }
}

impl GroupShard {
    /// Adds its groups and their members to those of other shards.
    pub(crate) fn add_to(&self, metrics: &mut GroupMetrics) {
        for group in self.groups.values() {
            *metrics.by_state.entry(group.state.name().to_owned()).or_default() += 1;
            metrics.members += u64::try_from(group.members.len()).unwrap_or_default();
        }
    }
}

impl ClassicGroup {
    /// Metadata and assignments are only told of a stable group: in other states they belong to no generation.
    fn describe(&self) -> DescribedGroup {
        let is_stable = self.state == State::Stable;
        let told = |bytes: Bytes| if is_stable { bytes } else { Bytes::new() };
        let member = |member: &Member| DescribedGroupMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            member_metadata: told(member.metadata(self.protocol.as_ref())),
            member_assignment: told(member.assignment.clone()),
        };
        DescribedGroup {
            group_id: self.id.clone(),
            group_state: self.state.name().into(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol_data: self.protocol.clone().filter(|_| is_stable).unwrap_or_default(),
            members: self.members.values().map(member).collect(),
            ..Default::default()
        }
    }
}
