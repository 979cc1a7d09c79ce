//! The cluster at one moment, as far as the client knows it. Immutable and shared.

use std::collections::HashMap;
use std::sync::Arc;

use kestrel_protocol::{ByteString, ErrorCode, LeaderEpoch, NodeId, TopicId};

/// The cluster as of the last answer: its brokers, and the topics that this client uses.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MetadataSnapshot {
    /// Grows by one with each published snapshot.
    pub(crate) version: u64,
    /// The cluster's id, if the broker sent it.
    pub cluster_id: Option<ByteString>,
    /// The broker that takes requests for the controller.
    pub controller: Option<NodeId>,
    /// The brokers by id.
    pub brokers: HashMap<NodeId, Arc<BrokerView>>,
    pub(crate) topics: HashMap<Arc<str>, Arc<TopicView>>,
    /// Topics that are used but unavailable, with the brokers' error.
    pub(crate) errors: HashMap<Arc<str>, ErrorCode>,
}

/// A broker of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerView {
    /// The broker's id.
    pub id: NodeId,
    /// The host that it advertises.
    pub host: Arc<str>,
    /// The port that it advertises.
    pub port: u16,
    /// The broker's rack, if one is configured.
    pub rack: Option<ByteString>,
}

/// A topic of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicView {
    /// The topic's name.
    pub name: Arc<str>,
    /// The same name, ready to be put into requests.
    pub(crate) wire_name: ByteString,
    /// The topic's id; nil when the broker is older than topic ids (Apache Kafka 2.8).
    pub id: TopicId,
    /// Whether Kafka itself made the topic, such as `__consumer_offsets`.
    pub is_internal: bool,
    /// The partitions, the one with number n at index n.
    pub partitions: Box<[PartitionView]>,
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionView {
    /// The broker that takes writes; [`NodeId::NONE`] when there is none at the moment.
    pub leader: NodeId,
    /// How often leadership was decided; [`LeaderEpoch::NONE`] if the broker did not send it.
    pub leader_epoch: LeaderEpoch,
    /// The brokers that have the partition.
    pub replicas: Vec<NodeId>,
    /// The brokers that are in sync.
    pub isr: Vec<NodeId>,
    /// The brokers that should have the partition and are offline.
    pub offline_replicas: Vec<NodeId>,
}

impl PartitionView {
    /// A partition without leader and replicas, for numbers that an answer leaves out.
    pub(crate) const fn leaderless() -> Self {
        Self {
            leader: NodeId::NONE,
            leader_epoch: LeaderEpoch::NONE,
            replicas: Vec::new(),
            isr: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl TopicView {
    /// The partition with this number.
    #[must_use]
    pub fn partition(&self, partition: i32) -> Option<&PartitionView> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }
}

impl MetadataSnapshot {
    /// The topic of this name, if it is known.
    #[must_use]
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicView>> {
        self.topics.get(name)
    }

    /// The topics that are known.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicView>> {
        self.topics.values()
    }

    /// The topic with this id, if it is known.
    #[must_use]
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<TopicView>> {
        self.topics.values().find(|topic| topic.id == id && !id.is_nil())
    }

    /// The leader of a partition, if one is known, and its epoch.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> Option<(NodeId, LeaderEpoch)> {
        let partition = self.topics.get(topic)?.partition(partition)?;
        (partition.leader != NodeId::NONE).then_some((partition.leader, partition.leader_epoch))
    }

    /// The brokers' error for a topic that is used but unavailable.
    pub(crate) fn error(&self, topic: &str) -> Option<ErrorCode> {
        self.errors.get(topic).copied()
    }
}
