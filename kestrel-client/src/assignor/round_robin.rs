//! The `roundrobin` assignor: all partitions in turn.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{AssignableTopics, Assignments, Assignor, GroupMember, in_turn, nothing};
use crate::record::TopicPartition;

/// Lays out all partitions of all topics in order and gives them to the members in turn; a member that does not want the
/// topic loses its turn.
///
/// Counts differ by at most one when all members want the same topics. Static members (KIP-345) keep their turns.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoundRobin;

impl Assignor for RoundRobin {
    fn name(&self) -> &'static str {
        "roundrobin"
    }

    fn assign(&self, topics: &AssignableTopics, members: &[GroupMember]) -> Assignments {
        let mut assignments = nothing(members);
        let wanted: BTreeSet<&Arc<str>> = members.iter().flat_map(|member| &member.topics).collect();
        let members = in_turn(members);
        let mut next = 0;
        for topic in wanted {
            for partition in 0..topics.partition_count(topic) {
                let Some(turn) = (next..next + members.len())
                    .find(|turn| members.get(turn % members.len()).is_some_and(|member| member.wants(topic)))
                else {
                    break;
                };
                next = turn + 1;
                let reader =
                    members.get(turn % members.len()).and_then(|m| assignments.get_mut(&m.member_id));
                if let Some(partitions) = reader {
                    partitions.push(TopicPartition::new(Arc::clone(topic), partition));
                }
            }
        }
        assignments
    }
}
