//! The topics that a group may read, as an assignor sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::into::IntoName;
use crate::record::TopicPartition;

/// Topics with their number of partitions, and the racks in which partitions have replicas.
///
/// ```
/// use kestrel_client::assignor::AssignableTopics;
///
/// let topics = AssignableTopics::new().topic("clicks", 3).topic_with_racks("orders", [["a", "b"], ["b", "c"]]);
/// assert_eq!(topics.partition_count("orders"), 2);
/// assert!(topics.racks("orders", 1).contains("c"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct AssignableTopics {
    topics: BTreeMap<Arc<str>, Topic>,
}

#[derive(Debug, Clone, Default)]
struct Topic {
    partition_count: i32,
    /// By partition; shorter where nothing is known.
    racks: Vec<BTreeSet<Arc<str>>>,
}

impl AssignableTopics {
    /// No topics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a topic, or replaces it.
    #[must_use]
    pub fn topic(mut self, name: impl IntoName, partition_count: i32) -> Self {
        self.topics.insert(name.into_name(), Topic { partition_count, racks: Vec::new() });
        self
    }

    /// Adds a topic with the racks of each partition's replicas, or replaces it.
    #[must_use]
    pub fn topic_with_racks<R: IntoName>(
        mut self,
        name: impl IntoName,
        racks: impl IntoIterator<Item = impl IntoIterator<Item = R>>,
    ) -> Self {
        let racks: Vec<BTreeSet<Arc<str>>> =
            racks.into_iter().map(|racks| racks.into_iter().map(IntoName::into_name).collect()).collect();
        let partition_count = i32::try_from(racks.len()).unwrap_or(i32::MAX);
        self.topics.insert(name.into_name(), Topic { partition_count, racks });
        self
    }

    /// How many partitions the topic has; 0 if it is not there.
    #[must_use]
    pub fn partition_count(&self, topic: &str) -> i32 {
        self.topics.get(topic).map_or(0, |topic| topic.partition_count)
    }

    /// The racks in which the partition has replicas; none if that is not known.
    #[must_use]
    pub fn racks(&self, topic: &str, partition: i32) -> &BTreeSet<Arc<str>> {
        static NONE: BTreeSet<Arc<str>> = BTreeSet::new();
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        self.topics.get(topic).and_then(|topic| topic.racks.get(index)).unwrap_or(&NONE)
    }

    /// The names of the topics, in order.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.topics.keys()
    }

    /// All partitions, by topic and number.
    pub fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        self.topics.iter().flat_map(|(name, topic)| {
            (0..topic.partition_count).map(|partition| TopicPartition::new(Arc::clone(name), partition))
        })
    }

    /// Whether racks decide anything (KIP-881): somebody is in a rack that has replicas, and not all partitions of
    /// `topics` are in all racks.
    pub(super) fn racks_matter<'a>(
        &self,
        topics: &(impl Iterator<Item = &'a Arc<str>> + Clone),
        member_racks: &BTreeSet<&Arc<str>>,
    ) -> bool {
        let partitions = || {
            topics.clone().flat_map(|name| (0..self.partition_count(name)).map(move |p| self.racks(name, p)))
        };
        let all: BTreeSet<_> = partitions().flatten().collect();
        !all.is_disjoint(member_racks) && partitions().any(|racks| racks.len() < all.len())
    }
}
