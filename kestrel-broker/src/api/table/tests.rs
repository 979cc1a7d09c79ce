//! The table of APIs over TCP: everything in it answers, everything else closes the connection.

use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::{ApiKey, ErrorCode, Message, encode_request};

use super::*;
use crate::Broker;
use crate::testing::{Peer, batch, produce_request};

/// Sends an empty request of each version and expects an answer of that version.
async fn answers_every_version<R: Handler>(peer: &mut Peer) {
    for version in R::VERSIONS {
        peer.call(&R::default(), version).await;
    }
}

#[tokio::test]
async fn every_api_answers_in_every_version() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    answers_every_version::<FetchRequest>(&mut peer).await;
    answers_every_version::<ListOffsetsRequest>(&mut peer).await;
    answers_every_version::<MetadataRequest>(&mut peer).await;
    answers_every_version::<OffsetCommitRequest>(&mut peer).await;
    answers_every_version::<OffsetFetchRequest>(&mut peer).await;
    answers_every_version::<FindCoordinatorRequest>(&mut peer).await;
    answers_every_version::<JoinGroupRequest>(&mut peer).await;
    answers_every_version::<HeartbeatRequest>(&mut peer).await;
    answers_every_version::<LeaveGroupRequest>(&mut peer).await;
    answers_every_version::<SyncGroupRequest>(&mut peer).await;
    answers_every_version::<DescribeGroupsRequest>(&mut peer).await;
    answers_every_version::<ListGroupsRequest>(&mut peer).await;
    answers_every_version::<DeleteGroupsRequest>(&mut peer).await;
    answers_every_version::<OffsetDeleteRequest>(&mut peer).await;
    answers_every_version::<ApiVersionsRequest>(&mut peer).await;
    answers_every_version::<SaslHandshakeRequest>(&mut peer).await;
    answers_every_version::<SaslAuthenticateRequest>(&mut peer).await;
    answers_every_version::<CreateTopicsRequest>(&mut peer).await;
    answers_every_version::<DeleteTopicsRequest>(&mut peer).await;
    answers_every_version::<DeleteRecordsRequest>(&mut peer).await;
    answers_every_version::<InitProducerIdRequest>(&mut peer).await;
    answers_every_version::<OffsetForLeaderEpochRequest>(&mut peer).await;
    answers_every_version::<AddPartitionsToTxnRequest>(&mut peer).await;
    answers_every_version::<AddOffsetsToTxnRequest>(&mut peer).await;
    answers_every_version::<EndTxnRequest>(&mut peer).await;
    answers_every_version::<WriteTxnMarkersRequest>(&mut peer).await;
    answers_every_version::<DescribeTransactionsRequest>(&mut peer).await;
    answers_every_version::<ListTransactionsRequest>(&mut peer).await;
    answers_every_version::<TxnOffsetCommitRequest>(&mut peer).await;
    answers_every_version::<DescribeConfigsRequest>(&mut peer).await;
    answers_every_version::<CreatePartitionsRequest>(&mut peer).await;
    answers_every_version::<IncrementalAlterConfigsRequest>(&mut peer).await;
    answers_every_version::<DescribeClusterRequest>(&mut peer).await;
    answers_every_version::<DescribeProducersRequest>(&mut peer).await;
    answers_every_version::<DescribeTopicPartitionsRequest>(&mut peer).await;
    answers_every_version::<CreateAclsRequest>(&mut peer).await;
    answers_every_version::<DeleteAclsRequest>(&mut peer).await;
    answers_every_version::<DescribeClientQuotasRequest>(&mut peer).await;
    answers_every_version::<AlterClientQuotasRequest>(&mut peer).await;
    answers_every_version::<DescribeUserScramCredentialsRequest>(&mut peer).await;
    answers_every_version::<AlterUserScramCredentialsRequest>(&mut peer).await;
    answers_every_version::<AlterReplicaLogDirsRequest>(&mut peer).await;
    answers_every_version::<DescribeLogDirsRequest>(&mut peer).await;
    answers_every_version::<ElectLeadersRequest>(&mut peer).await;
    answers_every_version::<AlterPartitionReassignmentsRequest>(&mut peer).await;
    answers_every_version::<ListPartitionReassignmentsRequest>(&mut peer).await;
    answers_every_version::<DescribeQuorumRequest>(&mut peer).await;
    answers_every_version::<UpdateFeaturesRequest>(&mut peer).await;
    answers_every_version::<UnregisterBrokerRequest>(&mut peer).await;
    answers_every_version::<GetTelemetrySubscriptionsRequest>(&mut peer).await;
    answers_every_version::<PushTelemetryRequest>(&mut peer).await;
    answers_every_version::<ListConfigResourcesRequest>(&mut peer).await;
    for version in DescribeAclsRequest::VERSIONS {
        let any = DescribeAclsRequest {
            resource_type_filter: 1,
            operation: 1,
            permission_type: 1,
            ..Default::default()
        };
        peer.call(&any, version).await;
    }
    for version in ProduceRequest::VERSIONS {
        peer.call(&ProduceRequest { acks: 1, ..Default::default() }, version).await;
    }
}

#[test]
fn the_table_is_in_order_and_serves_only_versions_that_have_a_table() {
    assert!(APIS.is_sorted_by_key(|api| api.key));
    for api in APIS {
        assert_eq!(api.advertised().end(), api.key.versions().end());
        assert!(api.advertised().start() <= api.key.versions().start());
    }
}

/// The rows of "Operations and Resources on Protocols" in the documentation of Apache Kafka 4.3, for the APIs served here.
const DOCUMENTED: [(ApiKey, &[&str]); 55] = [
    (ApiKey::Produce, &["Write TransactionalId", "IdempotentWrite Cluster", "Write Topic"]),
    (ApiKey::Fetch, &["ClusterAction Cluster", "Read Topic"]),
    (ApiKey::ListOffsets, &["Describe Topic"]),
    (ApiKey::Metadata, &["Describe Topic", "Create Cluster", "Create Topic"]),
    (ApiKey::OffsetCommit, &["Read Group", "Read Topic"]),
    (ApiKey::OffsetFetch, &["Describe Group", "Describe Topic"]),
    (ApiKey::FindCoordinator, &["Describe Group", "Describe TransactionalId"]),
    (ApiKey::JoinGroup, &["Read Group"]),
    (ApiKey::Heartbeat, &["Read Group"]),
    (ApiKey::LeaveGroup, &["Read Group"]),
    (ApiKey::SyncGroup, &["Read Group"]),
    (ApiKey::DescribeGroups, &["Describe Group"]),
    (ApiKey::ListGroups, &["Describe Cluster", "Describe Group"]),
    (ApiKey::SaslHandshake, &[]),
    (ApiKey::ApiVersions, &[]),
    (ApiKey::CreateTopics, &["Create Cluster", "Create Topic"]),
    (ApiKey::DeleteTopics, &["Delete Topic"]),
    (ApiKey::DeleteRecords, &["Delete Topic"]),
    (ApiKey::InitProducerId, &["Write TransactionalId", "IdempotentWrite Cluster"]),
    (ApiKey::OffsetForLeaderEpoch, &["ClusterAction Cluster", "Describe Topic"]),
    (ApiKey::AddPartitionsToTxn, &["ClusterAction Cluster", "Write TransactionalId", "Write Topic"]),
    (ApiKey::AddOffsetsToTxn, &["Write TransactionalId", "Read Group"]),
    (ApiKey::EndTxn, &["Write TransactionalId"]),
    (ApiKey::WriteTxnMarkers, &["Alter Cluster", "ClusterAction Cluster"]),
    (ApiKey::TxnOffsetCommit, &["Write TransactionalId", "Read Group", "Read Topic"]),
    (ApiKey::DescribeAcls, &["Describe Cluster"]),
    (ApiKey::CreateAcls, &["Alter Cluster"]),
    (ApiKey::DeleteAcls, &["Alter Cluster"]),
    (ApiKey::DescribeConfigs, &["DescribeConfigs Cluster", "DescribeConfigs Topic"]),
    (ApiKey::AlterConfigs, &["AlterConfigs Cluster", "AlterConfigs Topic"]),
    (ApiKey::AlterReplicaLogDirs, &["Alter Cluster"]),
    (ApiKey::DescribeLogDirs, &["Describe Cluster"]),
    (ApiKey::SaslAuthenticate, &[]),
    (ApiKey::CreatePartitions, &["Alter Topic"]),
    (ApiKey::DeleteGroups, &["Delete Group"]),
    // Documented as ClusterAction, and asked for as Alter.
    (ApiKey::ElectLeaders, &["Alter Cluster"]),
    (ApiKey::IncrementalAlterConfigs, &["AlterConfigs Cluster", "AlterConfigs Topic"]),
    (ApiKey::AlterPartitionReassignments, &["Alter Cluster"]),
    (ApiKey::ListPartitionReassignments, &["Describe Cluster"]),
    (ApiKey::OffsetDelete, &["Delete Group", "Read Topic"]),
    (ApiKey::DescribeClientQuotas, &["DescribeConfigs Cluster"]),
    (ApiKey::AlterClientQuotas, &["AlterConfigs Cluster"]),
    (ApiKey::DescribeUserScramCredentials, &["Describe Cluster"]),
    (ApiKey::AlterUserScramCredentials, &["Alter Cluster"]),
    (ApiKey::DescribeQuorum, &["Describe Cluster"]),
    (ApiKey::UpdateFeatures, &["Alter Cluster"]),
    (ApiKey::DescribeCluster, &["Describe Cluster"]),
    (ApiKey::DescribeProducers, &["Read Topic"]),
    (ApiKey::UnregisterBroker, &["Alter Cluster"]),
    (ApiKey::DescribeTransactions, &["Describe TransactionalId", "Describe Topic"]),
    (ApiKey::ListTransactions, &["Describe TransactionalId"]),
    // It documents none for the metrics that clients push.
    (ApiKey::GetTelemetrySubscriptions, &[]),
    (ApiKey::PushTelemetry, &[]),
    (ApiKey::ListConfigResources, &["DescribeConfigs Cluster"]),
    (ApiKey::DescribeTopicPartitions, &["Describe Topic"]),
];

#[test]
fn each_api_needs_what_apache_kafka_documents() {
    let declared = |api: &ServedApi| api.needs.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(APIS.len(), DOCUMENTED.len());
    for (api, (key, documented)) in APIS.iter().zip(DOCUMENTED) {
        assert_eq!((api.key, declared(api)), (key, documented.iter().map(ToString::to_string).collect()));
        for Need(operation, on) in api.needs {
            assert!(on.operations().contains(operation), "{key}: {operation:?} {on:?}");
        }
    }
}

/// The frame of a request with another key and version in its header.
fn frame_with(api_key: i16, version: i16) -> Vec<u8> {
    let mut frame =
        encode_request(&HeartbeatRequest::default(), 0, 1, Some("tester".into())).unwrap().concat();
    frame[4..6].copy_from_slice(&api_key.to_be_bytes());
    frame[6..8].copy_from_slice(&version.to_be_bytes());
    frame
}

#[tokio::test]
async fn what_is_not_served_closes_the_connection() {
    let broker = Broker::test().await.unwrap();
    let cases = [
        ("an unknown key", 999, 0),
        ("a key that Apache Kafka serves: ConsumerGroupHeartbeat", 68, 0),
        ("a version above ours", ApiKey::Metadata.key(), 14),
        ("a version below ours", ApiKey::Fetch.key(), 3),
        ("a version that is only advertised", ApiKey::Produce.key(), 2),
        ("a negative version", ApiKey::Metadata.key(), -1),
    ];
    for (what, api_key, version) in cases {
        let mut peer = Peer::of(&broker).await;
        peer.send_bytes(&frame_with(api_key, version)).await;
        assert_eq!(peer.receive_frame().await, None, "{what}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_short_closes_the_connection() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let mut frame =
        encode_request(&MetadataRequest::default(), 9, 1, Some("tester".into())).unwrap().concat();
    frame.pop();
    frame[3] -= 1;
    peer.send_bytes(&frame).await;
    assert_eq!(peer.receive_frame().await, None);
}

#[tokio::test]
async fn what_follows_a_body_is_ignored() {
    // As Apache Kafka does: librdkafka 2.16 leaves three bytes behind its Metadata request for all topics.
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let mut frame =
        encode_request(&MetadataRequest::default(), 9, 1, Some("tester".into())).unwrap().concat();
    frame.extend_from_slice(&[0; 3]);
    frame[3] += 3;
    peer.send_bytes(&frame).await;
    assert!(peer.receive::<MetadataRequest>(9).await.is_some());
}

#[tokio::test]
async fn what_came_before_a_bad_request_is_still_answered() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    peer.create_topic("events").await;
    peer.send(&produce_request("events", batch(&["a"])), 9).await;
    peer.send_bytes(&frame_with(999, 0)).await;
    let response = peer.receive::<ProduceRequest>(9).await.unwrap();
    assert_eq!(response.responses[0].partition_responses[0].error_code, ErrorCode::None);
    assert_eq!(peer.receive_frame().await, None);
}

#[tokio::test]
async fn unknown_tagged_fields_are_skipped_and_disorder_is_refused() {
    let broker = Broker::test().await.unwrap();
    let plain = encode_request(&MetadataRequest::default(), 9, 1, Some("tester".into())).unwrap().concat();
    // The body ends in the count of its tagged fields.
    let with_tags = |tags: &[u8]| {
        let mut frame = plain[..plain.len() - 1].to_vec();
        frame.extend_from_slice(tags);
        let length = u32::try_from(frame.len() - 4).unwrap();
        frame[..4].copy_from_slice(&length.to_be_bytes());
        frame
    };
    let mut peer = Peer::of(&broker).await;
    peer.send_bytes(&with_tags(&[2, 90, 1, 7, 91, 0])).await;
    assert!(peer.receive::<MetadataRequest>(9).await.is_some());
    for disordered in [&[2, 90, 0, 90, 0], &[2, 91, 0, 90, 0]] {
        let mut peer = Peer::of(&broker).await;
        peer.send_bytes(&with_tags(disordered)).await;
        assert_eq!(peer.receive_frame().await, None);
    }
}
