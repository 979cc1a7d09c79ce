//! New topics, and new partitions of a topic (KIP-4, KIP-195, KIP-464).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use kestrel_protocol::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreatableTopicResult,
    CreateTopicsRequest,
};
use kestrel_protocol::{ApiKey, ByteString, NodeId, TopicId};

use super::{check, outcome, unanswered};
use crate::admin::settle::{Call, Round, at_least, timeout_ms};
use crate::admin::visibility::Expected;
use crate::admin::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::error::Result;
use crate::into::IntoName;

/// The first version of CreateTopics in which a broker chooses partition count and replication factor (KIP-464).
const BROKER_DEFAULT: i32 = -1;

/// A topic to be created.
///
/// ```
/// use kestrel_client::admin::NewTopic;
/// let topic = NewTopic::new("clicks").partitions(6).replication_factor(3).config("cleanup.policy", "compact");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewTopic {
    name: Arc<str>,
    partitions: Option<i32>,
    replication_factor: Option<i16>,
    assignments: Vec<Vec<NodeId>>,
    configs: Vec<(String, String)>,
}

impl NewTopic {
    /// A topic of this name; partition count and replication factor are the broker's defaults until they are set.
    pub fn new(name: impl IntoName) -> Self {
        Self {
            name: name.into_name(),
            partitions: None,
            replication_factor: None,
            assignments: Vec::new(),
            configs: Vec::new(),
        }
    }

    /// Sets the number of partitions, 1 or more. Default: the broker's `num.partitions`.
    pub fn partitions(mut self, count: i32) -> Self {
        self.partitions = Some(count);
        self
    }

    /// Sets the number of replicas of each partition, 1 or more. Default: the broker's `default.replication.factor`.
    pub fn replication_factor(mut self, factor: i16) -> Self {
        self.replication_factor = Some(factor);
        self
    }

    /// Sets the brokers of each partition, the preferred leader first: instead of partition count and replication factor.
    pub fn assignments(mut self, replicas: impl IntoIterator<Item = Vec<NodeId>>) -> Self {
        self.assignments = replicas.into_iter().collect();
        self
    }

    /// Sets a configuration of the topic, such as `retention.ms`.
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.push((key.into(), value.into()));
        self
    }

    fn to_wire(&self) -> CreatableTopic {
        let assigned = !self.assignments.is_empty();
        let assignments = (0..).zip(&self.assignments).map(|(partition_index, brokers)| {
            CreatableReplicaAssignment { partition_index, broker_ids: brokers.clone() }
        });
        let config = |(key, value): &(String, String)| CreatableTopicConfig {
            name: key.as_str().into(),
            value: Some(value.as_str().into()),
        };
        CreatableTopic {
            name: ByteString::from(&*self.name),
            num_partitions: if assigned { BROKER_DEFAULT } else { self.partitions.unwrap_or(BROKER_DEFAULT) },
            replication_factor: if assigned { -1 } else { self.replication_factor.unwrap_or(-1) },
            assignments: assignments.collect(),
            configs: self.configs.iter().map(config).collect(),
        }
    }
}

/// A topic that was created. Brokers older than Apache Kafka 2.8 leave fields out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedTopic {
    /// The topic's id; nil if the broker did not send it.
    pub id: TopicId,
    /// The number of partitions, if the broker sent it.
    pub partition_count: Option<i32>,
    /// The number of replicas of each partition, if the broker sent it.
    pub replication_factor: Option<i16>,
}

/// Partitions to be added to a topic.
///
/// ```
/// use kestrel_client::admin::NewPartitions;
/// let partitions = NewPartitions::increase_to("clicks", 12);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewPartitions {
    topic: Arc<str>,
    total_count: i32,
    assignments: Option<Vec<Vec<NodeId>>>,
}

impl NewPartitions {
    /// As many new partitions as make `total_count` in all, which has to be more than there are.
    pub fn increase_to(topic: impl IntoName, total_count: i32) -> Self {
        Self { topic: topic.into_name(), total_count, assignments: None }
    }

    /// Sets the brokers of each new partition, the preferred leader first. Default: the controller chooses.
    pub fn assignments(mut self, replicas: impl IntoIterator<Item = Vec<NodeId>>) -> Self {
        self.assignments = Some(replicas.into_iter().collect());
        self
    }
}

impl Admin {
    /// Creates topics, and waits until every broker of the cluster that answers shows them with leaders: a producer or
    /// consumer of this client can use them at once.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `TOPIC_ALREADY_EXISTS` (also when an earlier attempt of this call had created it
    /// and its answer was lost), `INVALID_TOPIC_EXCEPTION`, `INVALID_PARTITIONS`, `INVALID_REPLICATION_FACTOR`,
    /// `INVALID_CONFIG`, `POLICY_VIOLATION`; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> AdminResults<Arc<str>, CreatedTopic> {
        let results = self.create(topics.into_iter().collect(), CreateTopics { validate_only: false }).await;
        let created = results.iter().filter(|(_, result)| result.is_ok());
        let count =
            |created: &CreatedTopic| created.partition_count.and_then(|count| usize::try_from(count).ok());
        let expected = created.map(|(name, result)| {
            (name.clone(), Expected::Partitions(result.as_ref().ok().and_then(count).unwrap_or(1)))
        });
        self.wait_until_visible(expected.collect()).await;
        results
    }

    /// Checks whether topics could be created, and creates none. Gives what they would be.
    ///
    /// # Errors
    /// As [`Self::create_topics`].
    pub async fn validate_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> AdminResults<Arc<str>, CreatedTopic> {
        self.create(topics.into_iter().collect(), CreateTopics { validate_only: true }).await
    }

    async fn create(
        &self,
        topics: Vec<NewTopic>,
        call: CreateTopics,
    ) -> AdminResults<Arc<str>, CreatedTopic> {
        self.settle(&call, topics).await.keyed(|topic| topic.name)
    }

    /// Adds partitions to topics, and waits until every broker of the cluster that answers shows them. Records that are
    /// there stay where they are: keys may map to other partitions from then on.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `INVALID_PARTITIONS` when the topic has as many already,
    /// `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REPLICA_ASSIGNMENT`; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn create_partitions(
        &self,
        partitions: impl IntoIterator<Item = NewPartitions>,
    ) -> AdminResults<Arc<str>, ()> {
        let call = CreatePartitions { validate_only: false };
        let settled = self.settle(&call, partitions.into_iter().collect()).await;
        let added = settled.iter().filter(|(_, result)| result.is_ok());
        let count = |added: &NewPartitions| usize::try_from(added.total_count).unwrap_or_default();
        let expected =
            added.map(|(added, _)| (added.topic.clone(), Expected::Partitions(count(added)))).collect();
        self.wait_until_visible(expected).await;
        settled.keyed(|added| added.topic)
    }

    /// Checks whether partitions could be added, and adds none.
    ///
    /// # Errors
    /// As [`Self::create_partitions`].
    pub async fn validate_partitions(
        &self,
        partitions: impl IntoIterator<Item = NewPartitions>,
    ) -> AdminResults<Arc<str>, ()> {
        let call = CreatePartitions { validate_only: true };
        self.settle(&call, partitions.into_iter().collect()).await.keyed(|added| added.topic)
    }
}

#[derive(Debug)]
struct CreateTopics {
    validate_only: bool,
}

impl Call for CreateTopics {
    type Item = NewTopic;
    type Output = CreatedTopic;
    const OPERATION: &'static str = "creating topics";

    /// Refuses negative numbers: on the wire, -1 would ask for the broker's default.
    fn check(&self, item: &NewTopic) -> Result<()> {
        let numbers = [
            ("partitions", item.partitions.map(i64::from)),
            ("replication_factor", item.replication_factor.map(i64::from)),
        ];
        let negative = |(what, number): (_, Option<i64>)| Some((what, number.filter(|&number| number < 0)?));
        numbers.into_iter().filter_map(negative).try_for_each(|(what, number)| at_least(what, number, 1))
    }

    async fn round(&self, client: &Client, items: &[NewTopic], deadline: Instant) -> Round<Self> {
        let request = CreateTopicsRequest {
            topics: items.iter().map(NewTopic::to_wire).collect(),
            timeout_ms: timeout_ms(client, deadline),
            validate_only: self.validate_only,
        };
        let topics = client.send(Target::Controller, &request).await?.topics.into_iter();
        let answers: BTreeMap<_, _> = topics.map(|topic| (topic.name.clone(), topic)).collect();
        Ok(items.iter().map(|item| created(&item.name, answers.get(&*item.name))).collect())
    }
}

fn created(name: &Arc<str>, answer: Option<&CreatableTopicResult>) -> Result<CreatedTopic> {
    let Some(answer) = answer else { return Err(unanswered(ApiKey::CreateTopics, name)) };
    check(ApiKey::CreateTopics, name, answer.error_code, answer.error_message.as_deref())?;
    Ok(CreatedTopic {
        id: answer.topic_id,
        partition_count: (answer.num_partitions >= 0).then_some(answer.num_partitions),
        replication_factor: (answer.replication_factor >= 0).then_some(answer.replication_factor),
    })
}

#[derive(Debug)]
struct CreatePartitions {
    validate_only: bool,
}

impl Call for CreatePartitions {
    type Item = NewPartitions;
    type Output = ();
    const OPERATION: &'static str = "creating partitions";

    async fn round(&self, client: &Client, items: &[NewPartitions], deadline: Instant) -> Round<Self> {
        let assignment = |brokers: &Vec<NodeId>| CreatePartitionsAssignment { broker_ids: brokers.clone() };
        let topic = |item: &NewPartitions| CreatePartitionsTopic {
            name: ByteString::from(&*item.topic),
            count: item.total_count,
            assignments: item.assignments.as_ref().map(|all| all.iter().map(assignment).collect()),
        };
        let request = CreatePartitionsRequest {
            topics: items.iter().map(topic).collect(),
            timeout_ms: timeout_ms(client, deadline),
            validate_only: self.validate_only,
        };
        let results = client.send(Target::Controller, &request).await?.results.into_iter();
        let answers: BTreeMap<_, _> =
            results.map(|result| (result.name, (result.error_code, result.error_message))).collect();
        let api = ApiKey::CreatePartitions;
        Ok(items.iter().map(|item| outcome(api, &item.topic, answers.get(&*item.topic))).collect())
    }
}
