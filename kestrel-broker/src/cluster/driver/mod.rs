//! The controller's task: takes commands, lets the controller decide, appends what it decided, and answers when that is
//! stored and has taken effect.
//!
//! ```text
//!   Cluster ──command──► decide ─► prepare ─► append ─► replay ─► (all waiting commands the same) ─► stored ─► publish ─► answer
//! ```
//!
//! Between commands it writes a snapshot when one is due.
//! What a command creates is there before the metadata says so. In between it opens partitions again that a shortage has kept
//! offline.
//!
//! Spawned once by `broker/`. Owns the controller's state and the metadata log; nobody else changes either.

mod takeover;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId, TopicId, Uuid};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::ClusterOptions;
use super::controller::{
    Controller, CreatedTopic, DeletedTopic, Effects, ElectionType, FactorChange, FeatureUpdate, Intent,
    Leave, NewPartitions, NewTopic, QuotaAlteration, QuotaSubject, Reassignment, ResourceAlterations,
    ScramAlteration, TopicRef,
};
use super::error::ApiError;
use super::image::{ClusterImage, ResourceKind};
use super::metadata_log::{MetadataError, MetadataLog, SnapshotSchedule};
use super::publisher::Publisher;
use super::quorum::MetadataQuorum;
use super::records::MetadataRecord;
use crate::authorizer::{AclBinding, AclFilter};
use crate::clock::Clock;
use crate::partition::Refusal;
use crate::quota::Permits;
use takeover::take_over;

/// How many commands may wait for the controller; senders of more wait for a place.
pub(super) const MAX_QUEUED_COMMANDS: usize = 64;

/// How long a partition stays offline at least that a shortage has kept from being opened.
const OPEN_AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// The answer to a command, or why it was not carried out at all.
pub(super) type Answer<R> = oneshot::Sender<Result<R, ApiError>>;
/// An outcome for each thing that a command asks for.
pub(super) type Outcomes<R> = Vec<Result<R, ApiError>>;

/// What became of each thing that a command names.
pub(super) type NamedOutcomes<N> = Vec<(N, Result<(), ApiError>)>;

/// A request to the controller.
#[derive(Debug)]
pub(super) enum Command {
    CreateTopics(Vec<NewTopic>, Intent, Permits, Answer<Outcomes<CreatedTopic>>),
    DeleteTopics(Vec<TopicRef>, Permits, Answer<Outcomes<DeletedTopic>>),
    CreatePartitions(Vec<NewPartitions>, Intent, Permits, Answer<Outcomes<()>>),
    AlterConfigs(Vec<ResourceAlterations>, Intent, Answer<Outcomes<()>>),
    CreateAcls(Vec<AclBinding>, Answer<Outcomes<()>>),
    DeleteAcls(Vec<AclFilter>, Answer<Outcomes<Vec<Arc<AclBinding>>>>),
    AlterScramCredentials(Vec<ScramAlteration>, Answer<NamedOutcomes<ByteString>>),
    AlterQuotas(Vec<QuotaAlteration>, Intent, Answer<NamedOutcomes<QuotaSubject>>),
    AllocateProducerIds(Answer<Option<Range<i64>>>),
    ElectLeaders(ElectionType, Vec<(ByteString, i32)>, Answer<Outcomes<()>>),
    ReassignPartitions(Vec<Reassignment>, FactorChange, Answer<Outcomes<()>>),
    UpdateFeatures(Vec<FeatureUpdate>, Intent, Answer<Result<(), ApiError>>),
    UnregisterBroker(NodeId, Answer<Result<(), ApiError>>),
}

/// Answers a command once it is known whether its records are stored.
type Pending = Box<dyn FnOnce(Result<(), ApiError>) + Send>;

/// The controller's task: see [`Driver::run`].
#[derive(Debug)]
pub(crate) struct Driver {
    controller: Controller,
    log: MetadataLog,
    publisher: Publisher,
    schedule: SnapshotSchedule,
    clock: Clock,
    commands: mpsc::Receiver<Command>,
}

impl Driver {
    /// Rebuilds the metadata, registers this broker and opens its partitions.
    ///
    /// # Errors
    /// When the metadata log cannot be read or written.
    pub(super) async fn start(
        options: ClusterOptions,
        commands: mpsc::Receiver<Command>,
    ) -> Result<(Self, watch::Receiver<Arc<ClusterImage>>), MetadataError> {
        let empty = ClusterImage::new(options.logs.cluster_id(), options.config.node_id);
        let (images, receiver) = watch::channel(Arc::new(empty.clone()));
        let publisher = Publisher {
            images,
            replicas: Arc::clone(&options.replicas),
            quotas: Arc::clone(&options.quotas),
            config: Arc::clone(&options.config),
            log_dir: options.logs.directory_id(),
            clock: options.clock.clone(),
        };
        let clock = options.clock.clone();
        let controller = Controller::new(empty, Arc::clone(&options.config));
        let settings = options.config.metadata_log;
        let (controller, log, bytes) = match spawn_blocking(move || take_over(controller, &options)).await {
            Ok(taken_over) => taken_over?,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        let schedule = SnapshotSchedule::new(&settings, bytes, clock.now());
        let driver = Self { controller, log, publisher, schedule, clock, commands };
        driver.stored().await.map_err(|error| driver.log.unsupported(error.message))?;
        driver.publisher.publish(driver.controller.image()).await;
        Ok((driver, receiver))
    }

    /// The quorum that keeps the metadata.
    pub(super) fn quorum(&self) -> MetadataQuorum {
        self.log.quorum()
    }

    /// Carries out commands until `stopping` is cancelled; then leaves the cluster in order.
    pub(crate) async fn run(mut self, stopping: CancellationToken) {
        let mut batch = Vec::with_capacity(MAX_QUEUED_COMMANDS);
        let mut ticks = interval(OPEN_AGAIN_PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                received = self.commands.recv_many(&mut batch, MAX_QUEUED_COMMANDS) => {
                    if received == 0 {
                        break;
                    }
                    self.carry_out(&mut batch, &stopping).await;
                }
                () = until(self.schedule.next_deadline()) => self.take_snapshot(&stopping).await,
                _ = ticks.tick(), if self.publisher.has_waiting() => {
                    self.publisher.open_again().await;
                }
            }
        }
        self.leave().await;
    }

    /// Carries out commands one after the other; one flush makes all of them durable.
    async fn carry_out(&mut self, commands: &mut Vec<Command>, stopping: &CancellationToken) {
        let (before, bytes_before) = (self.log.end_offset(), self.log.size_bytes());
        let mut pending: Vec<Pending> = Vec::with_capacity(commands.len());
        for command in commands.drain(..) {
            let (records, answer) = self.decide(command).await;
            match append(&mut self.controller, &mut self.log, &records, &self.clock) {
                Ok(()) => pending.push(answer),
                Err(error) => {
                    self.publisher.discard(&grown_topics(&records)).await;
                    answer(Err(error));
                }
            }
        }
        let mut outcome = Ok(());
        if self.log.end_offset() > before {
            outcome = tokio::select! {
                stored = self.stored() => stored,
                // A disk that does not answer must not keep the broker from stopping.
                () = stopping.cancelled() => Err(ErrorCode::RequestTimedOut.into()),
            };
            self.publisher.publish(self.controller.image()).await;
            self.schedule.handle_stored(self.log.size_bytes().saturating_sub(bytes_before));
        }
        for answer in pending {
            answer(outcome.clone());
        }
    }

    /// Writes a snapshot, and lets go what it makes superfluous. A failure costs nothing but the disk that the log takes.
    async fn take_snapshot(&mut self, stopping: &CancellationToken) {
        let work = self.log.take_snapshot(self.controller.image(), self.clock.wall());
        let taken = tokio::select! {
            taken = work => taken,
            // A disk that does not answer must not keep the broker from stopping.
            () = stopping.cancelled() => return,
        };
        match taken {
            Ok(()) => self.schedule.handle_written(self.clock.now()),
            Err(error) => {
                tracing::warn!(%error, "no snapshot of the metadata could be written: it is tried again");
                self.schedule.handle_failure(self.clock.now());
            }
        }
    }

    /// What a command leads to: records, and how it is answered. What the records create is begun.
    async fn decide(&self, command: Command) -> (Vec<MetadataRecord>, Pending) {
        let controller = &self.controller;
        match command {
            Command::CreateTopics(topics, intent, permits, answer) => {
                let leave = Leave::new(&permits, self.clock.now());
                let mut effects = controller.create_topics(topics, intent, &mut random_uuid, leave);
                let refused = self.prepare(&mut effects.records).await;
                for reply in &mut effects.reply {
                    if let Some(error) = reply.as_ref().ok().and_then(|created| refused.get(&created.id)) {
                        *reply = Err(error.clone());
                    }
                }
                pend(effects, answer)
            }
            Command::DeleteTopics(topics, permits, answer) => {
                pend(controller.delete_topics(&topics, Leave::new(&permits, self.clock.now())), answer)
            }
            Command::CreatePartitions(topics, intent, permits, answer) => {
                let leave = Leave::new(&permits, self.clock.now());
                let mut effects = controller.create_partitions(&topics, intent, leave);
                let refused = self.prepare(&mut effects.records).await;
                for (reply, topic) in effects.reply.iter_mut().zip(&topics) {
                    let topic = controller.image().topic(&topic.topic);
                    if let Some(error) = topic.and_then(|topic| refused.get(&topic.id)) {
                        *reply = Err(error.clone());
                    }
                }
                pend(effects, answer)
            }
            Command::AlterConfigs(resources, intent, answer) => {
                pend(controller.alter_configs(&resources, intent), answer)
            }
            Command::CreateAcls(acls, answer) => pend(controller.create_acls(acls, &mut random_uuid), answer),
            Command::DeleteAcls(filters, answer) => pend(controller.delete_acls(&filters), answer),
            Command::AlterScramCredentials(alterations, answer) => {
                pend(controller.alter_scram_credentials(&alterations), answer)
            }
            Command::AlterQuotas(alterations, intent, answer) => {
                pend(controller.alter_quotas(&alterations, intent), answer)
            }
            Command::AllocateProducerIds(answer) => pend(controller.allocate_producer_ids(), answer),
            Command::ElectLeaders(kind, partitions, answer) => {
                pend(controller.elect_leaders(kind, &partitions), answer)
            }
            Command::ReassignPartitions(asked, factor_change, answer) => {
                pend(controller.reassign_partitions(&asked, factor_change), answer)
            }
            Command::UpdateFeatures(updates, intent, answer) => {
                pend(controller.update_features(&updates, intent, self.log.kraft_version()), answer)
            }
            Command::UnregisterBroker(broker_id, answer) => {
                pend(controller.unregister_broker(broker_id), answer)
            }
        }
    }

    /// Begins the logs of the partitions that the records create; takes the records of those topics out for which that cannot
    /// be done, and gives why.
    async fn prepare(&self, records: &mut Vec<MetadataRecord>) -> BTreeMap<TopicId, ApiError> {
        if records.is_empty() {
            return BTreeMap::new();
        }
        let mut ahead = self.controller.clone();
        for (offset, record) in (self.log.end_offset()..).zip(records.iter()) {
            ahead
                .replay(record.clone(), offset)
                .expect("the controller's records follow from the metadata before them");
        }
        let refused = self.publisher.prepare(self.controller.image(), ahead.image()).await;
        for topic_id in refused.keys() {
            if let Some(topic) = ahead.image().topic_by_id(*topic_id) {
                records.retain(|record| !is_of(record, *topic_id, &topic.name));
            }
        }
        let refuse = |refusal: Refusal| {
            ApiError::new(refusal.code, format!("Nothing was created: {}.", refusal.message))
        };
        refused.into_iter().map(|(topic_id, refusal)| (topic_id, refuse(refusal))).collect()
    }

    async fn stored(&self) -> Result<(), ApiError> {
        self.log.committed().await.map_err(ApiError::from)
    }

    async fn leave(&mut self) {
        let records = self.controller.deregister();
        let left = append(&mut self.controller, &mut self.log, &records, &self.clock);
        if let Err(error) = left {
            tracing::warn!(%error, "the metadata log does not say that this broker stopped");
        }
    }
}

/// Whether a record creates something of a topic.
fn is_of(record: &MetadataRecord, topic_id: TopicId, name: &str) -> bool {
    match record {
        MetadataRecord::Topic(record) => record.topic_id == topic_id,
        MetadataRecord::Partition(record) => record.topic_id == topic_id,
        MetadataRecord::Config(record) => {
            record.resource_type == ResourceKind::Topic.wire() && record.resource_name == name
        }
        _ => false,
    }
}

/// The topics that get partitions by these records.
fn grown_topics(records: &[MetadataRecord]) -> Vec<TopicId> {
    let mut topics: Vec<TopicId> = records
        .iter()
        .filter_map(|record| match record {
            MetadataRecord::Partition(record) => Some(record.topic_id),
            _ => None,
        })
        .collect();
    topics.dedup();
    topics
}

fn pend<R: Send + 'static>(effects: Effects<R>, answer: Answer<R>) -> (Vec<MetadataRecord>, Pending) {
    let Effects { records, reply } = effects;
    let pending = Box::new(move |stored: Result<(), ApiError>| {
        // The handler that asked may have gone with its connection.
        let _ = answer.send(stored.map(|()| reply));
    });
    (records, pending)
}

/// Appends records as one batch and lets them take effect.
fn append(
    controller: &mut Controller,
    log: &mut MetadataLog,
    records: &[MetadataRecord],
    clock: &Clock,
) -> Result<(), ApiError> {
    if records.is_empty() {
        return Ok(());
    }
    let versions = controller.image().features().record_versions();
    let values: Vec<Bytes> = records.iter().map(|record| record.encode(versions)).collect();
    let appended = log
        .append(&values, clock.wall())
        .map_err(|error| ApiError::new(ErrorCode::from(&error), error.to_string()))?;
    // As a restart will read them: what is in memory is never more than what is in the log.
    for (offset, value) in (appended.base_offset..).zip(values) {
        let record = MetadataRecord::decode(value).expect("it was encoded a moment ago");
        controller
            .replay(record, offset)
            .expect("the controller's records follow from the metadata before them");
    }
    Ok(())
}

/// Waits until the deadline; for ever without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// A random id, as Apache Kafka makes them: none begins with a dash, which command lines would take for an option.
fn random_uuid() -> Uuid {
    loop {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let id = Uuid::from_random_bytes(bytes);
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}
