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

/// Where a group stands at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupStanding {
    /// Its id.
    pub(crate) id: ByteString,
    /// How many members it has.
    pub(crate) members: usize,
    /// The offsets that it has committed, by topic and partition.
    pub(crate) offsets: Vec<(ByteString, i32, i64)>,
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

    /// Adds where its groups stand to where those of other shards do.
    pub(in crate::coordinator) fn add_standings(&self, standings: &mut Vec<GroupStanding>) {
        standings.extend(self.groups.values().map(|group| {
            let offsets = self.stored.offsets(group.id());
            let offsets = offsets.map(|(topic, partition, stored)| (topic.clone(), partition, stored.offset));
            GroupStanding {
                id: group.id().clone(),
                members: group.member_count(),
                offsets: offsets.collect(),
            }
        }));
    }

    /// Adds its groups and their members to those of other shards.
    pub(in crate::coordinator) fn add_to(&self, metrics: &mut GroupMetrics) {
        self.groups.values().for_each(|group| group.add_to(metrics));
    }
}
