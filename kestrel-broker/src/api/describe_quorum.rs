//! DescribeQuorum, versions 0 to 2: how far the voters and observers of the metadata's quorum are (KIP-595, KIP-853). It is this
//! node: leader, only voter, and no observer.

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Node, ReplicaState, ResponsePartitionData,
    ResponseTopicData, TopicData,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{METADATA_TOPIC, QuorumStanding};

impl Handler for DescribeQuorumRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> DescribeQuorumResponse {
        if !is_about_the_metadata(&self.topics) {
            let topics = self.topics.iter().map(|topic| unknown(topic, ErrorCode::UnknownTopicOrPartition));
            return DescribeQuorumResponse { topics: topics.collect(), ..Default::default() };
        }
        let standing = state.cluster.quorum().standing();
        let topic = ResponseTopicData {
            topic_name: ByteString::from_static(METADATA_TOPIC),
            partitions: vec![shown(standing, state.clock.wall().as_millis())],
        };
        // Where controllers call it: nowhere, as there are no others.
        let node = Node { node_id: standing.leader, listeners: Vec::new() };
        DescribeQuorumResponse { topics: vec![topic], nodes: vec![node], ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeQuorumResponse {
        let error_message = Some(error.meaning().into());
        DescribeQuorumResponse { error_code: error, error_message, ..Default::default() }
    }
}

/// Whether a request asks for the one partition that has a quorum, and for nothing else.
fn is_about_the_metadata(topics: &[TopicData]) -> bool {
    let [topic] = topics else { return false };
    let [partition] = &topic.partitions[..] else { return false };
    *topic.topic_name == *METADATA_TOPIC && partition.partition_index == 0
}

fn unknown(topic: &TopicData, error_code: ErrorCode) -> ResponseTopicData {
    let partitions = topic.partitions.iter().map(|partition| ResponsePartitionData {
        partition_index: partition.partition_index,
        error_code,
        error_message: Some(error_code.meaning().into()),
        ..Default::default()
    });
    ResponseTopicData { topic_name: topic.topic_name.clone(), partitions: partitions.collect() }
}

/// The partition; its leader is where its log ends, now.
fn shown(standing: QuorumStanding, now_ms: i64) -> ResponsePartitionData {
    let voter = ReplicaState {
        replica_id: standing.leader,
        replica_directory_id: standing.directory_id,
        log_end_offset: standing.log_end_offset,
        last_fetch_timestamp: now_ms,
        last_caught_up_timestamp: now_ms,
    };
    ResponsePartitionData {
        partition_index: 0,
        leader_id: standing.leader,
        leader_epoch: standing.leader_epoch,
        high_watermark: standing.high_watermark,
        current_voters: vec![voter],
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::messages::describe_quorum::PartitionData;
    use kestrel_protocol::{Message, NodeId, Uuid};

    use super::*;
    use crate::Broker;
    use crate::testing::Peer;

    fn asked(topic_name: &'static str, partitions: &[i32]) -> TopicData {
        let partitions = partitions.iter().map(|index| PartitionData { partition_index: *index });
        TopicData { topic_name: topic_name.into(), partitions: partitions.collect() }
    }

    #[tokio::test]
    async fn the_quorum_is_this_node_and_its_log_grows() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        let mut last = 0;
        for version in DescribeQuorumRequest::VERSIONS {
            peer.create_topic(&format!("t{version}")).await;
            let request = DescribeQuorumRequest { topics: vec![asked(METADATA_TOPIC, &[0])] };
            let mut response = peer.call(&request, version).await;
            assert_eq!(response.error_code, ErrorCode::None);
            let partition = response.topics.remove(0).partitions.remove(0);
            assert_eq!((partition.error_code, partition.leader_id), (ErrorCode::None, NodeId(1)));
            assert_eq!((partition.leader_epoch.0, partition.observers.len()), (1, 0));
            assert!(partition.high_watermark > last, "{} after {last}", partition.high_watermark);
            last = partition.high_watermark;
            let [voter] = &partition.current_voters[..] else { panic!("one voter") };
            assert_eq!((voter.replica_id, voter.log_end_offset), (NodeId(1), last));
            assert_eq!(voter.replica_directory_id, Uuid::NIL);
            assert_eq!(response.nodes.len(), usize::from(version >= 2));
            if version >= 1 {
                assert!(voter.last_caught_up_timestamp > 0);
            }
        }
    }

    #[tokio::test]
    async fn nothing_else_has_a_quorum() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        peer.create_topic("t").await;
        for topics in [
            vec![asked("t", &[0])],
            vec![asked(METADATA_TOPIC, &[1])],
            vec![asked(METADATA_TOPIC, &[0, 1])],
            vec![asked(METADATA_TOPIC, &[0]), asked("t", &[0])],
        ] {
            let response = peer.call(&DescribeQuorumRequest { topics: topics.clone() }, 2).await;
            let partitions = response.topics.iter().flat_map(|topic| &topic.partitions);
            let codes: Vec<_> = partitions.map(|partition| partition.error_code).collect();
            let count = topics.iter().map(|topic| topic.partitions.len()).sum();
            assert_eq!(codes, vec![ErrorCode::UnknownTopicOrPartition; count]);
        }
    }
}
