//! The `sticky` assignor, and what it shares with `cooperative-sticky`: who owned what, and the balancing.

mod balancer;
mod ownership;

use bytes::Bytes;
use kestrel_protocol::consumer_protocol::StickyUserData;

use super::member::{flatten, group};
use super::{AssignableTopics, Assignments, Assignor, GroupMember, LastAssignment};

pub(super) use self::balancer::balance;
pub(super) use self::ownership::{Claim, Ownership};

/// Balances the counts and leaves partitions with the members that had them, as far as balance allows (KIP-54).
///
/// Counts differ by at most one when all members want the same topics; otherwise no partition could go, directly or
/// over others, to a member with two partitions less. Members tell what they had in their user data, so everything stops
/// during a rebalance and only caches stay warm: [`CooperativeSticky`](super::CooperativeSticky) lets the rest be read on.
/// Racks are matched as far as balance allows (KIP-881).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sticky;

impl Assignor for Sticky {
    fn name(&self) -> &'static str {
        "sticky"
    }

    fn user_data(&self, last: Option<LastAssignment<'_>>) -> Option<Bytes> {
        let last = last?;
        let data =
            StickyUserData { previous_assignment: group(last.partitions), generation: last.generation };
        data.to_bytes().ok()
    }

    fn assign(&self, topics: &AssignableTopics, members: &[GroupMember]) -> Assignments {
        let ownership = Ownership::resolve(topics, members.iter().map(claim));
        balance(topics, members, &ownership)
    }
}

/// What a member says that it had. User data that cannot be read says nothing.
pub(in crate::assignor) fn claim(member: &GroupMember) -> Claim<'_> {
    let nothing = Claim { member, partitions: Vec::new(), generation: None };
    let Some(data) = member.user_data.clone().filter(|data| !data.is_empty()) else { return nothing };
    match StickyUserData::from_bytes(data) {
        Ok((data, _)) => Claim {
            member,
            partitions: flatten(&data.previous_assignment),
            generation: (data.generation >= 0).then_some(data.generation),
        },
        Err(error) => {
            tracing::debug!(member = &*member.member_id, %error, "what the member had is not readable");
            nothing
        }
    }
}

#[cfg(test)]
mod tests;
