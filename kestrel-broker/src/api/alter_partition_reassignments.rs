//! AlterPartitionReassignments, versions 0 and 1: says which brokers have partitions, each partition by itself (KIP-455, KIP-860).

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ReassignablePartitionResponse,
    ReassignableTopic, ReassignableTopicResponse,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, FactorChange, Reassignment};

impl Handler for AlterPartitionReassignmentsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> AlterPartitionReassignmentsResponse {
        let factor_change =
            if self.allow_replication_factor_change { FactorChange::Allowed } else { FactorChange::Refused };
        let asked = self.topics.iter().flat_map(reassignments).collect();
        let outcomes = state.cluster.reassign_partitions(asked, factor_change).await;
        AlterPartitionReassignmentsResponse {
            allow_replication_factor_change: self.allow_replication_factor_change,
            responses: responses(&self, outcomes),
            ..Default::default()
        }
    }

    fn refusal(&self, error: ErrorCode) -> AlterPartitionReassignmentsResponse {
        let (error_code, error_message) = ApiError::fields(Err(error.into()));
        let responses = responses(self, std::iter::repeat_with(|| Err(error.into())));
        AlterPartitionReassignmentsResponse { error_code, error_message, responses, ..Default::default() }
    }
}

fn reassignments(topic: &ReassignableTopic) -> impl Iterator<Item = Reassignment> {
    topic.partitions.iter().map(|partition| Reassignment {
        topic: topic.name.clone(),
        partition: partition.partition_index,
        replicas: partition.replicas.clone(),
    })
}

/// The outcomes, which come in the order of the partitions, by topic.
fn responses(
    request: &AlterPartitionReassignmentsRequest,
    outcomes: impl IntoIterator<Item = Result<(), ApiError>>,
) -> Vec<ReassignableTopicResponse> {
    let mut outcomes = outcomes.into_iter();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().zip(outcomes.by_ref()).map(|(partition, outcome)| {
            let (error_code, error_message) = ApiError::fields(outcome);
            let partition_index = partition.partition_index;
            ReassignablePartitionResponse { partition_index, error_code, error_message }
        });
        ReassignableTopicResponse { name: topic.name.clone(), partitions: partitions.collect() }
    });
    topics.collect()
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::messages::alter_partition_reassignments::ReassignablePartition;
    use kestrel_protocol::{Message, NodeId};

    use super::*;
    use crate::Broker;
    use crate::testing::Peer;

    fn wanted(partition_index: i32, replicas: Option<&[i32]>) -> ReassignablePartition {
        let replicas = replicas.map(|ids| ids.iter().copied().map(NodeId).collect());
        ReassignablePartition { partition_index, replicas }
    }

    #[tokio::test]
    async fn a_partition_stays_where_it_is() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("t").await;
        for version in AlterPartitionReassignmentsRequest::VERSIONS {
            let partitions = vec![
                wanted(0, Some(&[1])),
                wanted(0, Some(&[2])),
                wanted(0, Some(&[])),
                wanted(0, Some(&[1, 1])),
                wanted(0, None),
                wanted(5, Some(&[1])),
            ];
            let topics = vec![
                ReassignableTopic { name: "t".into(), partitions },
                ReassignableTopic { name: "nowhere".into(), partitions: vec![wanted(0, None)] },
            ];
            let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
            let response = peer.call(&request, version).await;
            assert_eq!(response.error_code, ErrorCode::None);
            let [known, unknown] = &response.responses[..] else { panic!("two topics") };
            let codes: Vec<_> = known.partitions.iter().map(|partition| partition.error_code).collect();
            let expected = [
                ErrorCode::None,
                ErrorCode::InvalidReplicaAssignment,
                ErrorCode::InvalidReplicaAssignment,
                ErrorCode::InvalidReplicaAssignment,
                ErrorCode::NoReassignmentInProgress,
                ErrorCode::UnknownTopicOrPartition,
            ];
            assert_eq!(codes, expected, "version {version}");
            assert_eq!(unknown.partitions[0].error_code, ErrorCode::UnknownTopicOrPartition);
        }
        let described = peer.describe("t").await.topics.remove(0).partitions.remove(0);
        assert_eq!((described.leader_id, described.leader_epoch.0), (NodeId(1), 0));
    }

    #[tokio::test]
    async fn the_answer_repeats_whether_the_factor_may_change() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        for allow_replication_factor_change in [true, false] {
            let request =
                AlterPartitionReassignmentsRequest { allow_replication_factor_change, ..Default::default() };
            let response = peer.call(&request, 1).await;
            assert_eq!(response.allow_replication_factor_change, allow_replication_factor_change);
        }
    }
}
