//! TxnOffsetCommit, versions 0 to 5: stores positions of a group as part of a transaction, each by itself; they count when the
//! transaction is committed (KIP-98). From version 3 on the sender says which member it is (KIP-447), and version 5 adds the
//! group to the transaction, which AddOffsetsToTxn did before (KIP-890).

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestTopic, TxnOffsetCommitResponse,
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};

use super::known_topic::KnownTopic;
use super::transactional::is_final;
use super::{Access, Handler, RequestContext, State};
use crate::authorizer::AclOperation::{Read, Write};
use crate::authorizer::ResourceType::{Group, TransactionalId};
use crate::coordinator::{Commit, CommittedPartition, GROUPS_TOPIC};
use crate::log::{Transaction, VerificationGuard, Verifying};

/// The first version whose senders understand that a coordinator is loading (KAFKA-7296).
const FIRST_VERSION_THAT_KNOWS_LOADING: i16 = 2;
/// The first version with an error that makes the sender abort (KIP-1050).
const FIRST_VERSION_WITH_ABORTABLE: i16 = 4;
/// The first version that adds the group to the transaction.
const FIRST_VERSION_THAT_ADDS: i16 = 5;

impl Handler for TxnOffsetCommitRequest {
    async fn handle(mut self, context: RequestContext, state: Arc<State>) -> TxnOffsetCommitResponse {
        if let Err(error) = check(&self, &context.access) {
            return self.refusal(error);
        }
        // As Apache Kafka: a topic without partitions is left out of the answer.
        self.topics.retain(|topic| !topic.partitions.is_empty());
        let image = state.cluster.image();
        let known: Vec<_> = self
            .topics
            .iter()
            .map(|topic| KnownTopic::by_name(&topic.name, &context.access, &image))
            .collect();
        let partitions = self.topics.iter().zip(&known).flat_map(|(topic, known)| {
            topic.partitions.iter().filter_map(|it| {
                let metadata = it.committed_metadata.as_ref();
                known.committed(it.partition_index, it.committed_offset, it.committed_leader_epoch, metadata)
            })
        });
        let partitions: Vec<_> = partitions.collect();
        let stored = match &partitions[..] {
            [] => Ok(Vec::new()),
            _ => store(&self, partitions, context.version, &state).await,
        };
        let (outcomes, otherwise) = match stored {
            Ok(outcomes) => (outcomes, ErrorCode::UnknownServerError),
            Err(error) => (Vec::new(), told(error, context.version)),
        };
        let mut outcomes = outcomes.into_iter();
        let topics = self
            .topics
            .iter()
            .zip(&known)
            .map(|(topic, known)| answer(topic, |it| known.outcome(it, &mut outcomes, otherwise)));
        TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> TxnOffsetCommitResponse {
        let topics = self.topics.iter().map(|topic| answer(topic, |_| error));
        TxnOffsetCommitResponse { topics: topics.collect(), ..Default::default() }
    }
}

/// Whether the sender may use its transactional id and commit for the group.
fn check(request: &TxnOffsetCommitRequest, access: &Access) -> Result<(), ErrorCode> {
    access.check(Write, TransactionalId, &request.transactional_id)?;
    access.check(Read, Group, &request.group_id)
}

/// Stores the offsets once the transaction coordinator knows that the transaction has them.
async fn store(
    request: &TxnOffsetCommitRequest,
    partitions: Vec<CommittedPartition>,
    version: i16,
    state: &State,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    if request.group_id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let commit = Commit {
        version,
        group_id: request.group_id.clone(),
        generation: request.generation_id,
        member_id: request.member_id.clone(),
        instance_id: request.group_instance_id.clone(),
        retention_ms: -1,
        partitions,
    };
    let guard = verify(request, version, state).await?;
    state.groups.commit_in_transaction(&commit, transaction(request), guard).await
}

/// Verifies that the transaction has the group, or adds it: gives the guard for the first offsets of the transaction, and none
/// when there are others already.
async fn verify(
    request: &TxnOffsetCommitRequest,
    version: i16,
    state: &State,
) -> Result<Option<VerificationGuard>, ErrorCode> {
    let adds = version >= FIRST_VERSION_THAT_ADDS;
    // A coordinator's records have no place in the producer's order.
    let verifying = Verifying { transaction: transaction(request), first_sequence: -1, bumps_epoch: adds };
    let begin = || state.groups.begin_verification(&request.group_id, verifying);
    let mut guard = begin()?;
    while let Some(begun) = guard {
        if let Err(error) = ask(request, adds, state).await {
            if is_final(error) {
                state.groups.refuse_verification(&request.group_id, transaction(request), begun);
            }
            return Err(error);
        }
        // The marker of the producer's transaction before, which may still be written when it is there already with this one,
        // ends the verification: what was answered meanwhile may be of the transaction before, or of one that ended.
        guard = begin()?;
        if !adds || guard == Some(begun) {
            return Ok(Some(begun));
        }
    }
    Ok(None)
}

/// Asks the transaction coordinator to verify that the transaction has the group's offsets, or to add them.
async fn ask(request: &TxnOffsetCommitRequest, adds: bool, state: &State) -> Result<(), ErrorCode> {
    let (id, transaction) = (&request.transactional_id, transaction(request));
    let partition = [(GROUPS_TOPIC.into(), state.groups.partition_of(&request.group_id))];
    let outcomes = if adds {
        state.transactions.add_partitions(id, transaction, &partition).await?
    } else {
        state.transactions.verify_partitions(id, transaction, &partition).await?
    };
    match outcomes.first() {
        Some(ErrorCode::None) => Ok(()),
        Some(error) => Err(*error),
        None => Err(ErrorCode::UnknownServerError),
    }
}

const fn transaction(request: &TxnOffsetCommitRequest) -> Transaction {
    Transaction { producer_id: request.producer_id, producer_epoch: request.producer_epoch }
}

/// An error as senders of a version know it.
const fn told(error: ErrorCode, version: i16) -> ErrorCode {
    match error {
        ErrorCode::CoordinatorLoadInProgress if version < FIRST_VERSION_THAT_KNOWS_LOADING => {
            ErrorCode::CoordinatorNotAvailable
        }
        ErrorCode::TransactionAbortable if version < FIRST_VERSION_WITH_ABORTABLE => {
            ErrorCode::InvalidTxnState
        }
        // Producers expect the older name here.
        ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
        error => error,
    }
}

fn answer(
    topic: &TxnOffsetCommitRequestTopic,
    mut outcome: impl FnMut(i32) -> ErrorCode,
) -> TxnOffsetCommitResponseTopic {
    let partitions = topic.partitions.iter().map(|partition| TxnOffsetCommitResponsePartition {
        partition_index: partition.partition_index,
        error_code: outcome(partition.partition_index),
    });
    TxnOffsetCommitResponseTopic { name: topic.name.clone(), partitions: partitions.collect() }
}

#[cfg(test)]
mod tests;
