//! A transactional id as its coordinator describes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kestrel_protocol::messages::describe_transactions::{
    DescribeTransactionsRequest, TransactionState as DescribedTransaction,
};
use kestrel_protocol::{ApiKey, ByteString, NodeId, ProducerEpoch, ProducerId};

use super::{TransactionState, check, left_out};
use crate::admin::settle::{Call, Round};
use crate::client::{Client, Target};
use crate::coordinators::{CoordinatorType, at_coordinators, is_passing_at_coordinator};
use crate::error::{Error, Result};
use crate::record::{Timestamp, TopicPartition};

/// A transactional id with its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransactionDescription {
    /// The broker that coordinates it.
    pub coordinator: NodeId,
    /// Its state.
    pub state: TransactionState,
    /// The id of its producer.
    pub producer_id: ProducerId,
    /// The epoch of its producer; earlier ones are fenced.
    pub producer_epoch: ProducerEpoch,
    /// How long its transactions may be open before the coordinator aborts them.
    pub timeout: Duration,
    /// When its transaction began; `None` when there is none.
    pub started_at: Option<Timestamp>,
    /// The partitions in its transaction; while it ends, those that have no marker yet.
    pub partitions: Vec<TopicPartition>,
}

impl TransactionDescription {
    fn read(described: DescribedTransaction, coordinator: NodeId) -> Self {
        let partitions = described.topics.into_iter().flat_map(|topic| {
            let name: Arc<str> = Arc::from(&*topic.topic);
            topic.partitions.into_iter().map(move |number| TopicPartition::new(name.clone(), number))
        });
        let started_at = described.transaction_start_time_ms;
        Self {
            coordinator,
            state: TransactionState::from_name(&described.transaction_state),
            producer_id: described.producer_id,
            producer_epoch: described.producer_epoch,
            timeout: Duration::from_millis(described.transaction_timeout_ms.try_into().unwrap_or_default()),
            started_at: (started_at >= 0).then(|| Timestamp::from_millis(started_at)),
            partitions: partitions.collect(),
        }
    }
}

/// Asks coordinators about transactional ids.
#[derive(Debug)]
pub(super) struct DescribeTransactions;

impl Call for DescribeTransactions {
    type Item = Arc<str>;
    type Output = TransactionDescription;
    const OPERATION: &'static str = "describing transactions";
    const IS_PASSING: fn(&Error) -> bool = is_passing_at_coordinator;

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        at_coordinators(client, CoordinatorType::Transaction, items, |node, ids| {
            describe_at(client, node, ids)
        })
        .await
    }
}

async fn describe_at(
    client: &Client,
    coordinator: NodeId,
    ids: Vec<Arc<str>>,
) -> Result<Vec<Result<TransactionDescription>>> {
    let transactional_ids = ids.iter().map(|id| ByteString::from(&**id)).collect();
    let request = DescribeTransactionsRequest { transactional_ids };
    let answers = client.send(Target::Node(coordinator), &request).await?.transaction_states.into_iter();
    let mut answers: HashMap<_, _> =
        answers.map(|answer| (answer.transactional_id.clone(), answer)).collect();
    let described = |id: &Arc<str>| {
        let answer = answers.remove(&**id).ok_or_else(|| left_out(ApiKey::DescribeTransactions, id))?;
        check(ApiKey::DescribeTransactions, id, answer.error_code)?;
        Ok(TransactionDescription::read(answer, coordinator))
    };
    Ok(ids.iter().map(described).collect())
}
