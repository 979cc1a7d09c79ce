//! JoinGroup, versions 0 to 9 (KIP-345, KIP-394, KIP-800, KIP-814): waits until the group's next generation begins.

use std::sync::Arc;

use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use kestrel_protocol::{ErrorCode, Uuid};

use super::{Handler, RequestContext, State};
use crate::coordinator::Joining;

impl Handler for JoinGroupRequest {
    fn handle(self, context: RequestContext, state: Arc<State>) -> impl Future<Output = JoinGroupResponse> {
        let allowed = context.check_group(&self.group_id).and_then(|()| check(&self, &state));
        let joining = Joining {
            version: context.version,
            client_id: context.client_id,
            client_host: format!("/{}", context.origin.peer.ip()).into(),
            unique: random_uuid(),
            request: self,
        };
        let joined = allowed.map(|()| state.groups.join(&joining));
        async move {
            let joined = match joined {
                Ok(joined) => tokio::select! {
                    joined = joined => joined,
                    () = state.stopping.cancelled() => Err(ErrorCode::NotCoordinator),
                },
                Err(error) => Err(error),
            };
            joined.unwrap_or_else(|error| match error {
                // As Apache Kafka names it when a group has become too large for its topic.
                ErrorCode::InvalidCommitOffsetSize => joining.request.refusal(ErrorCode::UnknownServerError),
                // Nothing of a request that is denied comes back.
                error @ ErrorCode::GroupAuthorizationFailed => Self::default().refusal(error),
                error => joining.request.refusal(error),
            })
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> JoinGroupResponse {
        JoinGroupResponse { member_id: self.member_id.clone(), error_code, ..Default::default() }
    }
}

fn check(request: &JoinGroupRequest, state: &State) -> Result<(), ErrorCode> {
    let groups = state.groups.settings();
    let timeout = u128::try_from(request.session_timeout_ms).map_err(|_| ErrorCode::InvalidSessionTimeout)?;
    let allowed = groups.min_session_timeout.as_millis()..=groups.max_session_timeout.as_millis();
    if allowed.contains(&timeout) { Ok(()) } else { Err(ErrorCode::InvalidSessionTimeout) }
}

/// A random id, as Java makes them.
fn random_uuid() -> Uuid {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    Uuid::from_random_bytes(bytes)
}

#[cfg(test)]
mod tests;
