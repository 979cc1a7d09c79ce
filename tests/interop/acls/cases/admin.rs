//! Topics, configurations, ACLs, users and quotas.

use kestrel_protocol::TopicId;
use kestrel_protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, EntityData, EntryData, OpData,
};
use kestrel_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialDeletion,
};
use kestrel_protocol::messages::create_acls::{AclCreation, CreateAclsRequest};
use kestrel_protocol::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use kestrel_protocol::messages::delete_acls::{DeleteAclsFilter, DeleteAclsRequest};
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;
use kestrel_protocol::messages::describe_client_quotas::DescribeClientQuotasRequest;
use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kestrel_protocol::messages::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, UserName,
};
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::messages::list_config_resources::ListConfigResourcesRequest;
use kestrel_protocol::messages::{alter_configs, alter_configs::AlterConfigsRequest};

use super::{Case, NO_TOPIC, TOPIC, same, same_denial};
use crate::side::Side;

const A_TOPIC: i8 = 2;
const A_BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
/// The topic that is deleted and comes again.
const GONE: &str = "matrix-gone";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = topics();
    cases.extend(configs());
    cases.extend(security());
    cases
}

fn topics() -> Vec<Case> {
    vec![
        same("CreateTopics", |_, _| create(NO_TOPIC)),
        same("CreateTopics of what is there", |_, _| create(TOPIC)),
        same("DeleteTopics of what is not there", |_, version| delete(version, NO_TOPIC)),
        same("DeleteTopics", |side, version| {
            side.topic(GONE);
            delete(version, GONE)
        }),
        same("DeleteTopics by id", delete_by_id),
        same("DeleteRecords", |_, _| {
            let partition = DeleteRecordsPartition { partition_index: 0, offset: 0 };
            let topic = DeleteRecordsTopic { name: TOPIC.into(), partitions: vec![partition] };
            DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 }
        }),
        same("CreatePartitions", |_, _| {
            let topic = CreatePartitionsTopic { name: TOPIC.into(), count: 5, assignments: None };
            CreatePartitionsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: true }
        }),
        same("DescribeCluster", |_, _| DescribeClusterRequest {
            include_cluster_authorized_operations: true,
            endpoint_type: 1,
            ..Default::default()
        }),
    ]
}

fn create(name: &str) -> CreateTopicsRequest {
    // The one default that a folder of Apache Kafka's own format sets for the whole cluster.
    let config = CreatableTopicConfig { name: "min.insync.replicas".into(), value: Some("1".into()) };
    let topic = CreatableTopic {
        name: name.into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: vec![config],
        ..Default::default()
    };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: true }
}

fn delete(version: i16, name: &str) -> DeleteTopicsRequest {
    let topic = DeleteTopicState { name: Some(name.into()), topic_id: TopicId::NIL };
    let (topics, topic_names) =
        if version < 6 { (Vec::new(), vec![name.into()]) } else { (vec![topic], Vec::new()) };
    DeleteTopicsRequest { topics, topic_names, timeout_ms: 10_000 }
}

fn delete_by_id(side: &mut Side, version: i16) -> DeleteTopicsRequest {
    if version < 6 {
        return delete(version, NO_TOPIC);
    }
    let topic = DeleteTopicState { name: None, topic_id: side.topic(GONE) };
    DeleteTopicsRequest { topics: vec![topic], topic_names: Vec::new(), timeout_ms: 10_000 }
}

fn configs() -> Vec<Case> {
    vec![
        same("DescribeConfigs of a topic", |_, _| described(A_TOPIC, TOPIC, "retention.bytes")),
        same_denial("DescribeConfigs of a broker", |_, _| described(A_BROKER, "1", "num.partitions")),
        same_denial("IncrementalAlterConfigs of a topic", |_, _| altered(A_TOPIC, TOPIC)),
        same_denial("IncrementalAlterConfigs of a broker", |_, _| altered(A_BROKER, "1")),
        same_denial("IncrementalAlterConfigs of client metrics", |_, _| altered(CLIENT_METRICS, "matrix")),
        same("DescribeConfigs of client metrics", |_, _| described(CLIENT_METRICS, "matrix", "interval.ms")),
        same("ListConfigResources of client metrics", |_, version| ListConfigResourcesRequest {
            resource_types: if version == 0 { Vec::new() } else { vec![CLIENT_METRICS] },
        }),
        same_denial("AlterConfigs of a topic", |_, _| {
            let resource = alter_configs::AlterConfigsResource {
                resource_type: A_TOPIC,
                resource_name: TOPIC.into(),
                configs: Vec::new(),
            };
            AlterConfigsRequest { resources: vec![resource], validate_only: true }
        }),
    ]
}

fn described(resource_type: i8, name: &str, key: &str) -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource {
        resource_type,
        resource_name: name.into(),
        configuration_keys: Some(vec![key.into()]),
    };
    DescribeConfigsRequest { resources: vec![resource], ..Default::default() }
}

fn altered(resource_type: i8, name: &str) -> IncrementalAlterConfigsRequest {
    let key = if resource_type == A_TOPIC { "retention.ms" } else { "log.retention.ms" };
    let config = AlterableConfig { name: key.into(), config_operation: 0, value: Some("-1".into()) };
    let resource = AlterConfigsResource { resource_type, resource_name: name.into(), configs: vec![config] };
    IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: true }
}

fn security() -> Vec<Case> {
    vec![
        same("DescribeAcls", |_, _| DescribeAclsRequest {
            resource_type_filter: 1,
            pattern_type_filter: 1,
            operation: 1,
            permission_type: 1,
            ..Default::default()
        }),
        same("CreateAcls", |_, _| {
            // No name of a cluster, so that nothing is created where it is allowed.
            let acl = AclCreation {
                resource_type: 4,
                resource_name: "another".into(),
                resource_pattern_type: 3,
                principal: "User:bob".into(),
                host: "*".into(),
                operation: 8,
                permission_type: 3,
            };
            CreateAclsRequest { creations: vec![acl] }
        }),
        same_denial("DeleteAcls", |_, _| {
            let filter = DeleteAclsFilter {
                resource_type_filter: 1,
                pattern_type_filter: 1,
                principal_filter: Some("User:nobody".into()),
                operation: 1,
                permission_type: 1,
                ..Default::default()
            };
            DeleteAclsRequest { filters: vec![filter] }
        }),
        // Of all users, Apache Kafka ends the connection instead of refusing.
        same("DescribeUserScramCredentials", |_, _| DescribeUserScramCredentialsRequest {
            users: Some(vec![UserName { name: "nobody".into() }]),
        }),
        same("AlterUserScramCredentials", |_, _| AlterUserScramCredentialsRequest {
            deletions: vec![ScramCredentialDeletion { name: "nobody".into(), mechanism: 1 }],
            upsertions: Vec::new(),
        }),
        same("DescribeClientQuotas", |_, _| DescribeClientQuotasRequest::default()),
        same("AlterClientQuotas", |_, _| {
            let entity = EntityData { entity_type: "user".into(), entity_name: Some("bob".into()) };
            let set = OpData { key: "producer_byte_rate".into(), value: 1000.0, remove: false };
            let entry = EntryData { entity: vec![entity], ops: vec![set] };
            AlterClientQuotasRequest { entries: vec![entry], validate_only: true }
        }),
    ]
}
