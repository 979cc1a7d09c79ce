//! The partitions of this broker: opened, found, reconfigured and deleted as the metadata says.
//!
//! `cluster/` applies changes, handlers look partitions up. A log that cannot be opened takes its partition offline and
//! nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytestring::ByteString;
use futures::StreamExt;
use kestrel_protocol::{ErrorCode, LeaderEpoch, TopicId};
use tokio::task::spawn_blocking;

use super::partition::{Identity, Partition};
use crate::log::{Durability, LogConfig, LogError, LogManager, OpenLog, Timestamp};

/// How many logs are opened or deleted at once.
const PARALLEL_LOGS: usize = 16;

/// A partition that this broker leads from now on.
#[derive(Debug, Clone)]
pub(crate) struct LedPartition {
    /// The topic's name.
    pub(crate) topic: ByteString,
    /// The topic's id.
    pub(crate) topic_id: TopicId,
    /// The partition's number.
    pub(crate) partition: i32,
    /// The epoch in which it is led.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The settings of its log.
    pub(crate) config: LogConfig,
}

/// New settings for all logs of a topic.
#[derive(Debug, Clone)]
pub(crate) struct TopicSettings {
    /// The topic's name.
    pub(crate) topic: ByteString,
    /// The settings.
    pub(crate) config: LogConfig,
}

/// What changes for the partitions of this broker. Deletions come first: a topic may return with another id.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplicaChanges {
    /// Topics whose partitions are deleted here.
    pub(crate) deleted: Vec<TopicId>,
    /// Partitions to lead; those that are led already go on in the new epoch.
    pub(crate) led: Vec<LedPartition>,
    /// Topics with new settings.
    pub(crate) reconfigured: Vec<TopicSettings>,
}

/// All partitions of this broker, by topic.
#[derive(Debug)]
pub(crate) struct ReplicaManager {
    logs: Arc<LogManager>,
    durability: Durability,
    /// How many logs are opened at once.
    parallel_openings: usize,
    hosted: Mutex<Hosted>,
}

#[derive(Debug, Default)]
struct Hosted {
    topics: HashMap<ByteString, HostedTopic>,
    names: HashMap<TopicId, ByteString>,
}

#[derive(Debug)]
struct HostedTopic {
    id: TopicId,
    replicas: HashMap<i32, Replica>,
}

#[derive(Debug, Clone)]
enum Replica {
    Online(Arc<Partition>),
    /// Its log could not be opened.
    Offline(ErrorCode),
}

impl ReplicaManager {
    /// No partitions yet: they come with [`Self::apply`]. After a stop that was not clean, `recovery_threads` logs are opened
    /// at once, as each may be read from end to end.
    pub(crate) fn new(logs: Arc<LogManager>, durability: Durability, recovery_threads: usize) -> Self {
        let parallel_openings = if logs.was_clean_shutdown() { PARALLEL_LOGS } else { recovery_threads };
        Self { logs, durability, parallel_openings, hosted: Mutex::default() }
    }

    /// The partition, if this broker has it.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`; `KAFKA_STORAGE_ERROR` or the like when its log could not be opened.
    pub(crate) fn get(&self, topic: &str, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.hosted()
            .topics
            .get(topic)
            .map_or(Err(ErrorCode::UnknownTopicOrPartition), |hosted| hosted.get(partition))
    }

    /// The partition of the topic with this id (KIP-516).
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_ID`, or as [`Self::get`].
    pub(crate) fn get_by_id(&self, topic_id: TopicId, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        let hosted = self.hosted();
        let name = hosted.names.get(&topic_id).ok_or(ErrorCode::UnknownTopicId)?;
        hosted.topics.get(name).map_or(Err(ErrorCode::UnknownTopicId), |topic| topic.get(partition))
    }

    /// Makes the partitions of this broker what the changes say. When it returns, new folders exist and can be written to.
    ///
    /// Logs are opened, recovered and deleted on blocking threads, several at once. What fails takes its partition offline
    /// and is logged. Not to be cancelled: run it to its end.
    pub(crate) async fn apply(&self, changes: ReplicaChanges, now: Timestamp) {
        self.delete(&changes.deleted).await;
        self.lead(changes.led, now).await;
        for settings in changes.reconfigured {
            for partition in self.online(&settings.topic) {
                partition.reconfigure(settings.config.clone());
            }
        }
    }

    /// Deletes the segments that no topic's retention keeps at `now`. Can take long: call it where blocking is allowed.
    pub(crate) fn delete_old_segments(&self, now: Timestamp) {
        for partition in self.all_online() {
            match partition.delete_old_segments(now) {
                // Deleted meanwhile, or the data folder has failed, which was reported.
                Ok(()) | Err(LogError::Closed | LogError::Poisoned { .. }) => {}
                Err(error) => {
                    let (topic, partition) = (partition.topic(), partition.index());
                    tracing::error!(%topic, partition, %error, "old segments could not be deleted");
                }
            }
        }
    }

    /// Takes the topics out of service, then renames their folders, which are unlinked later.
    async fn delete(&self, topics: &[TopicId]) {
        let removed: Vec<(ByteString, HostedTopic)> = {
            let mut hosted = self.hosted();
            topics.iter().filter_map(|id| hosted.remove(*id)).collect()
        };
        let folders = removed.into_iter().flat_map(|(name, topic)| {
            topic.replicas.into_iter().map(move |(partition, replica)| (name.clone(), partition, replica))
        });
        let deletions = futures::stream::iter(folders).map(|(topic, partition, replica)| {
            if let Replica::Online(partition) = replica {
                partition.retire();
            }
            let logs = Arc::clone(&self.logs);
            async move {
                let deletion = {
                    let topic = topic.clone();
                    spawn_blocking(move || logs.delete_log(&topic, partition)).await
                };
                if let Ok(Err(error)) = deletion {
                    tracing::error!(%topic, partition, %error, "the partition's folder could not be deleted");
                }
            }
        });
        deletions.buffer_unordered(PARALLEL_LOGS).for_each(|()| async {}).await;
    }

    async fn lead(&self, led: Vec<LedPartition>, now: Timestamp) {
        let openings = futures::stream::iter(led).map(|partition| self.open(partition, now));
        openings.buffer_unordered(self.parallel_openings).for_each(|()| async {}).await;
    }

    async fn open(&self, led: LedPartition, now: Timestamp) {
        let existing =
            self.get(&led.topic, led.partition).ok().filter(|partition| partition.topic_id() == led.topic_id);
        let (logs, durability, request) = (Arc::clone(&self.logs), self.durability, led.clone());
        let opening = spawn_blocking(move || match existing {
            Some(partition) => partition.lead_in(request.leader_epoch).map(|()| partition),
            None => open_blocking(&logs, durability, request, now),
        });
        let replica = match opening.await {
            Ok(Ok(partition)) => Replica::Online(partition),
            Ok(Err(error)) => {
                tracing::error!(topic = %led.topic, partition = led.partition, %error, "the partition is offline");
                Replica::Offline(ErrorCode::from(&error))
            }
            Err(panicked) => {
                tracing::error!(topic = %led.topic, partition = led.partition, %panicked, "the partition is offline");
                Replica::Offline(ErrorCode::KafkaStorageError)
            }
        };
        self.hosted().insert(&led, replica);
    }

    fn online(&self, topic: &str) -> Vec<Arc<Partition>> {
        self.hosted().topics.get(topic).into_iter().flat_map(HostedTopic::online).collect()
    }

    fn all_online(&self) -> Vec<Arc<Partition>> {
        self.hosted().topics.values().flat_map(HostedTopic::online).collect()
    }

    fn hosted(&self) -> std::sync::MutexGuard<'_, Hosted> {
        // Whoever panicked while holding it had finished its one insertion or removal or not begun it.
        self.hosted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_blocking(
    logs: &LogManager,
    durability: Durability,
    led: LedPartition,
    now: Timestamp,
) -> Result<Arc<Partition>, LogError> {
    let log = logs.open_log(OpenLog {
        topic: &led.topic,
        partition: led.partition,
        topic_id: led.topic_id,
        config: led.config,
        now,
    })?;
    let identity = Identity { topic: led.topic, topic_id: led.topic_id, index: led.partition };
    Partition::lead(identity, log, durability, led.leader_epoch)
}

impl Hosted {
    fn insert(&mut self, led: &LedPartition, replica: Replica) {
        let topic = self
            .topics
            .entry(led.topic.clone())
            .or_insert_with(|| HostedTopic { id: led.topic_id, replicas: HashMap::new() });
        topic.replicas.insert(led.partition, replica);
        self.names.insert(led.topic_id, led.topic.clone());
    }

    fn remove(&mut self, topic_id: TopicId) -> Option<(ByteString, HostedTopic)> {
        let name = self.names.remove(&topic_id)?;
        self.topics.remove_entry(&name).filter(|(_, topic)| topic.id == topic_id)
    }
}

impl HostedTopic {
    fn online(&self) -> impl Iterator<Item = Arc<Partition>> + '_ {
        self.replicas.values().filter_map(|replica| match replica {
            Replica::Online(partition) => Some(Arc::clone(partition)),
            Replica::Offline(_) => None,
        })
    }

    fn get(&self, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        match self.replicas.get(&partition) {
            Some(Replica::Online(partition)) => Ok(Arc::clone(partition)),
            Some(Replica::Offline(error)) => Err(*error),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }
}

#[cfg(test)]
mod tests;
