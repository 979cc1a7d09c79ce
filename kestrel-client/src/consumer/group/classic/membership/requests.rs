//! The requests of a member, as the machine's state has them.

use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use kestrel_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};

use super::Membership;
use crate::consumer::group::classic::protocols::PROTOCOL_TYPE;
use crate::environment::wire_millis;

impl Membership {
    pub(super) fn join_request(&self) -> JoinGroupRequest {
        let last = self.last.as_ref().map(|(partitions, generation)| (partitions.as_slice(), *generation));
        let protocols = self.protocols.subscriptions(&self.topics, &self.owned, last);
        let protocol = |(name, metadata)| JoinGroupRequestProtocol { name, metadata };
        JoinGroupRequest {
            group_id: self.settings.group_id.clone(),
            session_timeout_ms: wire_millis(self.settings.session_timeout),
            rebalance_timeout_ms: wire_millis(self.settings.max_poll_interval),
            member_id: self.member_id.clone(),
            group_instance_id: self.settings.instance_id.clone(),
            protocol_type: PROTOCOL_TYPE.into(),
            protocols: protocols.into_iter().map(protocol).collect(),
            reason: Some(self.join_reason.into()),
        }
    }

    pub(super) fn sync_request(
        &self,
        assignments: Vec<SyncGroupRequestAssignment>,
    ) -> Option<SyncGroupRequest> {
        let generation = self.generation.as_ref()?;
        Some(SyncGroupRequest {
            group_id: self.settings.group_id.clone(),
            generation_id: generation.id,
            member_id: self.member_id.clone(),
            group_instance_id: self.settings.instance_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.into()),
            protocol_name: Some(generation.protocol.clone()),
            assignments,
        })
    }

    pub(super) fn heartbeat_request(&self) -> Option<HeartbeatRequest> {
        Some(HeartbeatRequest {
            group_id: self.settings.group_id.clone(),
            generation_id: self.generation.as_ref()?.id,
            member_id: self.member_id.clone(),
            group_instance_id: self.settings.instance_id.clone(),
        })
    }

    /// Says who leaves in both forms: for coordinators with and without batches.
    pub(super) fn leave_request(&mut self) -> Option<LeaveGroupRequest> {
        let farewell = self.farewell.as_mut()?;
        farewell.is_under_way = true;
        let member = MemberIdentity {
            member_id: farewell.member_id.clone(),
            group_instance_id: None,
            reason: Some(farewell.reason.into()),
        };
        Some(LeaveGroupRequest {
            group_id: self.settings.group_id.clone(),
            member_id: farewell.member_id.clone(),
            members: vec![member],
        })
    }
}
