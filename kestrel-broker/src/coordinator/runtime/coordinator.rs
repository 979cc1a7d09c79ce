//! A coordinator as the room of its machine sees it: finds the slot of a key, hands requests in, waits for the answers.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytestring::ByteString;
use kestrel_protocol::record::control::EndTransactionMarker;
use kestrel_protocol::{ErrorCode, TopicId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::effects::Effects;
use super::machine::{EffectsOf, Machine, Now};
use super::partitioner::partition_for;
use super::reply::{Pending, ReplyTo};
use super::slot::Slot;
use crate::clock::Clock;
use crate::cluster::{ApiError, Cluster, Intent, NewTopic};
use crate::log::{Transaction, VerificationGuard};
use crate::partition::{Partition, ReplicaManager};
use crate::quota::Permits;

/// What a request leads to, once it is stored, or why it cannot be handled: `NOT_COORDINATOR`,
/// `COORDINATOR_LOAD_IN_PROGRESS`, and `COORDINATOR_NOT_AVAILABLE` when the disk takes too long.
pub(crate) trait Outcome<R>: Future<Output = Result<R, ErrorCode>> + Send + 'static {}

impl<R, F: Future<Output = Result<R, ErrorCode>> + Send + 'static> Outcome<R> for F {}

/// What a coordinator works with.
#[derive(Debug)]
pub(in crate::coordinator) struct CoordinatorOptions<S> {
    /// The metadata.
    pub(in crate::coordinator) cluster: Cluster,
    /// The partitions.
    pub(in crate::coordinator) replicas: Arc<ReplicaManager>,
    /// The time.
    pub(in crate::coordinator) clock: Clock,
    /// The internal topic as it is created when it is first needed.
    pub(in crate::coordinator) topic: NewTopic,
    /// How long an answer waits at most for its records to be stored.
    pub(in crate::coordinator) patience: Duration,
    /// The settings of each machine.
    pub(in crate::coordinator) settings: S,
}

/// The machines of one internal topic, one for each of its partitions.
///
/// A request has its effect while a method is called, in the order of the calls; the future that it gives only waits, and
/// dropping it undoes nothing.
#[derive(Debug)]
pub(in crate::coordinator) struct Coordinator<M: Machine> {
    options: CoordinatorOptions<M::Settings>,
    slots: Mutex<Arc<Slots<M>>>,
    /// Wakes the driver.
    wake: Arc<Notify>,
}

/// The slots of a topic. Opened by [`Coordinator::refresh`]; looked up by everyone else.
#[derive(Debug)]
struct Slots<M: Machine> {
    /// The topic that they are of; nil before there is one.
    topic_id: TopicId,
    /// By partition number; none where the partition's log is out of service.
    by_partition: Vec<Option<Arc<Slot<M>>>>,
}

impl<M: Machine> Coordinator<M> {
    /// The coordinator of what is in the topic now. A [`Driver`](super::Driver) is to be spawned for it, which loads that.
    pub(in crate::coordinator) fn new(options: CoordinatorOptions<M::Settings>) -> Self {
        let none = Slots { topic_id: TopicId::NIL, by_partition: Vec::new() };
        let coordinator = Self { options, slots: Mutex::new(Arc::new(none)), wake: Arc::default() };
        coordinator.refresh();
        coordinator
    }

    /// Makes sure that there is a place for every key: creates the topic when it is first needed.
    ///
    /// # Errors
    /// Why it cannot be created.
    pub(in crate::coordinator) async fn ensure(&self) -> Result<(), ApiError> {
        let Self { options: CoordinatorOptions { cluster, topic, .. }, .. } = self;
        if cluster.image().topic(&topic.name).is_none() {
            let created =
                cluster.create_topics(vec![topic.clone()], Intent::Apply, Permits::unlimited()).await;
            let created = created.into_iter().next();
            match created {
                Some(Err(error)) if error.code != ErrorCode::TopicAlreadyExists => return Err(error),
                _ => {}
            }
        }
        // Not left to the driver: whoever was sent here finds its place.
        self.refresh();
        Ok(())
    }

    /// Hands a request in that does not wait.
    pub(in crate::coordinator) fn handle<R>(
        &self,
        key: &str,
        command: impl FnOnce(&mut M, Now) -> (R, EffectsOf<M>),
    ) -> Pending<R> {
        let parked = self.slot(key).and_then(|slot| slot.handle(command));
        Pending::parked(parked, self.options.patience)
    }

    /// Hands a request in that may wait for others.
    pub(in crate::coordinator) fn handle_waiting<R: Debug + Send + 'static>(
        &self,
        key: &str,
        command: impl FnOnce(&mut M, ReplyTo<R>, Now) -> EffectsOf<M>,
    ) -> Pending<R> {
        let awaited = self.slot(key).and_then(|slot| slot.handle_waiting(command));
        Pending::awaited(awaited, self.options.patience)
    }

    /// The partition of a key, where it is verified that a transaction has it (KIP-890).
    ///
    /// # Errors
    /// When there is no such partition here.
    pub(in crate::coordinator) fn partition(&self, key: &str) -> Result<Arc<Partition>, ErrorCode> {
        Ok(Arc::clone(self.slot(key)?.partition()))
    }

    /// Hands a request in that does not wait and whose records are part of a transaction, with the guard of its verification.
    pub(in crate::coordinator) fn handle_in_transaction<R>(
        &self,
        key: &str,
        transaction: Transaction,
        guard: Option<VerificationGuard>,
        command: impl FnOnce(&mut M, Now) -> (R, EffectsOf<M>),
    ) -> Pending<R> {
        let slot = self.slot(key);
        let parked = slot.and_then(|slot| slot.handle_in_transaction(transaction, guard, command));
        Pending::parked(parked, self.options.patience)
    }

    /// Ends a transaction in a partition: appends its marker there and lets it take effect (KIP-98).
    pub(in crate::coordinator) fn end_transaction(
        &self,
        partition: i32,
        transaction: Transaction,
        marker: EndTransactionMarker,
        transaction_version: i16,
    ) -> Pending<()> {
        let slot = self.slot_of(&self.slots(), partition);
        let parked = slot.and_then(|slot| slot.end_transaction(transaction, marker, transaction_version));
        Pending::parked(parked, self.options.patience)
    }

    /// The partition that a key belongs to; before there is a topic, of those that it is going to have.
    pub(in crate::coordinator) fn partition_of(&self, key: &str) -> i32 {
        let slots = self.slots();
        let count = match slots.by_partition.len() {
            0 => self.options.topic.num_partitions,
            count => i32::try_from(count).unwrap_or(i32::MAX),
        };
        partition_for(key, count)
    }

    /// Asks for something that changes nothing. What is read is stored when the answer comes.
    pub(in crate::coordinator) fn read<R>(&self, key: &str, query: impl FnOnce(&M) -> R) -> Pending<R> {
        self.handle(key, |machine, _| (query(machine), Effects::default()))
    }

    /// Asks each machine.
    ///
    /// # Errors
    /// `COORDINATOR_LOAD_IN_PROGRESS` while some of them are loaded, and the like.
    pub(in crate::coordinator) async fn read_all<R>(
        &self,
        query: impl Fn(&M) -> R,
    ) -> Result<Vec<R>, ErrorCode> {
        let slots = self.slots();
        let mut answers = Vec::with_capacity(slots.by_partition.len());
        for partition in (0..).take(slots.by_partition.len()) {
            let slot = self.slot_of(&slots, partition);
            let parked = slot.and_then(|slot| slot.handle(|machine, _| (query(machine), Effects::default())));
            answers.push(Pending::parked(parked, self.options.patience).outcome().await?);
        }
        Ok(answers)
    }

    /// Looks at each machine that is loaded, whatever is stored. Opens and loads nothing.
    pub(in crate::coordinator) fn visit_loaded(&self, mut visit: impl FnMut(&M)) {
        for slot in self.slots_in_service() {
            // One that is loading is left out.
            let _ = slot.handle(|machine, _| (visit(machine), Effects::default()));
        }
    }

    /// The settings of the machines.
    pub(in crate::coordinator) const fn settings(&self) -> &M::Settings {
        &self.options.settings
    }

    /// The metadata.
    pub(super) const fn cluster(&self) -> &Cluster {
        &self.options.cluster
    }

    /// The time.
    pub(in crate::coordinator) const fn clock(&self) -> &Clock {
        &self.options.clock
    }

    /// Waits until there is something for the driver to do that it does not know of.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// The slots whose partitions are in service.
    pub(super) fn slots_in_service(&self) -> Vec<Arc<Slot<M>>> {
        self.slots().by_partition.iter().flatten().map(Arc::clone).collect()
    }

    /// Brings the slots in line with the metadata: made anew when the topic is another one, opened where a partition has come
    /// online.
    ///
    /// Partitions that are added to the topic later take part after a restart, as in Apache Kafka: until then a key stays where
    /// it is.
    pub(super) fn refresh(&self) {
        let mut slots = self.slots.lock();
        // Read under the lock: of two that refresh at once the later one has the newer image.
        let image = self.options.cluster.image();
        let topic = image.topic(&self.options.topic.name);
        let topic_id = topic.map_or(TopicId::NIL, |topic| topic.id);
        let by_partition: Vec<_> = if slots.topic_id == topic_id {
            if slots.by_partition.iter().all(Option::is_some) {
                return;
            }
            let known = (0..).zip(&slots.by_partition);
            known.map(|(number, slot)| slot.clone().or_else(|| self.open(number))).collect()
        } else {
            // Those who wait in the slots of a topic that is gone are sent away as these are dropped.
            let numbered = topic.into_iter().flat_map(|topic| topic.numbered());
            numbered.map(|(number, _)| self.open(number)).collect()
        };
        *slots = Arc::new(Slots { topic_id, by_partition });
    }

    fn open(&self, partition: i32) -> Option<Arc<Slot<M>>> {
        let CoordinatorOptions { replicas, topic, settings, clock, .. } = &self.options;
        let partition = replicas.get(&topic.name, partition).ok()?;
        self.wake.notify_one();
        Some(Arc::new(Slot::new(partition, settings.clone(), clock.clone(), Arc::clone(&self.wake))))
    }

    fn slots(&self) -> Arc<Slots<M>> {
        Arc::clone(&self.slots.lock())
    }

    /// The slot of a key.
    fn slot(&self, key: &str) -> Result<Arc<Slot<M>>, ErrorCode> {
        let slots = self.slots();
        if slots.by_partition.is_empty() {
            return Err(ErrorCode::NotCoordinator);
        }
        let count = i32::try_from(slots.by_partition.len()).unwrap_or(i32::MAX);
        self.slot_of(&slots, partition_for(key, count))
    }

    fn slot_of(&self, slots: &Slots<M>, partition: i32) -> Result<Arc<Slot<M>>, ErrorCode> {
        let slot = usize::try_from(partition).ok().and_then(|number| slots.by_partition.get(number)?.clone());
        slot.ok_or_else(|| match self.options.replicas.get(&self.options.topic.name, partition) {
            Ok(_) => {
                // It has come online: the driver opens it.
                self.wake.notify_one();
                ErrorCode::CoordinatorLoadInProgress
            }
            Err(_) => ErrorCode::CoordinatorNotAvailable,
        })
    }
}

/// A coordinator's topic as it is created. The replication factors of the configuration are for clusters of several nodes.
pub(in crate::coordinator) fn internal_topic(
    name: &'static str,
    num_partitions: i32,
    configs: &[(&'static str, &str)],
) -> NewTopic {
    let config = |(key, value): &(&'static str, &str)| (ByteString::from_static(key), Some((*value).into()));
    NewTopic {
        name: ByteString::from_static(name),
        num_partitions,
        replication_factor: 1,
        configs: configs.iter().map(config).collect(),
        ..NewTopic::default()
    }
}
