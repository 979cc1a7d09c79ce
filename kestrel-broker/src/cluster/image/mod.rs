//! The metadata of the cluster at one offset of its log: immutable once published, read by everyone.
//!
//! Changed only by the replay (`replay/`), on the controller's own copy. Parts that did not change are shared between one image and
//! the next: whoever derives something of a part compares its `Arc` with the one before.

mod acls;
mod broker;
mod config;
mod limits;
mod quotas;
mod scram;
mod to_records;
mod topic;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::{NodeId, TopicId};
use kestrel_security::sasl::{ScramCredential, ScramMechanism};

use super::features::FeatureLevels;
#[cfg(test)]
use super::features::TransactionVersion;
use super::records::{DelegationTokenRecord, RegisterControllerRecord};
use crate::authorizer::AclSet;

pub(crate) use broker::BrokerImage;
pub(crate) use config::{ConfigMap, ConfigResource, ResourceKind};
pub(crate) use quotas::{
    ClientQuotaEntity, EntityName, EntityType, QuotaFilter, QuotaKey, QuotaLimits, QuotaMap, QuotaMatch,
};
pub(crate) use scram::ScramUsers;
pub(crate) use topic::{PartitionImage, TopicImage};

/// The metadata at one offset.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClusterImage {
    pub(super) cluster_id: ByteString,
    pub(super) controller_id: NodeId,
    pub(super) features: FeatureLevels,
    pub(super) brokers: BTreeMap<NodeId, Arc<BrokerImage>>,
    pub(super) controllers: BTreeMap<NodeId, Arc<RegisterControllerRecord>>,
    pub(super) topics: BTreeMap<ByteString, Arc<TopicImage>>,
    pub(super) topic_names: HashMap<TopicId, ByteString>,
    pub(super) configs: BTreeMap<ConfigResource, Arc<ConfigMap>>,
    pub(super) next_producer_id: i64,
    pub(super) acls: Arc<AclSet>,
    pub(super) scram_users: Arc<ScramUsers>,
    pub(super) quotas: Arc<QuotaMap>,
    /// By their ids. Kestrel keeps them for Apache Kafka and gives none out.
    pub(super) delegation_tokens: Arc<BTreeMap<ByteString, DelegationTokenRecord>>,
    pub(super) last_offset: i64,
}

impl ClusterImage {
    /// A cluster of which nothing is known but its id and its only controller.
    pub(crate) fn new(cluster_id: impl Into<ByteString>, controller_id: NodeId) -> Self {
        Self {
            cluster_id: cluster_id.into(),
            controller_id,
            features: FeatureLevels::default(),
            brokers: BTreeMap::new(),
            controllers: BTreeMap::new(),
            topics: BTreeMap::new(),
            topic_names: HashMap::new(),
            configs: BTreeMap::new(),
            next_producer_id: 0,
            acls: Arc::default(),
            scram_users: Arc::default(),
            quotas: Arc::default(),
            delegation_tokens: Arc::default(),
            last_offset: -1,
        }
    }

    /// A cluster of which nothing is known but the version of its transactions.
    #[cfg(test)]
    pub(crate) fn with_transaction_version(version: TransactionVersion) -> Self {
        let mut image = Self::new("test", NodeId(1));
        image.features.set_transaction_version(version);
        image
    }

    /// The cluster's id.
    pub(crate) const fn cluster_id(&self) -> &ByteString {
        &self.cluster_id
    }

    /// The active controller.
    pub(crate) const fn controller_id(&self) -> NodeId {
        self.controller_id
    }

    /// The finalized feature levels. Their epoch is [`Self::last_offset`].
    pub(crate) const fn features(&self) -> &FeatureLevels {
        &self.features
    }

    /// The offset of the last record that is in this image; -1 before the first.
    pub(crate) const fn last_offset(&self) -> i64 {
        self.last_offset
    }

    /// The brokers, by id.
    pub(crate) fn brokers(&self) -> impl ExactSizeIterator<Item = &BrokerImage> {
        self.brokers.values().map(|broker| &**broker)
    }

    /// The broker of this id.
    pub(crate) fn broker(&self, id: NodeId) -> Option<&BrokerImage> {
        self.brokers.get(&id).map(|broker| &**broker)
    }

    /// The topics, by name.
    pub(crate) fn topics(&self) -> impl ExactSizeIterator<Item = &Arc<TopicImage>> {
        self.topics.values()
    }

    /// The topics from this name on, by name: for answers in pages.
    pub(crate) fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.topics.range::<str, _>((Bound::Included(name), Bound::Unbounded)).map(|(_, topic)| topic)
    }

    /// The topic of this name.
    pub(crate) fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(name)
    }

    /// The topic of this id.
    pub(crate) fn topic_by_id(&self, id: TopicId) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.topic_names.get(&id)?)
    }

    /// The configuration of a resource; empty for one that is not known.
    pub(crate) fn config(&self, resource: &ConfigResource) -> Arc<ConfigMap> {
        self.configs.get(resource).cloned().unwrap_or_default()
    }

    /// The resources of a kind that have a configuration, by name.
    pub(crate) fn configs_of(
        &self,
        kind: ResourceKind,
    ) -> impl Iterator<Item = (&ByteString, &Arc<ConfigMap>)> {
        let from = ConfigResource { kind, name: ByteString::new() };
        let of_kind = self.configs.range(from..).take_while(move |(resource, _)| resource.kind == kind);
        of_kind.map(|(resource, configs)| (&resource.name, configs))
    }

    /// The configuration of a topic.
    pub(crate) fn topic_config(&self, name: &str) -> Arc<ConfigMap> {
        self.config(&ConfigResource::topic(name))
    }

    /// The ACLs.
    pub(crate) const fn acls(&self) -> &Arc<AclSet> {
        &self.acls
    }

    /// The users with SCRAM credentials.
    pub(crate) const fn scram_users(&self) -> &Arc<ScramUsers> {
        &self.scram_users
    }

    /// The SCRAM credential of a user.
    pub(crate) fn scram_credential(&self, mechanism: ScramMechanism, user: &str) -> Option<&ScramCredential> {
        self.scram_users.get(user)?.get(&mechanism)
    }

    /// The limits of users, clients and addresses.
    pub(crate) const fn quotas(&self) -> &Arc<QuotaMap> {
        &self.quotas
    }
}
