//! Moves of partitions to other brokers (KIP-455; with the replication factor kept, KIP-860).

use std::collections::BTreeMap;
use std::time::Instant;

use kestrel_protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartition,
    ReassignableTopic,
};
use kestrel_protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, OngoingPartitionReassignment,
};
use kestrel_protocol::{ApiKey, NodeId};

use super::{Answers, is_passing, outcome};
use crate::admin::parts::in_parts;
use crate::admin::settle::{Call, Round, check, timeout_ms};
use crate::client::{Client, Target};
use crate::error::{Error, Result};
use crate::partitions::{by_partition, by_topic};
use crate::record::TopicPartition;

/// The first version of AlterPartitionReassignments that refuses another replication factor on request (KIP-860).
const KEEPING_VERSION: i16 = 1;

/// A partition to be moved to other brokers, or not any more.
///
/// ```
/// use kestrel_client::NodeId;
/// use kestrel_client::admin::NewPartitionReassignment;
/// let move_away = NewPartitionReassignment::to(("clicks", 0), [NodeId(2), NodeId(3)]).keep_replication_factor();
/// let stay = NewPartitionReassignment::cancel(("clicks", 1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewPartitionReassignment {
    pub(super) partition: TopicPartition,
    /// The brokers to move it to; `None` cancels.
    replicas: Option<Vec<NodeId>>,
    keeps_replication_factor: bool,
}

impl NewPartitionReassignment {
    /// Moves a partition to these brokers, the preferred leader first. What other move of it is under way gives way.
    pub fn to(partition: impl Into<TopicPartition>, replicas: impl IntoIterator<Item = NodeId>) -> Self {
        let replicas = Some(replicas.into_iter().collect());
        Self { partition: partition.into(), replicas, keeps_replication_factor: false }
    }

    /// Ends the move of a partition that is under way: it stays where it was.
    pub fn cancel(partition: impl Into<TopicPartition>) -> Self {
        Self { partition: partition.into(), replicas: None, keeps_replication_factor: false }
    }

    /// Has the controller refuse the move if the partition had more or fewer replicas after it (KIP-860). Default: it may.
    pub fn keep_replication_factor(mut self) -> Self {
        self.keeps_replication_factor = true;
        self
    }
}

/// A move of a partition that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionReassignment {
    /// The brokers that have the partition, or are about to.
    pub replicas: Vec<NodeId>,
    /// Those of them that are being added.
    pub adding_replicas: Vec<NodeId>,
    /// Those of them that are being removed.
    pub removing_replicas: Vec<NodeId>,
}

/// Asks the controller to begin and to end moves.
#[derive(Debug)]
pub(super) struct AlterReassignments;

impl Call for AlterReassignments {
    type Item = NewPartitionReassignment;
    type Output = ();
    const OPERATION: &'static str = "reassigning partitions";
    const IS_PASSING: fn(&Error) -> bool = is_passing;

    /// Whether the replication factor is kept is said once in a request: those that keep it go in one of their own.
    async fn round(
        &self,
        client: &Client,
        items: &[NewPartitionReassignment],
        deadline: Instant,
    ) -> Round<Self> {
        let ask = |keeps, items| alter(client, items, keeps, deadline);
        in_parts(items, |item| item.keeps_replication_factor, ask).await
    }
}

async fn alter(
    client: &Client,
    items: Vec<&NewPartitionReassignment>,
    keeps_replication_factor: bool,
    deadline: Instant,
) -> Result<Vec<Result<()>>> {
    let request = AlterPartitionReassignmentsRequest {
        timeout_ms: timeout_ms(client, deadline),
        allow_replication_factor_change: !keeps_replication_factor,
        topics: topics(&items),
    };
    let since = if keeps_replication_factor { KEEPING_VERSION } else { 0 };
    let api = ApiKey::AlterPartitionReassignments;
    let response = client.send_since(Target::Controller, &request, since).await?;
    check(api, response.error_code, response.error_message.as_deref())?;
    let answers = answers(response);
    Ok(items.iter().map(|item| outcome(api, &item.partition, &answers)).collect())
}

fn topics(items: &[&NewPartitionReassignment]) -> Vec<ReassignableTopic> {
    let partitions = items.iter().map(|item| {
        let (partition_index, replicas) = (item.partition.partition, item.replicas.clone());
        (&item.partition.topic, ReassignablePartition { partition_index, replicas })
    });
    by_topic(partitions).map(|(name, partitions)| ReassignableTopic { name, partitions }).collect()
}

fn answers(response: AlterPartitionReassignmentsResponse) -> Answers {
    let topics = response.responses.into_iter();
    let answers = topics.flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index));
    answers.map(|(key, p)| (key, (p.error_code, p.error_message))).collect()
}

/// The moves that are under way by partition.
type Ongoing = BTreeMap<TopicPartition, PartitionReassignment>;

/// Asks the controller for the moves that are under way.
#[derive(Debug)]
pub(super) struct ListReassignments;

impl Call for ListReassignments {
    type Item = ();
    type Output = Ongoing;
    const OPERATION: &'static str = "listing reassignments of partitions";

    async fn round(&self, client: &Client, _: &[()], deadline: Instant) -> Round<Self> {
        let request =
            ListPartitionReassignmentsRequest { timeout_ms: timeout_ms(client, deadline), topics: None };
        let response = client.send(Target::Controller, &request).await?;
        let (code, message) = (response.error_code, response.error_message.as_deref());
        check(ApiKey::ListPartitionReassignments, code, message)?;
        Ok(vec![Ok(ongoing(response))])
    }
}

fn ongoing(response: ListPartitionReassignmentsResponse) -> Ongoing {
    let topics = response.topics.into_iter();
    let ongoing = topics.flat_map(|topic| by_partition(topic.name, topic.partitions, |p| p.partition_index));
    let reassignment = |partition: OngoingPartitionReassignment| PartitionReassignment {
        replicas: partition.replicas,
        adding_replicas: partition.adding_replicas,
        removing_replicas: partition.removing_replicas,
    };
    ongoing.map(|(key, partition)| (key.into(), reassignment(partition))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_move_has_no_replicas_on_the_wire() {
        let items = [
            NewPartitionReassignment::cancel(("t", 1)),
            NewPartitionReassignment::to(("t", 0), [NodeId(2)]).keep_replication_factor(),
            NewPartitionReassignment::to(("s", 0), []),
        ];
        let topics = topics(&items.each_ref());
        assert_eq!(topics.iter().map(|topic| &*topic.name).collect::<Vec<_>>(), ["s", "t"]);
        assert_eq!(topics[0].partitions[0].replicas, Some(Vec::new()), "none, which the controller refuses");
        assert_eq!(topics[1].partitions[0].replicas, None);
        assert_eq!(topics[1].partitions[1].replicas, Some(vec![NodeId(2)]));
    }
}
