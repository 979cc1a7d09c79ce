//! FindCoordinator, versions 0 to 6 (in batches from version 4, KIP-699): this broker, for each group and transactional id.
//!
//! The topic that they are kept in is created when it is first asked for, and is there when the answer leaves.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::find_coordinator::{
    Coordinator, FindCoordinatorRequest, FindCoordinatorResponse,
};
use kestrel_protocol::{ErrorCode, NodeId};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::{ClusterAction, Describe};
use crate::authorizer::ResourceType::{self, Group, TransactionalId};
use crate::cluster::ApiError;
use crate::coordinator::{GROUPS_TOPIC, TRANSACTIONS_TOPIC};

/// The first version that asks for several keys at once.
const FIRST_BATCH_VERSION: i16 = 4;
/// The wire's "no port".
const NO_PORT: i32 = -1;

/// The kinds of keys.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
const SHARE: i8 = 2;
/// The first version that knows share groups (KIP-932).
const FIRST_SHARE_VERSION: i16 = 6;

impl Handler for FindCoordinatorRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> FindCoordinatorResponse {
        let resource_type = match self.key_type {
            GROUP => Group,
            TRANSACTION => TransactionalId,
            SHARE if context.version >= FIRST_SHARE_VERSION => {
                return match context.access.check_cluster(ClusterAction) {
                    Ok(()) => self.refusal_with(&nobody_yet("share groups")),
                    Err(error) => self.refusal(error),
                };
            }
            _ => return self.refusal(ErrorCode::InvalidRequest),
        };
        let is_batch = context.version >= FIRST_BATCH_VERSION;
        let keys = if is_batch { self.coordinator_keys } else { vec![self.key] };
        let mut coordinators = Vec::with_capacity(keys.len());
        for key in keys {
            let found = match context.access.check(Describe, resource_type, &key) {
                Ok(()) => find(resource_type, &context, &state).await,
                Err(error) => Err(error.into()),
            };
            coordinators.push(Coordinator { key, ..found.unwrap_or_else(|error| nobody(&error)) });
        }
        match coordinators.pop() {
            Some(coordinator) if !is_batch => single(coordinator),
            last => {
                coordinators.extend(last);
                FindCoordinatorResponse { coordinators, ..Default::default() }
            }
        }
    }

    /// The whole answer up to version 3, an answer per key from version 4.
    fn refusal(&self, error: ErrorCode) -> FindCoordinatorResponse {
        self.refusal_with(&error.into())
    }
}

trait Refusal {
    /// The answer that there is no coordinator of any key.
    fn refusal_with(&self, error: &ApiError) -> FindCoordinatorResponse;
}

impl Refusal for FindCoordinatorRequest {
    fn refusal_with(&self, error: &ApiError) -> FindCoordinatorResponse {
        let nobody = nobody(error);
        let keys = self.coordinator_keys.iter();
        let coordinators = keys.map(|key| Coordinator { key: key.clone(), ..nobody.clone() }).collect();
        FindCoordinatorResponse { coordinators, ..single(nobody) }
    }
}

fn nobody_yet(what: &str) -> ApiError {
    ApiError::new(ErrorCode::CoordinatorNotAvailable, format!("This broker has no {what} yet."))
}

async fn find(
    resource_type: ResourceType,
    context: &RequestContext,
    state: &State,
) -> Result<Coordinator, ApiError> {
    let (topic, ensured) = match resource_type {
        TransactionalId => (TRANSACTIONS_TOPIC, state.transactions.ensure().await),
        _ => (GROUPS_TOPIC, state.groups.ensure().await),
    };
    ensured.map_err(|error| {
        // What the disk refuses is said once, by the log.
        if error.code != ErrorCode::KafkaStorageError {
            tracing::error!("the topic {topic} cannot be created: {error}");
        }
        ApiError::new(ErrorCode::CoordinatorNotAvailable, error.message)
    })?;
    let image = state.cluster.image();
    let node_id = state.config.node_id;
    let endpoint = image.broker(node_id).and_then(|broker| state.client_endpoint(broker, context));
    let (host, port) = endpoint.ok_or_else(|| ApiError::from(ErrorCode::CoordinatorNotAvailable))?;
    Ok(Coordinator { node_id, host, port, ..Default::default() })
}

fn nobody(error: &ApiError) -> Coordinator {
    Coordinator {
        node_id: NodeId::NONE,
        port: NO_PORT,
        error_code: error.code,
        error_message: Some(ByteString::from(error.message.as_str())),
        ..Default::default()
    }
}

fn single(coordinator: Coordinator) -> FindCoordinatorResponse {
    FindCoordinatorResponse {
        error_code: coordinator.error_code,
        error_message: coordinator.error_message,
        node_id: coordinator.node_id,
        host: coordinator.host,
        port: coordinator.port,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
