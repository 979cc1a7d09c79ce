//! Takes members out of classic groups (KIP-345, KIP-571).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use kestrel_protocol::{ApiKey, ByteString};

use super::{GroupMemberDescription, check, left_out};
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::coordinators::{CoordinatorType, coordinator, is_passing_at_coordinator};
use crate::error::{Error, Result};
use crate::into::IntoName;

/// The first version of LeaveGroup that is about several members, and about static ones (KIP-345).
const MEMBERS_VERSION: i16 = 3;

/// A member to be taken out of its group.
///
/// ```
/// use kestrel_client::admin::MemberToRemove;
/// let gone = MemberToRemove::group_instance("host-7").reason("the host is gone");
/// assert_eq!(gone.to_string(), "group instance host-7");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use]
pub struct MemberToRemove {
    identity: Identity,
    reason: Option<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    GroupInstance(Arc<str>),
    Member(Arc<str>),
}

impl MemberToRemove {
    /// The static member with this `group.instance.id`.
    pub fn group_instance(group_instance_id: impl IntoName) -> Self {
        Self { identity: Identity::GroupInstance(group_instance_id.into_name()), reason: None }
    }

    /// The member with this id, which the coordinator gave it.
    pub fn member(member_id: impl IntoName) -> Self {
        Self { identity: Identity::Member(member_id.into_name()), reason: None }
    }

    /// Why it is removed: the coordinator has it in its log (KIP-800). Default: that an administrator has removed it.
    pub fn reason(mut self, reason: impl IntoName) -> Self {
        self.reason = Some(reason.into_name());
        self
    }

    fn to_wire(&self) -> MemberIdentity {
        let reason = self.reason.as_deref().unwrap_or("removed by an administrator");
        let (member_id, group_instance_id) = self.key();
        MemberIdentity { member_id, group_instance_id, reason: Some(reason.into()) }
    }

    /// What the coordinator's answer calls it.
    fn key(&self) -> (ByteString, Option<ByteString>) {
        match &self.identity {
            Identity::GroupInstance(id) => (ByteString::new(), Some(ByteString::from(&**id))),
            Identity::Member(id) => (ByteString::from(&**id), None),
        }
    }
}

/// The member that was described: by its `group.instance.id` if it has one.
impl From<&GroupMemberDescription> for MemberToRemove {
    fn from(member: &GroupMemberDescription) -> Self {
        match &member.group_instance_id {
            Some(id) => Self::group_instance(id),
            None => Self::member(&member.member_id),
        }
    }
}

impl fmt::Display for MemberToRemove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Identity::GroupInstance(id) => write!(f, "group instance {id}"),
            Identity::Member(id) => write!(f, "member {id}"),
        }
    }
}

/// Asks a group's coordinator to remove members.
#[derive(Debug)]
pub(super) struct RemoveMembers {
    pub(super) group: Arc<str>,
}

impl Call for RemoveMembers {
    type Item = MemberToRemove;
    type Output = ();
    const OPERATION: &'static str = "removing members of a group";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[MemberToRemove], _: Instant) -> Round<Self> {
        let request = LeaveGroupRequest {
            group_id: ByteString::from(&*self.group),
            members: items.iter().map(MemberToRemove::to_wire).collect(),
            ..LeaveGroupRequest::default()
        };
        let node = coordinator(client, CoordinatorType::Group, &self.group).await?;
        let response = client.send_since(Target::Node(node), &request, MEMBERS_VERSION).await?;
        check(ApiKey::LeaveGroup, &self.group, response.error_code, None)?;
        Ok(self.outcomes(items, response))
    }
}

impl RemoveMembers {
    fn outcomes(&self, items: &[MemberToRemove], response: LeaveGroupResponse) -> Vec<Result<()>> {
        let api = ApiKey::LeaveGroup;
        let members = response.members.into_iter();
        // A static member's answer may have its member id beside the instance id.
        let answers: HashMap<_, _> = members
            .map(|member| match member.group_instance_id {
                Some(id) => ((ByteString::new(), Some(id)), member.error_code),
                None => ((member.member_id, None), member.error_code),
            })
            .collect();
        let outcome = |item: &MemberToRemove| {
            let code = answers.get(&item.key()).ok_or_else(|| left_out(api, &self.group))?;
            check(api, &self.group, *code, None)
        };
        items.iter().map(outcome).collect()
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::ErrorCode;
    use kestrel_protocol::messages::leave_group::MemberResponse;

    use super::*;

    #[test]
    fn each_member_finds_its_own_answer() {
        let members = [
            MemberToRemove::member("m-1"),
            MemberToRemove::group_instance("host-7"),
            MemberToRemove::member("m-2"),
        ];
        let answer = |member_id: &str, instance: Option<&str>, error_code| MemberResponse {
            member_id: member_id.into(),
            group_instance_id: instance.map(Into::into),
            error_code,
        };
        let response = LeaveGroupResponse {
            members: vec![
                answer("m-9", Some("host-7"), ErrorCode::UnknownMemberId),
                answer("m-1", None, ErrorCode::None),
            ],
            ..LeaveGroupResponse::default()
        };
        let outcomes = RemoveMembers { group: "g".into() }.outcomes(&members, response);
        let codes: Vec<_> =
            outcomes.iter().map(|outcome| outcome.as_ref().err().and_then(Error::code)).collect();
        assert_eq!(codes, [None, Some(ErrorCode::UnknownMemberId), Some(ErrorCode::UnknownServerError)]);
    }
}
