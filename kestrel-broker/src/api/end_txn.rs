//! EndTxn, versions 0 to 5: commits or aborts a transaction (KIP-98); from version 5 with the producer of the next one (KIP-890).

use std::sync::Arc;

use kestrel_protocol::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use kestrel_protocol::record::control::TransactionOutcome;
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::transactional::fenced_as_before;
use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Write;
use crate::authorizer::ResourceType::TransactionalId;
use crate::cluster::TransactionVersion;
use crate::coordinator::Ending;
use crate::log::Transaction;

/// The first version that knows PRODUCER_FENCED.
const FIRST_FENCED_VERSION: i16 = 2;
/// The first version of clients whose transactions have an epoch each.
const FIRST_BUMPING_VERSION: i16 = 5;

impl Handler for EndTxnRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> EndTxnResponse {
        if let Err(error) = context.access.check(Write, TransactionalId, &self.transactional_id) {
            return self.refusal(error);
        }
        let bumps = context.version >= FIRST_BUMPING_VERSION;
        let ending = Ending {
            transactional_id: self.transactional_id.clone(),
            producer: Transaction { producer_id: self.producer_id, producer_epoch: self.producer_epoch },
            outcome: if self.committed { TransactionOutcome::Commit } else { TransactionOutcome::Abort },
            client_version: if bumps { TransactionVersion::V2 } else { TransactionVersion::V0 },
        };
        match state.transactions.end(&ending).await {
            Ok(Transaction { producer_id, producer_epoch }) => {
                EndTxnResponse { producer_id, producer_epoch, ..Default::default() }
            }
            Err(error) => self.refusal(fenced_as_before(error, context.version, FIRST_FENCED_VERSION)),
        }
    }

    fn refusal(&self, error_code: ErrorCode) -> EndTxnResponse {
        let (producer_id, producer_epoch) = (ProducerId::NONE, ProducerEpoch::NONE);
        EndTxnResponse { error_code, producer_id, producer_epoch, ..Default::default() }
    }
}
