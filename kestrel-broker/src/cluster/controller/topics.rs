//! CreateTopics and DeleteTopics: which records they mean, and the refusals of Apache Kafka.

use std::collections::{BTreeMap, BTreeSet};

use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, NodeId, TopicId};

use super::configs::check_value;
use super::placement::place_replicas;
use super::{Controller, Effects, Ids, Intent, Leave, MAX_RECORDS_PER_REQUEST};
use crate::cluster::error::ApiError;
use crate::cluster::image::{BrokerImage, ConfigMap, ResourceKind};
use crate::cluster::records::{
    ConfigRecord, MetadataRecord, PartitionRecord, RemoveTopicRecord, TopicRecord,
};
use crate::cluster::topic_name::{CLUSTER_METADATA_TOPIC, check_topic_name, collide};
use crate::config::topic::topic_key;

/// "Use the default", as the wire says it.
const DEFAULT: i32 = -1;

/// A topic to create.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NewTopic {
    /// Its name.
    pub(crate) name: ByteString,
    /// How many partitions; -1 is `num.partitions`, and what it must be with `assignments`.
    pub(crate) num_partitions: i32,
    /// How many replicas each; -1 is `default.replication.factor`, and what it must be with `assignments`.
    pub(crate) replication_factor: i16,
    /// The replicas of each partition by hand; empty when the controller shall place them.
    pub(crate) assignments: Vec<(i32, Vec<NodeId>)>,
    /// Its configuration.
    pub(crate) configs: Vec<(ByteString, Option<ByteString>)>,
}

impl NewTopic {
    /// A topic with all defaults.
    pub(crate) fn with_defaults(name: impl Into<ByteString>) -> Self {
        Self { name: name.into(), num_partitions: -1, replication_factor: -1, ..Self::default() }
    }
}

/// A topic that was created, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CreatedTopic {
    /// Its id.
    pub(crate) id: TopicId,
    /// How many partitions it has.
    pub(crate) num_partitions: i32,
    /// How many replicas each of them has.
    pub(crate) replication_factor: i16,
    /// Its configuration.
    pub(crate) configs: ConfigMap,
}

/// A topic by name or by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TopicRef {
    /// By name.
    Name(ByteString),
    /// By id (KIP-516).
    Id(TopicId),
}

/// A topic that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletedTopic {
    /// Its name.
    pub(crate) name: ByteString,
    /// Its id.
    pub(crate) id: TopicId,
}

impl Controller {
    /// Creates topics; each is created or refused by itself.
    pub(crate) fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        intent: Intent,
        ids: Ids<'_>,
        leave: Leave<'_>,
    ) -> Effects<Vec<Result<CreatedTopic, ApiError>>> {
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(topics.len()) };
        let mut created: Vec<ByteString> = Vec::new();
        for topic in topics {
            let outcome = self.create_topic(&topic, &created, effects.records.len(), ids, leave);
            effects.reply.push(outcome.map(|(records, reply)| {
                effects.records.extend(records);
                created.push(topic.name);
                reply
            }));
        }
        effects.for_intent(intent)
    }

    /// Deletes topics; each is deleted or refused by itself.
    pub(crate) fn delete_topics(
        &self,
        topics: &[TopicRef],
        leave: Leave<'_>,
    ) -> Effects<Vec<Result<DeletedTopic, ApiError>>> {
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(topics.len()) };
        let mut deleted = BTreeSet::new();
        for topic in topics {
            let found = self.find(topic).and_then(|topic| {
                let is_first = deleted.insert(topic.id);
                let message = "The provided topic name maps to an ID that was already supplied.";
                is_first.then_some(topic).ok_or_else(|| ApiError::new(ErrorCode::InvalidRequest, message))
            });
            let found = found.and_then(|topic| leave.take(self.partitions_of(&topic)).map(|()| topic));
            if let Ok(topic) = &found {
                effects.records.extend(self.removal(topic));
            }
            effects.reply.push(found);
        }
        effects
    }

    /// The records that end a topic. Its end includes that of its configuration, which is written out all the same: Apache
    /// Kafka's brokers keep the configuration of a topic that they see created and deleted in one go, as at their start.
    fn removal(&self, topic: &DeletedTopic) -> Vec<MetadataRecord> {
        let configs = self.image().topic_config(&topic.name);
        let resets = configs.keys().map(|name| {
            let resource_type = ResourceKind::Topic.wire();
            ConfigRecord { resource_type, resource_name: topic.name.clone(), name: name.clone(), value: None }
                .into()
        });
        resets.chain([RemoveTopicRecord { topic_id: topic.id }.into()]).collect()
    }

    fn partitions_of(&self, topic: &DeletedTopic) -> usize {
        self.image().topic_by_id(topic.id).map_or(0, |topic| topic.partitions.len())
    }

    fn find(&self, topic: &TopicRef) -> Result<DeletedTopic, ApiError> {
        let image = self.image();
        let (found, error) = match topic {
            TopicRef::Name(name) => (image.topic(name), ErrorCode::UnknownTopicOrPartition),
            TopicRef::Id(id) => (image.topic_by_id(*id), ErrorCode::UnknownTopicId),
        };
        let found = found.ok_or_else(|| ApiError::from(error))?;
        Ok(DeletedTopic { name: found.name.clone(), id: found.id })
    }

    /// The records of one topic, beside those of the topics `created` before it in the same request.
    fn create_topic(
        &self,
        topic: &NewTopic,
        created: &[ByteString],
        records_before: usize,
        ids: Ids<'_>,
        leave: Leave<'_>,
    ) -> Result<(Vec<MetadataRecord>, CreatedTopic), ApiError> {
        self.check_new_name(&topic.name, created)?;
        let configs = self.check_new_configs(&topic.configs)?;
        let replicas = self.replicas_of(topic)?;
        // One for the topic, one for each key, one for each partition.
        if records_before + 1 + configs.len() + replicas.len() > MAX_RECORDS_PER_REQUEST {
            return Err(too_many_partitions());
        }
        leave.take(replicas.len())?;
        let id = ids();
        let reply = CreatedTopic {
            id,
            num_partitions: i32::try_from(replicas.len()).unwrap_or(i32::MAX),
            replication_factor: replicas
                .first()
                .map_or(0, |first| i16::try_from(first.len()).unwrap_or(i16::MAX)),
            configs: configs.clone(),
        };
        let mut records = vec![TopicRecord { name: topic.name.clone(), topic_id: id }.into()];
        records.extend(configs.into_iter().map(|(name, value)| {
            let resource_type = ResourceKind::Topic.wire();
            ConfigRecord { resource_type, resource_name: topic.name.clone(), name, value: Some(value) }.into()
        }));
        records
            .extend((0..).zip(replicas).map(|(number, replicas)| self.new_partition(id, number, replicas)));
        Ok((records, reply))
    }

    fn check_new_name(&self, name: &ByteString, created: &[ByteString]) -> Result<(), ApiError> {
        if name == CLUSTER_METADATA_TOPIC {
            let message = format!("Creation of internal topic {name} is prohibited.");
            return Err(ApiError::new(ErrorCode::InvalidRequest, message));
        }
        check_topic_name(name).map_err(|message| ApiError::new(ErrorCode::InvalidTopic, message))?;
        if self.image().topic(name).is_some() || created.contains(name) {
            let message = format!("Topic '{name}' already exists.");
            return Err(ApiError::new(ErrorCode::TopicAlreadyExists, message));
        }
        // Only names with one of the two characters can collide.
        let collision = name.contains(['.', '_']).then(|| {
            let existing = self.image().topics().map(|topic| &topic.name);
            existing.chain(created).find(|existing| collide(existing, name))
        });
        match collision.flatten() {
            Some(existing) => {
                let message = format!("Topic '{name}' collides with existing topic: {existing}");
                Err(ApiError::new(ErrorCode::InvalidTopic, message))
            }
            None => Ok(()),
        }
    }

    fn check_new_configs(&self, configs: &[(ByteString, Option<ByteString>)]) -> Result<ConfigMap, ApiError> {
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidConfig, message);
        let mut checked = ConfigMap::new();
        for (name, value) in configs {
            let value = value.as_ref();
            let value = value
                .ok_or_else(|| invalid(format!("Null value not supported for topic configs: {name}")))?;
            let key = topic_key(name).ok_or_else(|| invalid(format!("Unknown topic config name: {name}")))?;
            check_value(key, value).map_err(invalid)?;
            checked.insert(name.clone(), value.clone());
        }
        self.with_layers(&checked, |layers| layers.topic_settings().check()).map_err(invalid)?;
        Ok(checked)
    }

    /// The replicas of each partition, by number.
    fn replicas_of(&self, topic: &NewTopic) -> Result<Vec<Vec<NodeId>>, ApiError> {
        if topic.assignments.is_empty() { self.placed_replicas(topic) } else { self.assigned_replicas(topic) }
    }

    fn placed_replicas(&self, topic: &NewTopic) -> Result<Vec<Vec<NodeId>>, ApiError> {
        let replication_factor = match topic.replication_factor {
            -1 => self.config.default_replication_factor,
            factor => factor,
        };
        let num_partitions = match topic.num_partitions {
            DEFAULT => self.config.num_partitions,
            number => number,
        };
        if replication_factor < 1 {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
        }
        let Some(partitions) = usize::try_from(num_partitions).ok().filter(|number| *number > 0) else {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
        };
        if partitions > MAX_RECORDS_PER_REQUEST {
            return Err(too_many_partitions());
        }
        self.place(0, partitions, usize::from(replication_factor.unsigned_abs()))
    }

    /// Places new partitions on the brokers that are there.
    pub(super) fn place(
        &self,
        first_partition: usize,
        partitions: usize,
        replication_factor: usize,
    ) -> Result<Vec<Vec<NodeId>>, ApiError> {
        let active: Vec<NodeId> =
            self.image().brokers().filter(|broker| broker.is_active()).map(|broker| broker.id).collect();
        place_replicas(&active, first_partition, partitions, replication_factor).ok_or_else(|| {
            let message = format!(
                "Unable to replicate the partition {replication_factor} time(s): The target replication factor of \
                 {replication_factor} cannot be reached because only {} broker(s) are registered.",
                active.len()
            );
            ApiError::new(ErrorCode::InvalidReplicationFactor, message)
        })
    }

    fn assigned_replicas(&self, topic: &NewTopic) -> Result<Vec<Vec<NodeId>>, ApiError> {
        for (is_default, what) in [
            (topic.replication_factor == -1, "replication factor"),
            (topic.num_partitions == DEFAULT, "numPartitions"),
        ] {
            if !is_default {
                let message =
                    format!("A manual partition assignment was specified, but {what} was not set to -1.");
                return Err(ApiError::new(ErrorCode::InvalidRequest, message));
            }
        }
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidReplicaAssignment, message);
        let mut by_number = BTreeMap::new();
        for (number, replicas) in &topic.assignments {
            self.check_assignment(replicas, by_number.values().next())?;
            if by_number.insert(*number, replicas.clone()).is_some() {
                return Err(invalid(format!(
                    "Found multiple manual partition assignments for partition {number}"
                )));
            }
        }
        if !(0..).zip(by_number.keys()).all(|(expected, number)| expected == *number) {
            return Err(invalid("partitions should be a consecutive 0-based integer sequence".to_owned()));
        }
        Ok(by_number.into_values().collect())
    }

    /// Whether partitions may have these replicas, given by hand, beside those of another partition of the topic.
    pub(super) fn check_assignment(
        &self,
        replicas: &[NodeId],
        other: Option<&Vec<NodeId>>,
    ) -> Result<(), ApiError> {
        let mut seen = BTreeSet::new();
        let problem = if replicas.is_empty() {
            "The manual partition assignment includes an empty replica list.".to_owned()
        } else if let Some(unknown) = replicas.iter().find(|id| self.image().broker(**id).is_none()) {
            format!(
                "The manual partition assignment includes broker {unknown}, but no such broker is registered."
            )
        } else if let Some(twice) = replicas.iter().find(|id| !seen.insert(**id)) {
            format!("The manual partition assignment includes the broker {twice} more than once.")
        } else if let Some(other) = other.filter(|other| other.len() != replicas.len()) {
            format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
                 with previous partitions, which have {} replica(s).",
                replicas.len(),
                other.len()
            )
        } else if !self.has_active(replicas) {
            "All brokers specified in the manual partition assignment are fenced or in controlled shutdown."
                .to_owned()
        } else {
            return Ok(());
        };
        Err(ApiError::new(ErrorCode::InvalidReplicaAssignment, problem))
    }

    fn has_active(&self, replicas: &[NodeId]) -> bool {
        replicas.iter().any(|id| self.image().broker(*id).is_some_and(BrokerImage::is_active))
    }

    /// The record of a new partition: its first active replica leads, all active ones are in sync.
    pub(super) fn new_partition(
        &self,
        topic_id: TopicId,
        number: i32,
        replicas: Vec<NodeId>,
    ) -> MetadataRecord {
        let brokers: Vec<_> = replicas.iter().map(|id| self.image().broker(*id)).collect();
        let isr: Vec<NodeId> =
            brokers.iter().flatten().filter(|broker| broker.is_active()).map(|broker| broker.id).collect();
        // A broker with a single folder needs no one to say which: only that one is written down (KIP-858).
        let directories = brokers.iter().map(|broker| match broker.map(|broker| &*broker.log_dirs) {
            Some([only]) => *only,
            _ => kestrel_protocol::Uuid::NIL,
        });
        PartitionRecord {
            partition_id: number,
            topic_id,
            directories: directories.collect(),
            leader: isr.first().copied().unwrap_or(NodeId::NONE),
            isr,
            replicas,
            leader_epoch: 0,
            partition_epoch: 0,
            ..PartitionRecord::default()
        }
        .into()
    }
}

/// The refusal of a request that would fill the metadata log.
pub(super) fn too_many_partitions() -> ApiError {
    ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.")
}
