//! Topics: create, delete, list, describe, add partitions (KIP-4, KIP-195, KIP-966).

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
use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic, TopicRequest,
};
use kestrel_protocol::messages::metadata::{MetadataResponsePartition, MetadataResponseTopic};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId, TopicId};

use super::leaders::describe;
use super::settle::{Call, all_failed, settle, timeout_ms};
use super::visibility::{Expected, wait_until_visible};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::environment;
use crate::error::{BrokerError, Error, Result};

/// The first version of CreateTopics in which a broker chooses partition count and replication factor (KIP-464).
const BROKER_DEFAULT: i32 = -1;
/// How many partitions one page of a description holds at most.
const PAGE_PARTITIONS: i32 = 2_000;

/// A topic to be created.
///
/// ```
/// use kestrel_client::NewTopic;
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
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            partitions: None,
            replication_factor: None,
            assignments: Vec::new(),
            configs: Vec::new(),
        }
    }

    /// How many partitions, 1 or more. Default: the broker's `num.partitions`.
    pub fn partitions(mut self, count: i32) -> Self {
        self.partitions = Some(count);
        self
    }

    /// On how many brokers each partition is, 1 or more. Default: the broker's `default.replication.factor`.
    pub fn replication_factor(mut self, factor: i16) -> Self {
        self.replication_factor = Some(factor);
        self
    }

    /// The brokers of each partition, the preferred leader first: instead of partition count and replication factor.
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

/// A topic that was created. Brokers older than Apache Kafka 2.8 say less.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreatedTopic {
    /// The topic's id; nil when the broker did not say it.
    pub id: TopicId,
    /// How many partitions the topic has, when the broker said it.
    pub partition_count: Option<i32>,
    /// On how many brokers each partition is, when the broker said it.
    pub replication_factor: Option<i16>,
}

/// Partitions to be added to a topic.
///
/// ```
/// use kestrel_client::NewPartitions;
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
    pub fn increase_to(topic: impl Into<Arc<str>>, total_count: i32) -> Self {
        Self { topic: topic.into(), total_count, assignments: None }
    }

    /// The brokers of each new partition, the preferred leader first. Default: the controller chooses.
    pub fn assignments(mut self, replicas: impl IntoIterator<Item = Vec<NodeId>>) -> Self {
        self.assignments = Some(replicas.into_iter().collect());
        self
    }
}

/// A topic in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicListing {
    /// The topic's name.
    pub name: Arc<str>,
    /// The topic's id; nil when the broker did not say it.
    pub id: TopicId,
    /// Whether Kafka itself made the topic, such as `__consumer_offsets`.
    pub is_internal: bool,
    /// How many partitions the topic has.
    pub partition_count: usize,
}

/// A topic with its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicDescription {
    /// The topic's name.
    pub name: Arc<str>,
    /// The topic's id; nil when the broker did not say it.
    pub id: TopicId,
    /// Whether Kafka itself made the topic, such as `__consumer_offsets`.
    pub is_internal: bool,
    /// The partitions by number.
    pub partitions: Vec<PartitionDescription>,
}

/// A partition: who leads it and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionDescription {
    /// The partition's number.
    pub partition: i32,
    /// The broker that takes writes, when there is one.
    pub leader: Option<NodeId>,
    /// How often leadership was decided, when the broker says it.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The brokers that have the partition, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// The brokers that are in sync.
    pub isr: Vec<NodeId>,
    /// The brokers that should have the partition and are offline.
    pub offline_replicas: Vec<NodeId>,
    /// The brokers out of sync that may still be elected without loss (KIP-966), from brokers that know of them.
    pub eligible_leader_replicas: Option<Vec<NodeId>>,
}

impl Admin {
    /// Creates topics, and waits until every broker of the cluster that answers shows them with leaders: a producer or
    /// consumer of this client can use them at once.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `TOPIC_ALREADY_EXISTS` (also when an earlier attempt of this call had created it
    /// and its answer was lost), `INVALID_TOPIC_EXCEPTION`, `INVALID_PARTITIONS`, `INVALID_REPLICATION_FACTOR`,
    /// `INVALID_CONFIG`, `POLICY_VIOLATION`; [`Error::Timeout`].
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
        wait_until_visible(&self.client, expected.collect(), environment::now() + self.timeout).await;
        AdminResults(results)
    }

    /// Checks whether topics could be created, and creates none. Gives what they would be.
    ///
    /// # Errors
    /// As [`Self::create_topics`].
    pub async fn validate_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> AdminResults<Arc<str>, CreatedTopic> {
        AdminResults(self.create(topics.into_iter().collect(), CreateTopics { validate_only: true }).await)
    }

    async fn create(
        &self,
        topics: Vec<NewTopic>,
        call: CreateTopics,
    ) -> Vec<(Arc<str>, Result<CreatedTopic>)> {
        let settled = settle(&self.client, &call, topics, self.timeout).await;
        settled.into_iter().map(|(topic, result)| (topic.name, result)).collect()
    }

    /// Deletes topics, and waits until no broker of the cluster that answers shows them any more.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `UNKNOWN_TOPIC_OR_PARTITION`, `TOPIC_DELETION_DISABLED`; [`Error::Timeout`].
    pub async fn delete_topics(
        &self,
        topics: impl IntoIterator<Item = impl Into<Arc<str>>>,
    ) -> AdminResults<Arc<str>, ()> {
        let topics = topics.into_iter().map(Into::into).collect();
        let results = settle(&self.client, &DeleteTopics, topics, self.timeout).await;
        let deleted = results.iter().filter(|(_, result)| result.is_ok());
        let expected = deleted.map(|(name, _)| (name.clone(), Expected::Gone)).collect();
        wait_until_visible(&self.client, expected, environment::now() + self.timeout).await;
        AdminResults(results)
    }

    /// Adds partitions to topics, and waits until every broker of the cluster that answers shows them. Records that are
    /// there stay where they are: keys may map to other partitions from then on.
    ///
    /// # Errors
    /// Per topic, with the broker's words: `INVALID_PARTITIONS` when the topic has as many already,
    /// `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_REPLICA_ASSIGNMENT`; [`Error::Timeout`].
    pub async fn create_partitions(
        &self,
        partitions: impl IntoIterator<Item = NewPartitions>,
    ) -> AdminResults<Arc<str>, ()> {
        let settled =
            settle(&self.client, &CreatePartitions, partitions.into_iter().collect(), self.timeout).await;
        let added = settled.iter().filter(|(_, result)| result.is_ok());
        let count = |added: &NewPartitions| usize::try_from(added.total_count).unwrap_or_default();
        let expected =
            added.map(|(added, _)| (added.topic.clone(), Expected::Partitions(count(added)))).collect();
        wait_until_visible(&self.client, expected, environment::now() + self.timeout).await;
        AdminResults(settled.into_iter().map(|(added, result)| (added.topic, result)).collect())
    }

    /// The topics of the cluster that this client may see, by name.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Bootstrap`] when no broker can be reached.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>> {
        let mut settled = settle(&self.client, &ListTopics, vec![()], self.timeout).await;
        settled.pop().map_or_else(|| Ok(Vec::new()), |(_, result)| result)
    }

    /// Topics with their partitions, leaders and replicas: by DescribeTopicPartitions page by page where the broker knows
    /// it (KIP-966), by Metadata otherwise.
    ///
    /// # Errors
    /// Per topic: `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_TOPIC_EXCEPTION`, `TOPIC_AUTHORIZATION_FAILED`; [`Error::Timeout`].
    pub async fn describe_topics(
        &self,
        topics: impl IntoIterator<Item = impl Into<Arc<str>>>,
    ) -> AdminResults<Arc<str>, TopicDescription> {
        let topics = topics.into_iter().map(Into::into).collect();
        AdminResults(settle(&self.client, &DescribeTopics, topics, self.timeout).await)
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

    async fn round(
        &self,
        client: &Client,
        items: &[NewTopic],
        deadline: Instant,
    ) -> Vec<Result<CreatedTopic>> {
        let request = CreateTopicsRequest {
            topics: items.iter().map(NewTopic::to_wire).collect(),
            timeout_ms: timeout_ms(client, deadline),
            validate_only: self.validate_only,
        };
        match client.send(Target::Controller, &request).await {
            Ok(response) => {
                let answers: BTreeMap<_, _> =
                    response.topics.into_iter().map(|topic| (topic.name.clone(), topic)).collect();
                items.iter().map(|item| created(&item.name, answers.get(&*item.name))).collect()
            }
            Err(error) => all_failed(items.len(), &error),
        }
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
struct DeleteTopics;

impl Call for DeleteTopics {
    type Item = Arc<str>;
    type Output = ();
    const OPERATION: &'static str = "deleting topics";

    async fn round(&self, client: &Client, items: &[Arc<str>], deadline: Instant) -> Vec<Result<()>> {
        let name = |topic: &Arc<str>| ByteString::from(&**topic);
        let request = DeleteTopicsRequest {
            topics: items
                .iter()
                .map(|topic| DeleteTopicState { name: Some(name(topic)), topic_id: TopicId::NIL })
                .collect(),
            topic_names: items.iter().map(name).collect(),
            timeout_ms: timeout_ms(client, deadline),
        };
        match client.send(Target::Controller, &request).await {
            Ok(response) => {
                let answers: BTreeMap<_, _> = response
                    .responses
                    .into_iter()
                    .filter_map(|answer| Some((answer.name?, (answer.error_code, answer.error_message))))
                    .collect();
                items.iter().map(|item| outcome(ApiKey::DeleteTopics, item, answers.get(&**item))).collect()
            }
            Err(error) => all_failed(items.len(), &error),
        }
    }
}

#[derive(Debug)]
struct CreatePartitions;

impl Call for CreatePartitions {
    type Item = NewPartitions;
    type Output = ();
    const OPERATION: &'static str = "creating partitions";

    async fn round(&self, client: &Client, items: &[NewPartitions], deadline: Instant) -> Vec<Result<()>> {
        let assignment = |brokers: &Vec<NodeId>| CreatePartitionsAssignment { broker_ids: brokers.clone() };
        let topic = |item: &NewPartitions| CreatePartitionsTopic {
            name: ByteString::from(&*item.topic),
            count: item.total_count,
            assignments: item.assignments.as_ref().map(|all| all.iter().map(assignment).collect()),
        };
        let request = CreatePartitionsRequest {
            topics: items.iter().map(topic).collect(),
            timeout_ms: timeout_ms(client, deadline),
            validate_only: false,
        };
        match client.send(Target::Controller, &request).await {
            Ok(response) => {
                let answer =
                    |result: kestrel_protocol::messages::create_partitions::CreatePartitionsTopicResult| {
                        (result.name, (result.error_code, result.error_message))
                    };
                let answers: BTreeMap<_, _> = response.results.into_iter().map(answer).collect();
                let api = ApiKey::CreatePartitions;
                items.iter().map(|item| outcome(api, &item.topic, answers.get(&*item.topic))).collect()
            }
            Err(error) => all_failed(items.len(), &error),
        }
    }
}

#[derive(Debug)]
struct ListTopics;

impl Call for ListTopics {
    type Item = ();
    type Output = Vec<TopicListing>;
    const OPERATION: &'static str = "listing topics";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Vec<Result<Vec<TopicListing>>> {
        let listed = describe(client, Target::Any, None).await;
        vec![listed.map(|topics| {
            let topics =
                topics.into_iter().filter(|topic| topic.error_code != ErrorCode::UnknownTopicOrPartition);
            let mut topics: Vec<_> = topics.filter_map(listing).collect();
            topics.sort_by(|left, right| left.name.cmp(&right.name));
            topics
        })]
    }
}

fn listing(topic: MetadataResponseTopic) -> Option<TopicListing> {
    Some(TopicListing {
        name: Arc::from(&*topic.name?),
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partition_count: topic.partitions.len(),
    })
}

#[derive(Debug)]
struct DescribeTopics;

/// What a broker said of a topic.
type Described = (ErrorCode, TopicDescription);

impl Call for DescribeTopics {
    type Item = Arc<str>;
    type Output = TopicDescription;
    const OPERATION: &'static str = "describing topics";

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Vec<Result<TopicDescription>> {
        let described = match describe_pages(client, items).await {
            Err(Error::UnsupportedApi { .. }) => describe_at_once(client, items).await,
            described => described,
        };
        let mut described = match described {
            Ok(described) => described,
            Err(error) => return all_failed(items.len(), &error),
        };
        let api = ApiKey::DescribeTopicPartitions;
        let description = |item: &Arc<str>| match described.remove(item) {
            Some((code, description)) => check(api, item, code, None).map(|()| description),
            None => Err(unanswered(api, item)),
        };
        items.iter().map(description).collect()
    }
}

async fn describe_pages(client: &Client, items: &[Arc<str>]) -> Result<BTreeMap<Arc<str>, Described>> {
    let mut described: BTreeMap<Arc<str>, Described> = BTreeMap::new();
    let mut request = DescribeTopicPartitionsRequest {
        topics: items.iter().map(|topic| TopicRequest { name: ByteString::from(&**topic) }).collect(),
        response_partition_limit: PAGE_PARTITIONS,
        cursor: None,
    };
    loop {
        let page = client.send(Target::Any, &request).await?;
        for topic in page.topics {
            let Some((name, (code, description))) = from_page(topic) else { continue };
            match described.get_mut(&name) {
                Some((_, known)) => known.partitions.extend(description.partitions),
                None => drop(described.insert(name, (code, description))),
            }
        }
        // A cursor that does not move would never end.
        if page.next_cursor.is_none() || page.next_cursor == request.cursor {
            return Ok(described);
        }
        request.cursor = page.next_cursor;
    }
}

fn from_page(topic: DescribeTopicPartitionsResponseTopic) -> Option<(Arc<str>, Described)> {
    let name: Arc<str> = Arc::from(&*topic.name?);
    let partition = |partition: DescribeTopicPartitionsResponsePartition| PartitionDescription {
        partition: partition.partition_index,
        leader: known_node(partition.leader_id),
        leader_epoch: known_epoch(partition.leader_epoch),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        offline_replicas: partition.offline_replicas,
        eligible_leader_replicas: partition.eligible_leader_replicas,
    };
    let description = TopicDescription {
        name: name.clone(),
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    };
    Some((name, (topic.error_code, description)))
}

async fn describe_at_once(client: &Client, items: &[Arc<str>]) -> Result<BTreeMap<Arc<str>, Described>> {
    let topics = describe(client, Target::Any, Some(items.iter().collect())).await?;
    Ok(topics.into_iter().filter_map(from_metadata).collect())
}

fn from_metadata(topic: MetadataResponseTopic) -> Option<(Arc<str>, Described)> {
    let name: Arc<str> = Arc::from(&*topic.name?);
    let partition = |partition: MetadataResponsePartition| PartitionDescription {
        partition: partition.partition_index,
        leader: known_node(partition.leader_id),
        leader_epoch: known_epoch(partition.leader_epoch),
        replicas: partition.replica_nodes,
        isr: partition.isr_nodes,
        offline_replicas: partition.offline_replicas,
        eligible_leader_replicas: None,
    };
    let mut partitions: Vec<_> = topic.partitions.into_iter().map(partition).collect();
    partitions.sort_by_key(|partition| partition.partition);
    let (id, is_internal) = (topic.topic_id, topic.is_internal);
    Some((name.clone(), (topic.error_code, TopicDescription { name, id, is_internal, partitions })))
}

fn known_node(node: NodeId) -> Option<NodeId> {
    (node != NodeId::NONE).then_some(node)
}

fn known_epoch(epoch: LeaderEpoch) -> Option<LeaderEpoch> {
    (epoch != LeaderEpoch::NONE).then_some(epoch)
}

fn outcome(api: ApiKey, topic: &Arc<str>, answer: Option<&(ErrorCode, Option<ByteString>)>) -> Result<()> {
    let Some((code, message)) = answer else { return Err(unanswered(api, topic)) };
    check(api, topic, *code, message.as_deref())
}

fn check(api: ApiKey, topic: &Arc<str>, code: ErrorCode, message: Option<&str>) -> Result<()> {
    match code {
        ErrorCode::None => Ok(()),
        code => Err(BrokerError::new(api, code).topic(topic.clone()).message(message).into()),
    }
}

/// An answer that leaves out what was asked about.
fn unanswered(api: ApiKey, topic: &Arc<str>) -> Error {
    let message = Some("the broker's answer leaves the topic out");
    BrokerError::new(api, ErrorCode::UnknownServerError).topic(topic.clone()).message(message).into()
}
