//! The quorum that keeps the metadata: its leader, its voters and who follows them (KIP-595, KIP-853).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, PartitionData, ReplicaState,
    ResponsePartitionData, TopicData,
};
use kestrel_protocol::{ApiKey, ByteString, LeaderEpoch, NodeId, Uuid};

use crate::admin::settle::{Call, Round, check, left_out};
use crate::client::{Client, Target};
use crate::error::Result;
use crate::record::Timestamp;

/// The log of the metadata, which has one partition.
const METADATA_TOPIC: ByteString = ByteString::from_static("__cluster_metadata");

/// The quorum that keeps the metadata of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetadataQuorum {
    /// The active controller.
    pub leader: NodeId,
    /// How often the leader was elected.
    pub leader_epoch: LeaderEpoch,
    /// How far the log of the metadata is with a majority of the voters.
    pub high_watermark: i64,
    /// The controllers that vote, the leader included.
    pub voters: Vec<QuorumReplica>,
    /// Those that follow the log and do not vote: brokers, and controllers that are no voters.
    pub observers: Vec<QuorumReplica>,
    /// Where the voters listen, by node, if the broker sent it (Apache Kafka 3.9).
    pub endpoints: BTreeMap<NodeId, Vec<QuorumEndpoint>>,
}

/// A node that follows the log of the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuorumReplica {
    /// The node.
    pub id: NodeId,
    /// The id of the folder that the node keeps the log in, if the broker sent it (KIP-853).
    pub directory_id: Option<Uuid>,
    /// The end of the node's log as the leader knows it; `None` when it does not.
    pub log_end_offset: Option<i64>,
    /// When the node fetched last, if the leader knows it; of the leader itself, now.
    pub last_fetch_timestamp: Option<Timestamp>,
    /// When the node had all that the leader had, if the leader knows it; of the leader itself, now.
    pub last_caught_up_timestamp: Option<Timestamp>,
}

/// An address at which a controller listens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuorumEndpoint {
    /// The listener's name.
    pub listener: Arc<str>,
    /// The host.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
}

impl MetadataQuorum {
    /// How many records of the leader's log a replica does not have yet; `None` when the leader does not know.
    #[must_use]
    pub fn lag(&self, replica: &QuorumReplica) -> Option<i64> {
        let leader = self.voters.iter().find(|voter| voter.id == self.leader)?;
        Some(leader.log_end_offset?.saturating_sub(replica.log_end_offset?).max(0))
    }

    fn read(partition: ResponsePartitionData) -> Self {
        let replicas = |replicas: Vec<ReplicaState>| {
            let mut replicas: Vec<_> = replicas.iter().map(QuorumReplica::read).collect();
            replicas.sort_by_key(|replica| replica.id);
            replicas
        };
        Self {
            leader: partition.leader_id,
            leader_epoch: partition.leader_epoch,
            high_watermark: partition.high_watermark,
            voters: replicas(partition.current_voters),
            observers: replicas(partition.observers),
            endpoints: BTreeMap::new(),
        }
    }
}

impl QuorumReplica {
    fn read(replica: &ReplicaState) -> Self {
        let time = |millis: i64| (millis >= 0).then(|| Timestamp::from_millis(millis));
        Self {
            id: replica.replica_id,
            directory_id: Some(replica.replica_directory_id).filter(|id| !id.is_nil()),
            log_end_offset: (replica.log_end_offset >= 0).then_some(replica.log_end_offset),
            last_fetch_timestamp: time(replica.last_fetch_timestamp),
            last_caught_up_timestamp: time(replica.last_caught_up_timestamp),
        }
    }
}

impl QuorumEndpoint {
    fn read(listener: &Listener) -> Self {
        Self { listener: Arc::from(&*listener.name), host: Arc::from(&*listener.host), port: listener.port }
    }
}

/// Asks a broker, which asks the active controller.
#[derive(Debug)]
pub(super) struct DescribeQuorum;

impl Call for DescribeQuorum {
    type Item = ();
    type Output = MetadataQuorum;
    const OPERATION: &'static str = "describing the metadata quorum";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let partition = PartitionData { partition_index: 0 };
        let topic = TopicData { topic_name: METADATA_TOPIC, partitions: vec![partition] };
        let request = DescribeQuorumRequest { topics: vec![topic] };
        Ok(vec![described(client.send(Target::Any, &request).await?)])
    }
}

fn described(response: DescribeQuorumResponse) -> Result<MetadataQuorum> {
    let api = ApiKey::DescribeQuorum;
    check(api, response.error_code, response.error_message.as_deref())?;
    let mut partitions = response.topics.into_iter().flat_map(|topic| topic.partitions);
    let partition = partitions.next().ok_or_else(|| left_out(api))?;
    check(api, partition.error_code, partition.error_message.as_deref())?;
    let mut quorum = MetadataQuorum::read(partition);
    for node in response.nodes {
        let endpoints = node.listeners.iter().map(QuorumEndpoint::read).collect();
        quorum.endpoints.insert(node.node_id, endpoints);
    }
    Ok(quorum)
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::ErrorCode;
    use kestrel_protocol::messages::describe_quorum::ResponseTopicData;

    use super::*;

    fn replica(id: i32, log_end_offset: i64) -> ReplicaState {
        ReplicaState {
            replica_id: NodeId(id),
            log_end_offset,
            last_fetch_timestamp: if id == 1 { 1_000 } else { -1 },
            last_caught_up_timestamp: -1,
            ..ReplicaState::default()
        }
    }

    fn answer(partition: ResponsePartitionData) -> DescribeQuorumResponse {
        let topic = ResponseTopicData { topic_name: METADATA_TOPIC, partitions: vec![partition] };
        DescribeQuorumResponse { topics: vec![topic], ..DescribeQuorumResponse::default() }
    }

    #[test]
    fn what_the_leader_does_not_know_is_none() {
        let partition = ResponsePartitionData {
            leader_id: NodeId(1),
            current_voters: vec![replica(2, 90), replica(1, 100)],
            observers: vec![replica(3, -1)],
            ..ResponsePartitionData::default()
        };
        let quorum = described(answer(partition)).unwrap();
        let ids =
            |replicas: &[QuorumReplica]| replicas.iter().map(|replica| replica.id.0).collect::<Vec<_>>();
        assert_eq!((ids(&quorum.voters), ids(&quorum.observers)), (vec![1, 2], vec![3]));
        assert_eq!(quorum.voters[0].last_fetch_timestamp, Some(Timestamp::from_millis(1_000)));
        assert_eq!((quorum.voters[1].last_fetch_timestamp, quorum.voters[1].directory_id), (None, None));
        let lags =
            [&quorum.voters[0], &quorum.voters[1], &quorum.observers[0]].map(|replica| quorum.lag(replica));
        assert_eq!(lags, [Some(0), Some(10), None]);
    }

    #[test]
    fn a_refusal_of_the_partition_is_one_of_the_call() {
        let error_code = ErrorCode::NotLeaderOrFollower;
        let refused = answer(ResponsePartitionData { error_code, ..ResponsePartitionData::default() });
        assert_eq!(described(refused).unwrap_err().code(), Some(error_code));
        let empty = described(DescribeQuorumResponse::default()).unwrap_err();
        assert_eq!(empty.code(), Some(ErrorCode::UnknownServerError));
    }
}
