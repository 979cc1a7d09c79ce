//! Heartbeat, versions 0 to 4 (KIP-345): keeps a member in its group, and tells it when to join again.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};

use super::{Handler, RequestContext, State};

impl Handler for HeartbeatRequest {
    fn handle(self, context: RequestContext, state: Arc<State>) -> impl Future<Output = HeartbeatResponse> {
        let allowed = context.check_group(&self.group_id);
        let beat = allowed.map(|()| state.groups.heartbeat(&self));
        async move {
            let beat = match beat {
                Ok(beat) => beat.await,
                Err(error) => return self.refusal(error),
            };
            match beat {
                Ok(outcome) => self.refusal(outcome),
                // Sessions begin anew when the groups are loaded: nothing is lost by this one.
                Err(ErrorCode::CoordinatorLoadInProgress) => self.refusal(ErrorCode::None),
                Err(error) => self.refusal(error),
            }
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> HeartbeatResponse {
        HeartbeatResponse { error_code, ..Default::default() }
    }
}
