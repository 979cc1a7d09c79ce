//! Protocols: what a member says about itself when it joins, what it reads from the answers, and how the leader assigns.
//!
//! Joins the [assignors](crate::assignor) to [`Membership`](super::membership::Membership). Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::messages::join_group::JoinGroupResponseMember;
use kestrel_protocol::{ByteString, EncodeError};

use crate::assignor::{
    AssignableTopics, Assignor, GroupMember, LastAssignment, RebalanceProtocol, common_protocol,
    decode_assignment, encode_assignment, encode_subscription,
};
use crate::error::Error;
use crate::record::TopicPartition;

/// The protocol type of consumers' groups.
pub(crate) const PROTOCOL_TYPE: &str = "consumer";

/// The assignors of a member, in the order of its preference.
#[derive(Debug, Clone)]
pub(crate) struct Protocols {
    assignors: Vec<Arc<dyn Assignor>>,
    rack: Option<Arc<str>>,
    is_cooperative: bool,
}

impl Protocols {
    pub(crate) fn new(assignors: Vec<Arc<dyn Assignor>>, rack: &str) -> Self {
        let is_cooperative = common_protocol(&assignors) == RebalanceProtocol::Cooperative;
        Self { assignors, rack: (!rack.is_empty()).then(|| rack.into()), is_cooperative }
    }

    /// Whether partitions are kept while the member joins again (KIP-429): when all of its assignors can.
    pub(crate) const fn is_cooperative(&self) -> bool {
        self.is_cooperative
    }

    pub(crate) fn knows(&self, protocol: &str) -> bool {
        self.assignors.iter().any(|assignor| assignor.name() == protocol)
    }

    /// The subscription of the member for each assignor. With the eager protocol it owns nothing while it joins; what it was
    /// assigned last is for the assignors' own data.
    pub(crate) fn subscriptions(
        &self,
        topics: &BTreeSet<Arc<str>>,
        owned: &BTreeSet<TopicPartition>,
        last: Option<(&[TopicPartition], i32)>,
    ) -> Vec<(ByteString, Bytes)> {
        let mut member = GroupMember::new("", topics.iter().cloned());
        member.rack.clone_from(&self.rack);
        member.owned_partitions = owned.iter().cloned().collect();
        member.generation = last.map(|(_, generation)| generation);
        let last = last.map(|(partitions, generation)| LastAssignment { partitions, generation });
        let subscription = |assignor: &Arc<dyn Assignor>| {
            let user_data = assignor.user_data(last);
            let metadata = encode_subscription(&GroupMember { user_data, ..member.clone() });
            (ByteString::from(assignor.name()), metadata.unwrap_or_else(unsaid))
        };
        self.assignors.iter().map(subscription).collect()
    }

    /// Decodes this member's assignment. No bytes at all assign nothing; a part of an assignment is an error.
    pub(crate) fn assignment(bytes: &Bytes) -> Result<Vec<TopicPartition>, Error> {
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let unreadable = |cause| Error::MalformedResponse { broker: "the group's leader".into(), cause };
        decode_assignment(bytes.clone()).map_err(unreadable)
    }

    /// The members as they describe themselves. One that cannot be read gets nothing.
    pub(crate) fn members(answered: Vec<JoinGroupResponseMember>) -> Vec<GroupMember> {
        let read = |member: JoinGroupResponseMember| {
            let JoinGroupResponseMember { member_id, group_instance_id, metadata } = member;
            GroupMember::from_metadata(&member_id, group_instance_id.as_deref(), metadata).unwrap_or_else(
                |error| {
                    tracing::warn!(member = %member_id, %error, "a member's subscription cannot be read");
                    GroupMember::new(&*member_id, [] as [Arc<str>; 0])
                },
            )
        };
        answered.into_iter().map(read).collect()
    }

    /// The leader's part: the assignment of each member, as bytes.
    pub(crate) fn assign(
        &self,
        protocol: &str,
        topics: &AssignableTopics,
        members: &[GroupMember],
    ) -> Vec<(ByteString, Bytes)> {
        let Some(assignor) = self.assignors.iter().find(|assignor| assignor.name() == protocol) else {
            return Vec::new();
        };
        let assignments: BTreeMap<_, _> = assignor.assign(topics, members);
        let encoded = assignments.iter().map(|(member_id, partitions)| {
            (ByteString::from(&**member_id), encode_assignment(partitions).unwrap_or_else(unsaid))
        });
        encoded.collect()
    }
}

/// Stands for what an assignor made and the protocol has no room for: no bytes. The topics of a subscription were
/// checked when the consumer was built, and those of members are as long as they were read.
fn unsaid(error: EncodeError) -> Bytes {
    tracing::error!(%error, "an assignor's names are too long: nothing is said in its name");
    Bytes::new()
}
