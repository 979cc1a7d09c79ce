//! What is on which node: folders, leaders, replicas, the metadata's quorum, features, brokers that are gone.

use kestrel_protocol::NodeId;
use kestrel_protocol::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use kestrel_protocol::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
};
use kestrel_protocol::messages::describe_log_dirs::{DescribableLogDirTopic, DescribeLogDirsRequest};
use kestrel_protocol::messages::describe_quorum::{DescribeQuorumRequest, PartitionData, TopicData};
use kestrel_protocol::messages::elect_leaders::{ElectLeadersRequest, TopicPartitions};
use kestrel_protocol::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsTopics,
};
use kestrel_protocol::messages::unregister_broker::UnregisterBrokerRequest;
use kestrel_protocol::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest};

use super::{Case, TOPIC, same, same_part};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = folders();
    cases.extend(partitions());
    cases.extend(cluster());
    cases
}

fn folders() -> Vec<Case> {
    vec![
        same_part(
            "DescribeLogDirs",
            |_, _| {
                let topic = DescribableLogDirTopic { topic: TOPIC.into(), partitions: vec![0] };
                DescribeLogDirsRequest { topics: Some(vec![topic]) }
            },
            |response| {
                for folder in &mut response.results {
                    folder.log_dir = "/".into();
                    (folder.total_bytes, folder.usable_bytes) = (0, 0);
                    let partitions = folder.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
                    partitions.for_each(|partition| partition.partition_size = 0);
                }
            },
        ),
        same("AlterReplicaLogDirs", |_, _| {
            let topic = AlterReplicaLogDirTopic { name: TOPIC.into(), partitions: vec![0] };
            AlterReplicaLogDirsRequest {
                dirs: vec![AlterReplicaLogDir { path: "/nowhere".into(), topics: vec![topic] }],
            }
        }),
    ]
}

fn partitions() -> Vec<Case> {
    vec![
        same("ElectLeaders", |_, _| {
            let topic = TopicPartitions { topic: TOPIC.into(), partitions: vec![0] };
            ElectLeadersRequest { topic_partitions: Some(vec![topic]), ..Default::default() }
        }),
        same("AlterPartitionReassignments", |_, _| {
            let partition = ReassignablePartition { partition_index: 0, replicas: Some(vec![NodeId(1)]) };
            let topic = ReassignableTopic { name: TOPIC.into(), partitions: vec![partition] };
            AlterPartitionReassignmentsRequest { topics: vec![topic], ..Default::default() }
        }),
        same("ListPartitionReassignments", |_, _| {
            let topic = ListPartitionReassignmentsTopics { name: TOPIC.into(), partition_indexes: vec![0] };
            ListPartitionReassignmentsRequest { topics: Some(vec![topic]), ..Default::default() }
        }),
    ]
}

fn cluster() -> Vec<Case> {
    vec![
        same_part(
            "DescribeQuorum",
            |_, _| {
                let partitions = vec![PartitionData { partition_index: 0 }];
                let topic = TopicData { topic_name: "__cluster_metadata".into(), partitions };
                DescribeQuorumRequest { topics: vec![topic] }
            },
            |response| {
                response.nodes.clear();
                for partition in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                    partition.high_watermark = 0;
                    for voter in &mut partition.current_voters {
                        voter.log_end_offset = 0;
                        (voter.last_fetch_timestamp, voter.last_caught_up_timestamp) = (0, 0);
                    }
                }
            },
        ),
        same("UpdateFeatures", |_, version| {
            // The level that it has.
            let update = FeatureUpdateKey {
                feature: "transaction.version".into(),
                max_version_level: 2,
                ..Default::default()
            };
            UpdateFeaturesRequest {
                feature_updates: vec![update],
                validate_only: version >= 1,
                ..Default::default()
            }
        }),
        same("UnregisterBroker", |_, _| UnregisterBrokerRequest { broker_id: NodeId(99) }),
    ]
}
