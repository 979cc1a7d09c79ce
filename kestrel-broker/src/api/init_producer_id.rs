//! InitProducerId, versions 0 to 5: a producer id and epoch, for an idempotent producer or a transactional one (KIP-98, KIP-360).

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::transactional::fenced_as_before;
use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{IdempotentWrite, Write};
use crate::authorizer::ResourceType::{Topic, TransactionalId};
use crate::coordinator::Initialization;
use crate::log::Transaction;

/// The first version that knows PRODUCER_FENCED.
const FIRST_FENCED_VERSION: i16 = 4;

impl Handler for InitProducerIdRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> InitProducerIdResponse {
        if let Err(error) = check(self.transactional_id.as_deref(), &context.access) {
            return self.refusal(error);
        }
        let (has_id, has_epoch) =
            (self.producer_id != ProducerId::NONE, self.producer_epoch != ProducerEpoch::NONE);
        if has_id != has_epoch {
            return self.refusal(ErrorCode::InvalidRequest);
        }
        match self.producer(&state).await {
            Ok(Transaction { producer_id, producer_epoch }) => {
                InitProducerIdResponse { producer_id, producer_epoch, ..Default::default() }
            }
            Err(error) => self.refusal(fenced_as_before(error, context.version, FIRST_FENCED_VERSION)),
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

trait Initialize {
    /// The producer that the answer names.
    async fn producer(&self, state: &State) -> Result<Transaction, ErrorCode>;
}

impl Initialize for InitProducerIdRequest {
    async fn producer(&self, state: &State) -> Result<Transaction, ErrorCode> {
        let Some(transactional_id) = &self.transactional_id else {
            // An idempotent producer that has an id gets a new one: nobody else can be using it.
            let producer_id = state.transactions.next_producer_id().await.map_err(|error| error.code)?;
            return Ok(Transaction { producer_id, producer_epoch: ProducerEpoch(0) });
        };
        // Before its place is looked for, which may not be there yet.
        if transactional_id.is_empty() {
            return Err(ErrorCode::InvalidRequest);
        }
        let expected = Transaction { producer_id: self.producer_id, producer_epoch: self.producer_epoch };
        let init = Initialization {
            transactional_id: transactional_id.clone(),
            timeout: u64::try_from(self.transaction_timeout_ms).ok().map(Duration::from_millis),
            expected: (expected.producer_id != ProducerId::NONE).then_some(expected),
        };
        state.transactions.init(&init).await
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
