//! A topic in the metadata, with its partitions. Pure.

use bytestring::ByteString;
use kestrel_protocol::{LeaderEpoch, NodeId, TopicId, Uuid};

/// The internal topics of Apache Kafka: clients are not meant to write to them.
const INTERNAL_TOPICS: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

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
