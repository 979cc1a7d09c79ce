//! The image as records: what a snapshot of the metadata consists of, in Apache Kafka's order. Pure.

use std::sync::Arc;

use bytes::Bytes;
use kestrel_protocol::NodeId;

use super::{BrokerImage, ClusterImage, PartitionImage, TopicImage};
use crate::cluster::features::METADATA_VERSION;
use crate::cluster::records::{
    AccessControlEntryRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord, PartitionRecord,
    ProducerIdsRecord, RegisterBrokerRecord, TopicRecord, UserScramCredentialRecord,
};

impl ClusterImage {
    /// The values of records that lead to this image, replayed into one of which nothing is known.
    pub(in crate::cluster) fn to_records(&self) -> Vec<Bytes> {
        let versions = self.features.record_versions();
        let records = self
            .feature_records()
            .chain(self.brokers.values().map(|broker| broker.to_record()))
            .chain(self.controllers.values().map(|controller| (**controller).clone().into()))
            .chain(self.topics.values().flat_map(topic_records))
            .chain(self.config_records())
            .chain(self.quota_records())
            .chain(self.producer_ids_record())
            .chain(self.acl_records())
            .chain(self.scram_records())
            .chain(self.delegation_tokens.values().cloned().map(MetadataRecord::from));
        records.map(|record| record.encode(versions)).collect()
    }

    /// `metadata.version` first: it says how the records after it are to be read.
    fn feature_records(&self) -> impl Iterator<Item = MetadataRecord> {
        let (first, others): (Vec<_>, Vec<_>) =
            self.features.iter().partition(|(name, _)| **name == METADATA_VERSION);
        first
            .into_iter()
            .chain(others)
            .map(|(name, feature_level)| FeatureLevelRecord { name: name.clone(), feature_level }.into())
    }

    fn config_records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.configs.iter().flat_map(|(resource, configs)| {
            configs.iter().map(|(name, value)| {
                ConfigRecord {
                    resource_type: resource.kind.wire(),
                    resource_name: resource.name.clone(),
                    name: name.clone(),
                    value: Some(value.clone()),
                }
                .into()
            })
        })
    }

    fn quota_records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.quotas.iter().flat_map(|(entity, limits)| {
            limits.iter().map(|(key, limit)| entity.to_record(*key, Some(*limit)).into())
        })
    }

    fn acl_records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.acls.iter().map(|(id, acl)| AccessControlEntryRecord::new(id, acl).into())
    }

    fn scram_records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.scram_users.iter().flat_map(|(user, credentials)| {
            credentials.iter().map(|(mechanism, credential)| {
                UserScramCredentialRecord::new(user, *mechanism, credential).into()
            })
        })
    }

    fn producer_ids_record(&self) -> Option<MetadataRecord> {
        let next_producer_id = self.next_producer_id;
        let record = ProducerIdsRecord { broker_id: NodeId::NONE, broker_epoch: -1, next_producer_id };
        (next_producer_id > 0).then(|| record.into())
    }
}

impl BrokerImage {
    fn to_record(&self) -> MetadataRecord {
        RegisterBrokerRecord {
            broker_id: self.id,
            is_migrating_zk_broker: false,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: self.endpoints.clone(),
            features: self.features.clone(),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: self.log_dirs.clone(),
            cordoned_log_dirs: self.cordoned_log_dirs.clone(),
        }
        .into()
    }
}

fn topic_records(topic: &Arc<TopicImage>) -> impl Iterator<Item = MetadataRecord> {
    let begin = TopicRecord { name: topic.name.clone(), topic_id: topic.id };
    let partitions =
        topic.numbered().map(|(partition_id, partition)| partition.to_record(topic, partition_id));
    std::iter::once(begin.into()).chain(partitions)
}

impl PartitionImage {
    fn to_record(&self, topic: &TopicImage, partition_id: i32) -> MetadataRecord {
        let unless_empty = |nodes: &Vec<NodeId>| Some(nodes.clone()).filter(|nodes| !nodes.is_empty());
        PartitionRecord {
            partition_id,
            topic_id: topic.id,
            replicas: self.replicas.clone(),
            isr: self.isr.clone(),
            removing_replicas: self.removing_replicas.clone(),
            adding_replicas: self.adding_replicas.clone(),
            leader: self.leader,
            leader_recovery_state: i8::from(self.is_recovering),
            leader_epoch: self.leader_epoch.0,
            partition_epoch: self.partition_epoch,
            directories: self.directories.clone(),
            eligible_leader_replicas: unless_empty(&self.eligible_leader_replicas),
            last_known_elr: unless_empty(&self.last_known_elr),
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cluster::metadata_log::snapshot::{newest_snapshot, read_snapshot};
    use crate::cluster::replay::Replay;

    const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/folders");

    #[test]
    fn the_records_are_those_of_apache_kafkas_snapshot() {
        let dir = Path::new(FOLDERS).join("dynamic-voters/__cluster_metadata-0");
        let newest = newest_snapshot(&dir).unwrap().unwrap();
        let mut written = read_snapshot(&newest.path).unwrap().unwrap().values;
        let mut replay = Replay::new(ClusterImage::new("cluster", NodeId(1)));
        for value in &written {
            replay.replay(MetadataRecord::decode(value.clone()).unwrap(), 0).unwrap();
        }
        let mut ours = replay.image().to_records();
        assert_eq!(ours[0], written[0], "the metadata.version comes first");
        // The order within a kind is that of a hash map there.
        written.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, written);
    }
}
