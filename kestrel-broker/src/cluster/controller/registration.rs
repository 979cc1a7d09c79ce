//! How a broker process takes its place in the metadata, and leaves it: what Apache Kafka's brokers ask their controller
//! for with BrokerRegistration and BrokerHeartbeat.

use std::collections::BTreeSet;

use kestrel_protocol::{NodeId, TopicId, Uuid};

use super::Controller;
use crate::cluster::features::SUPPORTED_FEATURES;
use crate::cluster::image::PartitionImage;
use crate::cluster::records::{
    AbortTransactionRecord, BrokerRegistrationChangeRecord, MetadataRecord, PartitionChangeRecord,
    RegisterBrokerRecord, RegisterControllerRecord, RegisteredEndpoint, RegisteredFeature,
};
use crate::log::LogOrigin;

/// A broker process that starts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registration {
    /// The id of the process.
    pub(crate) incarnation_id: Uuid,
    /// The addresses that clients connect to.
    pub(crate) endpoints: Vec<RegisteredEndpoint>,
    /// The rack (`broker.rack`).
    pub(crate) rack: Option<bytestring::ByteString>,
    /// Its data folder.
    pub(crate) log_dir: Uuid,
    /// Whether the process before it ended without losing anything: then leaders go on in their epoch.
    pub(crate) after_clean_stop: bool,
    /// The partitions that are in the data folder, whatever the metadata says.
    pub(crate) found: BTreeSet<(TopicId, i32)>,
}

impl Controller {
    /// The records with which this broker, alone in its cluster, begins to lead. `next_offset` is where they go.
    ///
    /// A leader epoch ends where records may have been lost: so a reader that had them learns where its log left this one.
    pub(crate) fn register(&self, registration: Registration, next_offset: i64) -> Vec<MetadataRecord> {
        let mut records: Vec<MetadataRecord> = Vec::new();
        if self.replay.is_in_transaction() {
            let reason = Some("the controller that began it has ended".into());
            records.push(AbortTransactionRecord { reason }.into());
        }
        let id = self.config.node_id;
        if self.image().features().has_controller_registration() {
            records.push(register_controller(id, registration.incarnation_id));
        }
        // A broker's epoch is the offset of its registration.
        let broker_epoch = next_offset + i64::try_from(records.len()).expect("two records at most");
        let changes: Vec<MetadataRecord> = self.leadership_changes(id, &registration).collect();
        records.push(register_broker(id, broker_epoch, registration));
        records.push(
            BrokerRegistrationChangeRecord { broker_id: id, broker_epoch, fenced: -1, ..Default::default() }
                .into(),
        );
        records.extend(changes);
        records
    }

    /// The records with which this broker leaves: the next broker on the folder need not wait for it to time out.
    pub(crate) fn deregister(&self) -> Vec<MetadataRecord> {
        let broker = self.image().broker(self.config.node_id);
        let change = broker.map(|broker| BrokerRegistrationChangeRecord {
            broker_id: broker.id,
            broker_epoch: broker.epoch,
            fenced: 1,
            in_controlled_shutdown: 1,
            ..Default::default()
        });
        change.map(Into::into).into_iter().collect()
    }

    /// Every partition that this broker may lead and does not, and after an unclean stop those that it does. What another data
    /// folder has is left as it is; what was moved here from one is noted to be here.
    fn leadership_changes(
        &self,
        id: NodeId,
        registration: &Registration,
    ) -> impl Iterator<Item = MetadataRecord> {
        let &Registration { after_clean_stop, log_dir, ref found, .. } = registration;
        let partitions = self
            .image()
            .topics()
            .flat_map(|topic| topic.numbered().map(|(number, partition)| (topic.id, number, partition)));
        partitions.filter_map(move |(topic_id, partition_id, partition)| {
            let is_moved = LogOrigin::is_elsewhere(partition.directory_on(id), log_dir);
            if is_moved && !found.contains(&(topic_id, partition_id)) {
                return None;
            }
            let change = if partition.leader == id {
                (!after_clean_stop).then(|| PartitionChangeRecord { leader: id, ..Default::default() })
            } else {
                partition.may_be_led_by(id).then(|| elect(partition, id))
            };
            let directories = is_moved.then(|| partition.directories_with(id, log_dir));
            if change.is_none() && directories.is_none() {
                return None;
            }
            let change = change.unwrap_or_default();
            Some(PartitionChangeRecord { partition_id, topic_id, directories, ..change }.into())
        })
    }
}

impl PartitionImage {
    /// Whether a broker has everything of a partition that nobody leads.
    fn may_be_led_by(&self, id: NodeId) -> bool {
        self.leader == NodeId::NONE && self.has_everything(id)
    }

    /// The data folders of the replicas, with another one for that of a node.
    fn directories_with(&self, id: NodeId, log_dir: Uuid) -> Vec<Uuid> {
        let of = |replica: &NodeId| if *replica == id { log_dir } else { self.directory_on(*replica) };
        self.replicas.iter().map(of).collect()
    }
}

/// The change with which a broker leads a partition, alone.
pub(super) fn elect(partition: &PartitionImage, id: NodeId) -> PartitionChangeRecord {
    let forgets_elr = !partition.eligible_leader_replicas.is_empty() || !partition.last_known_elr.is_empty();
    PartitionChangeRecord {
        isr: Some(vec![id]).filter(|isr| *isr != partition.isr),
        leader: id,
        eligible_leader_replicas: forgets_elr.then(Vec::new),
        last_known_elr: forgets_elr.then(Vec::new),
        ..PartitionChangeRecord::default()
    }
}

fn register_controller(id: NodeId, incarnation_id: Uuid) -> MetadataRecord {
    // It listens nowhere: there are no other nodes that could call it.
    RegisterControllerRecord {
        controller_id: id,
        incarnation_id,
        zk_migration_ready: false,
        end_points: Vec::new(),
        features: supported_features(),
    }
    .into()
}

fn register_broker(id: NodeId, broker_epoch: i64, registration: Registration) -> MetadataRecord {
    RegisterBrokerRecord {
        broker_id: id,
        incarnation_id: registration.incarnation_id,
        broker_epoch,
        end_points: registration.endpoints,
        features: supported_features(),
        rack: registration.rack,
        fenced: true,
        log_dirs: vec![registration.log_dir],
        cordoned_log_dirs: Some(Vec::new()),
        ..RegisterBrokerRecord::default()
    }
    .into()
}

fn supported_features() -> Vec<RegisteredFeature> {
    SUPPORTED_FEATURES
        .iter()
        .map(|feature| RegisteredFeature {
            name: feature.name.into(),
            min_supported_version: feature.min_level,
            max_supported_version: feature.max_level,
        })
        .collect()
}
