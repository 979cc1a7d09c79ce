//! DescribeTransactions, version 0: the state of transactions, and their partitions (KIP-664).

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};
use kestrel_protocol::{ErrorCode, ProducerEpoch, ProducerId};

use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::{Topic, TransactionalId};
use crate::coordinator::TransactionMetadata;

impl Handler for DescribeTransactionsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DescribeTransactionsResponse {
        let mut transaction_states = Vec::with_capacity(self.transactional_ids.len());
        for transactional_id in &self.transactional_ids {
            let described = described(transactional_id, &context.access, &state).await;
            transaction_states.push(described.unwrap_or_else(|error| failed(transactional_id, error)));
        }
        DescribeTransactionsResponse { transaction_states, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeTransactionsResponse {
        let states = self.transactional_ids.iter().map(|transactional_id| failed(transactional_id, error));
        DescribeTransactionsResponse { transaction_states: states.collect(), ..Default::default() }
    }
}

async fn described(
    transactional_id: &ByteString,
    access: &Access,
    state: &State,
) -> Result<TransactionState, ErrorCode> {
    access.check(Describe, TransactionalId, transactional_id)?;
    if transactional_id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let metadata = state.transactions.describe(transactional_id).await?;
    Ok(TransactionState {
        error_code: ErrorCode::None,
        transactional_id: transactional_id.clone(),
        transaction_state: ByteString::from_static(metadata.state.name()),
        transaction_timeout_ms: i32::try_from(metadata.timeout.as_millis()).unwrap_or(i32::MAX),
        transaction_start_time_ms: metadata.started_at.as_millis(),
        producer_id: metadata.producer.producer_id,
        producer_epoch: metadata.producer.producer_epoch,
        topics: topics(&metadata, access),
    })
}

/// The partitions of a transaction, without those of topics that are none of the sender's business.
fn topics(metadata: &TransactionMetadata, access: &Access) -> Vec<TopicData> {
    let shown = metadata.by_topic().into_iter().filter(|(topic, _)| access.allows(Describe, Topic, topic));
    shown.map(|(topic, partitions)| TopicData { topic: topic.clone(), partitions }).collect()
}

fn failed(transactional_id: &ByteString, error_code: ErrorCode) -> TransactionState {
    TransactionState {
        error_code,
        transactional_id: transactional_id.clone(),
        producer_id: ProducerId(0),
        producer_epoch: ProducerEpoch(0),
        ..Default::default()
    }
}
