//! GroupMetadata: a member of a group as transactions name it.

use std::sync::Arc;

use super::machine::MemberIdentity;
use crate::into::IntoName;

/// A group, and the member that speaks for it: whose offsets a transaction commits (KIP-447).
///
/// The coordinator refuses offsets of a member that the group has gone on without, so that what another member reads again by
/// then is not counted twice. From [`Consumer::group_metadata`](crate::Consumer::group_metadata); or made of a group's name alone,
/// for offsets that no member stands for:
///
/// ```
/// use kestrel_client::GroupMetadata;
///
/// let group = GroupMetadata::new("billing");
/// assert_eq!((group.generation, &*group.member_id), (-1, ""));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMetadata {
    /// The group.
    pub group_id: Arc<str>,
    /// The generation of the group that the member is in; -1 without a member.
    pub generation: i32,
    /// The member's id; empty without one.
    pub member_id: Arc<str>,
    /// The member's `group.instance.id`, if it is a static one.
    pub instance_id: Option<Arc<str>>,
}

impl GroupMetadata {
    /// The group alone: nobody is kept from committing its offsets.
    #[must_use]
    pub fn new(group_id: impl IntoName) -> Self {
        Self { group_id: group_id.into_name(), generation: -1, member_id: Arc::from(""), instance_id: None }
    }

    pub(crate) fn of(group_id: &str, member: &MemberIdentity) -> Self {
        Self {
            group_id: Arc::from(group_id),
            generation: member.generation,
            member_id: Arc::from(&*member.member_id),
            instance_id: member.instance_id.as_deref().map(Arc::from),
        }
    }
}
