//! Assignors: which member of a group reads which partitions. The leader of a classic group asks one.
//!
//! Pure functions of the topics and of what the members say about themselves. [`Range`], [`RoundRobin`], [`Sticky`] and
//! [`CooperativeSticky`] speak the same protocol as the Java client's assignors of these names, so that Java and Kestrel
//! members share groups; for everything else there is the trait [`Assignor`].
//!
//! | assignor | gives | moves when members come and go |
//! |---|---|---|
//! | [`Range`] | each topic in ranges, the same ranges for topics of the same size | much |
//! | [`RoundRobin`] | all partitions in turn | much |
//! | [`Sticky`] | balanced counts | as little as balance allows, everything is stopped meanwhile |
//! | [`CooperativeSticky`] | balanced counts | as little as balance allows, the rest is read on (KIP-429) |
//!
//! ```
//! use kestrel_client::assignor::{AssignableTopics, Assignor, GroupMember, Range};
//!
//! let topics = AssignableTopics::new().topic("clicks", 3);
//! let members = [GroupMember::new("a", ["clicks"]), GroupMember::new("b", ["clicks"])];
//! let assignments = Range.assign(&topics, &members);
//! assert_eq!(assignments["a"], [("clicks", 0).into(), ("clicks", 1).into()]);
//! assert_eq!(assignments["b"], [("clicks", 2).into()]);
//! ```

mod cooperative_sticky;
mod member;
mod range;
mod round_robin;
mod sticky;
mod topics;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::record::TopicPartition;

pub use self::cooperative_sticky::CooperativeSticky;
pub use self::member::GroupMember;
pub(crate) use self::member::{decode_assignment, encode_assignment, encode_subscription};
pub use self::range::Range;
pub use self::round_robin::RoundRobin;
pub use self::sticky::Sticky;
pub use self::topics::AssignableTopics;

/// What each member is to read: the members of the group by id, each with its partitions.
pub type Assignments = BTreeMap<Arc<str>, Vec<TopicPartition>>;

/// How a group goes from one assignment to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RebalanceProtocol {
    /// Every member gives up all that it has before it joins again.
    Eager,
    /// Members keep what they have and give up only what goes to somebody else, who gets it one rebalance later (KIP-429).
    Cooperative,
}

/// Decides which member of a group reads which partitions.
///
/// Every member names its assignors in the order of its preference; the coordinator picks one that all of them have.
/// Members of a group therefore change their assignor in two steps: first all have both, then the old one goes.
///
/// ```
/// use kestrel_client::assignor::{AssignableTopics, Assignments, Assignor, GroupMember};
///
/// /// Gives everything to the member that comes first.
/// #[derive(Debug)]
/// struct OneReader;
///
/// impl Assignor for OneReader {
///     fn name(&self) -> &str {
///         "one-reader"
///     }
///
///     fn assign(&self, topics: &AssignableTopics, members: &[GroupMember]) -> Assignments {
///         let mut assignments: Assignments = members.iter().map(|m| (m.member_id.clone(), vec![])).collect();
///         if let Some(mut reader) = assignments.first_entry() {
///             reader.get_mut().extend(topics.partitions());
///         }
///         assignments
///     }
/// }
/// ```
pub trait Assignor: fmt::Debug + Send + Sync {
    /// The name that members of the group agree on.
    fn name(&self) -> &str;

    /// The protocols that the assignor can be used with. A group rebalances cooperatively when all assignors of the member
    /// can, and eagerly otherwise.
    fn protocols(&self) -> &[RebalanceProtocol] {
        &[RebalanceProtocol::Eager]
    }

    /// What the member tells the leader's assignor, besides its topics and what it owns.
    ///
    /// `last` is what the member was assigned last and in which generation; `None` before the first assignment.
    fn user_data(&self, last: Option<LastAssignment<'_>>) -> Option<Bytes> {
        let _ = last;
        None
    }

    /// Decides. `members` are all members of the group, `topics` at least the topics that exist among those they want.
    ///
    /// The same partition must not be given to two members, nor one to a member that did not ask for its topic. With
    /// [`RebalanceProtocol::Cooperative`] no partition may be given to a member while another one still owns it.
    fn assign(&self, topics: &AssignableTopics, members: &[GroupMember]) -> Assignments;
}

/// What a member was assigned last.
#[derive(Debug, Clone, Copy)]
pub struct LastAssignment<'a> {
    /// The partitions.
    pub partitions: &'a [TopicPartition],
    /// The generation of the group in which that was; 0 or greater.
    pub generation: i32,
}

/// The protocol of a group whose member has these assignors: the latest one that all of them can be used with.
pub(crate) fn common_protocol(assignors: &[Arc<dyn Assignor>]) -> RebalanceProtocol {
    let cooperative = RebalanceProtocol::Cooperative;
    if !assignors.is_empty() && assignors.iter().all(|assignor| assignor.protocols().contains(&cooperative)) {
        cooperative
    } else {
        RebalanceProtocol::Eager
    }
}

/// Members in the order in which ranges and turns are given out: static ones by instance id (KIP-345), then the others by
/// member id.
fn in_turn<'a>(members: impl IntoIterator<Item = &'a GroupMember>) -> Vec<&'a GroupMember> {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_by_key(|member| {
        (member.group_instance_id.is_none(), &member.group_instance_id, &member.member_id)
    });
    members
}

/// An assignment in which no member has anything yet.
fn nothing(members: &[GroupMember]) -> Assignments {
    members.iter().map(|member| (Arc::clone(&member.member_id), Vec::new())).collect()
}

#[cfg(test)]
mod tests;
