//! AddOffsetsToTxn, versions 0 to 4: adds the offsets of a group to a producer's transaction (KIP-98).

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

use super::transactional::fenced_as_before;
use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::{Read, Write};
use crate::authorizer::ResourceType::{Group, TransactionalId};
use crate::cluster::TransactionVersion;
use crate::coordinator::{Addition, GROUPS_TOPIC};
use crate::log::Transaction;

/// The first version that knows PRODUCER_FENCED.
const FIRST_FENCED_VERSION: i16 = 2;

impl Handler for AddOffsetsToTxnRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> AddOffsetsToTxnResponse {
        let Self { transactional_id, producer_id, producer_epoch, group_id } = &self;
        let allowed = context.access.check(Write, TransactionalId, transactional_id);
        if let Err(error) = allowed.and_then(|()| context.access.check(Read, Group, group_id)) {
            return self.refusal(error);
        }
        // The transaction names a partition of the topic: whoever ends it looks for that.
        if let Err(error) = state.groups.ensure().await {
            return self.refusal(error.code);
        }
        let added = state.transactions.add(Addition {
            transactional_id: transactional_id.clone(),
            producer: Transaction { producer_id: *producer_id, producer_epoch: *producer_epoch },
            partitions: vec![(GROUPS_TOPIC.into(), state.groups.partition_of(group_id))],
            client_version: TransactionVersion::V0,
        });
        let error = added.await.err().unwrap_or(ErrorCode::None);
        self.refusal(fenced_as_before(error, context.version, FIRST_FENCED_VERSION))
    }

    fn refusal(&self, error_code: ErrorCode) -> AddOffsetsToTxnResponse {
        AddOffsetsToTxnResponse { error_code, ..Default::default() }
    }
}
