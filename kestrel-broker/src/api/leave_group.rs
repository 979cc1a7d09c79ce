//! LeaveGroup, versions 0 to 5 (in batches from version 3, KIP-345; reasons from version 5, KIP-800).

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::leave_group::{
    LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse,
};

use super::{Handle, RequestContext, State};

/// The first version in which several members leave at once.
const FIRST_BATCH_VERSION: i16 = 3;

impl Handle for LeaveGroupRequest {
    async fn handle(self, context: &RequestContext, state: &State) -> LeaveGroupResponse {
        if self.group_id.is_empty() {
            return self.refusal(ErrorCode::InvalidGroupId);
        }
        let is_batch = context.version >= FIRST_BATCH_VERSION;
        let members = if is_batch {
            self.members.clone()
        } else {
            vec![MemberIdentity { member_id: self.member_id.clone(), ..Default::default() }]
        };
        let outcomes = match state.groups.leave(&self.group_id, &members).await {
            Ok(outcomes) => outcomes,
            Err(error) => return self.refusal(error),
        };
        if !is_batch {
            return self.refusal(outcomes.first().copied().unwrap_or(ErrorCode::None));
        }
        let members = members.into_iter().zip(outcomes).map(|(member, error_code)| MemberResponse {
            member_id: member.member_id,
            group_instance_id: member.group_instance_id,
            error_code,
        });
        LeaveGroupResponse { members: members.collect(), ..Default::default() }
    }

    fn refusal(&self, error_code: ErrorCode) -> LeaveGroupResponse {
        LeaveGroupResponse { error_code, ..Default::default() }
    }
}
