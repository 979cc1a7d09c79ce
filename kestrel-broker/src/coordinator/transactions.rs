//! The transaction coordinator as handlers see it: each request by name, and the topic that transactions are kept in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use futures::future::join_all;
use kestrel_protocol::record::control::EndTransactionMarker;
use kestrel_protocol::{ErrorCode, ProducerId};
use tokio_util::sync::CancellationToken;

use super::groups::GroupCoordinator;
use super::markers::{Marker, MarkerWriter};
use super::runtime::{Coordinator, CoordinatorOptions, Driver, Envoy, Now, Outcome, internal_topic};
use super::transaction::{
    Addition, Answer, Ask, Ending, FinalizedVersion, Handled, Initialization, ListedTransaction, Markers,
    Refused, ShardSettings, TopicPartition, TransactionFilter, TransactionMetadata, TransactionShard,
};
use crate::clock::Clock;
use crate::cluster::{ApiError, Cluster, NewTopic, ProducerIds, TransactionVersion};
use crate::config::BrokerConfig;
use crate::log::Transaction;
use crate::partition::ReplicaManager;

/// The topic in which transactions are kept.
pub(crate) const TRANSACTIONS_TOPIC: &str = "__transaction_state";
/// How long an answer waits at most until what it says is stored: what Apache Kafka's `request.timeout.ms` gives it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The transaction coordinator of a broker.
///
/// What changes a transaction happens while the method is called, in the order of the calls; the future that it gives only
/// waits, and dropping it undoes nothing. Those that are `async` begin when they are first polled.
#[derive(Debug)]
pub(crate) struct TransactionCoordinator {
    shards: Arc<Coordinator<TransactionShard>>,
    writer: MarkerWriter,
    producer_ids: Arc<ProducerIds>,
    verifies_partitions: bool,
}

impl TransactionCoordinator {
    /// The coordinator of the transactions in `replicas`. [`Self::drive`] is to be spawned: it loads what is there.
    pub(crate) fn new(
        cluster: Cluster,
        replicas: Arc<ReplicaManager>,
        groups: Arc<GroupCoordinator>,
        config: &BrokerConfig,
        clock: Clock,
    ) -> Self {
        let version = FinalizedVersion::of(&cluster);
        let shards = Coordinator::new(CoordinatorOptions {
            cluster: cluster.clone(),
            replicas: Arc::clone(&replicas),
            clock: clock.clone(),
            topic: topic(config),
            patience: PATIENCE,
            settings: ShardSettings { settings: config.transactions.clone(), version },
        });
        Self {
            shards: Arc::new(shards),
            producer_ids: Arc::new(ProducerIds::of(cluster.clone())),
            writer: MarkerWriter { cluster, replicas, groups, clock },
            verifies_partitions: config.transactions.verifies_partitions,
        }
    }

    /// The coordinator's task, which works until `stopping` is cancelled.
    pub(crate) fn drive(&self, stopping: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let envoy = TransactionEnvoy {
            shards: Arc::clone(&self.shards),
            writer: self.writer.clone(),
            producer_ids: Arc::clone(&self.producer_ids),
        };
        Driver::new(Arc::clone(&self.shards), envoy).drive(stopping)
    }

    /// Makes sure that there is a place for transactions: creates the topic when it is first needed.
    ///
    /// # Errors
    /// Why it cannot be created.
    pub(crate) async fn ensure(&self) -> Result<(), ApiError> {
        self.shards.ensure().await
    }

    /// A producer id that nobody has had, for a producer without a transactional id.
    ///
    /// # Errors
    /// When the controller cannot give one.
    pub(crate) async fn next_producer_id(&self) -> Result<ProducerId, ApiError> {
        self.producer_ids.next().await
    }

    /// Handles InitProducerId of a transactional id: the producer with its next epoch.
    pub(crate) async fn init(&self, init: &Initialization) -> Result<Transaction, ErrorCode> {
        self.with_spare(&init.transactional_id, |shard, spare, now| shard.init(init, spare, now)).await
    }

    /// Handles AddPartitionsToTxn and AddOffsetsToTxn: all partitions are added, or none.
    pub(crate) fn add(&self, addition: Addition) -> impl Outcome<()> + use<> {
        let transactional_id = addition.transactional_id.clone();
        let command = |shard: &mut TransactionShard, to, now| shard.add(addition, to, now);
        let added = self.shards.handle_waiting(&transactional_id, command);
        async move { added.outcome().await? }
    }

    /// Adds partitions to the transaction of a producer, as Produce from version 12 and TxnOffsetCommit from version 5 do
    /// (KIP-890): an outcome for each partition, in their order.
    pub(crate) fn add_partitions(
        &self,
        transactional_id: &ByteString,
        producer: Transaction,
        partitions: &[TopicPartition],
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        let added = self.add(Addition {
            transactional_id: transactional_id.clone(),
            producer,
            partitions: partitions.to_vec(),
            client_version: TransactionVersion::V2,
        });
        let count = partitions.len();
        async move { added.await.map(|()| vec![ErrorCode::None; count]) }
    }

    /// Whether each partition is in the transaction of a producer, as earlier versions must have seen to (KIP-890):
    /// `TRANSACTION_ABORTABLE` for one that is not, in the order of the partitions. Every one is, when
    /// `transaction.partition.verification.enable` is off.
    pub(crate) fn verify_partitions(
        &self,
        transactional_id: &ByteString,
        producer: Transaction,
        partitions: &[TopicPartition],
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        let unverified = (!self.verifies_partitions).then(|| vec![ErrorCode::None; partitions.len()]);
        let query = |shard: &TransactionShard| shard.verify(transactional_id, producer, partitions);
        let verified = self.shards.read(transactional_id, query);
        async move {
            match unverified {
                Some(all) => Ok(all),
                None => verified.outcome().await?,
            }
        }
    }

    /// Handles EndTxn: the producer of the next transaction, once the decision is stored.
    pub(crate) async fn end(&self, ending: &Ending) -> Result<Transaction, ErrorCode> {
        self.with_spare(&ending.transactional_id, |shard, spare, now| shard.end(ending, spare, now)).await
    }

    /// Handles WriteTxnMarkers for one partition; the future waits until the marker is stored.
    pub(crate) fn write_marker(
        &self,
        marker: Marker,
        partition: &TopicPartition,
    ) -> impl Outcome<()> + use<> {
        self.writer.write(marker, partition)
    }

    /// Handles DescribeTransactions for one transactional id.
    ///
    /// # Errors
    /// `TRANSACTIONAL_ID_NOT_FOUND`, and what every request may meet.
    pub(crate) async fn describe(&self, transactional_id: &str) -> Result<TransactionMetadata, ErrorCode> {
        let described = self.shards.read(transactional_id, |shard| shard.describe(transactional_id));
        described.outcome().await?.ok_or(ErrorCode::TransactionalIdNotFound)
    }

    /// Handles ListTransactions.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS` while some of the transactions are being loaded, and the like.
    pub(crate) async fn list(&self, filter: &TransactionFilter) -> Result<Vec<ListedTransaction>, ErrorCode> {
        let now = self.writer.clock.wall();
        Ok(self.shards.read_all(|shard| shard.list(filter, now)).await?.concat())
    }

    /// How many transactional ids that are loaded are in each state, by its name. Opens and loads nothing.
    pub(crate) fn by_state(&self) -> BTreeMap<&'static str, u64> {
        let mut by_state = BTreeMap::new();
        self.shards.visit_loaded(|shard| shard.add_to(&mut by_state));
        by_state
    }

    /// Carries a request out, with a new producer id if it turns out to need one.
    async fn with_spare<R: Send + 'static>(
        &self,
        transactional_id: &str,
        request: impl Fn(&mut TransactionShard, Option<ProducerId>, Now) -> Handled<Result<R, Refused>>,
    ) -> Result<R, ErrorCode> {
        let mut spare = None;
        loop {
            let pending = self.shards.handle(transactional_id, |shard, now| request(shard, spare, now));
            match pending.outcome().await? {
                Ok(answer) => return Ok(answer),
                Err(Refused::With(error)) => return Err(error),
                Err(Refused::NoSpareProducerId) => {
                    spare = Some(self.producer_ids.next().await.map_err(|error| error.code)?);
                }
            }
        }
    }
}

/// The topic as it is created.
fn topic(config: &BrokerConfig) -> NewTopic {
    internal_topic(
        TRANSACTIONS_TOPIC,
        config.transaction_topic_partitions,
        &[
            ("cleanup.policy", "compact"),
            ("compression.type", "uncompressed"),
            ("min.insync.replicas", "1"),
            ("segment.bytes", &config.transaction_topic_segment_bytes.to_string()),
            ("unclean.leader.election.enable", "false"),
        ],
    )
}

/// Carries what the machines ask: markers into partitions, and producer ids back.
#[derive(Debug)]
struct TransactionEnvoy {
    shards: Arc<Coordinator<TransactionShard>>,
    writer: MarkerWriter,
    producer_ids: Arc<ProducerIds>,
}

impl Envoy<TransactionShard> for TransactionEnvoy {
    async fn carry(&self, ask: Ask) -> Answer {
        match ask {
            Ask::Markers(markers) => {
                let left = self.mark(&markers).await;
                Answer::Marked { transactional_id: markers.transactional_id, left }
            }
            Ask::ProducerId(transactional_id) => {
                let producer_id = self.producer_ids.next().await.ok();
                Answer::ProducerId { transactional_id, producer_id }
            }
        }
    }
}

impl TransactionEnvoy {
    /// Writes markers; gives the partitions that are left, to be tried again.
    async fn mark(&self, markers: &Markers) -> Vec<TopicPartition> {
        let coordinator = self.shards.partition_of(&markers.transactional_id);
        let Ok(coordinator) = self.writer.replicas.get(TRANSACTIONS_TOPIC, coordinator) else {
            return markers.partitions.clone();
        };
        let coordinator_epoch = coordinator.leader_epoch().0;
        let end = EndTransactionMarker { outcome: markers.outcome, coordinator_epoch };
        let marker = Marker { producer: markers.producer, end, version: markers.version };
        // All are appended before any is waited for: one fsync stores them.
        let writing: Vec<_> = markers.partitions.iter().map(|it| self.writer.write(marker, it)).collect();
        let outcomes = join_all(writing).await.into_iter().zip(&markers.partitions);
        let left = outcomes.filter_map(|(outcome, partition)| {
            self.is_left(outcome, partition, markers).then_some(partition)
        });
        left.cloned().collect()
    }

    /// Whether a marker is to be written again.
    fn is_left(&self, outcome: Result<(), ErrorCode>, partition: &TopicPartition, markers: &Markers) -> bool {
        let (topic, number) = partition;
        match outcome {
            Ok(()) => false,
            Err(ErrorCode::UnknownTopicOrPartition) => !self.writer.is_deleted(partition),
            Err(ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError) => {
                tracing::debug!(
                    topic = &**topic,
                    partition = number,
                    "a marker is not written yet: {outcome:?}"
                );
                true
            }
            // The log refuses it for good: a later epoch of the producer, or of the coordinator, has written there.
            Err(error) => {
                tracing::error!(
                    transactional_id = &*markers.transactional_id,
                    producer = markers.producer.producer_id.0,
                    epoch = markers.producer.producer_epoch.0,
                    topic = &**topic,
                    partition = number,
                    "a marker is refused ({error:?}) and is not tried again: somebody else ends this transaction there"
                );
                false
            }
        }
    }
}
