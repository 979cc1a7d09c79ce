//! JoinGroup, versions 0 to 9 (KIP-345, KIP-394, KIP-800, KIP-814): waits until the group's next generation begins.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use kestrel_protocol::{ErrorCode, Uuid};

use super::{Handle, Outgoing, Reply, Request, RequestContext, State};
use crate::coordinator::Joining;

/// Joins under the client's name: the one thing that the header says and the body does not.
pub(super) fn dispatch(state: &Arc<State>, request: Request) -> Reply {
    let Request { frame, context } = request;
    let correlation_id = frame.header.correlation_id;
    let client_id = frame.header.client_id.as_deref().unwrap_or_default().to_owned();
    let request = match frame.decode::<JoinGroupRequest>() {
        Ok(request) => request,
        Err(error) => return Reply::now(Err(error.into())),
    };
    let response = join(request, client_id.into(), &context, state);
    Reply::later(async move {
        Outgoing::from(response.await).encode::<JoinGroupRequest>(context.version, correlation_id)
    })
}

impl Handle for JoinGroupRequest {
    async fn handle(self, context: &RequestContext, state: &State) -> JoinGroupResponse {
        join(self, ByteString::new(), context, state).await
    }

    fn refusal(&self, error_code: ErrorCode) -> JoinGroupResponse {
        JoinGroupResponse { member_id: self.member_id.clone(), error_code, ..Default::default() }
    }
}

/// Joins at once, and then waits for the others.
fn join(
    request: JoinGroupRequest,
    client_id: ByteString,
    context: &RequestContext,
    state: &State,
) -> impl Future<Output = JoinGroupResponse> + Send + use<> {
    let allowed = check(&request, state);
    let joining = Joining {
        version: context.version,
        client_id,
        client_host: format!("/{}", context.origin.peer.ip()).into(),
        unique: random_uuid(),
        request,
    };
    let joined = allowed.map(|()| state.groups.join(&joining));
    let stopping = state.stopping.clone();
    async move {
        let joined = match joined {
            Ok(joined) => tokio::select! {
                joined = joined => joined,
                () = stopping.cancelled() => Err(ErrorCode::NotCoordinator),
            },
            Err(error) => Err(error),
        };
        joined.unwrap_or_else(|error| match error {
            // As Apache Kafka names it when a group has become too large for its topic.
            ErrorCode::InvalidCommitOffsetSize => joining.request.refusal(ErrorCode::UnknownServerError),
            error => joining.request.refusal(error),
        })
    }
}

fn check(request: &JoinGroupRequest, state: &State) -> Result<(), ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
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
