//! Waits until every broker shows a change: brokers learn of the controller's decisions one after the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::future::join_all;
use kestrel_protocol::messages::metadata::MetadataResponseTopic;
use kestrel_protocol::{ErrorCode, NodeId};

use super::Admin;
use super::leaders::describe;
use crate::client::{Client, Target};
use crate::environment::{self, after};
use crate::error::Result;

/// The state of a topic that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// At least this many partitions, each with a leader.
    Partitions(usize),
    /// No such topic.
    Gone,
}

impl Admin {
    /// Waits until every broker that answers shows what is expected, at most for the time of a call: the change is decided
    /// either way.
    pub(super) async fn wait_until_visible(&self, expected: BTreeMap<Arc<str>, Expected>) {
        if expected.is_empty() {
            return;
        }
        let client = &self.client;
        let deadline = after(environment::now(), self.timeout);
        let mut backoff = client.retry_backoff();
        for failures in 1.. {
            let brokers: Vec<NodeId> = client.metadata().current().brokers.keys().copied().collect();
            let shown = join_all(brokers.into_iter().map(|broker| is_shown(client, broker, &expected))).await;
            // A broker that can't be asked learns of it when it is back.
            if shown.into_iter().all(|shown| shown.unwrap_or(true)) {
                break;
            }
            let now = environment::now();
            if now >= deadline {
                tracing::warn!(topics = ?expected.keys(), "not every broker shows what was changed yet");
                break;
            }
            environment::sleep_until(Some(after(now, backoff.delay(failures)).min(deadline))).await;
        }
        client.metadata().request_refresh();
    }
}

async fn is_shown(client: &Client, broker: NodeId, expected: &BTreeMap<Arc<str>, Expected>) -> Result<bool> {
    let topics = describe(client, Target::Node(broker), Some(expected.keys().collect())).await?;
    let topics: HashMap<_, _> =
        topics.iter().map(|topic| (topic.name.as_deref().unwrap_or_default(), topic)).collect();
    Ok(expected.iter().all(|(name, expected)| match (expected, topics.get(&**name)) {
        (Expected::Gone, found) => {
            found.is_none_or(|topic| topic.error_code == ErrorCode::UnknownTopicOrPartition)
        }
        (Expected::Partitions(count), Some(topic)) => topic.error_code.is_none() && leaders(topic) >= *count,
        (Expected::Partitions(_), None) => false,
    }))
}

fn leaders(topic: &MetadataResponseTopic) -> usize {
    topic.partitions.iter().filter(|partition| partition.leader_id != NodeId::NONE).count()
}
