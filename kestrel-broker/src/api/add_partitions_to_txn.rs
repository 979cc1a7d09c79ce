//! AddPartitionsToTxn, versions 0 to 5: adds partitions to a producer's transaction (KIP-98), or asks whether they are in it (KIP-890).
//!
//! Versions 0 to 3 come from clients, one transaction each. From version 4 on other brokers ask, for several transactions at once.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::add_partitions_to_txn::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    AddPartitionsToTxnResult, AddPartitionsToTxnTopic, AddPartitionsToTxnTopicResult,
    AddPartitionsToTxnTransaction,
};

use super::transactional::fenced_as_before;
use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{ClusterAction, Write};
use crate::authorizer::ResourceType::{Topic, TransactionalId};
use crate::cluster::{ClusterImage, TransactionVersion};
use crate::coordinator::{Addition, TopicPartition};
use crate::log::Transaction;

/// The first version of brokers.
const FIRST_BATCH_VERSION: i16 = 4;
/// The first version that knows PRODUCER_FENCED.
const FIRST_FENCED_VERSION: i16 = 2;

impl Handler for AddPartitionsToTxnRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> AddPartitionsToTxnResponse {
        if context.version < FIRST_BATCH_VERSION {
            return self.of_client(&context, &state).await;
        }
        if let Err(error_code) = context.access.check_cluster(ClusterAction) {
            return AddPartitionsToTxnResponse { error_code, ..Default::default() };
        }
        let mut results = Vec::with_capacity(self.transactions.len());
        for transaction in self.transactions {
            let transactional_id = transaction.transactional_id.clone();
            let topic_results = of_broker(transaction, &state).await;
            results.push(AddPartitionsToTxnResult { transactional_id, topic_results });
        }
        AddPartitionsToTxnResponse { results_by_transaction: results, ..Default::default() }
    }

    /// The whole answer from version 4, an answer per partition before.
    fn refusal(&self, error_code: ErrorCode) -> AddPartitionsToTxnResponse {
        let results_by_topic_v3_and_below = results(&self.v3_and_below_topics, |_| error_code);
        AddPartitionsToTxnResponse { error_code, results_by_topic_v3_and_below, ..Default::default() }
    }
}

trait OfClient {
    /// Adds the partitions of a client's transaction: all of them, or none.
    async fn of_client(self, context: &RequestContext, state: &State) -> AddPartitionsToTxnResponse;
}

impl OfClient for AddPartitionsToTxnRequest {
    async fn of_client(self, context: &RequestContext, state: &State) -> AddPartitionsToTxnResponse {
        let transactional_id = &self.v3_and_below_transactional_id;
        if let Err(error) = context.access.check(Write, TransactionalId, transactional_id) {
            return self.refusal(error);
        }
        let topics = &self.v3_and_below_topics;
        let image = state.cluster.image();
        if let Some(results) = refused(topics, |partition| check(partition, &context.access, &image)) {
            let results_by_topic_v3_and_below = results;
            return AddPartitionsToTxnResponse { results_by_topic_v3_and_below, ..Default::default() };
        }
        let (producer_id, producer_epoch) = (self.v3_and_below_producer_id, self.v3_and_below_producer_epoch);
        let added = state.transactions.add(Addition {
            transactional_id: transactional_id.clone(),
            producer: Transaction { producer_id, producer_epoch },
            partitions: partitions(topics),
            client_version: TransactionVersion::V0,
        });
        let error = added.await.err().unwrap_or(ErrorCode::None);
        self.refusal(fenced_as_before(error, context.version, FIRST_FENCED_VERSION))
    }
}

/// Adds or verifies the partitions of a transaction that another broker has records of.
async fn of_broker(
    transaction: AddPartitionsToTxnTransaction,
    state: &State,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let image = state.cluster.image();
    if let Some(results) = refused(&transaction.topics, |partition| check_exists(partition, &image)) {
        return results;
    }
    let AddPartitionsToTxnTransaction { transactional_id, producer_id, producer_epoch, .. } = &transaction;
    let producer = Transaction { producer_id: *producer_id, producer_epoch: *producer_epoch };
    let partitions = partitions(&transaction.topics);
    let outcomes = if transaction.verify_only {
        state.transactions.verify_partitions(transactional_id, producer, &partitions).await
    } else {
        state.transactions.add_partitions(transactional_id, producer, &partitions).await
    };
    let mut outcomes = outcomes.unwrap_or_else(|error| vec![error; partitions.len()]).into_iter();
    results(&transaction.topics, |_| outcomes.next().unwrap_or(ErrorCode::UnknownServerError))
}

/// The results when a partition cannot be added: then none is.
fn refused(
    topics: &[AddPartitionsToTxnTopic],
    check: impl Fn(&TopicPartition) -> Result<(), ErrorCode>,
) -> Option<Vec<AddPartitionsToTxnTopicResult>> {
    let outcome =
        |partition: TopicPartition| check(&partition).err().unwrap_or(ErrorCode::OperationNotAttempted);
    let results = results(topics, outcome);
    let mut partitions = results.iter().flat_map(|topic| &topic.results_by_partition);
    let is_refused = partitions.any(|result| result.partition_error_code != ErrorCode::OperationNotAttempted);
    is_refused.then_some(results)
}

/// Checks that a client may have a partition in its transaction: what brokers keep for themselves it may not.
fn check(
    (topic, partition): &TopicPartition,
    access: &Access,
    image: &ClusterImage,
) -> Result<(), ErrorCode> {
    if image.topic(topic).is_some_and(|topic| topic.is_internal()) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    access.check(Write, Topic, topic)?;
    check_exists(&(topic.clone(), *partition), image)
}

fn check_exists((topic, partition): &TopicPartition, image: &ClusterImage) -> Result<(), ErrorCode> {
    let partition = image.topic(topic).and_then(|topic| topic.partition(*partition));
    partition.map(|_| ()).ok_or(ErrorCode::UnknownTopicOrPartition)
}

fn partitions(topics: &[AddPartitionsToTxnTopic]) -> Vec<TopicPartition> {
    let of_topic = |topic: &AddPartitionsToTxnTopic| {
        let name = topic.name.clone();
        topic.partitions.clone().into_iter().map(move |partition| (name.clone(), partition))
    };
    topics.iter().flat_map(of_topic).collect()
}

/// A result for each partition, in their order.
fn results(
    topics: &[AddPartitionsToTxnTopic],
    mut outcome: impl FnMut(TopicPartition) -> ErrorCode,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let of_topic = |topic: &AddPartitionsToTxnTopic| {
        let result = |&partition_index: &i32| AddPartitionsToTxnPartitionResult {
            partition_index,
            partition_error_code: outcome((topic.name.clone(), partition_index)),
        };
        AddPartitionsToTxnTopicResult {
            name: topic.name.clone(),
            results_by_partition: topic.partitions.iter().map(result).collect(),
        }
    };
    topics.iter().map(of_topic).collect()
}

#[cfg(test)]
mod tests;
