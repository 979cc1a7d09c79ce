//! LeaveGroup, versions 0 to 5 (in batches from version 3, KIP-345; reasons from version 5, KIP-800).

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse,
};

use super::{Handler, RequestContext, State};

/// The first version in which several members leave at once.
const FIRST_BATCH_VERSION: i16 = 3;

impl Handler for LeaveGroupRequest {
    fn handle(self, context: RequestContext, state: Arc<State>) -> impl Future<Output = LeaveGroupResponse> {
        let is_batch = context.version >= FIRST_BATCH_VERSION;
        let members = if is_batch {
            self.members.clone()
        } else {
            vec![MemberIdentity { member_id: self.member_id.clone(), ..Default::default() }]
        };
        let allowed = context.check_group(&self.group_id);
        let left = allowed.map(|()| state.groups.leave(&self.group_id, &members));
        async move {
            let left = match left {
                Ok(left) => left.await,
                Err(error) => return self.refusal(error),
            };
            match left {
                Ok(outcomes) if is_batch => each(members, outcomes),
                Ok(outcomes) => self.refusal(outcomes.first().copied().unwrap_or(ErrorCode::None)),
                Err(error) => self.refusal(error),
            }
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> LeaveGroupResponse {
        LeaveGroupResponse { error_code, ..Default::default() }
    }
}

fn each(members: Vec<MemberIdentity>, outcomes: Vec<ErrorCode>) -> LeaveGroupResponse {
    let members = members.into_iter().zip(outcomes).map(|(member, error_code)| MemberResponse {
        member_id: member.member_id,
        group_instance_id: member.group_instance_id,
        error_code,
    });
    LeaveGroupResponse { members: members.collect(), ..Default::default() }
}
