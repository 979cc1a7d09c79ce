//! The requests of a transactional producer to coordinators: each is one call, and the answer in the machine's terms.

use std::sync::Arc;
use std::time::Duration;

use kestrel_protocol::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kestrel_protocol::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kestrel_protocol::{
    ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId, ProducerEpoch, ProducerId, Request,
};

use crate::client::Client;
use crate::coordinators::{CoordinatorType, coordinator};
use crate::environment::wire_millis;
use crate::error::{BrokerError, Error, Result};
use crate::net::{HandleId, Purpose};
use crate::partitions::{Answers, by_partition, by_topic};
use crate::producer::identity::ProducerIdAndEpoch;
use crate::producer::partition_id::{PartitionId, PartitionKey};
use crate::producer::transaction::{GroupOffsets, TransactionAnswer, TransactionRequest, TransactionVersion};
use crate::record::TopicPartition;

/// The last version of AddPartitionsToTxn for clients: later ones are between brokers.
const LAST_ADD_PARTITIONS_OF_CLIENTS: i16 = 3;
/// The last versions before KIP-890, which say that partitions and groups were added by requests of their own.
const LAST_V1_OFFSET_COMMIT: i16 = 4;
const LAST_V1_END: i16 = 4;

/// Asks coordinators for one transactional producer.
#[derive(Debug, Clone)]
pub(super) struct CoordinatorCalls {
    pub(super) client: Client,
    pub(super) handle: HandleId,
    pub(super) transactional_id: Arc<str>,
    pub(super) timeout_ms: i32,
}

/// An answer, and the version of transactions that the broker has finalized, if one was reached.
pub(super) type Answered = (Option<TransactionVersion>, TransactionAnswer);

impl CoordinatorCalls {
    pub(super) fn new(
        client: Client,
        handle: HandleId,
        transactional_id: Arc<str>,
        timeout: Duration,
    ) -> Self {
        Self { client, handle, transactional_id, timeout_ms: wire_millis(timeout) }
    }

    /// Carries out a request of the machine.
    pub(super) async fn ask(self, request: TransactionRequest) -> Answered {
        let mut finalized = None;
        let answer = self.answer(request, &mut finalized).await;
        (finalized, answer)
    }

    async fn answer(
        &self,
        request: TransactionRequest,
        finalized: &mut Option<TransactionVersion>,
    ) -> TransactionAnswer {
        match request {
            TransactionRequest::FindCoordinator => TransactionAnswer::Coordinator(
                coordinator(&self.client, CoordinatorType::Transaction, &self.transactional_id).await,
            ),
            TransactionRequest::FindGroupCoordinator(group) => {
                let found = coordinator(&self.client, CoordinatorType::Group, &group).await;
                TransactionAnswer::GroupCoordinator(group, found)
            }
            TransactionRequest::InitProducerId { node, former } => {
                TransactionAnswer::Identity(self.init_producer_id(node, former, finalized).await)
            }
            TransactionRequest::AddPartitions { node, identity, partitions } => {
                TransactionAnswer::Partitions(
                    self.add_partitions(node, identity, partitions, finalized).await,
                )
            }
            TransactionRequest::AddOffsets { node, identity, group } => {
                let added = self.add_offsets(node, identity, &group, finalized).await;
                TransactionAnswer::Offsets(group, added)
            }
            TransactionRequest::CommitOffsets { node, identity, offsets, version } => {
                TransactionAnswer::OffsetsCommitted(
                    self.commit_offsets(node, identity, offsets, version).await,
                )
            }
            TransactionRequest::End { node, identity, is_commit, version } => {
                TransactionAnswer::Ended(self.end(node, identity, is_commit, version, finalized).await)
            }
        }
    }

    async fn init_producer_id(
        &self,
        node: NodeId,
        former: Option<ProducerIdAndEpoch>,
        finalized: &mut Option<TransactionVersion>,
    ) -> Result<ProducerIdAndEpoch> {
        let request = InitProducerIdRequest {
            transactional_id: Some(self.name()),
            transaction_timeout_ms: self.timeout_ms,
            producer_id: former.map_or(ProducerId::NONE, |former| former.id),
            producer_epoch: former.map_or(ProducerEpoch::NONE, |former| former.epoch),
        };
        let response = self.send(node, &request, i16::MAX, finalized).await?;
        self.check(ApiKey::InitProducerId, response.error_code)?;
        Ok(ProducerIdAndEpoch { id: response.producer_id, epoch: response.producer_epoch })
    }

    async fn add_partitions(
        &self,
        node: NodeId,
        identity: ProducerIdAndEpoch,
        partitions: Vec<PartitionKey>,
        finalized: &mut Option<TransactionVersion>,
    ) -> Result<Vec<(PartitionId, ErrorCode)>> {
        let topics = by_topic(partitions.iter().map(|key| (&key.topic, key.index)));
        let topic = |(name, partitions)| AddPartitionsToTxnTopic { name, partitions };
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.name(),
            v3_and_below_producer_id: identity.id,
            v3_and_below_producer_epoch: identity.epoch,
            v3_and_below_topics: topics.map(topic).collect(),
            ..AddPartitionsToTxnRequest::default()
        };
        let response = self.send(node, &request, LAST_ADD_PARTITIONS_OF_CLIENTS, finalized).await?;
        let topics = response.results_by_topic_v3_and_below.into_iter();
        let answers: Answers<_> = topics
            .flat_map(|topic| by_partition(topic.name, topic.results_by_partition, |p| p.partition_index))
            .collect();
        let answered = partitions.into_iter().map(|key| {
            let answer = answers.get(&(ByteString::from(&*key.topic), key.index));
            // A broker that leaves one out has not done what was asked.
            (key.id, answer.map_or(ErrorCode::UnknownServerError, |answer| answer.partition_error_code))
        });
        Ok(answered.collect())
    }

    async fn add_offsets(
        &self,
        node: NodeId,
        identity: ProducerIdAndEpoch,
        group: &Arc<str>,
        finalized: &mut Option<TransactionVersion>,
    ) -> Result<()> {
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.name(),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            group_id: ByteString::from(&**group),
        };
        let response = self.send(node, &request, i16::MAX, finalized).await?;
        self.check(ApiKey::AddOffsetsToTxn, response.error_code)
    }

    async fn commit_offsets(
        &self,
        node: NodeId,
        identity: ProducerIdAndEpoch,
        offsets: GroupOffsets,
        version: TransactionVersion,
    ) -> Result<Vec<(TopicPartition, ErrorCode)>> {
        let (request, partitions) = self.offset_commit(identity, offsets);
        let at_most = if version == TransactionVersion::V1 { LAST_V1_OFFSET_COMMIT } else { i16::MAX };
        // Another coordinator than that of transactions: its features say nothing here.
        let response = self.send(node, &request, at_most, &mut None).await?;
        let topics = response.topics.into_iter();
        let answers: Answers<_> = topics
            .flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index))
            .collect();
        let answered = partitions.into_iter().map(|partition| {
            let answer = answers.get(&(ByteString::from(&*partition.topic), partition.partition));
            (partition, answer.map_or(ErrorCode::UnknownServerError, |answer| answer.error_code))
        });
        Ok(answered.collect())
    }

    fn offset_commit(
        &self,
        identity: ProducerIdAndEpoch,
        GroupOffsets { group, offsets }: GroupOffsets,
    ) -> (TxnOffsetCommitRequest, Vec<TopicPartition>) {
        let committed = offsets.iter().map(|(partition, offset)| {
            let committed = TxnOffsetCommitRequestPartition {
                partition_index: partition.partition,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch.unwrap_or(LeaderEpoch::NONE),
                committed_metadata: Some(ByteString::from(&*offset.metadata)),
            };
            (&partition.topic, committed)
        });
        let topic = |(name, partitions)| TxnOffsetCommitRequestTopic { name, partitions };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.name(),
            group_id: ByteString::from(&*group.group_id),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            generation_id: group.generation,
            member_id: ByteString::from(&*group.member_id),
            group_instance_id: group.instance_id.as_deref().map(ByteString::from),
            topics: by_topic(committed).map(topic).collect(),
        };
        (request, offsets.into_iter().map(|(partition, _)| partition).collect())
    }

    async fn end(
        &self,
        node: NodeId,
        identity: ProducerIdAndEpoch,
        is_commit: bool,
        version: TransactionVersion,
        finalized: &mut Option<TransactionVersion>,
    ) -> Result<Option<ProducerIdAndEpoch>> {
        let request = EndTxnRequest {
            transactional_id: self.name(),
            producer_id: identity.id,
            producer_epoch: identity.epoch,
            committed: is_commit,
        };
        let at_most = if version == TransactionVersion::V1 { LAST_V1_END } else { i16::MAX };
        let response = self.send(node, &request, at_most, finalized).await?;
        self.check(ApiKey::EndTxn, response.error_code)?;
        let next = ProducerIdAndEpoch { id: response.producer_id, epoch: response.producer_epoch };
        Ok((next.id != ProducerId::NONE).then_some(next))
    }

    /// Sends `request` in a version of at most `at_most`.
    async fn send<R: Request>(
        &self,
        node: NodeId,
        request: &R,
        at_most: i16,
        finalized: &mut Option<TransactionVersion>,
    ) -> Result<R::Response> {
        let connection = self.client.connection(Purpose::Coordinator(self.handle), node).await?;
        *finalized = Some(TransactionVersion::of_level(connection.transaction_level()));
        let version = connection.version_up_to(R::KEY, at_most)?;
        connection.send_version(request, version, self.client.request_timeout()).await
    }

    fn check(&self, api: ApiKey, code: ErrorCode) -> Result<()> {
        let refused =
            |code| Error::from(BrokerError::new(api, code).group(Arc::clone(&self.transactional_id)));
        code.into_result().map_err(refused)
    }

    fn name(&self) -> ByteString {
        ByteString::from(&*self.transactional_id)
    }
}
