//! Which partitions this broker has, and in which state each is: what the replica manager keeps behind its lock. Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, TopicId};

use super::{LedPartition, TopicSettings};
use crate::partition::Partition;

/// The partitions of this broker whose logs are not open: nobody leads them for now.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfflinePartitions(HashSet<(TopicId, i32)>);

impl OfflinePartitions {
    /// Whether this partition is one of them.
    pub(crate) fn contains(&self, topic_id: TopicId, partition: i32) -> bool {
        !self.0.is_empty() && self.0.contains(&(topic_id, partition))
    }
}

#[derive(Debug, Default)]
pub(super) struct Hosted {
    topics: HashMap<ByteString, HostedTopic>,
    names: HashMap<TopicId, ByteString>,
    /// Partitions whose logs are open before the metadata has them.
    prepared: HashMap<(TopicId, i32), Arc<Partition>>,
    offline: Arc<OfflinePartitions>,
}

#[derive(Debug)]
pub(super) struct HostedTopic {
    id: TopicId,
    pub(super) replicas: HashMap<i32, Replica>,
}

#[derive(Debug, Clone)]
pub(super) enum Replica {
    Online(Arc<Partition>),
    /// Its log could not be opened.
    Offline {
        /// The code that clients get meanwhile.
        error: ErrorCode,
        /// The partition to open again, if the cause may pass.
        waiting: Option<Box<LedPartition>>,
    },
}

impl Hosted {
    pub(super) fn get(&self, topic: &str, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.topics.get(topic).map_or(Err(ErrorCode::UnknownTopicOrPartition), |hosted| hosted.get(partition))
    }

    pub(super) fn get_by_id(&self, topic_id: TopicId, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        let name = self.names.get(&topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        self.topics.get(name).map_or(Err(ErrorCode::UnknownTopicId), |topic| topic.get(partition))
    }

    /// The partition that is open already where one is to be led: it leads already, or was prepared.
    pub(super) fn take_open(&mut self, led: &LedPartition) -> Option<Arc<Partition>> {
        let existing = self.get(&led.topic, led.partition).ok();
        let existing = existing.filter(|partition| partition.topic_id() == led.topic_id);
        existing.or_else(|| self.prepared.remove(&(led.topic_id, led.partition)))
    }

    pub(super) fn insert(&mut self, led: &LedPartition, replica: Replica) {
        let key = (led.topic_id, led.partition);
        match &replica {
            Replica::Offline { .. } => _ = Arc::make_mut(&mut self.offline).0.insert(key),
            Replica::Online(_) if self.offline.contains(key.0, key.1) => {
                Arc::make_mut(&mut self.offline).0.remove(&key);
            }
            Replica::Online(_) => {}
        }
        let topic = self
            .topics
            .entry(led.topic.clone())
            .or_insert_with(|| HostedTopic { id: led.topic_id, replicas: HashMap::new() });
        topic.replicas.insert(led.partition, replica);
        self.names.insert(led.topic_id, led.topic.clone());
    }

    pub(super) fn remove(&mut self, topic_id: TopicId) -> Option<(ByteString, HostedTopic)> {
        let name = self.names.remove(&topic_id)?;
        if self.offline.0.iter().any(|(id, _)| *id == topic_id) {
            Arc::make_mut(&mut self.offline).0.retain(|(id, _)| *id != topic_id);
        }
        self.topics.remove_entry(&name).filter(|(_, topic)| topic.id == topic_id)
    }

    pub(super) fn prepare(&mut self, partition: Arc<Partition>) {
        self.prepared.insert((partition.topic_id(), partition.index()), partition);
    }

    /// The prepared partitions of a topic that is not to be.
    pub(super) fn take_prepared(&mut self, topic_id: TopicId) -> Vec<Arc<Partition>> {
        let keys: Vec<_> = self.prepared.keys().filter(|(id, _)| *id == topic_id).copied().collect();
        keys.iter().filter_map(|key| self.prepared.remove(key)).collect()
    }

    pub(super) fn online(&self, topic: &str) -> Vec<Arc<Partition>> {
        self.topics.get(topic).into_iter().flat_map(HostedTopic::online).collect()
    }

    pub(super) fn all_online(&self) -> Vec<Arc<Partition>> {
        self.topics.values().flat_map(HostedTopic::online).collect()
    }

    pub(super) fn offline(&self) -> Arc<OfflinePartitions> {
        Arc::clone(&self.offline)
    }

    /// The partitions that wait to be opened again.
    pub(super) fn waiting(&self) -> Vec<LedPartition> {
        let replicas = self.topics.values().flat_map(|topic| topic.replicas.values());
        replicas.filter_map(|replica| replica.waiting().cloned()).collect()
    }

    pub(super) fn has_waiting(&self) -> bool {
        let mut topics = self.topics.values();
        !self.offline.0.is_empty()
            && topics.any(|topic| topic.replicas.values().any(|replica| replica.waiting().is_some()))
    }

    pub(super) fn is_waiting(&self, led: &LedPartition) -> bool {
        let replica = self.topics.get(&led.topic).and_then(|topic| topic.replicas.get(&led.partition));
        replica.and_then(Replica::waiting).is_some_and(|waiting| waiting.topic_id == led.topic_id)
    }

    /// Lets what waits to be opened again be opened with new settings.
    pub(super) fn reconfigure_waiting(&mut self, settings: &TopicSettings) {
        let topic = self.topics.get_mut(&settings.topic);
        for replica in topic.into_iter().flat_map(|topic| topic.replicas.values_mut()) {
            if let Replica::Offline { waiting: Some(waiting), .. } = replica {
                waiting.config = settings.config.clone();
            }
        }
    }
}

impl Replica {
    fn waiting(&self) -> Option<&LedPartition> {
        match self {
            Self::Offline { waiting, .. } => waiting.as_deref(),
            Self::Online(_) => None,
        }
    }
}

impl HostedTopic {
    fn online(&self) -> impl Iterator<Item = Arc<Partition>> + '_ {
        self.replicas.values().filter_map(|replica| match replica {
            Replica::Online(partition) => Some(Arc::clone(partition)),
            Replica::Offline { .. } => None,
        })
    }

    fn get(&self, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        match self.replicas.get(&partition) {
            Some(Replica::Online(partition)) => Ok(Arc::clone(partition)),
            Some(Replica::Offline { error, .. }) => Err(*error),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }
}
