//! SyncGroup, versions 0 to 5: a member's part of the assignment; waits until the leader has sent it.

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};

use super::{Handle, RequestContext, State};

/// The first version that names the protocol.
const FIRST_PROTOCOL_VERSION: i16 = 5;

impl Handle for SyncGroupRequest {
    async fn handle(self, context: &RequestContext, state: &State) -> SyncGroupResponse {
        if self.group_id.is_empty() {
            return self.refusal(ErrorCode::InvalidGroupId);
        }
        let names_protocol = self.protocol_type.is_some() && self.protocol_name.is_some();
        if context.version >= FIRST_PROTOCOL_VERSION && !names_protocol {
            return self.refusal(ErrorCode::InconsistentGroupProtocol);
        }
        let synced = tokio::select! {
            synced = state.groups.sync(&self) => synced,
            () = state.stopping.cancelled() => Err(ErrorCode::NotCoordinator),
        };
        synced.unwrap_or_else(|error| match error {
            // As Apache Kafka names it when a group has become too large for its topic.
            ErrorCode::InvalidCommitOffsetSize => self.refusal(ErrorCode::UnknownServerError),
            // A member learns about a coordinator that is loading by joining again (as in Apache Kafka).
            ErrorCode::CoordinatorLoadInProgress => self.refusal(ErrorCode::RebalanceInProgress),
            error => self.refusal(error),
        })
    }

    fn refusal(&self, error_code: ErrorCode) -> SyncGroupResponse {
        SyncGroupResponse { error_code, ..Default::default() }
    }
}
