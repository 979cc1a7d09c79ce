//! Routes: finds the leaders of the partitions that a call is about, anew in each round.
//!
//! It asks beside the client's metadata, which would go on to refresh topics that an administrative call touches once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::join_all;
use kestrel_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponsePartition, MetadataResponseTopic,
};
use kestrel_protocol::{ApiKey, ByteString, ErrorCode, LeaderEpoch, NodeId};

use super::settle::check;
use crate::client::{Client, Target};
use crate::error::{BrokerError, Error, Result};
use crate::partitions::Answers;
use crate::record::TopicPartition;

/// The indexes of items by the broker that leads their partition, and the errors of those that have none.
#[derive(Debug, Default)]
struct Routes {
    by_leader: BTreeMap<NodeId, Vec<Route>>,
    errors: HashMap<usize, Error>,
}

/// An item on its way to a leader.
#[derive(Debug, Clone, Copy)]
struct Route {
    index: usize,
    leader_epoch: LeaderEpoch,
}

/// Finds the leaders of `partitions`.
async fn routes(client: &Client, partitions: &[&TopicPartition]) -> Result<Routes> {
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

/// Also a partition that its leader does not know yet is tried again: the metadata may be ahead of it.
pub(super) fn is_passing_at_leader(error: &Error) -> bool {
    error.is_passing() && !matches!(error, Error::UnknownTopic { .. })
}

/// Asks all leaders at once, each for its items with the epochs of their leaders; gives a result for each item, in order, as
/// `read` takes it from the answer for its partition.
pub(super) async fn at_leaders<'a, I, A, T, F>(
    client: &Client,
    api: ApiKey,
    items: &'a [I],
    partition_of: impl Fn(&'a I) -> &'a TopicPartition,
    ask: impl Fn(NodeId, Vec<(&'a I, LeaderEpoch)>) -> F,
    read: impl Fn(&A) -> (ErrorCode, T),
) -> Result<Vec<Result<T>>>
where
    F: Future<Output = Result<Answers<A>>>,
{
    let partitions: Vec<_> = items.iter().map(partition_of).collect();
    let routes = routes(client, &partitions).await?;
    let waves: Vec<_> = routes
        .by_leader
        .into_iter()
        .flat_map(|(node, routes)| waves(routes, &partitions).into_iter().map(move |wave| (node, wave)))
        .collect();
    let asked = waves.iter().map(|(node, wave)| {
        let item = |route: &Route| Some((items.get(route.index)?, route.leader_epoch));
        ask(*node, wave.iter().filter_map(item).collect())
    });
    let answers = join_all(asked).await;
    let mut results: HashMap<usize, Result<T>> =
        routes.errors.into_iter().map(|(index, error)| (index, Err(error))).collect();
    for ((_, wave), answers) in waves.iter().zip(&answers) {
        let outcome = |route: &Route| {
            Some((route.index, outcome(api, partitions.get(route.index)?, answers.as_ref(), &read)))
        };
        results.extend(wave.iter().filter_map(outcome));
    }
    let missing = || Err(BrokerError::new(ApiKey::Metadata, ErrorCode::LeaderNotAvailable).into());
    Ok((0..items.len()).map(|index| results.remove(&index).unwrap_or_else(missing)).collect())
}

/// Splits routes so that no partition comes twice in a request: brokers refuse that.
fn waves(routes: Vec<Route>, partitions: &[&TopicPartition]) -> Vec<Vec<Route>> {
    let mut waves: Vec<Vec<Route>> = Vec::new();
    let mut seen: HashMap<&TopicPartition, usize> = HashMap::new();
    for route in routes {
        let Some(&partition) = partitions.get(route.index) else { continue };
        let times = seen.entry(partition).or_default();
        match waves.get_mut(*times) {
            Some(wave) => wave.push(route),
            None => waves.push(vec![route]),
        }
        *times += 1;
    }
    waves
}

/// What a leader answers for a partition.
fn outcome<A, T>(
    api: ApiKey,
    TopicPartition { topic, partition }: &TopicPartition,
    answers: Result<&Answers<A>, &Error>,
    read: impl Fn(&A) -> (ErrorCode, T),
) -> Result<T> {
    let refused = |code| Err(BrokerError::new(api, code).topic(topic).partition(*partition).into());
    match answers.map_err(Clone::clone)?.get(&(ByteString::from(&**topic), *partition)).map(read) {
        Some((ErrorCode::None, value)) => Ok(value),
        Some((code, _)) => refused(code),
        // An answer without the partition says nothing about it: ask again.
        None => refused(ErrorCode::UnknownTopicOrPartition),
    }
}
