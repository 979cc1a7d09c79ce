//! Makes a new image known: first the partitions of this broker become what it says, then everyone may read it.
//!
//! Called by the driver before each change that creates partitions, and after each change. What changed is found by comparing
//! two images, topic by topic; that part is pure. The image is cloned and compared as a whole with each change: the cost grows with the
//! number of topics, and changes are as rare as topics are created. Many nodes, or changes made by programs, would change that:
//! then the replay collects what it touched, as Apache Kafka's `MetadataDelta` does, and that takes the place of the comparison.

mod news;

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_protocol::{NodeId, TopicId, Uuid};
use tokio::sync::watch;

use super::image::{ClusterImage, ConfigResource, PartitionImage, TopicImage};
use crate::clock::Clock;
use crate::config::{BrokerConfig, Layers};
use crate::log::{LogConfig, LogOrigin};
use crate::partition::{LedPartition, Refusal, ReplicaChanges, ReplicaManager, TopicSettings};
use crate::quota::Quotas;

/// The way from the controller to everyone who reads the metadata.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) images: watch::Sender<Arc<ClusterImage>>,
    pub(super) replicas: Arc<ReplicaManager>,
    pub(super) quotas: Arc<Quotas>,
    pub(super) config: Arc<BrokerConfig>,
    /// The id of the data folder.
    pub(super) log_dir: Uuid,
    pub(super) clock: Clock,
}

impl Publisher {
    /// Begins the logs of the partitions that `ahead` has and `now` has not; gives the topics for which that cannot be done.
    pub(super) async fn prepare(
        &self,
        now: &ClusterImage,
        ahead: &ClusterImage,
    ) -> BTreeMap<TopicId, Refusal> {
        let led = replica_changes(now, ahead, &self.config, self.log_dir).led;
        self.replicas.prepare(led, self.clock.wall()).await
    }

    /// Takes back what was prepared of topics that are not changed after all.
    pub(super) async fn discard(&self, topics: &[TopicId]) {
        for topic_id in topics {
            self.replicas.discard(*topic_id).await;
        }
    }

    /// Whether partitions are offline that may come back by themselves.
    pub(super) fn has_waiting(&self) -> bool {
        self.replicas.has_waiting()
    }

    /// Tries to bring them back.
    pub(super) async fn open_again(&self) {
        self.replicas.open_again(self.clock.wall()).await;
    }

    /// Applies and publishes an image. When it returns, new partitions can be written to.
    pub(super) async fn publish(&self, image: &ClusterImage) {
        let image = Arc::new(image.clone());
        let changes = {
            let published = self.images.borrow();
            replica_changes(&published, &image, &self.config, self.log_dir)
        };
        self.replicas.apply(changes, self.clock.wall()).await;
        let before = self.images.send_replace(Arc::clone(&image));
        if !Arc::ptr_eq(before.quotas(), image.quotas()) {
            self.quotas.set_limits(image.limits());
            self.quotas.set_ip_limits(image.ip_limits());
        }
        news::report(&before, &image);
    }
}

/// The changes that a new image brings to the partitions of this broker.
fn replica_changes(
    old: &ClusterImage,
    new: &ClusterImage,
    config: &BrokerConfig,
    log_dir: Uuid,
) -> ReplicaChanges {
    let mut changes = ReplicaChanges {
        deleted: old.topic_names.keys().filter(|id| !new.topic_names.contains_key(id)).copied().collect(),
        ..ReplicaChanges::default()
    };
    changes.deleted.sort_unstable();
    let defaults_changed = broker_resources(config.node_id)
        .iter()
        .any(|resource| old.configs.get(resource) != new.configs.get(resource));
    for topic in new.topics() {
        let before = old.topic_by_id(topic.id);
        let resource = ConfigResource::topic(topic.name.clone());
        let settings_changed = defaults_changed || old.configs.get(&resource) != new.configs.get(&resource);
        let partitions_changed = before.is_none_or(|before| !Arc::ptr_eq(before, topic));
        if !partitions_changed && !settings_changed {
            continue;
        }
        let settings = topic_log_config(new, topic, config);
        if partitions_changed {
            let before = before.map(|before| &**before);
            changes.led.extend(newly_led(before, topic, (config.node_id, log_dir), &settings));
        }
        if settings_changed && before.is_some() {
            changes.reconfigured.push(TopicSettings { topic: topic.name.clone(), config: settings });
        }
    }
    changes
}

/// The partitions of a topic that this broker leads from now on. Those that nobody leads and that another data folder has are
/// among them, since the replica manager is to know of them.
fn newly_led<'a>(
    before: Option<&'a TopicImage>,
    topic: &'a TopicImage,
    (node_id, log_dir): (NodeId, Uuid),
    settings: &'a LogConfig,
) -> impl Iterator<Item = LedPartition> + 'a {
    let is_new = move |number: i32, now: &PartitionImage| {
        let before = before.and_then(|before| before.partition(number));
        before.is_none_or(|before| (before.leader, before.leader_epoch) != (now.leader, now.leader_epoch))
    };
    let is_ours = move |partition: &PartitionImage| {
        let is_elsewhere = || LogOrigin::is_elsewhere(partition.directory_on(node_id), log_dir);
        partition.leader == node_id || (partition.leader == NodeId::NONE && is_elsewhere())
    };
    topic.numbered().filter(move |(number, partition)| is_ours(partition) && is_new(*number, partition)).map(
        move |(number, partition)| LedPartition {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partition: number,
            leader_epoch: partition.leader_epoch,
            config: settings.clone(),
            directory: partition.directory_on(node_id),
        },
    )
}

fn broker_resources(node_id: NodeId) -> [ConfigResource; 2] {
    [ConfigResource::broker(node_id), ConfigResource::all_brokers()]
}

fn topic_log_config(image: &ClusterImage, topic: &TopicImage, config: &BrokerConfig) -> LogConfig {
    let own = image.topic_config(&topic.name);
    let [broker, all_brokers] = broker_resources(config.node_id).map(|resource| image.config(&resource));
    Layers { topic: &own, broker: &broker, all_brokers: &all_brokers, config }.topic_settings().log_config()
}

#[cfg(test)]
mod tests;
