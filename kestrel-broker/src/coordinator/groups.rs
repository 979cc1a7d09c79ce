//! The group coordinator as handlers see it: finds the place of a group, hands requests in, waits until answers may leave.

use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::messages::describe_groups::DescribedGroup;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::join_group::JoinGroupResponse;
use kestrel_protocol::messages::leave_group::MemberIdentity;
use kestrel_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use kestrel_protocol::{ErrorCode, TopicId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::group::{
    Commit, Effects, FetchedOffset, GroupOverview, GroupShard, Handled, Joining, ListFilter, Now, Reply,
};
use super::partitioner::partition_for;
use super::slot::{Awaited, Parked, Slot};
use crate::clock::Clock;
use crate::cluster::{ApiError, Cluster, Intent, NewTopic};
use crate::config::{BrokerConfig, GroupSettings};
use crate::metrics::GroupMetrics;
use crate::partition::ReplicaManager;

/// The topic in which groups are kept.
pub(crate) const GROUPS_TOPIC: &str = "__consumer_offsets";

/// What a request leads to, once it is stored, or why it cannot be handled: `NOT_COORDINATOR`,
/// `COORDINATOR_LOAD_IN_PROGRESS`, and `COORDINATOR_NOT_AVAILABLE` after `offsets.commit.timeout.ms`.
pub(crate) trait Outcome<R>: Future<Output = Result<R, ErrorCode>> + Send + 'static {}

impl<R, F: Future<Output = Result<R, ErrorCode>> + Send + 'static> Outcome<R> for F {}

/// The places of all groups.
#[derive(Debug, Default)]
struct Places {
    /// The topic that they are in; nil before there is one.
    topic_id: TopicId,
    /// By partition number; none where the partition's log is out of service.
    slots: Slots,
}

type Slots = Arc<[Option<Arc<Slot>>]>;

/// The group coordinator of a broker.
///
/// What changes a group happens while the method is called, in the order of the calls; the future that it gives only waits,
/// and dropping it undoes nothing.
#[derive(Debug)]
pub(crate) struct GroupCoordinator {
    cluster: Cluster,
    replicas: Arc<ReplicaManager>,
    config: Arc<BrokerConfig>,
    clock: Clock,
    places: Mutex<Places>,
    /// Wakes the driver.
    pub(super) wake: Arc<Notify>,
}

impl GroupCoordinator {
    /// The coordinator of the groups in `replicas`. Its [`Driver`](super::Driver) is to be spawned: it loads what is there.
    pub(crate) fn new(
        cluster: Cluster,
        replicas: Arc<ReplicaManager>,
        config: Arc<BrokerConfig>,
        clock: Clock,
    ) -> Self {
        Self { cluster, replicas, config, clock, places: Mutex::default(), wake: Arc::default() }
    }

    /// The settings of groups.
    pub(crate) fn settings(&self) -> &GroupSettings {
        &self.config.groups
    }

    /// Makes sure that there is a place for groups: creates the topic when it is first needed.
    ///
    /// # Errors
    /// Why it cannot be created.
    pub(crate) async fn ensure(&self) -> Result<(), ApiError> {
        if self.cluster.image().topic(GROUPS_TOPIC).is_some() {
            return Ok(());
        }
        let config = |key: &str, value: String| (ByteString::from(key), Some(ByteString::from(value)));
        let topic = NewTopic {
            name: GROUPS_TOPIC.into(),
            num_partitions: self.config.offsets_topic_partitions,
            // `offsets.topic.replication.factor` is for clusters of several nodes.
            replication_factor: 1,
            configs: vec![
                config("cleanup.policy", "compact".to_owned()),
                config("compression.type", "producer".to_owned()),
                config("segment.bytes", self.config.offsets_topic_segment_bytes.to_string()),
            ],
            ..NewTopic::default()
        };
        let created = self.cluster.create_topics(vec![topic], Intent::Apply).await.into_iter().next();
        match created {
            Some(Err(error)) if error.code != ErrorCode::TopicAlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Handles JoinGroup; the answer comes when the group's next generation begins.
    pub(crate) fn join(&self, joining: &Joining) -> impl Outcome<JoinGroupResponse> + use<> {
        let slot = self.slot(&joining.request.group_id);
        let reply = self.reply(slot.and_then(|slot| slot.ask(|shard, to, now| shard.join(joining, to, now))));
        async move {
            match reply.await? {
                Reply::Joined(response) => Ok(response),
                Reply::Synced(_) => unreachable!("a JoinGroup is answered as one"),
            }
        }
    }

    /// Handles SyncGroup; the answer comes when the leader has made its assignment.
    pub(crate) fn sync(&self, request: &SyncGroupRequest) -> impl Outcome<SyncGroupResponse> + use<> {
        let slot = self.slot(&request.group_id);
        let reply = self.reply(slot.and_then(|slot| slot.ask(|shard, to, now| shard.sync(request, to, now))));
        async move {
            match reply.await? {
                Reply::Synced(response) => Ok(response),
                Reply::Joined(_) => unreachable!("a SyncGroup is answered as one"),
            }
        }
    }

    /// Handles Heartbeat.
    pub(crate) fn heartbeat(&self, request: &HeartbeatRequest) -> impl Outcome<ErrorCode> + use<> {
        self.stored(self.handle(&request.group_id, |shard, now| shard.heartbeat(request, now)))
    }

    /// Handles LeaveGroup: an outcome for each member.
    pub(crate) fn leave(
        &self,
        group_id: &str,
        members: &[MemberIdentity],
    ) -> impl Outcome<Vec<ErrorCode>> + use<> {
        self.stored(self.handle(group_id, |shard, now| shard.leave(group_id, members, now)))
    }

    /// Handles OffsetCommit: an outcome for each partition.
    pub(crate) fn commit(&self, commit: &Commit) -> impl Outcome<Vec<ErrorCode>> + use<> {
        self.stored(self.handle(&commit.group_id, |shard, now| shard.commit(commit, now)))
    }

    /// Handles OffsetFetch for some partitions of a group.
    pub(crate) async fn fetch(
        &self,
        group_id: &str,
        partitions: &[(ByteString, i32)],
        require_stable: bool,
    ) -> Result<Vec<FetchedOffset>, ErrorCode> {
        let fetch = |shard: &GroupShard| shard.fetch(group_id, partitions, require_stable);
        self.stored(self.handle(group_id, |shard, _| (fetch(shard), Effects::default()))).await
    }

    /// Handles OffsetFetch for all partitions that a group has offsets of.
    pub(crate) async fn fetch_all(
        &self,
        group_id: &str,
        require_stable: bool,
    ) -> Result<Vec<(ByteString, i32, FetchedOffset)>, ErrorCode> {
        let fetch = |shard: &GroupShard| shard.fetch_all(group_id, require_stable);
        self.stored(self.handle(group_id, |shard, _| (fetch(shard), Effects::default()))).await
    }

    /// Handles OffsetDelete: an outcome for each partition.
    pub(crate) async fn delete_offsets(
        &self,
        group_id: &ByteString,
        partitions: &[(ByteString, i32)],
    ) -> Result<Vec<ErrorCode>, ErrorCode> {
        self.stored(self.handle(group_id, |shard, _| shard.delete_offsets(group_id, partitions))).await?
    }

    /// Handles DescribeGroups for one group; `None` when it is not there.
    pub(crate) async fn describe(&self, group_id: &str) -> Result<Option<DescribedGroup>, ErrorCode> {
        self.stored(self.handle(group_id, |shard, _| (shard.describe(group_id), Effects::default()))).await
    }

    /// Handles DeleteGroups for one group.
    pub(crate) async fn delete_group(&self, group_id: &str) -> Result<ErrorCode, ErrorCode> {
        self.stored(self.handle(group_id, |shard, _| shard.delete_group(group_id))).await
    }

    /// Handles ListGroups.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS` while some of the groups are being loaded, and the like.
    pub(crate) async fn list(&self, filter: &ListFilter) -> Result<Vec<GroupOverview>, ErrorCode> {
        let mut groups = Vec::new();
        for slot in self.slots().iter() {
            let slot = slot.as_ref().ok_or(ErrorCode::CoordinatorNotAvailable)?;
            let parked = slot.handle(|shard, _| (shard.list(filter), Effects::default()));
            groups.extend(self.stored(parked).await?);
        }
        Ok(groups)
    }

    /// The groups that are loaded, counted. Opens and loads nothing.
    pub(crate) fn metrics(&self) -> GroupMetrics {
        let mut metrics = GroupMetrics::default();
        let slots = Arc::clone(&self.places.lock().slots);
        for slot in slots.iter().flatten() {
            // A slot that is loading is left out.
            let _ = slot.handle(|shard, _| (shard.add_to(&mut metrics), Effects::default()));
        }
        metrics
    }

    /// Deletes the offsets of topics that are not there any more.
    pub(super) fn forget_deleted_topics(&self) {
        for slot in self.all_slots() {
            let forget = |shard: &mut GroupShard| {
                // The metadata as of now: a topic whose offsets came in before is in there.
                let image = self.cluster.image();
                shard.delete_offsets_of_deleted_topics(|name: &ByteString, id: TopicId| {
                    image.topic(name).is_some_and(|topic| id.is_nil() || topic.id == id)
                })
            };
            // A slot that is loading is asked again when it is loaded.
            let _ = slot.handle(|shard, _| ((), forget(shard)));
        }
    }

    /// The places of groups that are in service.
    pub(super) fn all_slots(&self) -> Vec<Arc<Slot>> {
        self.slots().iter().flatten().map(Arc::clone).collect()
    }

    /// The metadata, for whoever wants to know when it changes.
    pub(super) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The time.
    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Lets a request have its effect.
    fn handle<R>(
        &self,
        group_id: &str,
        command: impl FnOnce(&mut GroupShard, Now) -> Handled<R>,
    ) -> Result<Parked<R>, ErrorCode> {
        self.slot(group_id)?.handle(command)
    }

    /// Waits until the answer may leave.
    fn stored<R: Send + 'static>(&self, parked: Result<Parked<R>, ErrorCode>) -> impl Outcome<R> + use<R> {
        let patience = self.patience();
        async move { parked?.stored(patience).await }
    }

    /// Waits for the reply to a request that waits, and then until it may leave.
    fn reply(&self, awaited: Result<Awaited, ErrorCode>) -> impl Outcome<Reply> + use<> {
        let patience = self.patience();
        async move {
            let parked = awaited?.await.map_err(|_| ErrorCode::NotCoordinator)?;
            parked.stored(patience).await
        }
    }

    /// The place of a group.
    fn slot(&self, group_id: &str) -> Result<Arc<Slot>, ErrorCode> {
        let slots = self.slots();
        if slots.is_empty() {
            return Err(ErrorCode::NotCoordinator);
        }
        let count = i32::try_from(slots.len()).unwrap_or(i32::MAX);
        let number = usize::try_from(partition_for(group_id, count)).unwrap_or_default();
        slots.get(number).cloned().flatten().ok_or(ErrorCode::CoordinatorNotAvailable)
    }

    /// The places of all groups, made anew when the topic is another one; none without a topic.
    ///
    /// Partitions that are added to the topic later take part after a restart, as in Apache Kafka: until then a group stays
    /// where it is.
    fn slots(&self) -> Slots {
        let image = self.cluster.image();
        let topic = image.topic(GROUPS_TOPIC);
        let topic_id = topic.map_or(TopicId::NIL, |topic| topic.id);
        let mut places = self.places.lock();
        if places.topic_id != topic_id {
            // Those who wait in the places of a topic that is gone are sent away as these are dropped.
            let partitions = topic.into_iter().flat_map(|topic| topic.numbered());
            let slots = partitions.map(|(number, _)| self.open(number)).collect();
            *places = Places { topic_id, slots };
            self.wake.notify_one();
        } else if let Some(slots) = self.reopened(&places.slots) {
            places.slots = slots;
            self.wake.notify_one();
        }
        Arc::clone(&places.slots)
    }

    /// The same places and those of partitions that have come online since; `None` when there are none of those.
    fn reopened(&self, slots: &Slots) -> Option<Slots> {
        let missing = slots.iter().filter(|slot| slot.is_none()).count();
        if missing == 0 {
            return None;
        }
        let reopen = |(number, slot): (i32, &Option<Arc<Slot>>)| slot.clone().or_else(|| self.open(number));
        let slots: Slots = (0..).zip(slots.iter()).map(reopen).collect();
        (slots.iter().filter(|slot| slot.is_none()).count() < missing).then_some(slots)
    }

    fn open(&self, number: i32) -> Option<Arc<Slot>> {
        let partition = self.replicas.get(GROUPS_TOPIC, number).ok()?;
        let settings = self.config.groups.clone();
        Some(Arc::new(Slot::new(partition, settings, self.clock.clone(), Arc::clone(&self.wake))))
    }

    fn patience(&self) -> Duration {
        self.config.offsets_commit_timeout
    }
}
