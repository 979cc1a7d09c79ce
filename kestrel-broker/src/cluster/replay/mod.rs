//! The effect of each metadata record: the only place where the metadata changes.
//!
//! Used at start for the whole log and afterwards for each record that was appended, so a restart leads to the same image.
//! Pure.

mod security;

use std::collections::BTreeSet;
use std::sync::Arc;

use kestrel_protocol::{LeaderEpoch, NodeId, TopicId};

use super::image::{BrokerImage, ClusterImage, ConfigResource, PartitionImage, ResourceKind, TopicImage};
use super::records::{
    BrokerRegistrationChangeRecord, ConfigRecord, LEADER_UNCHANGED, MetadataRecord, PartitionChangeRecord,
    PartitionRecord, RegisterBrokerRecord, TopicRecord,
};

/// A record that contradicts those before it: the log is damaged, or made by something that Kestrel does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata record at offset {offset}: {why}")]
pub(crate) struct ReplayError {
    /// The offset of the record.
    pub(crate) offset: i64,
    /// The contradiction.
    pub(crate) why: String,
}

/// The metadata as it is rebuilt from its log: the image, and the records of an open metadata transaction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Replay {
    image: ClusterImage,
    /// The records since BeginTransaction, which take effect together (KIP-868).
    transaction: Option<Vec<MetadataRecord>>,
    /// Topics whose removal is of interest.
    watched_topics: BTreeSet<TopicId>,
    /// Those of them that records have removed.
    removed_topics: BTreeSet<TopicId>,
}

impl Replay {
    /// A replay that goes on from `image`.
    pub(super) const fn new(image: ClusterImage) -> Self {
        Self { image, transaction: None, watched_topics: BTreeSet::new(), removed_topics: BTreeSet::new() }
    }

    /// Remembers from here on which of these topics are removed, and forgets what was remembered of others: those of folders
    /// that a crash may have left.
    pub(super) fn watch_topics(&mut self, topics: impl IntoIterator<Item = TopicId>) {
        self.watched_topics = topics.into_iter().collect();
        self.removed_topics.clear();
    }

    /// The metadata as of the last record.
    pub(super) const fn image(&self) -> &ClusterImage {
        &self.image
    }

    /// Whether a record has removed this topic, one that [is watched](Self::watch_topics). It never comes back.
    pub(super) fn has_removed(&self, id: TopicId) -> bool {
        self.removed_topics.contains(&id)
    }

    /// Whether the log ends inside of a metadata transaction, which its controller must abort.
    pub(super) const fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Lets a record take effect.
    ///
    /// # Errors
    /// When it contradicts the records before it.
    pub(super) fn replay(&mut self, record: MetadataRecord, offset: i64) -> Result<(), ReplayError> {
        self.image.last_offset = offset;
        // Of an aborted transaction too: its topic is still in the image.
        if let MetadataRecord::RemoveTopic(removed) = &record
            && self.watched_topics.contains(&removed.topic_id)
        {
            self.removed_topics.insert(removed.topic_id);
        }
        let outcome = match (record, &mut self.transaction) {
            (MetadataRecord::BeginTransaction(_), open @ None) => {
                *open = Some(Vec::new());
                Ok(())
            }
            (MetadataRecord::AbortTransaction(_), open @ Some(_)) => {
                *open = None;
                Ok(())
            }
            (MetadataRecord::EndTransaction(_), open @ Some(_)) => {
                let records = open.take().unwrap_or_default();
                records.into_iter().try_for_each(|record| self.image.replay(record))
            }
            (record, Some(open)) => {
                open.push(record);
                Ok(())
            }
            (record, None) => self.image.replay(record),
        };
        outcome.map_err(|why| ReplayError { offset, why })
    }
}

impl ClusterImage {
    fn replay(&mut self, record: MetadataRecord) -> Result<(), String> {
        match record {
            MetadataRecord::RegisterBroker(record) => self.register_broker(record),
            MetadataRecord::UnregisterBroker(record) => {
                self.brokers.remove(&record.broker_id);
            }
            MetadataRecord::BrokerRegistrationChange(record) => self.change_registration(&record)?,
            MetadataRecord::FenceBroker(record) => {
                self.change_broker(record.id, |broker| broker.fenced = true)?;
            }
            MetadataRecord::UnfenceBroker(record) => {
                self.change_broker(record.id, |broker| broker.fenced = false)?;
            }
            MetadataRecord::Topic(record) => self.add_topic(record)?,
            MetadataRecord::Partition(record) => self.put_partition(record)?,
            MetadataRecord::PartitionChange(record) => self.change_partition(record)?,
            MetadataRecord::RemoveTopic(record) => self.remove_topic(record.topic_id)?,
            MetadataRecord::Config(record) => self.configure(record),
            MetadataRecord::FeatureLevel(record) => self.features.replay(record),
            MetadataRecord::ProducerIds(record) => self.next_producer_id = record.next_producer_id,
            MetadataRecord::ClearElr(record) => self.clear_elr(&record.topic_name),
            MetadataRecord::BeginTransaction(_) => {
                return Err("a transaction begins inside of another".to_owned());
            }
            MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_) => {
                return Err("a transaction ends that never began".to_owned());
            }
            MetadataRecord::RegisterController(record) => {
                self.controllers.insert(record.controller_id, Arc::new(record));
            }
            MetadataRecord::AccessControlEntry(record) => self.create_acl(record)?,
            MetadataRecord::RemoveAccessControlEntry(record) => self.delete_acl(record.id)?,
            MetadataRecord::UserScramCredential(record) => self.put_scram_credential(&record)?,
            MetadataRecord::RemoveUserScramCredential(record) => self.remove_scram_credential(&record)?,
            MetadataRecord::ClientQuota(record) => self.limit(&record)?,
            MetadataRecord::DelegationToken(record) => self.put_delegation_token(record),
            MetadataRecord::RemoveDelegationToken(record) => self.remove_delegation_token(&record.token_id),
            MetadataRecord::NoOp(_) | MetadataRecord::ZkMigrationState(_) => {}
        }
        Ok(())
    }

    fn register_broker(&mut self, record: RegisterBrokerRecord) {
        let broker = BrokerImage {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            endpoints: record.end_points,
            rack: record.rack,
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            log_dirs: record.log_dirs,
            cordoned_log_dirs: record.cordoned_log_dirs,
            features: record.features,
        };
        self.brokers.insert(record.broker_id, Arc::new(broker));
    }

    fn change_registration(&mut self, record: &BrokerRegistrationChangeRecord) -> Result<(), String> {
        self.change_broker(record.broker_id, |broker| {
            broker.fenced = changed(broker.fenced, record.fenced);
            broker.in_controlled_shutdown =
                changed(broker.in_controlled_shutdown, record.in_controlled_shutdown);
            if !record.log_dirs.is_empty() {
                broker.log_dirs.clone_from(&record.log_dirs);
            }
            if record.cordoned_log_dirs.is_some() {
                broker.cordoned_log_dirs.clone_from(&record.cordoned_log_dirs);
            }
        })
    }

    fn change_broker(&mut self, id: NodeId, change: impl FnOnce(&mut BrokerImage)) -> Result<(), String> {
        let broker = self.brokers.get_mut(&id).ok_or_else(|| format!("broker {id} is not registered"))?;
        change(Arc::make_mut(broker));
        Ok(())
    }

    fn add_topic(&mut self, record: TopicRecord) -> Result<(), String> {
        let TopicRecord { name, topic_id } = record;
        if let Some(other) = self.topics.get(&name) {
            return Err(format!("topic {name} exists already with id {}", other.id));
        }
        let topic = TopicImage { name: name.clone(), id: topic_id, partitions: Vec::new() };
        self.topics.insert(name.clone(), Arc::new(topic));
        self.topic_names.insert(topic_id, name);
        Ok(())
    }

    fn topic_mut(&mut self, id: TopicId) -> Result<&mut TopicImage, String> {
        let name = self.topic_names.get(&id);
        let topic = name.and_then(|name| self.topics.get_mut(name));
        topic.map(Arc::make_mut).ok_or_else(|| format!("no topic has id {id}"))
    }

    fn put_partition(&mut self, record: PartitionRecord) -> Result<(), String> {
        let topic = self.topic_mut(record.topic_id)?;
        let number = record.partition_id;
        let partition = PartitionImage::from(record);
        match usize::try_from(number) {
            Ok(next) if next == topic.partitions.len() => topic.partitions.push(partition),
            Ok(index) if index < topic.partitions.len() => topic.partitions[index] = partition,
            _ => return Err(format!("topic {} has no partition before {number}", topic.name)),
        }
        Ok(())
    }

    fn change_partition(&mut self, record: PartitionChangeRecord) -> Result<(), String> {
        let topic = self.topic_mut(record.topic_id)?;
        let partition =
            usize::try_from(record.partition_id).ok().and_then(|index| topic.partitions.get_mut(index));
        let Some(partition) = partition else {
            return Err(format!("topic {} has no partition {}", topic.name, record.partition_id));
        };
        partition.change(record);
        Ok(())
    }

    fn remove_topic(&mut self, id: TopicId) -> Result<(), String> {
        let name = self.topic_names.remove(&id).ok_or_else(|| format!("no topic has id {id}"))?;
        self.topics.remove(&name);
        self.configs.remove(&ConfigResource::topic(name));
        Ok(())
    }

    fn configure(&mut self, record: ConfigRecord) {
        let kind = ResourceKind::from_wire(record.resource_type);
        let resource = ConfigResource { kind, name: record.resource_name };
        let configs = self.configs.entry(resource.clone()).or_default();
        match record.value {
            Some(value) => {
                Arc::make_mut(configs).insert(record.name, value);
            }
            None => {
                Arc::make_mut(configs).remove(&record.name);
            }
        }
        if configs.is_empty() {
            self.configs.remove(&resource);
        }
    }

    fn clear_elr(&mut self, topic: &str) {
        for (_, topic) in self.topics.iter_mut().filter(|(name, _)| topic.is_empty() || **name == topic) {
            for partition in &mut Arc::make_mut(topic).partitions {
                partition.eligible_leader_replicas.clear();
                partition.last_known_elr.clear();
            }
        }
    }
}

impl From<PartitionRecord> for PartitionImage {
    fn from(record: PartitionRecord) -> Self {
        Self {
            leader: record.leader,
            leader_epoch: LeaderEpoch(record.leader_epoch),
            partition_epoch: record.partition_epoch,
            replicas: record.replicas,
            isr: record.isr,
            removing_replicas: record.removing_replicas,
            adding_replicas: record.adding_replicas,
            directories: record.directories,
            eligible_leader_replicas: record.eligible_leader_replicas.unwrap_or_default(),
            last_known_elr: record.last_known_elr.unwrap_or_default(),
            is_recovering: record.leader_recovery_state == 1,
        }
    }
}

impl PartitionImage {
    fn change(&mut self, record: PartitionChangeRecord) {
        if record.leader != LEADER_UNCHANGED {
            self.leader = record.leader;
            self.leader_epoch.0 += 1;
        }
        self.partition_epoch += 1;
        if record.leader_recovery_state >= 0 {
            self.is_recovering = record.leader_recovery_state == 1;
        }
        put(&mut self.isr, record.isr);
        put(&mut self.replicas, record.replicas);
        put(&mut self.removing_replicas, record.removing_replicas);
        put(&mut self.adding_replicas, record.adding_replicas);
        put(&mut self.directories, record.directories);
        put(&mut self.eligible_leader_replicas, record.eligible_leader_replicas);
        put(&mut self.last_known_elr, record.last_known_elr);
    }
}

fn put<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}

/// A flag after a change of 1 (yes), -1 (no) or 0 (as it was).
const fn changed(flag: bool, change: i8) -> bool {
    match change {
        0 => flag,
        change => change > 0,
    }
}

#[cfg(test)]
mod tests;
