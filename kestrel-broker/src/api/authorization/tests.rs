//! Over TCP: what is denied is refused by every API with the error of its resource, be it there or not, and nothing else is.

use kestrel_protocol::messages::create_acls::{AclCreation, CreateAclsRequest};
use kestrel_protocol::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use kestrel_protocol::messages::create_topics::{CreatableTopic, CreateTopicsRequest};
use kestrel_protocol::messages::delete_groups::DeleteGroupsRequest;
use kestrel_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic,
};
use kestrel_protocol::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;
use kestrel_protocol::messages::describe_client_quotas::DescribeClientQuotasRequest;
use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;
use kestrel_protocol::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use kestrel_protocol::messages::describe_groups::DescribeGroupsRequest;
use kestrel_protocol::messages::describe_topic_partitions::{DescribeTopicPartitionsRequest, TopicRequest};
use kestrel_protocol::messages::describe_user_scram_credentials::DescribeUserScramCredentialsRequest;
use kestrel_protocol::messages::fetch::FetchRequest;
use kestrel_protocol::messages::find_coordinator::FindCoordinatorRequest;
use kestrel_protocol::messages::heartbeat::HeartbeatRequest;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, IncrementalAlterConfigsRequest,
};
use kestrel_protocol::messages::init_producer_id::InitProducerIdRequest;
use kestrel_protocol::messages::leave_group::LeaveGroupRequest;
use kestrel_protocol::messages::list_groups::ListGroupsRequest;
use kestrel_protocol::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use kestrel_protocol::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kestrel_protocol::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kestrel_protocol::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestTopic};
use kestrel_protocol::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kestrel_protocol::{ErrorCode, Request, TopicId, encode_response_with_gaps};

use crate::authorizer::AclOperation::{self, *};
use crate::authorizer::{AclBinding, AclPermission, ResourcePattern};
use crate::testing::{
    Member, Peer, batch, commit_request, fetch_request, join_request, produce_request, sync_request,
};
use crate::{Broker, Durability};

const ME: &str = "User:ANONYMOUS";
const TOPIC: ErrorCode = ErrorCode::TopicAuthorizationFailed;
const GROUP: ErrorCode = ErrorCode::GroupAuthorizationFailed;
const CLUSTER: ErrorCode = ErrorCode::ClusterAuthorizationFailed;

/// A broker on which everything is allowed but what ACLs deny.
async fn open_broker() -> Broker {
    Broker::builder()
        .ephemeral()
        .durability(Durability::Os)
        .set("allow.everyone.if.no.acl.found", "true")
        .acl(AclBinding::allow("User:nobody", Read, ResourcePattern::topic("nothing")))
        .start()
        .await
        .unwrap()
}

/// A broker on which nothing is allowed but what these ACLs allow.
async fn closed_broker(acls: impl IntoIterator<Item = (AclOperation, ResourcePattern)>) -> Broker {
    let mut builder = Broker::builder().ephemeral().durability(Durability::Os);
    builder = builder.acl(AclBinding::allow("User:nobody", Read, ResourcePattern::topic("nothing")));
    for (operation, pattern) in acls {
        builder = builder.acl(AclBinding::allow(ME, operation, pattern));
    }
    builder.start().await.unwrap()
}

async fn create(peer: &mut Peer, acls: impl IntoIterator<Item = AclBinding>) {
    let creation = |acl: AclBinding| AclCreation {
        resource_type: acl.pattern().resource_type().wire(),
        resource_name: acl.pattern().shared_name().clone(),
        resource_pattern_type: acl.pattern().pattern_type().wire(),
        principal: acl.principal().into(),
        host: acl.host().into(),
        operation: acl.operation().wire(),
        permission_type: acl.permission().wire(),
    };
    let request = CreateAclsRequest { creations: acls.into_iter().map(creation).collect() };
    assert_eq!(errors(peer, &request, 3).await, []);
}

/// The errors in the answer to a request.
async fn errors<R: Request>(peer: &mut Peer, request: &R, version: i16) -> Vec<ErrorCode> {
    let response = peer.call(request, version).await;
    encode_response_with_gaps::<R>(&response, version, 1).unwrap().errors
}

fn metadata(topic: &str) -> MetadataRequest {
    let topic = MetadataRequestTopic { name: Some(topic.to_owned().into()), ..Default::default() };
    MetadataRequest { topics: Some(vec![topic]), ..Default::default() }
}

fn create_topic(name: &str) -> CreateTopicsRequest {
    let topic =
        CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    CreateTopicsRequest { topics: vec![topic], ..Default::default() }
}

/// The errors of each request about a topic.
async fn errors_of_topic(peer: &mut Peer, name: &str) -> Vec<Vec<ErrorCode>> {
    let configs =
        DescribeConfigsResource { resource_type: 2, resource_name: name.into(), ..Default::default() };
    let altered = AlterConfigsResource { resource_type: 2, resource_name: name.into(), ..Default::default() };
    let offsets = ListOffsetsTopic { name: name.into(), partitions: vec![ListOffsetsPartition::default()] };
    let epochs =
        OffsetForLeaderTopic { topic: name.into(), partitions: vec![OffsetForLeaderPartition::default()] };
    let records =
        DeleteRecordsTopic { name: name.into(), partitions: vec![DeleteRecordsPartition::default()] };
    let grown = CreatePartitionsTopic { name: name.into(), count: 9, ..Default::default() };
    let deleted = DeleteTopicState { name: Some(name.into()), ..Default::default() };
    let committed = commit_request("ours", None, name, 1);
    let fetched = OffsetFetchRequestTopic { name: name.into(), partition_indexes: vec![0] };
    let forgotten = OffsetDeleteRequestTopic {
        name: name.into(),
        partitions: vec![OffsetDeleteRequestPartition::default()],
    };
    vec![
        errors(peer, &produce_request(name, batch(&["a"])), 12).await,
        errors(peer, &fetch_request(name, 0), 12).await,
        errors(peer, &ListOffsetsRequest { topics: vec![offsets], ..Default::default() }, 7).await,
        errors(peer, &metadata(name), 12).await,
        errors(
            peer,
            &DescribeTopicPartitionsRequest {
                topics: vec![TopicRequest { name: name.into() }],
                response_partition_limit: 10,
                ..Default::default()
            },
            0,
        )
        .await,
        errors(peer, &OffsetForLeaderEpochRequest { topics: vec![epochs], ..Default::default() }, 4).await,
        errors(peer, &DescribeConfigsRequest { resources: vec![configs], ..Default::default() }, 4).await,
        errors(peer, &IncrementalAlterConfigsRequest { resources: vec![altered], ..Default::default() }, 1)
            .await,
        errors(peer, &CreatePartitionsRequest { topics: vec![grown], ..Default::default() }, 3).await,
        errors(peer, &DeleteRecordsRequest { topics: vec![records], ..Default::default() }, 2).await,
        errors(peer, &DeleteTopicsRequest { topics: vec![deleted], ..Default::default() }, 6).await,
        errors(peer, &committed, 8).await,
        errors(
            peer,
            &OffsetFetchRequest {
                group_id: "ours".into(),
                topics: Some(vec![fetched]),
                ..Default::default()
            },
            7,
        )
        .await,
        errors(peer, &OffsetDeleteRequest { group_id: "ours".into(), topics: vec![forgotten] }, 0).await,
    ]
}

#[tokio::test]
async fn a_denied_topic_is_refused_by_each_api_whether_it_is_there_or_not() {
    let broker = open_broker().await;
    let mut peer = Peer::of(&broker).await;
    let id = peer.create_topic("theirs").await;
    peer.find_coordinator("ours").await;
    assert_eq!(peer.commit("ours", None, "theirs", 1).await, ErrorCode::None);
    create(
        &mut peer,
        [
            AclBinding::deny(ME, All, ResourcePattern::topic("theirs").prefixed()),
            AclBinding::deny(ME, ClusterAction, ResourcePattern::cluster()),
            AclBinding::deny(ME, Create, ResourcePattern::cluster()),
            AclBinding::deny(ME, Delete, ResourcePattern::cluster()),
        ],
    )
    .await;
    let there = errors_of_topic(&mut peer, "theirs").await;
    assert_eq!(there, vec![vec![TOPIC]; there.len()]);
    assert_eq!(errors_of_topic(&mut peer, "theirs-not-there").await, there);
    for name in ["theirs", "theirs-not-there"] {
        assert_eq!(errors(&mut peer, &create_topic(name), 7).await, [TOPIC]);
    }
    // By id: an id that nobody has is no secret, a name is.
    let by_id = |topic_id| {
        let mut produce = produce_request("", batch(&["a"]));
        produce.topic_data[0].topic_id = topic_id;
        let mut fetch = fetch_request("", 0);
        fetch.topics[0].topic_id = topic_id;
        (produce, fetch)
    };
    for (topic_id, error) in [(id, TOPIC), (TopicId::from_u128(9), ErrorCode::UnknownTopicId)] {
        let (produce, fetch) = by_id(topic_id);
        assert_eq!(errors(&mut peer, &produce, 13).await, [error]);
        assert_eq!(errors(&mut peer, &fetch, 13).await, [error]);
        let asked = MetadataRequestTopic { topic_id, ..Default::default() };
        let metadata = MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
        let described = peer.call(&metadata, 12).await.topics.remove(0);
        assert_eq!((described.error_code, described.name, described.topic_id), (error, None, topic_id));
    }
    let all = peer.call(&MetadataRequest { topics: None, ..Default::default() }, 12).await.topics;
    assert!(all.iter().all(|topic| topic.name.as_deref() != Some("theirs")) && !all.is_empty());
    let offsets = OffsetFetchRequest { group_id: "ours".into(), topics: None, ..Default::default() };
    assert_eq!(peer.call(&offsets, 7).await.topics, []);
    // Nothing of this has happened, and what is not denied works.
    let other = produce_request("others", batch(&["a"]));
    assert_eq!(errors(&mut peer, &metadata("others"), 12).await, []);
    assert_eq!(errors(&mut peer, &other, 12).await, []);
}

#[tokio::test]
async fn a_denied_group_is_refused_by_each_api() {
    let broker = open_broker().await;
    let mut peer = Peer::of(&broker).await;
    let member = peer.join_alone("theirs").await;
    create(&mut peer, [AclBinding::deny(ME, All, ResourcePattern::group("theirs"))]).await;
    let nobody = Member { id: "nobody".into(), generation: 1 };
    let refused = [
        errors(&mut peer, &FindCoordinatorRequest { key: "theirs".into(), ..Default::default() }, 2).await,
        errors(
            &mut peer,
            &FindCoordinatorRequest { coordinator_keys: vec!["theirs".into()], ..Default::default() },
            4,
        )
        .await,
        errors(&mut peer, &join_request("theirs", ""), 9).await,
        errors(&mut peer, &sync_request("theirs", &nobody), 5).await,
        errors(&mut peer, &HeartbeatRequest { group_id: "theirs".into(), ..Default::default() }, 4).await,
        errors(&mut peer, &LeaveGroupRequest { group_id: "theirs".into(), ..Default::default() }, 5).await,
        errors(&mut peer, &commit_request("theirs", Some(&member), "t", 1), 8).await,
        errors(&mut peer, &OffsetFetchRequest { group_id: "theirs".into(), ..Default::default() }, 7).await,
        errors(&mut peer, &OffsetDeleteRequest { group_id: "theirs".into(), ..Default::default() }, 0).await,
        errors(&mut peer, &DescribeGroupsRequest { groups: vec!["theirs".into()], ..Default::default() }, 5)
            .await,
        errors(&mut peer, &DeleteGroupsRequest { groups_names: vec!["theirs".into()] }, 2).await,
    ];
    assert_eq!(refused.to_vec(), vec![vec![GROUP]; refused.len()]);
    // Who may describe the cluster sees all groups; then only those that he may describe.
    let listed = peer.call(&ListGroupsRequest::default(), 4).await.groups;
    assert_eq!(listed.iter().map(|group| &*group.group_id).collect::<Vec<_>>(), ["theirs"]);
    create(&mut peer, [AclBinding::deny(ME, Describe, ResourcePattern::cluster())]).await;
    assert_eq!(peer.call(&ListGroupsRequest::default(), 4).await.groups, []);
}

#[tokio::test]
async fn the_cluster_is_closed_to_those_who_may_nothing() {
    let broker = closed_broker([]).await;
    let mut peer = Peer::of(&broker).await;
    let broker_configs = DescribeConfigsResource { resource_type: 4, ..Default::default() };
    let refused = [
        errors(&mut peer, &DescribeAclsRequest { operation: 1, permission_type: 1, ..Default::default() }, 3)
            .await,
        errors(&mut peer, &DescribeUserScramCredentialsRequest::default(), 0).await,
        errors(&mut peer, &DescribeClientQuotasRequest::default(), 1).await,
        errors(&mut peer, &InitProducerIdRequest::default(), 4).await,
        errors(
            &mut peer,
            &DescribeConfigsRequest { resources: vec![broker_configs], ..Default::default() },
            4,
        )
        .await,
    ];
    assert_eq!(refused.to_vec(), vec![vec![CLUSTER]; refused.len()]);
    let asked = DescribeClusterRequest {
        include_cluster_authorized_operations: true,
        endpoint_type: 1,
        ..Default::default()
    };
    assert_eq!(peer.call(&asked, 1).await.cluster_authorized_operations, 0);
    let transactional = InitProducerIdRequest { transactional_id: Some("t".into()), ..Default::default() };
    let refused = errors(&mut peer, &transactional, 4).await;
    assert_eq!(refused, [ErrorCode::TransactionalIdAuthorizationFailed]);
    let follower = FetchRequest { replica_id: kestrel_protocol::NodeId(1), ..fetch_request("t", 0) };
    assert_eq!(errors(&mut peer, &follower, 12).await, [TOPIC]);
}

#[tokio::test]
async fn a_single_permission_is_enough_and_its_bits_are_shown() {
    let topic = ResourcePattern::topic("orders-").prefixed();
    let broker =
        closed_broker([(Create, topic.clone()), (Write, topic), (Describe, ResourcePattern::cluster())])
            .await;
    let mut peer = Peer::of(&broker).await;
    assert_eq!(errors(&mut peer, &metadata("orders-eu"), 12).await, []);
    assert_eq!(errors(&mut peer, &produce_request("orders-eu", batch(&["a"])), 12).await, []);
    assert_eq!(
        errors(&mut peer, &InitProducerIdRequest::default(), 4).await,
        [],
        "Write on any topic (KIP-679)"
    );
    assert_eq!(errors(&mut peer, &fetch_request("orders-eu", 0), 12).await, [TOPIC]);
    assert_eq!(errors(&mut peer, &metadata("orders"), 12).await, [TOPIC], "no prefix of it, and not created");
    let asked = MetadataRequest { include_topic_authorized_operations: true, ..metadata("orders-eu") };
    let described = peer.call(&asked, 12).await.topics.remove(0);
    let bits = [Write, Create, Describe].iter().fold(0, |bits, operation| bits | 1 << operation.wire());
    assert_eq!(described.topic_authorized_operations, bits);
    // Created, but how it is configured is not shown.
    let created = peer.call(&create_topic("orders-us"), 7).await.topics.remove(0);
    assert_eq!((created.error_code, created.num_partitions), (ErrorCode::None, -1));
    assert_eq!(created.topic_config_error_code, TOPIC.code());
}

/// A request that finds every ACL.
fn every_acl() -> DescribeAclsRequest {
    DescribeAclsRequest {
        resource_type_filter: 1,
        pattern_type_filter: 1,
        operation: 1,
        permission_type: 1,
        ..Default::default()
    }
}

#[tokio::test]
async fn an_acl_of_the_builder_can_be_deleted_for_good() {
    let broker = open_broker().await;
    let mut peer = Peer::of(&broker).await;
    let mut described = peer.call(&every_acl(), 3).await;
    let acl = described.resources.remove(0).acls.remove(0);
    assert_eq!((&*acl.principal, acl.permission_type), ("User:nobody", AclPermission::Allow.wire()));
    let filter = kestrel_protocol::messages::delete_acls::DeleteAclsFilter {
        resource_type_filter: 1,
        pattern_type_filter: 1,
        operation: 1,
        permission_type: 1,
        ..Default::default()
    };
    let deletion = kestrel_protocol::messages::delete_acls::DeleteAclsRequest { filters: vec![filter] };
    assert_eq!(errors(&mut peer, &deletion, 3).await, []);
    broker.restart().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    let described = peer.call(&every_acl(), 3).await;
    assert_eq!((described.error_code, described.resources), (ErrorCode::None, Vec::new()));
}
