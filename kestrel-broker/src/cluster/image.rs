//! The metadata of the cluster at one offset of its log: immutable once published, read by everyone.
//!
//! Changed only by the replay (`replay.rs`), on the controller's own copy. Parts that did not change are shared between
//! one image and the next.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::{LeaderEpoch, NodeId, TopicId, Uuid};

use super::features::FeatureLevels;
use super::foreign::ForeignState;
use super::records::{RegisterControllerRecord, RegisteredEndpoint, RegisteredFeature};

/// The configuration that was set on a resource: key to value.
pub(crate) type ConfigMap = BTreeMap<ByteString, ByteString>;

/// The internal topics of Apache Kafka: clients are not meant to write to them.
const INTERNAL_TOPICS: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// The kinds of resources that configurations are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ResourceKind {
    /// A topic.
    Topic,
    /// A broker, or with an empty name all of them.
    Broker,
    /// Something else that the log has configurations of: client metrics (16), a group (32).
    Other(i8),
}

impl ResourceKind {
    /// The kind with this number in requests and records.
    pub(crate) const fn from_wire(number: i8) -> Self {
        match number {
            2 => Self::Topic,
            4 => Self::Broker,
            other => Self::Other(other),
        }
    }

    /// The number in requests and records.
    pub(crate) const fn wire(self) -> i8 {
        match self {
            Self::Topic => 2,
            Self::Broker => 4,
            Self::Other(number) => number,
        }
    }
}

/// The resource that a configuration belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConfigResource {
    /// The kind.
    pub(crate) kind: ResourceKind,
    /// The topic's name, or the broker's id in decimals.
    pub(crate) name: ByteString,
}

impl ConfigResource {
    /// A topic.
    pub(crate) fn topic(name: impl Into<ByteString>) -> Self {
        Self { kind: ResourceKind::Topic, name: name.into() }
    }

    /// A broker.
    pub(crate) fn broker(id: NodeId) -> Self {
        Self { kind: ResourceKind::Broker, name: id.to_string().into() }
    }

    /// All brokers.
    pub(crate) fn all_brokers() -> Self {
        Self { kind: ResourceKind::Broker, name: ByteString::new() }
    }
}

/// A registered broker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BrokerImage {
    /// Its id.
    pub(crate) id: NodeId,
    /// The offset of its registration.
    pub(crate) epoch: i64,
    /// The process that registered.
    pub(crate) incarnation_id: Uuid,
    /// The addresses that clients connect to.
    pub(crate) endpoints: Vec<RegisteredEndpoint>,
    /// Where it stands.
    pub(crate) rack: Option<ByteString>,
    /// Whether it leads nothing.
    pub(crate) fenced: bool,
    /// Whether it is stopping.
    pub(crate) in_controlled_shutdown: bool,
    /// Its data folders.
    pub(crate) log_dirs: Vec<Uuid>,
    /// Those that take no new partitions (KIP-1066); `None` when the broker has never said.
    pub(crate) cordoned_log_dirs: Option<Vec<Uuid>>,
    /// Which levels of a feature it can be run with.
    pub(crate) features: Vec<RegisteredFeature>,
}

impl BrokerImage {
    /// Whether partitions may be placed on it.
    pub(crate) const fn is_active(&self) -> bool {
        !self.fenced && !self.in_controlled_shutdown
    }
}

/// A topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TopicImage {
    /// The name.
    pub(crate) name: ByteString,
    /// The id, for life.
    pub(crate) id: TopicId,
    /// The partitions, by number.
    pub(crate) partitions: Vec<PartitionImage>,
}

impl TopicImage {
    /// Whether it is one of those that coordinators keep their state in.
    pub(crate) fn is_internal(&self) -> bool {
        INTERNAL_TOPICS.contains(&&*self.name)
    }

    /// The partition of this number.
    pub(crate) fn partition(&self, number: i32) -> Option<&PartitionImage> {
        self.partitions.get(usize::try_from(number).ok()?)
    }

    /// The partitions with their numbers.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (i32, &PartitionImage)> {
        (0..).zip(&self.partitions)
    }

    /// How many replicas its first partition has, which is what "the" replication factor of a topic means.
    pub(crate) fn replication_factor(&self) -> i16 {
        let replicas = self.partitions.first().map_or(0, |partition| partition.replicas.len());
        i16::try_from(replicas).unwrap_or(i16::MAX)
    }
}

/// A partition.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PartitionImage {
    /// The leader; [`NodeId::NONE`] when there is none.
    pub(crate) leader: NodeId,
    /// How many times the leader was decided.
    pub(crate) leader_epoch: LeaderEpoch,
    /// How many times anything was decided.
    pub(crate) partition_epoch: i32,
    /// The replicas, the preferred leader first.
    pub(crate) replicas: Vec<NodeId>,
    /// The replicas that have everything.
    pub(crate) isr: Vec<NodeId>,
    /// The replicas that are being removed.
    pub(crate) removing_replicas: Vec<NodeId>,
    /// The replicas that are being added.
    pub(crate) adding_replicas: Vec<NodeId>,
    /// The data folder of each replica, in the order of `replicas`; nil where it is not assigned.
    pub(crate) directories: Vec<Uuid>,
    /// Replicas outside of the ISR that have everything up to the high watermark (KIP-966).
    pub(crate) eligible_leader_replicas: Vec<NodeId>,
    /// The last member of an ISR that became empty (KIP-966).
    pub(crate) last_known_elr: Vec<NodeId>,
    /// Whether it recovers from an unclean election.
    pub(crate) is_recovering: bool,
}

impl PartitionImage {
    /// The data folder of the replica on a node; nil when it has none or is not assigned.
    pub(crate) fn directory_on(&self, node_id: NodeId) -> Uuid {
        let index = self.replicas.iter().position(|replica| *replica == node_id);
        index.and_then(|index| self.directories.get(index)).copied().unwrap_or(Uuid::NIL)
    }
}

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
    pub(super) foreign: Arc<ForeignState>,
    pub(super) last_offset: i64,
}

impl ClusterImage {
    /// A cluster of which nothing is known but its id and its only controller.
    pub(super) fn new(cluster_id: impl Into<ByteString>, controller_id: NodeId) -> Self {
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
            foreign: Arc::default(),
            last_offset: -1,
        }
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

    /// The configuration of a topic.
    pub(crate) fn topic_config(&self, name: &str) -> Arc<ConfigMap> {
        self.config(&ConfigResource::topic(name))
    }
}
