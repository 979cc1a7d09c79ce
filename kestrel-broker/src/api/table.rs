//! The table of APIs that are served: the versions that are advertised, the handler, and what a request needs.
//!
//! ApiVersions is answered from it and the router reads it, so that what is advertised is what is there. The needs are those
//! of Apache Kafka's documentation ("Operations and Resources on Protocols").

use kestrel_protocol::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use kestrel_protocol::messages::add_partitions_to_txn::AddPartitionsToTxnRequest;
use kestrel_protocol::messages::alter_client_quotas::AlterClientQuotasRequest;
use kestrel_protocol::messages::alter_configs::AlterConfigsRequest;
use kestrel_protocol::messages::alter_partition_reassignments::AlterPartitionReassignmentsRequest;
use kestrel_protocol::messages::alter_replica_log_dirs::AlterReplicaLogDirsRequest;
use kestrel_protocol::messages::alter_user_scram_credentials::AlterUserScramCredentialsRequest;
use kestrel_protocol::messages::api_versions::ApiVersionsRequest;
use kestrel_protocol::messages::create_acls::CreateAclsRequest;
use kestrel_protocol::messages::create_partitions::CreatePartitionsRequest;
use kestrel_protocol::messages::create_topics::CreateTopicsRequest;
use kestrel_protocol::messages::delete_acls::DeleteAclsRequest;
use kestrel_protocol::messages::delete_groups::DeleteGroupsRequest;
use kestrel_protocol::messages::delete_records::DeleteRecordsRequest;
use kestrel_protocol::messages::delete_topics::DeleteTopicsRequest;
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;
use kestrel_protocol::messages::describe_client_quotas::DescribeClientQuotasRequest;
use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;
use kestrel_protocol::messages::describe_configs::DescribeConfigsRequest;
use kestrel_protocol::messages::describe_groups::DescribeGroupsRequest;
use kestrel_protocol::messages::describe_log_dirs::DescribeLogDirsRequest;
use kestrel_protocol::messages::describe_producers::DescribeProducersRequest;
use kestrel_protocol::messages::describe_quorum::DescribeQuorumRequest;
use kestrel_protocol::messages::describe_topic_partitions::DescribeTopicPartitionsRequest;
use kestrel_protocol::messages::describe_transactions::DescribeTransactionsRequest;
use kestrel_protocol::messages::describe_user_scram_credentials::DescribeUserScramCredentialsRequest;
use kestrel_protocol::messages::elect_leaders::ElectLeadersRequest;
use kestrel_protocol::messages::end_txn::EndTxnRequest;
use kestrel_protocol::messages::fetch::FetchRequest;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::get_telemetry_subscriptions::GetTelemetrySubscriptionsRequest;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::incremental_alter_configs::IncrementalAlterConfigsRequest;
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::join_group::JoinGroupRequest;
use kestrel_protocol::messages::leave_group::LeaveGroupRequest;
use kestrel_protocol::messages::list_config_resources::ListConfigResourcesRequest;
use kestrel_protocol::messages::list_groups::ListGroupsRequest;
use kestrel_protocol::messages::list_offsets::ListOffsetsRequest;
use kestrel_protocol::messages::list_partition_reassignments::ListPartitionReassignmentsRequest;
use kestrel_protocol::messages::list_transactions::ListTransactionsRequest;
use kestrel_protocol::messages::metadata::MetadataRequest;
use kestrel_protocol::messages::offset_commit::OffsetCommitRequest;
use kestrel_protocol::messages::offset_delete::OffsetDeleteRequest;
use kestrel_protocol::messages::offset_fetch::OffsetFetchRequest;
use kestrel_protocol::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use kestrel_protocol::messages::produce::ProduceRequest;
use kestrel_protocol::messages::push_telemetry::PushTelemetryRequest;
use kestrel_protocol::messages::sasl_authenticate::SaslAuthenticateRequest;
use kestrel_protocol::messages::sasl_handshake::SaslHandshakeRequest;
use kestrel_protocol::messages::sync_group::SyncGroupRequest;
use kestrel_protocol::messages::txn_offset_commit::TxnOffsetCommitRequest;
use kestrel_protocol::messages::unregister_broker::UnregisterBrokerRequest;
use kestrel_protocol::messages::update_features::UpdateFeaturesRequest;
use kestrel_protocol::messages::write_txn_markers::WriteTxnMarkersRequest;

use super::access::Need;
use super::handler::{self, Handler};
use super::{Close, RequestCounters, ServedApi};
use crate::authorizer::AclOperation::{self, *};
use crate::authorizer::ResourceType::{Cluster, Group, Topic, TransactionalId};

/// The APIs, by number.
pub(super) const APIS: &[ServedApi] = &[
    // Versions 0 to 2 are advertised and refused, as Apache Kafka does: librdkafka takes a broker without Produce
    // version 2 for one that cannot compress (KAFKA-18659).
    ServedApi {
        first_advertised: 0,
        serve: handler::serve_in_turn::<ProduceRequest>,
        ..row::<ProduceRequest>(&[
            Need(Write, TransactionalId),
            Need(IdempotentWrite, Cluster),
            Need(Write, Topic),
        ])
    },
    row::<FetchRequest>(&[Need(ClusterAction, Cluster), Need(Read, Topic)]),
    row::<ListOffsetsRequest>(&[Need(Describe, Topic)]),
    row::<MetadataRequest>(&[Need(Describe, Topic), Need(Create, Cluster), Need(Create, Topic)]),
    row::<OffsetCommitRequest>(&[Need(Read, Group), Need(Read, Topic)]),
    row::<OffsetFetchRequest>(&[Need(Describe, Group), Need(Describe, Topic)]),
    row::<FindCoordinatorRequest>(&[Need(Describe, Group), Need(Describe, TransactionalId)]),
    row::<JoinGroupRequest>(&[Need(Read, Group)]),
    row::<HeartbeatRequest>(&[Need(Read, Group)]),
    row::<LeaveGroupRequest>(&[Need(Read, Group)]),
    row::<SyncGroupRequest>(&[Need(Read, Group)]),
    row::<DescribeGroupsRequest>(&[Need(Describe, Group)]),
    row::<ListGroupsRequest>(&[Need(Describe, Cluster), Need(Describe, Group)]),
    row::<SaslHandshakeRequest>(&[]),
    row::<ApiVersionsRequest>(&[]),
    row::<CreateTopicsRequest>(&[Need(Create, Cluster), Need(Create, Topic)]),
    row::<DeleteTopicsRequest>(&[Need(Delete, Topic)]),
    row::<DeleteRecordsRequest>(&[Need(Delete, Topic)]),
    row::<InitProducerIdRequest>(&[Need(Write, TransactionalId), Need(IdempotentWrite, Cluster)]),
    row::<OffsetForLeaderEpochRequest>(&[Need(ClusterAction, Cluster), Need(Describe, Topic)]),
    row::<AddPartitionsToTxnRequest>(&[
        Need(ClusterAction, Cluster),
        Need(Write, TransactionalId),
        Need(Write, Topic),
    ]),
    row::<AddOffsetsToTxnRequest>(&[Need(Write, TransactionalId), Need(Read, Group)]),
    row::<EndTxnRequest>(&[Need(Write, TransactionalId)]),
    row::<WriteTxnMarkersRequest>(&[Need(Alter, Cluster), Need(ClusterAction, Cluster)]),
    row::<TxnOffsetCommitRequest>(&[Need(Write, TransactionalId), Need(Read, Group), Need(Read, Topic)]),
    cluster_row::<DescribeAclsRequest>(Describe, &[Need(Describe, Cluster)]),
    cluster_row::<CreateAclsRequest>(Alter, &[Need(Alter, Cluster)]),
    cluster_row::<DeleteAclsRequest>(Alter, &[Need(Alter, Cluster)]),
    row::<DescribeConfigsRequest>(&[Need(DescribeConfigs, Cluster), Need(DescribeConfigs, Topic)]),
    row::<AlterConfigsRequest>(&[Need(AlterConfigs, Cluster), Need(AlterConfigs, Topic)]),
    cluster_row::<AlterReplicaLogDirsRequest>(Alter, &[Need(Alter, Cluster)]),
    cluster_row::<DescribeLogDirsRequest>(Describe, &[Need(Describe, Cluster)]),
    row::<SaslAuthenticateRequest>(&[]),
    row::<CreatePartitionsRequest>(&[Need(Alter, Topic)]),
    row::<DeleteGroupsRequest>(&[Need(Delete, Group)]),
    cluster_row::<ElectLeadersRequest>(Alter, &[Need(Alter, Cluster)]),
    row::<IncrementalAlterConfigsRequest>(&[Need(AlterConfigs, Cluster), Need(AlterConfigs, Topic)]),
    cluster_row::<AlterPartitionReassignmentsRequest>(Alter, &[Need(Alter, Cluster)]),
    cluster_row::<ListPartitionReassignmentsRequest>(Describe, &[Need(Describe, Cluster)]),
    row::<OffsetDeleteRequest>(&[Need(Delete, Group), Need(Read, Topic)]),
    cluster_row::<DescribeClientQuotasRequest>(DescribeConfigs, &[Need(DescribeConfigs, Cluster)]),
    cluster_row::<AlterClientQuotasRequest>(AlterConfigs, &[Need(AlterConfigs, Cluster)]),
    cluster_row::<DescribeUserScramCredentialsRequest>(Describe, &[Need(Describe, Cluster)]),
    cluster_row::<AlterUserScramCredentialsRequest>(Alter, &[Need(Alter, Cluster)]),
    cluster_row::<DescribeQuorumRequest>(Describe, &[Need(Describe, Cluster)]),
    cluster_row::<UpdateFeaturesRequest>(Alter, &[Need(Alter, Cluster)]),
    row::<DescribeClusterRequest>(&[Need(Describe, Cluster)]),
    row::<DescribeProducersRequest>(&[Need(Read, Topic)]),
    cluster_row::<UnregisterBrokerRequest>(Alter, &[Need(Alter, Cluster)]),
    row::<DescribeTransactionsRequest>(&[Need(Describe, TransactionalId), Need(Describe, Topic)]),
    row::<ListTransactionsRequest>(&[Need(Describe, TransactionalId)]),
    // Nobody needs a right to tell of himself, as in Apache Kafka.
    ServedApi { is_of_telemetry: true, ..row::<GetTelemetrySubscriptionsRequest>(&[]) },
    ServedApi { is_of_telemetry: true, ..row::<PushTelemetryRequest>(&[]) },
    cluster_row::<ListConfigResourcesRequest>(DescribeConfigs, &[Need(DescribeConfigs, Cluster)]),
    row::<DescribeTopicPartitionsRequest>(&[Need(Describe, Topic)]),
];

/// Counters at 0, for each API of the table.
pub(crate) fn request_counters() -> RequestCounters {
    RequestCounters::new(APIS.iter().map(|api| (api.key, api.last_version)))
}

/// The row of a request, in every version of its message table.
const fn row<R: Handler>(needs: &'static [Need]) -> ServedApi {
    ServedApi {
        key: R::KEY,
        needs,
        cluster_need: None,
        first_advertised: *R::VERSIONS.start(),
        is_of_telemetry: false,
        last_version: *R::VERSIONS.end(),
        serve: handler::serve::<R>,
        refuse: handler::refuse::<R>,
    }
}

/// The row of a request whose only need is an operation on the cluster.
const fn cluster_row<R: Handler>(operation: AclOperation, needs: &'static [Need]) -> ServedApi {
    ServedApi { cluster_need: Some(operation), ..row::<R>(needs) }
}

/// The row of an API.
///
/// # Errors
/// When it is not served.
pub(super) fn find(api_key: i16) -> Result<&'static ServedApi, Close> {
    let row = APIS.binary_search_by_key(&api_key, |api| api.key.key());
    row.ok().and_then(|row| APIS.get(row)).ok_or(Close::UnknownApi(api_key))
}

#[cfg(test)]
mod tests;
