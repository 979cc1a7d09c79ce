//! The metadata of the cluster: its topics and who leads their partitions, configurations, users, ACLs, quotas.
//!
//! Everyone reads it as an immutable [`ClusterImage`]; it changes only by commands to the controller, whose records are
//! appended to `__cluster_metadata-0`, replayed, applied to the partitions and published. A restart replays the same log.
//!
//! ```text
//!   api ──► Cluster ──command──► driver ──► controller ──records──► metadata log
//!              ▲                               ▲                        │
//!              │ image                         └────── replay ◄─────────┘
//!              └──── publisher ◄── image ────────────────┘
//!                        └──► partition::ReplicaManager
//! ```

mod controller;
mod driver;
mod error;
mod features;
mod image;
mod metadata_log;
mod producer_ids;
mod publisher;
mod quorum;
mod records;
mod replay;
mod topic_name;

use std::ops::Range;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId};
use tokio::sync::{mpsc, oneshot, watch};

use crate::authorizer::{AclBinding, AclFilter};
use crate::clock::Clock;
use crate::config::{BrokerConfig, Layers};
use crate::log::{Durability, LogManager};
use crate::partition::ReplicaManager;
use crate::quota::{Permits, Quotas};
use driver::{Answer, Command, MAX_QUEUED_COMMANDS, NamedOutcomes, Outcomes};

pub(crate) use controller::{
    AlterOperation, ConfigAlteration, CreatedTopic, DeletedTopic, ElectionType, FactorChange, FeatureUpdate,
    Intent, NewPartitions, NewTopic, OtherKeys, Provisions, QuotaAlteration, QuotaSubject, Reassignment,
    ResourceAlterations, SaltedPassword, ScramAlteration, TopicRef, UpgradeType,
};
pub(crate) use driver::Driver;
pub(crate) use error::ApiError;
pub(crate) use features::{SUPPORTED_FEATURES, TransactionVersion};
pub(crate) use image::{
    BrokerImage, ClientQuotaEntity, ClusterImage, ConfigMap, ConfigResource, EntityName, EntityType,
    PartitionImage, QuotaFilter, QuotaLimits, QuotaMatch, ResourceKind, ScramUsers, TopicImage,
};
pub(crate) use metadata_log::{ExpectedPartition, METADATA_TOPIC, MetadataError, check_metadata};
pub(crate) use producer_ids::ProducerIds;
pub(crate) use quorum::{MetadataQuorum, QuorumStanding};
pub(crate) use topic_name::check_topic_name;

/// The inputs of [`Cluster::start`].
#[derive(Debug, Clone)]
pub(crate) struct ClusterOptions {
    /// The data folder.
    pub(crate) logs: Arc<LogManager>,
    /// The partitions, which are opened as the metadata says.
    pub(crate) replicas: Arc<ReplicaManager>,
    /// The quotas, whose limits are as the metadata says.
    pub(crate) quotas: Arc<Quotas>,
    /// The broker's settings; its listeners know the ports that were bound.
    pub(crate) config: Arc<BrokerConfig>,
    /// The users and ACLs that are to be there from the start.
    pub(crate) provisions: Provisions,
    /// When a change of the metadata counts as stored.
    pub(crate) durability: Durability,
    /// The time.
    pub(crate) clock: Clock,
}

/// The metadata: read as a snapshot, changed by commands. A clone is the same metadata.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    images: watch::Receiver<Arc<ClusterImage>>,
    commands: mpsc::Sender<Command>,
    config: Arc<BrokerConfig>,
    quorum: MetadataQuorum,
}

impl Cluster {
    /// Rebuilds the metadata from its log, registers this broker, and opens the logs of its partitions. The driver is to
    /// be spawned: without it no command is carried out.
    ///
    /// # Errors
    /// When the metadata log cannot be read or written, with a sentence that names the file.
    pub(crate) async fn start(options: ClusterOptions) -> Result<(Self, Driver), MetadataError> {
        let config = Arc::clone(&options.config);
        let (commands, received) = mpsc::channel(MAX_QUEUED_COMMANDS);
        let (driver, images) = Driver::start(options, received).await?;
        let quorum = driver.quorum();
        Ok((Self { images, commands, config, quorum }, driver))
    }

    /// The metadata as of now.
    pub(crate) fn image(&self) -> Arc<ClusterImage> {
        Arc::clone(&self.images.borrow())
    }

    /// The quorum that keeps the metadata.
    pub(crate) const fn quorum(&self) -> &MetadataQuorum {
        &self.quorum
    }

    /// The metadata from now on, to act on its changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<ClusterImage>> {
        self.images.clone()
    }

    /// Calls `read` with all values that count for a topic: its own, which are `topic`, and those of `image` and of the settings.
    pub(crate) fn with_layers<T>(
        &self,
        image: &ClusterImage,
        topic: &ConfigMap,
        read: impl FnOnce(&Layers<'_>) -> T,
    ) -> T {
        let broker = image.config(&ConfigResource::broker(self.config.node_id));
        let all_brokers = image.config(&ConfigResource::all_brokers());
        read(&Layers { topic, broker: &broker, all_brokers: &all_brokers, config: &self.config })
    }

    /// Creates topics, each by itself. What was created can be produced to at once.
    ///
    /// Dropping the future does not undo what was begun; so for all commands.
    pub(crate) async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        intent: Intent,
        permits: Permits,
    ) -> Outcomes<CreatedTopic> {
        let count = topics.len();
        self.submit_all(count, |answer| Command::CreateTopics(topics, intent, permits, answer)).await
    }

    /// Creates a topic with all defaults, because a client asked for it: `auto.create.topics.enable` is the caller's to
    /// check. A topic that somebody else created meanwhile is fine.
    ///
    /// # Errors
    /// Why the topic cannot exist.
    pub(crate) async fn auto_create(&self, name: ByteString, permits: Permits) -> Result<(), ApiError> {
        let created = self.create_topics(vec![NewTopic::with_defaults(name)], Intent::Apply, permits).await;
        match created.into_iter().next() {
            Some(Err(error)) if error.code != ErrorCode::TopicAlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Deletes topics, each by itself, with their partitions and configuration.
    pub(crate) async fn delete_topics(
        &self,
        topics: Vec<TopicRef>,
        permits: Permits,
    ) -> Outcomes<DeletedTopic> {
        let count = topics.len();
        self.submit_all(count, |answer| Command::DeleteTopics(topics, permits, answer)).await
    }

    /// Adds partitions to topics, each by itself.
    pub(crate) async fn create_partitions(
        &self,
        topics: Vec<NewPartitions>,
        intent: Intent,
        permits: Permits,
    ) -> Outcomes<()> {
        let count = topics.len();
        self.submit_all(count, |answer| Command::CreatePartitions(topics, intent, permits, answer)).await
    }

    /// Changes the configuration of resources, each by itself.
    pub(crate) async fn alter_configs(
        &self,
        resources: Vec<ResourceAlterations>,
        intent: Intent,
    ) -> Outcomes<()> {
        let count = resources.len();
        self.submit_all(count, |answer| Command::AlterConfigs(resources, intent, answer)).await
    }

    /// Creates ACLs, each by itself.
    pub(crate) async fn create_acls(&self, acls: Vec<AclBinding>) -> Outcomes<()> {
        let count = acls.len();
        self.submit_all(count, |answer| Command::CreateAcls(acls, answer)).await
    }

    /// Deletes the ACLs that filters select, each filter by itself; gives what each has deleted.
    pub(crate) async fn delete_acls(&self, filters: Vec<AclFilter>) -> Outcomes<Vec<Arc<AclBinding>>> {
        let count = filters.len();
        self.submit_all(count, |answer| Command::DeleteAcls(filters, answer)).await
    }

    /// Sets and deletes SCRAM credentials; gives what became of each user.
    ///
    /// # Errors
    /// When nothing was carried out.
    pub(crate) async fn alter_scram_credentials(
        &self,
        alterations: Vec<ScramAlteration>,
    ) -> Result<NamedOutcomes<ByteString>, ApiError> {
        self.submit(|answer| Command::AlterScramCredentials(alterations, answer)).await
    }

    /// Sets and takes back limits; gives what became of each entity.
    ///
    /// # Errors
    /// When nothing was carried out.
    pub(crate) async fn alter_quotas(
        &self,
        alterations: Vec<QuotaAlteration>,
        intent: Intent,
    ) -> Result<NamedOutcomes<QuotaSubject>, ApiError> {
        self.submit(|answer| Command::AlterQuotas(alterations, intent, answer)).await
    }

    /// Elects leaders of partitions, each by itself.
    pub(crate) async fn elect_leaders(
        &self,
        kind: ElectionType,
        partitions: Vec<(ByteString, i32)>,
    ) -> Outcomes<()> {
        let count = partitions.len();
        self.submit_all(count, |answer| Command::ElectLeaders(kind, partitions, answer)).await
    }

    /// Changes who has partitions, each by itself.
    pub(crate) async fn reassign_partitions(
        &self,
        asked: Vec<Reassignment>,
        factor_change: FactorChange,
    ) -> Outcomes<()> {
        let count = asked.len();
        self.submit_all(count, |answer| Command::ReassignPartitions(asked, factor_change, answer)).await
    }

    /// Sets the levels of features, all of them or none.
    ///
    /// # Errors
    /// Why none of them was set.
    pub(crate) async fn update_features(
        &self,
        updates: Vec<FeatureUpdate>,
        intent: Intent,
    ) -> Result<(), ApiError> {
        self.submit(|answer| Command::UpdateFeatures(updates, intent, answer)).await?
    }

    /// Takes a broker out of the cluster that is gone for good.
    ///
    /// # Errors
    /// Why it stays.
    pub(crate) async fn unregister_broker(&self, broker_id: NodeId) -> Result<(), ApiError> {
        self.submit(|answer| Command::UnregisterBroker(broker_id, answer)).await?
    }

    /// Takes a block of producer ids that nobody had before.
    ///
    /// # Errors
    /// When the block could not be written down, or every id was given out.
    pub(crate) async fn allocate_producer_ids(&self) -> Result<Range<i64>, ApiError> {
        let block = self.submit(Command::AllocateProducerIds).await?;
        block.ok_or_else(|| {
            ApiError::new(ErrorCode::UnknownServerError, "All producer ids have been given out.")
        })
    }

    /// Sends a command that asks for several things; when it is not carried out, each of them has the reason.
    async fn submit_all<R: Clone>(
        &self,
        count: usize,
        command: impl FnOnce(Answer<Outcomes<R>>) -> Command,
    ) -> Outcomes<R> {
        self.submit(command).await.unwrap_or_else(|error| vec![Err(error); count])
    }

    async fn submit<R>(&self, command: impl FnOnce(Answer<R>) -> Command) -> Result<R, ApiError> {
        let stopped = || ApiError::new(ErrorCode::NotController, "The broker is stopping.");
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

#[cfg(test)]
mod tests;
