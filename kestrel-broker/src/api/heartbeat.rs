//! Heartbeat, versions 0 to 4 (KIP-345): keeps a member in its group, and tells it when to join again.

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use super::{Handle, RequestContext, State};

impl Handle for HeartbeatRequest {
    async fn handle(self, _: &RequestContext, state: &State) -> HeartbeatResponse {
        if self.group_id.is_empty() {
            return self.refusal(ErrorCode::InvalidGroupId);
        }
        match state.groups.heartbeat(&self).await {
            Ok(outcome) => self.refusal(outcome),
            // Sessions begin anew when the groups are loaded: nothing is lost by this one.
            Err(ErrorCode::CoordinatorLoadInProgress) => self.refusal(ErrorCode::None),
            Err(error) => self.refusal(error),
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> HeartbeatResponse {
        HeartbeatResponse { error_code, ..Default::default() }
    }
}
