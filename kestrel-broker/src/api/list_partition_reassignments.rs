//! ListPartitionReassignments, version 0: the partitions that are on their way to other brokers (KIP-455). Here nothing moves: what
//! is told was begun by Apache Kafka on the same folder, and stands until it is called off.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, ListPartitionReassignmentsTopics,
    OngoingPartitionReassignment, OngoingTopicReassignment,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ClusterImage, PartitionImage, TopicImage};

impl Handler for ListPartitionReassignmentsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> ListPartitionReassignmentsResponse {
        let topics = ongoing(&state.cluster.image(), self.topics.as_deref());
        ListPartitionReassignmentsResponse { topics, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> ListPartitionReassignmentsResponse {
        let topics = self.topics.iter().flatten().map(|topic| OngoingTopicReassignment {
            name: topic.name.clone(),
            partitions: topic.partition_indexes.iter().map(|number| of_nobody(*number)).collect(),
        });
        ListPartitionReassignmentsResponse {
            error_code: error,
            error_message: Some(error.meaning().into()),
            topics: topics.collect(),
            ..Default::default()
        }
    }
}

/// What is under way, of the partitions that are asked about; of all when nobody says which.
fn ongoing(
    image: &ClusterImage,
    asked: Option<&[ListPartitionReassignmentsTopics]>,
) -> Vec<OngoingTopicReassignment> {
    let topics: Vec<_> = match asked {
        None => image.topics().map(|topic| of_topic(topic, topic.numbered())).collect(),
        Some(asked) => asked
            .iter()
            .filter_map(|asked| {
                let topic = image.topic(&asked.name)?;
                let numbers = asked.partition_indexes.iter();
                Some(of_topic(topic, numbers.filter_map(|number| Some((*number, topic.partition(*number)?)))))
            })
            .collect(),
    };
    topics.into_iter().filter(|topic| !topic.partitions.is_empty()).collect()
}

fn of_topic<'a>(
    topic: &'a TopicImage,
    partitions: impl Iterator<Item = (i32, &'a PartitionImage)>,
) -> OngoingTopicReassignment {
    let ongoing = partitions.filter(|(_, partition)| partition.is_reassigned());
    let shown = |(partition_index, partition): (i32, &PartitionImage)| OngoingPartitionReassignment {
        partition_index,
        replicas: partition.replicas.clone(),
        adding_replicas: partition.adding_replicas.clone(),
        removing_replicas: partition.removing_replicas.clone(),
    };
    OngoingTopicReassignment { name: topic.name.clone(), partitions: ongoing.map(shown).collect() }
}

/// A partition of which nothing may be said.
fn of_nobody(partition_index: i32) -> OngoingPartitionReassignment {
    OngoingPartitionReassignment { partition_index, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::NodeId;

    use super::*;
    use crate::Broker;
    use crate::testing::Peer;

    #[tokio::test]
    async fn nothing_is_under_way() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("t").await;
        let asked = ListPartitionReassignmentsTopics { name: "t".into(), partition_indexes: vec![0, 9] };
        let unknown = ListPartitionReassignmentsTopics { name: "u".into(), ..Default::default() };
        for topics in [None, Some(vec![asked, unknown]), Some(Vec::new())] {
            let request = ListPartitionReassignmentsRequest { topics, ..Default::default() };
            let response = peer.call(&request, 0).await;
            assert_eq!((response.error_code, response.topics), (ErrorCode::None, Vec::new()));
        }
    }

    #[test]
    fn what_another_has_begun_is_told() {
        let moving = PartitionImage {
            replicas: vec![NodeId(1), NodeId(2)],
            adding_replicas: vec![NodeId(2)],
            ..PartitionImage::default()
        };
        let still = PartitionImage::default();
        let partitions = vec![still, moving];
        let topic = TopicImage { name: "t".into(), id: kestrel_protocol::TopicId::from_u128(5), partitions };
        let ongoing = of_topic(&topic, topic.numbered());
        let [partition] = &ongoing.partitions[..] else { panic!("one partition") };
        assert_eq!((partition.partition_index, &partition.adding_replicas), (1, &vec![NodeId(2)]));
        assert!(partition.removing_replicas.is_empty());
    }
}
