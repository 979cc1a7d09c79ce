//! InitProducerId, versions 0 to 5: a producer id for an idempotent producer (KIP-98).
//!
//! A transactional id is refused with UNSUPPORTED_VERSION: there is no transaction coordinator yet.

use std::sync::Arc;

use kestrel_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::{Handler, RequestContext, State};

impl Handler for InitProducerIdRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> InitProducerIdResponse {
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

#[cfg(test)]
mod tests;
