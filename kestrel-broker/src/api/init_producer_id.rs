//! InitProducerId, versions 0 to 5: a producer id for an idempotent producer (KIP-98).
//!
//! A transactional id is refused with UNSUPPORTED_VERSION: there is no transaction coordinator yet.

use std::sync::Arc;

use kestrel_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{IdempotentWrite, Write};
use crate::authorizer::ResourceType::{Topic, TransactionalId};

impl Handler for InitProducerIdRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> InitProducerIdResponse {
        if let Err(error) = check(self.transactional_id.as_deref(), &context.access) {
            return self.refusal(error);
        }
        let has_id = self.producer_id != ProducerId::NONE;
        let has_epoch = self.producer_epoch != ProducerEpoch::NONE;
        match &self.transactional_id {
            _ if has_id != has_epoch => return self.refusal(ErrorCode::InvalidRequest),
            Some(id) if id.is_empty() => return self.refusal(ErrorCode::InvalidRequest),
            Some(_) => return self.refusal(ErrorCode::UnsupportedVersion),
            None => {}
        }
        // An idempotent producer that has an id gets a new one: nobody else can be using it.
        match state.producer_ids.next(&state.cluster).await {
            Ok(producer_id) => {
                InitProducerIdResponse { producer_id, producer_epoch: ProducerEpoch(0), ..Default::default() }
            }
            Err(error) => self.refusal(error.code),
        }
    }

    fn refusal(&self, error: ErrorCode) -> InitProducerIdResponse {
        InitProducerIdResponse {
            error_code: error,
            producer_epoch: ProducerEpoch::NONE,
            ..Default::default()
        }
    }
}

/// Whether the sender may use its transactional id; without one, whether it may write to any topic at all (KIP-679).
fn check(transactional_id: Option<&str>, access: &Access) -> Result<(), ErrorCode> {
    match transactional_id {
        Some(id) => access.check(Write, TransactionalId, id),
        None if access.would_allow_on_cluster(IdempotentWrite) || access.allows_any(Write, Topic) => Ok(()),
        None => Err(ErrorCode::ClusterAuthorizationFailed),
    }
}

#[cfg(test)]
mod tests;
