//! Sizes: how many bytes the replicas of partitions have on the brokers' disks.

use std::collections::{BTreeSet, HashMap};

use kestrel_client::admin::TopicDescription;
use kestrel_client::{Admin, NodeId, TopicPartition};

/// The sizes of replicas in bytes, as far as the caller may know.
#[derive(Debug, Default)]
pub(super) struct Sizes(HashMap<(TopicPartition, NodeId), u64>);

impl Sizes {
    /// Asks the brokers that have replicas of these topics.
    pub(super) async fn of(admin: &Admin, topics: &[TopicDescription]) -> Self {
        let replicas =
            topics.iter().flat_map(|topic| &topic.partitions).flat_map(|partition| &partition.replicas);
        let brokers: BTreeSet<NodeId> = replicas.copied().collect();
        let mut sizes = HashMap::new();
        // Whoever may see a topic need not be allowed to see folders: that is left out then.
        for (broker, described) in admin.describe_log_dirs(brokers).await {
            for (partition, replica) in described.into_iter().flatten().flat_map(|folder| folder.replicas) {
                if !replica.is_future {
                    sizes.insert((partition, broker), replica.size_bytes);
                }
            }
        }
        Self(sizes)
    }

    /// The size of the replica that a broker has.
    pub(super) fn at(&self, partition: &TopicPartition, broker: Option<NodeId>) -> Option<u64> {
        self.0.get(&(partition.clone(), broker?)).copied()
    }
}
