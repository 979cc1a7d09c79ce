//! DescribeGroups and ListGroups: what groups look like from outside. Part of the machine; changes nothing.

use bytestring::ByteString;
use kestrel_protocol::messages::describe_groups::DescribedGroup;

use super::GroupShard;
use super::kind::{Group, GroupOverview};
use crate::metrics::GroupMetrics;

/// Which groups ListGroups asks for (KIP-518, KIP-848). An empty list asks for all.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListFilter {
    /// The states, in any case.
    pub(crate) states: Vec<ByteString>,
    /// The types, in any case.
    pub(crate) types: Vec<ByteString>,
}

impl ListFilter {
    fn takes(&self, group: &GroupOverview) -> bool {
        let any = |wanted: &[ByteString], has: &str| {
            wanted.is_empty() || wanted.iter().any(|name| name.eq_ignore_ascii_case(has))
        };
        any(&self.states, group.state) && any(&self.types, group.group_type)
    }
}

impl GroupShard {
    /// Handles DescribeGroups for one group; `None` when it is not there.
    pub(in crate::coordinator) fn describe(&self, group_id: &str) -> Option<DescribedGroup> {
        self.groups.get(group_id).map(Group::describe)
    }

    /// Handles ListGroups.
    pub(in crate::coordinator) fn list(&self, filter: &ListFilter) -> Vec<GroupOverview> {
        self.groups.values().map(Group::overview).filter(|group| filter.takes(group)).collect()
    }

    /// Adds its groups and their members to those of other shards.
    pub(in crate::coordinator) fn add_to(&self, metrics: &mut GroupMetrics) {
        self.groups.values().for_each(|group| group.add_to(metrics));
    }
}
