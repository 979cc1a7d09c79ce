//! The topic of a registry: created, or checked.

use std::sync::Arc;
use std::time::Duration;

use kestrel_client::admin::{ConfigResource, NewTopic};
use kestrel_client::{Client, Error, ErrorCode};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::start_error::StartError;

const CLEANUP_POLICY: &str = "cleanup.policy";
const COMPACT: &str = "compact";

/// How long the brokers have to hear of a topic that their controller knows.
const APPEARANCE: Duration = Duration::from_secs(30);

/// Between two looks at what they have heard of.
const PAUSE: Duration = Duration::from_millis(50);

/// Sees to it that there is a topic with one partition that is compacted and nothing else.
pub(super) async fn ensure(client: &Client, topic: &Arc<str>, replication: i16) -> Result<(), StartError> {
    let failed = |error| StartError::topic(topic, error);
    match shape(client, topic).await.map_err(failed)? {
        Some(shape) => check(client, topic, shape, replication).await,
        None => create(client, topic, replication).await,
    }
}

/// What a topic is made of.
#[derive(Debug, Clone, Copy)]
struct Shape {
    partition_count: usize,
    /// Of the first partition.
    replica_count: usize,
}

/// None when there is no such topic.
async fn shape(client: &Client, topic: &Arc<str>) -> Result<Option<Shape>, Error> {
    let described = client.admin().describe_topics([Arc::clone(topic)]).await.into_result();
    match described {
        Ok(topics) => Ok(topics.first().map(|(_, topic)| Shape {
            partition_count: topic.partitions.len(),
            replica_count: topic.partitions.first().map_or(0, |partition| partition.replicas.len()),
        })),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits for a topic that is there, but that the brokers have not all heard of yet. None when they have not within [`APPEARANCE`].
async fn appearance(client: &Client, topic: &Arc<str>) -> Result<Option<Shape>, Error> {
    let appears = async {
        loop {
            if let Some(shape) = shape(client, topic).await? {
                return Ok(Some(shape));
            }
            sleep(PAUSE).await;
        }
    };
    timeout(APPEARANCE, appears).await.unwrap_or(Ok(None))
}

fn is_missing(error: &Error) -> bool {
    matches!(error, Error::UnknownTopic { .. }) || error.code() == Some(ErrorCode::UnknownTopicOrPartition)
}

async fn create(client: &Client, topic: &Arc<str>, replication: i16) -> Result<(), StartError> {
    let failed = |error| StartError::topic(topic, error);
    let brokers = client.admin().describe_cluster().await.map_err(failed)?.brokers.len();
    let possible = replication.min(i16::try_from(brokers).unwrap_or(i16::MAX)).max(1);
    let new = NewTopic::new(Arc::clone(topic)).partitions(1).replication_factor(possible);
    let new = new.config(CLEANUP_POLICY, COMPACT);
    match client.admin().create_topics([new]).await.into_result() {
        Ok(_) => {
            info!("created the topic {topic}, with a replication factor of {possible}");
            warn_of_few(topic, usize::try_from(possible).unwrap_or_default(), replication);
            Ok(())
        }
        // Another registry was faster.
        Err(error) if error.code() == Some(ErrorCode::TopicAlreadyExists) => {
            match appearance(client, topic).await.map_err(failed)? {
                Some(shape) => check(client, topic, shape, replication).await,
                None => Err(failed(error)),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Says that the topic has fewer replicas than it should: what it is created with stays, whoever joins the cluster later.
fn warn_of_few(topic: &str, replica_count: usize, wanted: i16) {
    if replica_count < usize::try_from(wanted).unwrap_or_default() {
        warn!(
            "the topic {topic} has {replica_count} of the {wanted} replicas that it should have: where schemas must not be lost, \
             add brokers and then replicas of its partition (kafka-reassign-partitions)"
        );
    }
}

async fn check(client: &Client, topic: &Arc<str>, shape: Shape, replication: i16) -> Result<(), StartError> {
    let Shape { partition_count, replica_count } = shape;
    if partition_count != 1 {
        let problem = format!("it has {partition_count} partitions, and order is in one partition alone");
        return Err(StartError::unfit(topic, problem));
    }
    warn_of_few(topic, replica_count, replication);
    let resource = ConfigResource::topic(Arc::clone(topic));
    let described = client.admin().describe_configs([resource]).await.into_result();
    let described = described.map_err(|error| StartError::topic(topic, error))?;
    let policy =
        described.iter().flat_map(|(_, entries)| entries).find(|entry| &*entry.name == CLEANUP_POLICY);
    match policy.and_then(|entry| entry.value.as_deref()) {
        Some(COMPACT) => Ok(()),
        other => {
            let policy = other.unwrap_or("not set");
            let problem = format!(
                "its {CLEANUP_POLICY} is {policy}, which lets Kafka delete schemas: set it to {COMPACT}"
            );
            Err(StartError::unfit(topic, problem))
        }
    }
}
