//! The group coordinator as handlers see it: each request by name, and the topic that groups are kept in.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_groups::DescribedGroup;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::JoinGroupResponse;
use kestrel_protocol::messages::leave_group::MemberIdentity;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use kestrel_protocol::record::control::EndTransactionMarker;
use tokio_util::sync::CancellationToken;

use super::group::{Commit, FetchedOffset, GroupOverview, GroupShard, GroupStanding, Joining, ListFilter};
use super::runtime::{Coordinator, CoordinatorOptions, Driver, NoEnvoy, Outcome, internal_topic};
use crate::clock::Clock;
use crate::cluster::{ApiError, Cluster, NewTopic};
use crate::config::{BrokerConfig, GroupSettings};
use crate::log::{Transaction, VerificationGuard, Verifying};
use crate::metrics::GroupMetrics;
use crate::partition::ReplicaManager;

/// The topic in which groups are kept.
pub(crate) const GROUPS_TOPIC: &str = "__consumer_offsets";

/// The group coordinator of a broker.
///
/// What changes a group happens while the method is called, in the order of the calls; the future that it gives only waits,
/// and dropping it undoes nothing.
#[derive(Debug)]
pub(crate) struct GroupCoordinator {
    shards: Arc<Coordinator<GroupShard>>,
}

impl GroupCoordinator {
    /// The coordinator of the groups in `replicas`. [`Self::drive`] is to be spawned: it loads what is there.
    pub(crate) fn new(
        cluster: Cluster,
        replicas: Arc<ReplicaManager>,
        config: &BrokerConfig,
        clock: Clock,
    ) -> Self {
        let shards = Coordinator::new(CoordinatorOptions {
            cluster,
            replicas,
            clock,
            topic: topic(config),
            patience: config.offsets_commit_timeout,
            settings: config.groups.clone(),
        });
        Self { shards: Arc::new(shards) }
    }

    /// The coordinator's task, which works until `stopping` is cancelled.
    pub(crate) fn drive(&self, stopping: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        Driver::new(Arc::clone(&self.shards), NoEnvoy).drive(stopping)
    }

    /// The settings of groups.
    pub(crate) fn settings(&self) -> &GroupSettings {
        self.shards.settings()
    }

    /// Makes sure that there is a place for groups: creates the topic when it is first needed.
    ///
    /// # Errors
    /// Why it cannot be created.
    pub(crate) async fn ensure(&self) -> Result<(), ApiError> {
        self.shards.ensure().await
    }

    /// Handles JoinGroup; the answer comes when the group's next generation begins.
    pub(crate) fn join(&self, joining: &Joining) -> impl Outcome<JoinGroupResponse> + use<> {
        let group_id = &joining.request.group_id;
        self.shards.handle_waiting(group_id, |shard, to, now| shard.join(joining, to, now)).outcome()
    }

    /// Handles SyncGroup; the answer comes when the leader has made its assignment.
    pub(crate) fn sync(&self, request: &SyncGroupRequest) -> impl Outcome<SyncGroupResponse> + use<> {
        self.shards.handle_waiting(&request.group_id, |shard, to, now| shard.sync(request, to, now)).outcome()
    }

    /// Handles Heartbeat.
    pub(crate) fn heartbeat(&self, request: &HeartbeatRequest) -> impl Outcome<ErrorCode> + use<> {
        self.shards.handle(&request.group_id, |shard, now| shard.heartbeat(request, now)).outcome()
    }

    /// Handles LeaveGroup: an outcome for each member.
    pub(crate) fn leave(
        &self,
        group_id: &str,
        members: &[MemberIdentity],
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        self.shards.handle(group_id, |shard, now| shard.leave(group_id, members, now)).outcome()
    }

    /// Handles OffsetCommit: an outcome for each partition.
    pub(crate) fn commit(&self, commit: &Commit) -> impl Outcome<Vec<ErrorCode>> + use<> {
        self.shards.handle(&commit.group_id, |shard, now| shard.commit(commit, now)).outcome()
    }

    /// Begins to verify that a transaction has a group, before the transaction coordinator is asked; none when there are offsets of
    /// it already, so that nobody needs to be asked (KIP-890).
    ///
    /// # Errors
    /// `NOT_COORDINATOR` and the like.
    pub(crate) fn begin_verification(
        &self,
        group_id: &str,
        asked: Verifying,
    ) -> Result<Option<VerificationGuard>, ErrorCode> {
        Ok(self.shards.partition(group_id)?.begin_verification(asked, self.shards.clock().wall()))
    }

    /// Ends a verification that the transaction coordinator has refused for good.
    pub(crate) fn refuse_verification(
        &self,
        group_id: &str,
        transaction: Transaction,
        guard: VerificationGuard,
    ) {
        // With its partition it has ended anyway.
        if let Ok(partition) = self.shards.partition(group_id) {
            partition.refuse_verification(transaction, guard);
        }
    }

    /// Handles TxnOffsetCommit, with what [`Self::begin_verification`] gave: an outcome for each partition. The offsets count once
    /// the transaction is committed.
    ///
    /// Fails with `INVALID_PRODUCER_EPOCH` too, and with `INVALID_TXN_STATE` when the transaction ended after it was verified.
    pub(crate) fn commit_in_transaction(
        &self,
        commit: &Commit,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        let command = |shard: &mut GroupShard, now| shard.commit_in_transaction(commit, transaction, now);
        self.shards.handle_in_transaction(&commit.group_id, transaction, guard, command).outcome()
    }

    /// Ends a transaction in a partition of [`GROUPS_TOPIC`]: its marker is stored when the outcome is there.
    ///
    /// Fails with `COORDINATOR_LOAD_IN_PROGRESS` and the like, which pass, and for good with `INVALID_PRODUCER_EPOCH` and
    /// `TRANSACTION_COORDINATOR_FENCED`.
    pub(crate) fn end_transaction(
        &self,
        partition: i32,
        transaction: Transaction,
        marker: EndTransactionMarker,
        transaction_version: i16,
    ) -> impl Outcome<()> + use<> {
        self.shards.end_transaction(partition, transaction, marker, transaction_version).outcome()
    }

    /// The partition of [`GROUPS_TOPIC`] that keeps a group.
    pub(crate) fn partition_of(&self, group_id: &str) -> i32 {
        self.shards.partition_of(group_id)
    }

    /// Handles OffsetFetch for some partitions of a group.
    pub(crate) async fn fetch(
        &self,
        group_id: &str,
        partitions: &[(ByteString, i32)],
        require_stable: bool,
    ) -> Result<Vec<FetchedOffset>, ErrorCode> {
        self.shards.read(group_id, |shard| shard.fetch(group_id, partitions, require_stable)).outcome().await
    }

    /// Handles OffsetFetch for all partitions that a group has offsets of.
    pub(crate) async fn fetch_all(
        &self,
        group_id: &str,
        require_stable: bool,
    ) -> Result<Vec<(ByteString, i32, FetchedOffset)>, ErrorCode> {
        self.shards.read(group_id, |shard| shard.fetch_all(group_id, require_stable)).outcome().await
    }

    /// Handles OffsetDelete: an outcome for each partition.
    pub(crate) async fn delete_offsets(
        &self,
        group_id: &ByteString,
        partitions: &[(ByteString, i32)],
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        self.shards.handle(group_id, |shard, _| shard.delete_offsets(group_id, partitions)).outcome().await?
    }

    /// Handles DescribeGroups for one group; `None` when it is not there.
    pub(crate) async fn describe(&self, group_id: &str) -> Result<Option<DescribedGroup>, ErrorCode> {
        self.shards.read(group_id, |shard| shard.describe(group_id)).outcome().await
    }

    /// Handles DeleteGroups for one group.
    pub(crate) async fn delete_group(&self, group_id: &str) -> Result<ErrorCode, ErrorCode> {
        self.shards.handle(group_id, |shard, _| shard.delete_group(group_id)).outcome().await
    }

    /// Handles ListGroups.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS` while some of the groups are being loaded, and the like.
    pub(crate) async fn list(&self, filter: &ListFilter) -> Result<Vec<GroupOverview>, ErrorCode> {
        Ok(self.shards.read_all(|shard| shard.list(filter)).await?.concat())
    }

    /// Where the groups stand that are loaded, by id. Opens and loads nothing.
    pub(crate) fn standings(&self) -> Vec<GroupStanding> {
        let mut standings = Vec::new();
        self.shards.visit_loaded(|shard| shard.add_standings(&mut standings));
        standings.sort_unstable_by(|a: &GroupStanding, b| a.id.cmp(&b.id));
        standings
    }

    /// The groups that are loaded, counted. Opens and loads nothing.
    pub(crate) fn metrics(&self) -> GroupMetrics {
        let mut metrics = GroupMetrics::default();
        self.shards.visit_loaded(|shard| shard.add_to(&mut metrics));
        metrics
    }
}

/// The topic as it is created.
fn topic(config: &BrokerConfig) -> NewTopic {
    internal_topic(
        GROUPS_TOPIC,
        config.offsets_topic_partitions,
        &[
            ("cleanup.policy", "compact"),
            ("compression.type", "producer"),
            ("segment.bytes", &config.offsets_topic_segment_bytes.to_string()),
        ],
    )
}
