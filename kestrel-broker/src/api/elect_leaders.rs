//! ElectLeaders, versions 0 to 2: elections of leaders, of the preferred ones or of any that is there (KIP-183, KIP-460).

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult, TopicPartitions,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, ClusterImage, ElectionType};

impl Handler for ElectLeadersRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> ElectLeadersResponse {
        let Some(kind) = ElectionType::from_wire(self.election_type) else {
            return self.refusal(ErrorCode::InvalidRequest);
        };
        let of_all = self.topic_partitions.is_none();
        let topics = self.topic_partitions.unwrap_or_else(|| all(&state.cluster.image()));
        let partitions = topics.iter().flat_map(named).collect();
        let mut outcomes = state.cluster.elect_leaders(kind, partitions).await.into_iter();
        let results = topics.into_iter().map(|topic| {
            let outcomes = topic.partitions.iter().copied().zip(outcomes.by_ref());
            // Of all partitions nobody wants to hear of those where nothing was to be done.
            let is_told = |(_, outcome): &(i32, Result<(), ApiError>)| {
                !(of_all && outcome.as_ref().is_err_and(|error| error.code == ErrorCode::ElectionNotNeeded))
            };
            let partition_result = outcomes.filter(is_told).map(result).collect();
            ReplicaElectionResult { topic: topic.topic, partition_result }
        });
        ElectLeadersResponse { replica_election_results: results.collect(), ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> ElectLeadersResponse {
        let results = self.topic_partitions.iter().flatten().map(|topic| {
            let partitions = topic.partitions.iter();
            let partition_result =
                partitions.map(|partition| result((*partition, Err(error.into())))).collect();
            ReplicaElectionResult { topic: topic.topic.clone(), partition_result }
        });
        ElectLeadersResponse {
            error_code: error,
            replica_election_results: results.collect(),
            ..Default::default()
        }
    }
}

/// All partitions of all topics.
fn all(image: &ClusterImage) -> Vec<TopicPartitions> {
    let topics = image.topics().map(|topic| TopicPartitions {
        topic: topic.name.clone(),
        partitions: topic.numbered().map(|(number, _)| number).collect(),
    });
    topics.collect()
}

fn named(topic: &TopicPartitions) -> impl Iterator<Item = (ByteString, i32)> {
    topic.partitions.iter().map(|partition| (topic.topic.clone(), *partition))
}

fn result((partition_id, outcome): (i32, Result<(), ApiError>)) -> PartitionResult {
    let (error_code, error_message) = ApiError::fields(outcome);
    PartitionResult { partition_id, error_code, error_message }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::Message;

    use super::*;
    use crate::Broker;
    use crate::testing::Peer;

    fn asked(topic: &str, partitions: &[i32]) -> TopicPartitions {
        TopicPartitions { topic: topic.to_owned().into(), partitions: partitions.to_vec() }
    }

    fn codes(response: &ElectLeadersResponse) -> Vec<(&str, Vec<(i32, ErrorCode)>)> {
        let code = |it: &PartitionResult| (it.partition_id, it.error_code);
        let results = response.replica_election_results.iter();
        results.map(|it| (&*it.topic, it.partition_result.iter().map(code).collect())).collect()
    }

    #[tokio::test]
    async fn the_only_replica_leads_already() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("t").await;
        let (unneeded, unknown) = (ErrorCode::ElectionNotNeeded, ErrorCode::UnknownTopicOrPartition);
        for version in ElectLeadersRequest::VERSIONS {
            let partitions = vec![asked("t", &[0, 7]), asked("nowhere", &[0]), asked("t", &[])];
            let request =
                ElectLeadersRequest { topic_partitions: Some(partitions), ..ElectLeadersRequest::default() };
            let response = peer.call(&request, version).await;
            let expected =
                [("t", vec![(0, unneeded), (7, unknown)]), ("nowhere", vec![(0, unknown)]), ("t", vec![])];
            assert_eq!(codes(&response), expected, "version {version}");
            // Of all topics: nothing to be done.
            let response = peer.call(&ElectLeadersRequest::default(), version).await;
            assert_eq!(codes(&response), [("t", vec![])], "version {version}");
        }
    }

    #[tokio::test]
    async fn an_unknown_type_of_election_is_refused_as_a_whole() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        let topic_partitions = Some(vec![asked("t", &[0])]);
        let request = ElectLeadersRequest { election_type: 9, topic_partitions, ..Default::default() };
        let response = peer.call(&request, 2).await;
        assert_eq!(response.error_code, ErrorCode::InvalidRequest);
        assert_eq!(codes(&response), [("t", vec![(0, ErrorCode::InvalidRequest)])]);
    }
}
