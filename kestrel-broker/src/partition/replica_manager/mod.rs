//! The partitions of this broker: opened, found, reconfigured and deleted as the metadata says.
//!
//! `cluster/` applies changes, handlers look partitions up. A log that cannot be opened takes its partition offline and
//! nothing else; where the cause may pass, it is opened again.
//!
//! ```text
//!   create ──► prepare ──► metadata says so ──► apply ──► online          nothing is created that could not be opened
//!   start  ─────────────────────────────────► apply ──► offline ─► open_again ─► online
//! ```

mod hosted;
mod log_dir;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use futures::StreamExt;
use kestrel_protocol::{ErrorCode, LeaderEpoch, Timestamp, TopicId, Uuid};
use parking_lot::{Mutex, MutexGuard};
use tokio::task::spawn_blocking;

use super::partition::{Identity, Partition, PartitionStanding};
use crate::log::{Durability, LogConfig, LogError, LogManager, LogOrigin, OpenLog};
use crate::metrics::{Histogram, TopicMetrics};
use hosted::{Hosted, HostedTopic, Replica};

pub(crate) use hosted::OfflinePartitions;
pub(crate) use log_dir::{LogDir, LogDirContents};

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
    /// The data folder that the metadata has it in; nil when it does not say.
    pub(crate) directory: Uuid,
}

/// New settings for all logs of a topic.
#[derive(Debug, Clone)]
pub(crate) struct TopicSettings {
    /// The topic's name.
    pub(crate) topic: ByteString,
    /// The settings.
    pub(crate) config: LogConfig,
}

/// A change of the partitions of this broker. Deletions come first: a topic may return with another id.
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

/// Why partitions cannot be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code that the client gets.
    pub(crate) code: ErrorCode,
    /// Why, in a sentence.
    pub(crate) message: String,
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
        self.hosted().get(topic, partition)
    }

    /// The partition of the topic with this id (KIP-516).
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_ID`, or as [`Self::get`].
    pub(crate) fn get_by_id(&self, topic_id: TopicId, partition: i32) -> Result<Arc<Partition>, ErrorCode> {
        self.hosted().get_by_id(topic_id, partition)
    }

    /// The partitions that are offline as of now.
    pub(crate) fn offline(&self) -> Arc<OfflinePartitions> {
        self.hosted().offline()
    }

    /// Begins the logs of partitions that are about to be created, so that what the metadata says afterwards is true; gives the
    /// topics for which that cannot be done, of which nothing is left then. To be followed by [`Self::apply`] with the same
    /// partitions, or by [`Self::discard`]. Not to be cancelled.
    pub(crate) async fn prepare(&self, led: Vec<LedPartition>, now: Timestamp) -> BTreeMap<TopicId, Refusal> {
        let mut refused = BTreeMap::new();
        let openings = futures::stream::iter(led).map(|led| {
            let (logs, durability, request) = (Arc::clone(&self.logs), self.durability, led.clone());
            let opening =
                spawn_blocking(move || open_blocking(&logs, durability, request, LogOrigin::New, now));
            async move { (led, opening.await) }
        });
        let opened: Vec<_> = openings.buffer_unordered(PARALLEL_LOGS).collect().await;
        for (led, opened) in opened {
            let refusal = match opened {
                Ok(Ok(partition)) => {
                    self.hosted().prepare(partition);
                    continue;
                }
                Ok(Err(error)) => Refusal { code: ErrorCode::from(&error), message: error.to_string() },
                Err(panicked) => {
                    Refusal { code: ErrorCode::KafkaStorageError, message: panicked.to_string() }
                }
            };
            self.delete_begun(led.topic, led.topic_id, led.partition).await;
            refused.entry(led.topic_id).or_insert(refusal);
        }
        for topic_id in refused.keys() {
            self.discard(*topic_id).await;
        }
        refused
    }

    /// Deletes what was prepared of a topic that is not to be.
    pub(crate) async fn discard(&self, topic_id: TopicId) {
        let prepared = self.hosted().take_prepared(topic_id);
        for partition in prepared {
            partition.retire();
            self.delete_begun(partition.topic().clone(), topic_id, partition.index()).await;
        }
    }

    async fn delete_begun(&self, topic: ByteString, topic_id: TopicId, partition: i32) {
        let logs = Arc::clone(&self.logs);
        let deletion = spawn_blocking(move || logs.delete_begun_log(&topic, topic_id, partition)).await;
        if let Ok(Err(error)) = deletion
            && !error.may_pass()
        {
            tracing::error!(%error, "what was begun of a topic that is not created stays");
        }
    }

    /// Makes the partitions of this broker what the changes say. When it returns, new folders exist and can be written to.
    ///
    /// Logs are opened, recovered and deleted on blocking threads, several at once. What fails takes its partition offline
    /// and is logged. Not to be cancelled: run it to its end.
    pub(crate) async fn apply(&self, changes: ReplicaChanges, now: Timestamp) {
        self.delete(&changes.deleted).await;
        self.lead(changes.led, now).await;
        for settings in changes.reconfigured {
            self.hosted().reconfigure_waiting(&settings);
            for partition in self.online(&settings.topic) {
                partition.reconfigure(settings.config.clone());
            }
        }
    }

    /// Whether there are partitions for [`Self::open_again`].
    pub(crate) fn has_waiting(&self) -> bool {
        self.hosted().has_waiting()
    }

    /// Opens the partitions again whose cause of being offline may have passed. As [`Self::apply`], and not beside it.
    pub(crate) async fn open_again(&self, now: Timestamp) {
        let waiting = self.hosted().waiting();
        self.lead(waiting, now).await;
    }

    /// What the partitions that are online have counted and hold, by topic.
    pub(crate) fn metrics(&self) -> BTreeMap<String, TopicMetrics> {
        let mut topics: BTreeMap<String, TopicMetrics> = BTreeMap::new();
        for partition in self.all_online() {
            partition.add_to(topics.entry(partition.topic().to_string()).or_default());
        }
        topics
    }

    /// Where the partitions stand that are online, by topic and number.
    pub(crate) fn standings(&self) -> Vec<PartitionStanding> {
        let mut standings: Vec<_> = self.all_online().iter().map(|partition| partition.standing()).collect();
        standings.sort_unstable_by(|a, b| (&a.topic, a.index).cmp(&(&b.topic, b.index)));
        standings
    }

    /// Whether the data folder is out of service.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.logs.poisoned().is_some()
    }

    /// How long the flushes took for which batches waited.
    pub(crate) fn flushes(&self) -> Histogram {
        self.logs.flushes()
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
                if let Ok(Err(error)) = deletion
                    && !error.may_pass()
                {
                    tracing::error!(%topic, partition, %error, "the partition's folder could not be deleted");
                }
            }
        });
        deletions.buffer_unordered(PARALLEL_LOGS).for_each(|()| async {}).await;
    }

    async fn lead(&self, led: Vec<LedPartition>, now: Timestamp) {
        let openings = futures::stream::iter(led).map(|partition| self.open(partition, now));
        let elsewhere: Vec<LedPartition> =
            openings.buffer_unordered(self.parallel_openings).filter_map(std::future::ready).collect().await;
        self.report_elsewhere(&elsewhere);
    }

    /// Opens the log of a partition; gives the partition back when another data folder has it.
    async fn open(&self, led: LedPartition, now: Timestamp) -> Option<LedPartition> {
        let (open, was_waiting) = {
            let mut hosted = self.hosted();
            (hosted.take_open(&led), hosted.is_waiting(&led))
        };
        let (logs, durability, request) = (Arc::clone(&self.logs), self.durability, led.clone());
        let opening = spawn_blocking(move || match open {
            Some(partition) => partition.lead_in(request.leader_epoch).map(|()| partition),
            None => {
                let origin = LogOrigin::Assigned(request.directory);
                open_blocking(&logs, durability, request, origin, now)
            }
        });
        let offline = |error, waiting| Replica::Offline { error, waiting };
        let (mut elsewhere, topic, partition) = (None, &led.topic, led.partition);
        let replica = match opening.await {
            Ok(Ok(opened)) => {
                if was_waiting {
                    tracing::info!(%topic, partition, "the partition is online again");
                }
                Replica::Online(opened)
            }
            Ok(Err(error)) => {
                let waiting = error.may_pass().then(|| Box::new(led.clone()));
                if matches!(error, LogError::Elsewhere { .. }) {
                    elsewhere = Some(led.clone());
                } else if !was_waiting || waiting.is_none() {
                    let again = if waiting.is_some() { ", until that has passed" } else { "" };
                    tracing::error!(%topic, partition, %error, "the partition is offline{again}");
                }
                offline(ErrorCode::from(&error), waiting)
            }
            Err(panicked) => {
                tracing::error!(%topic, partition, %panicked, "the partition is offline");
                offline(ErrorCode::KafkaStorageError, None)
            }
        };
        self.hosted().insert(&led, replica);
        elsewhere
    }

    /// Says once which partitions another data folder has.
    fn report_elsewhere(&self, elsewhere: &[LedPartition]) {
        let Some(first) = elsewhere.first() else { return };
        let mut names: Vec<String> =
            elsewhere.iter().map(|led| format!("{}-{}", led.topic, led.partition)).collect();
        names.sort_unstable();
        tracing::error!(
            "{} partitions are offline, since the metadata has them in another data folder (directory.id {}; this one is {}): {}. \
             Apache Kafka serves them when it is started with all of its log.dirs",
            elsewhere.len(),
            first.directory,
            self.logs.directory_id(),
            names.join(", ")
        );
    }

    fn online(&self, topic: &str) -> Vec<Arc<Partition>> {
        self.hosted().online(topic)
    }

    fn all_online(&self) -> Vec<Arc<Partition>> {
        self.hosted().all_online()
    }

    fn hosted(&self) -> MutexGuard<'_, Hosted> {
        self.hosted.lock()
    }
}

fn open_blocking(
    logs: &LogManager,
    durability: Durability,
    led: LedPartition,
    origin: LogOrigin,
    now: Timestamp,
) -> Result<Arc<Partition>, LogError> {
    let log = logs.open_log(OpenLog {
        topic: &led.topic,
        partition: led.partition,
        topic_id: led.topic_id,
        config: led.config.clone(),
        now,
        origin,
    })?;
    // It may have been open, with older settings, when its partition could not be led.
    log.set_config(led.config);
    let identity = Identity { topic: led.topic, topic_id: led.topic_id, index: led.partition };
    Partition::lead(identity, log, durability, led.leader_epoch)
}

#[cfg(test)]
mod tests;
