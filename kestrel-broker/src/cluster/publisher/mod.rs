//! Makes a new image known: first the partitions of this broker become what it says, then everyone may read it.
//!
//! Called by the driver after each change. What changed is found by comparing two images; that part is pure.

use std::sync::Arc;

use kestrel_protocol::NodeId;
use tokio::sync::watch;

use super::image::{ClusterImage, ConfigResource, TopicImage};
use crate::clock::Clock;
use crate::config::topic::log_config;
use crate::config::{BrokerConfig, Layers};
use crate::log::LogConfig;
use crate::partition::{LedPartition, ReplicaChanges, ReplicaManager, TopicSettings};

/// The way from the controller to everyone who reads the metadata.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) images: watch::Sender<Arc<ClusterImage>>,
    pub(super) replicas: Arc<ReplicaManager>,
    pub(super) config: Arc<BrokerConfig>,
    pub(super) clock: Clock,
}

impl Publisher {
    /// Applies and publishes an image. When it returns, new partitions can be written to.
    pub(super) async fn publish(&self, image: &ClusterImage) {
        let image = Arc::new(image.clone());
        let changes = {
            let published = self.images.borrow();
            replica_changes(&published, &image, &self.config)
        };
        self.replicas.apply(changes, self.clock.wall()).await;
        self.images.send_replace(image);
    }
}

/// What a new image changes for the partitions of this broker.
fn replica_changes(old: &ClusterImage, new: &ClusterImage, config: &BrokerConfig) -> ReplicaChanges {
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
            changes.led.extend(newly_led(before.map(|before| &**before), topic, config.node_id, &settings));
        }
        if settings_changed && before.is_some() {
            changes.reconfigured.push(TopicSettings { topic: topic.name.clone(), config: settings });
        }
    }
    changes
}

fn newly_led<'a>(
    before: Option<&'a TopicImage>,
    topic: &'a TopicImage,
    node_id: NodeId,
    settings: &'a LogConfig,
) -> impl Iterator<Item = LedPartition> + 'a {
    let is_new = move |number: i32, leader_epoch| {
        let before = before.and_then(|before| before.partition(number));
        before.is_none_or(|before| before.leader != node_id || before.leader_epoch != leader_epoch)
    };
    topic
        .numbered()
        .filter(move |(number, partition)| {
            partition.leader == node_id && is_new(*number, partition.leader_epoch)
        })
        .map(move |(number, partition)| LedPartition {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partition: number,
            leader_epoch: partition.leader_epoch,
            config: settings.clone(),
        })
}

fn broker_resources(node_id: NodeId) -> [ConfigResource; 2] {
    [ConfigResource::broker(node_id), ConfigResource::all_brokers()]
}

fn topic_log_config(image: &ClusterImage, topic: &TopicImage, config: &BrokerConfig) -> LogConfig {
    let own = image.topic_config(&topic.name);
    let [broker, all_brokers] = broker_resources(config.node_id).map(|resource| image.config(&resource));
    log_config(&Layers { topic: &own, broker: &broker, all_brokers: &all_brokers, config })
}

#[cfg(test)]
mod tests;
