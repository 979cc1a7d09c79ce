//! Lists topics, and describes them with their partitions (KIP-966).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::describe_topic_partitions::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic, TopicRequest,
};
use kestrel_protocol::messages::metadata::{
    MetadataRequest, MetadataResponsePartition, MetadataResponseTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId, TopicId};

use super::{check, unanswered};
use crate::admin::leaders::{self, describe};
use crate::admin::settle::{Call, Round};
use crate::admin::{AclOperation, Admin, AdminResults};
use crate::client::{Client, Target};
use crate::error::{Error, Result};
use crate::into::IntoName;

/// The most partitions in one page of a description.
const PAGE_PARTITIONS: i32 = 2_000;

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
    /// The number of partitions.
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
    /// What the caller may do with the topic; `None` when the broker did not say. Brokers older than Apache Kafka 3.7 say it
    /// after [`Admin::with_authorized_operations`], newer ones always.
    pub authorized_operations: Option<BTreeSet<AclOperation>>,
}

/// A partition with its leader and replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionDescription {
    /// The partition's number.
    pub partition: i32,
    /// The broker that takes writes, when there is one.
    pub leader: Option<NodeId>,
    /// How often leadership was decided, if the broker sent it.
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
    /// The topics of the cluster that this client may see, by name.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Bootstrap`] when no broker can be reached.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>> {
        self.settle_one(&ListTopics).await
    }

    /// Topics with their partitions, leaders and replicas: by DescribeTopicPartitions page by page where the broker knows
    /// it (KIP-966), by Metadata otherwise.
    ///
    /// # Errors
    /// Per topic: `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_TOPIC_EXCEPTION`, `TOPIC_AUTHORIZATION_FAILED`; [`Error::Timeout`].
    pub async fn describe_topics(
        &self,
        topics: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, TopicDescription> {
        let topics = topics.into_iter().map(IntoName::into_name).collect();
        let call = DescribeTopics { with_operations: self.with_authorized_operations };
        self.settle(&call, topics).await
    }
}

#[derive(Debug)]
struct ListTopics;

impl Call for ListTopics {
    type Item = ();
    type Output = Vec<TopicListing>;
    const OPERATION: &'static str = "listing topics";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let topics = describe(client, Target::Any, None).await?.into_iter();
        let topics = topics.filter(|topic| topic.error_code != ErrorCode::UnknownTopicOrPartition);
        let mut topics: Vec<_> = topics.filter_map(listing).collect();
        topics.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(vec![Ok(topics)])
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
struct DescribeTopics {
    with_operations: bool,
}

/// A broker's answer about a topic.
pub(super) type Described = (ErrorCode, TopicDescription);

impl Call for DescribeTopics {
    type Item = Arc<str>;
    type Output = TopicDescription;
    const OPERATION: &'static str = "describing topics";

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        let described = match describe_pages(client, items).await {
            Err(Error::UnsupportedApi { .. }) => describe_at_once(client, items, self.with_operations).await,
            described => described,
        };
        let mut described = described?;
        let api = ApiKey::DescribeTopicPartitions;
        let description = |item: &Arc<str>| match described.remove(item) {
            Some((code, description)) => check(api, item, code, None).map(|()| description),
            None => Err(unanswered(api, item)),
        };
        Ok(items.iter().map(description).collect())
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
        authorized_operations: AclOperation::from_bits(topic.topic_authorized_operations),
    };
    Some((name, (topic.error_code, description)))
}

async fn describe_at_once(
    client: &Client,
    items: &[Arc<str>],
    with_operations: bool,
) -> Result<BTreeMap<Arc<str>, Described>> {
    let request = MetadataRequest {
        include_topic_authorized_operations: with_operations,
        ..leaders::request(Some(items.iter().collect()))
    };
    let topics = leaders::ask(client, Target::Any, &request).await?;
    Ok(topics.into_iter().filter_map(from_metadata).collect())
}

/// The name of a topic with what a broker says of it; `None` for a topic without a name.
pub(super) fn from_metadata(topic: MetadataResponseTopic) -> Option<(Arc<str>, Described)> {
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
    let description = TopicDescription {
        name: name.clone(),
        id: topic.topic_id,
        is_internal: topic.is_internal,
        partitions,
        authorized_operations: AclOperation::from_bits(topic.topic_authorized_operations),
    };
    Some((name, (topic.error_code, description)))
}

fn known_node(node: NodeId) -> Option<NodeId> {
    (node != NodeId::NONE).then_some(node)
}

fn known_epoch(epoch: LeaderEpoch) -> Option<LeaderEpoch> {
    (epoch != LeaderEpoch::NONE).then_some(epoch)
}
