//! Routes: finds the leaders of the partitions that a call is about, anew in each round.
//!
//! It asks beside the client's metadata, which would go on to refresh topics that an administrative call touches once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kestrel_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponsePartition, MetadataResponseTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId};

use super::settle::check;
use crate::client::{Client, Target};
use crate::error::{BrokerError, Error, Result};
use crate::record::TopicPartition;

/// The indexes of items by the broker that leads their partition, and the errors of those that have none.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) by_leader: BTreeMap<NodeId, Vec<Route>>,
    pub(super) errors: HashMap<usize, Error>,
}

/// An item on its way to a leader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) index: usize,
    pub(super) leader_epoch: LeaderEpoch,
}

/// Finds the leaders of `partitions`.
pub(super) async fn routes(client: &Client, partitions: &[&TopicPartition]) -> Result<Routes> {
    let names: BTreeSet<_> = partitions.iter().map(|partition| &partition.topic).collect();
    let topics = describe(client, Target::Any, Some(names)).await?;
    let topics: HashMap<_, _> =
        topics.iter().map(|topic| (topic.name.as_deref().unwrap_or_default(), topic)).collect();
    let mut routes = Routes::default();
    for (index, partition) in partitions.iter().enumerate() {
        match leader(topics.get(&*partition.topic).copied(), partition) {
            Ok(found) => {
                let route = Route { index, leader_epoch: found.leader_epoch };
                routes.by_leader.entry(found.leader_id).or_default().push(route);
            }
            Err(error) => {
                routes.errors.insert(index, error);
            }
        }
    }
    Ok(routes)
}

/// Describes topics at a broker; all of them without `names`. Never creates one.
pub(super) async fn describe(
    client: &Client,
    target: Target,
    names: Option<BTreeSet<&Arc<str>>>,
) -> Result<Vec<MetadataResponseTopic>> {
    ask(client, target, &request(names)).await
}

/// A request for topics that never creates one; for all of them without `names`.
pub(super) fn request(names: Option<BTreeSet<&Arc<str>>>) -> MetadataRequest {
    let topic = |name: &Arc<str>| MetadataRequestTopic {
        name: Some(ByteString::from(&**name)),
        ..MetadataRequestTopic::default()
    };
    MetadataRequest {
        topics: names.map(|names| names.into_iter().map(topic).collect()),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    }
}

/// The topics in a broker's answer.
pub(super) async fn ask(
    client: &Client,
    target: Target,
    request: &MetadataRequest,
) -> Result<Vec<MetadataResponseTopic>> {
    let response = client.send(target, request).await?;
    check(ApiKey::Metadata, response.error_code, None).map(|()| response.topics)
}

fn leader<'a>(
    topic: Option<&'a MetadataResponseTopic>,
    wanted: &TopicPartition,
) -> Result<&'a MetadataResponsePartition> {
    let refused = |code| BrokerError::new(ApiKey::Metadata, code).topic(wanted.topic.clone());
    let topic = match topic {
        Some(topic) if topic.error_code.is_none() => topic,
        Some(topic) if topic.error_code != ErrorCode::UnknownTopicOrPartition => {
            return Err(refused(topic.error_code).into());
        }
        _ => return Err(Error::UnknownTopic { topic: wanted.topic.clone() }),
    };
    let found = topic.partitions.iter().find(|partition| partition.partition_index == wanted.partition);
    match found {
        Some(partition) if partition.leader_id == NodeId::NONE => {
            Err(refused(ErrorCode::LeaderNotAvailable).partition(wanted.partition).into())
        }
        Some(partition) => Ok(partition),
        None => Err(Error::UnknownPartition {
            topic: wanted.topic.clone(),
            partition: wanted.partition,
            partition_count: topic.partitions.len(),
        }),
    }
}
