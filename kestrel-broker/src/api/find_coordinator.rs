//! FindCoordinator, versions 0 to 6: answered for each key with COORDINATOR_NOT_AVAILABLE, since there is none yet.
//!
//! It is served, and says so, because librdkafka concludes about compression from it: with a broker that does not
//! advertise FindCoordinator version 0 it turns lz4 off and stores the records uncompressed, without a word. The error is
//! one that passes, because librdkafka asks also for a consumer whose partitions were assigned by hand, and would end
//! it with any other.

use bytestring::ByteString;
use kestrel_protocol::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use kestrel_protocol::{ErrorCode, NodeId};

use super::{Handle, RequestContext, State};

/// The wire's "no port".
const NO_PORT: i32 = -1;

impl Handle for FindCoordinatorRequest {
    async fn handle(self, context: &RequestContext, _: &State) -> FindCoordinatorResponse {
        tracing::warn!(peer = %context.peer, "a client looks for a coordinator: groups and transactions are not there yet");
        self.refusal(ErrorCode::CoordinatorNotAvailable)
    }

    /// The whole answer up to version 3, an answer per key from version 4.
    fn refusal(&self, error: ErrorCode) -> FindCoordinatorResponse {
        let error_message =
            Some(ByteString::from_static("this broker has no group or transaction coordinator"));
        let coordinators = self.coordinator_keys.iter().map(|key| Coordinator {
            key: key.clone(),
            node_id: NodeId::NONE,
            port: NO_PORT,
            error_code: error,
            error_message: error_message.clone(),
            ..Default::default()
        });
        FindCoordinatorResponse {
            coordinators: coordinators.collect(),
            error_code: error,
            node_id: NodeId::NONE,
            port: NO_PORT,
            error_message,
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_refused_with_a_reason() {
        let request = FindCoordinatorRequest {
            key: "billing".into(),
            coordinator_keys: vec!["billing".into(), "audit".into()],
            ..Default::default()
        };
        let response = request.refusal(ErrorCode::CoordinatorNotAvailable);
        assert_eq!(response.error_code, ErrorCode::CoordinatorNotAvailable);
        let keys: Vec<&str> = response.coordinators.iter().map(|coordinator| &*coordinator.key).collect();
        assert_eq!(keys, ["billing", "audit"]);
        let refused = |coordinator: &Coordinator| {
            coordinator.error_code == ErrorCode::CoordinatorNotAvailable
                && coordinator.error_message.is_some()
        };
        assert!(response.coordinators.iter().all(refused));
    }
}
