//! The `cooperative-sticky` assignor: balanced and sticky, and nothing stops that stays where it is (KIP-429).

use bytes::Bytes;
use kestrel_protocol::consumer_protocol::CooperativeStickyUserData;

use super::sticky::{Claim, Ownership, balance};
use super::{AssignableTopics, Assignments, Assignor, GroupMember, LastAssignment, RebalanceProtocol};

/// Balances as [`Sticky`](super::Sticky) does, for members that go on reading during a rebalance (KIP-429).
///
/// A partition that is to move is first taken from its owner, and given to nobody: the owner gives it up and joins again,
/// and the rebalance after that gives it to the new one.
#[derive(Debug, Clone, Copy, Default)]
pub struct CooperativeSticky;

impl Assignor for CooperativeSticky {
    fn name(&self) -> &'static str {
        "cooperative-sticky"
    }

    fn protocols(&self) -> &[RebalanceProtocol] {
        &[RebalanceProtocol::Cooperative, RebalanceProtocol::Eager]
    }

    fn user_data(&self, last: Option<LastAssignment<'_>>) -> Option<Bytes> {
        let generation = last.map_or(-1, |last| last.generation);
        Some(CooperativeStickyUserData { generation }.to_bytes())
    }

    fn assign(&self, topics: &AssignableTopics, members: &[GroupMember]) -> Assignments {
        let ownership = Ownership::resolve(topics, members.iter().map(claim));
        let mut assignments = balance(topics, members, &ownership);
        for (member, partitions) in &mut assignments {
            partitions.retain(|partition| !ownership.is_held_by_another(partition, member));
        }
        assignments
    }
}

/// What a member says that it owns. Members that are too old to say in which generation tell it in their user data.
pub(super) fn claim(member: &GroupMember) -> Claim<'_> {
    let in_user_data = || {
        let data = CooperativeStickyUserData::from_bytes(member.user_data.clone()?).ok()?;
        (data.generation >= 0).then_some(data.generation)
    };
    Claim {
        member,
        partitions: member.owned_partitions.clone(),
        generation: member.generation.or_else(in_user_data),
    }
}
