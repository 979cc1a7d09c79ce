//! SyncGroup, versions 0 to 5: a member's part of the assignment; waits until the leader has sent it.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::{Handler, RequestContext, State};

/// The first version that names the protocol.
const FIRST_PROTOCOL_VERSION: i16 = 5;

impl Handler for SyncGroupRequest {
    fn handle(self, context: RequestContext, state: Arc<State>) -> impl Future<Output = SyncGroupResponse> {
        let syncing = self.check(&context).map(|()| state.groups.sync(&self));
        let stopping = state.stopping.clone();
        async move {
            let synced = match syncing {
                Ok(syncing) => tokio::select! {
                    synced = syncing => synced,
                    () = stopping.cancelled() => Err(ErrorCode::NotCoordinator),
                },
                Err(error) => Err(error),
            };
            synced.unwrap_or_else(|error| match error {
                // As Apache Kafka names it when a group has become too large for its topic.
                ErrorCode::InvalidCommitOffsetSize => self.refusal(ErrorCode::UnknownServerError),
                // A member learns about a coordinator that is loading by joining again (as in Apache Kafka).
                ErrorCode::CoordinatorLoadInProgress => self.refusal(ErrorCode::RebalanceInProgress),
                error => self.refusal(error),
            })
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> SyncGroupResponse {
        SyncGroupResponse { error_code, ..Default::default() }
    }
}

trait Check {
    /// Checks what the group does not: the names that version 5 needs, what the sender may do, the group's id.
    fn check(&self, context: &RequestContext) -> Result<(), ErrorCode>;
}

impl Check for SyncGroupRequest {
    fn check(&self, context: &RequestContext) -> Result<(), ErrorCode> {
        let names_protocol = self.protocol_type.is_some() && self.protocol_name.is_some();
        if context.version >= FIRST_PROTOCOL_VERSION && !names_protocol {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        context.check_group(&self.group_id)
    }
}
