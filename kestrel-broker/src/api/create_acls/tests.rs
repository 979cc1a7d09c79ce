//! ACLs over TCP: created, described, deleted, still there after a restart; and what is no ACL or no filter.

use kestrel_protocol::messages::create_acls::AclCreation;
use kestrel_protocol::messages::delete_acls::{DeleteAclsFilter, DeleteAclsRequest};
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;

use super::*;
use crate::Broker;
use crate::testing::Peer;

const ANY: i8 = 1;
const MATCH: i8 = 2;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
/// A number that nothing has.
const FUTURE: i8 = 99;

/// A broker with an authorizer that lets its only peer do everything.
async fn guarded() -> (Broker, Peer) {
    let broker = Broker::builder()
        .ephemeral()
        .set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
        .set("super.users", "User:ANONYMOUS");
    let broker = broker.start().await.unwrap();
    let peer = Peer::of(&broker).await;
    (broker, peer)
}

fn acl(name: &'static str) -> AclCreation {
    AclCreation {
        resource_type: 2,
        resource_name: name.into(),
        resource_pattern_type: LITERAL,
        principal: "User:alice".into(),
        host: "*".into(),
        operation: 3,
        permission_type: 3,
    }
}

fn filter() -> DeleteAclsFilter {
    DeleteAclsFilter {
        resource_type_filter: ANY,
        pattern_type_filter: ANY,
        operation: ANY,
        permission_type: ANY,
        ..Default::default()
    }
}

fn described_by(filter: DeleteAclsFilter) -> DescribeAclsRequest {
    super::super::acls::as_description(filter)
}

async fn create(peer: &mut Peer, creations: Vec<AclCreation>, version: i16) -> Vec<ErrorCode> {
    let response = peer.call(&CreateAclsRequest { creations }, version).await;
    response.results.into_iter().map(|result| result.error_code).collect()
}

/// What a filter selects: the names, each with how many ACLs it has.
async fn described(peer: &mut Peer, filter: DeleteAclsFilter, version: i16) -> Vec<(String, i8, usize)> {
    let response = peer.call(&described_by(filter), version).await;
    let resources = response.resources.into_iter();
    resources.map(|found| (found.resource_name.to_string(), found.pattern_type, found.acls.len())).collect()
}

#[tokio::test]
async fn acls_are_created_described_and_deleted() {
    let (broker, mut peer) = guarded().await;
    for version in 1..=3 {
        let prefix = AclCreation { resource_pattern_type: PREFIXED, ..acl("or") };
        let bob = AclCreation { principal: "User:bob".into(), ..acl("orders") };
        let asked = vec![acl("orders"), prefix, bob, acl("orders")];
        assert_eq!(create(&mut peer, asked, version).await, [ErrorCode::None; 4]);
        let all = [("or".to_owned(), PREFIXED, 1), ("orders".to_owned(), LITERAL, 2)];
        assert_eq!(described(&mut peer, filter(), version).await, all);
        broker.restart().await.unwrap();
        peer = Peer::of(&broker).await;
        let matching = || DeleteAclsFilter {
            resource_name_filter: Some("orders".into()),
            pattern_type_filter: MATCH,
            ..filter()
        };
        assert_eq!(described(&mut peer, matching(), version).await, all);
        let of_bob = DeleteAclsFilter { principal_filter: Some("User:bob".into()), ..filter() };
        let request = DeleteAclsRequest { filters: vec![of_bob, matching()] };
        let results = peer.call(&request, version).await.filter_results;
        assert_eq!(results.iter().map(|result| result.matching_acls.len()).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(&*results[0].matching_acls[0].principal, "User:bob");
        assert!(described(&mut peer, filter(), version).await.is_empty());
    }
}

#[tokio::test]
async fn each_acl_and_each_filter_is_refused_by_itself() {
    let (_broker, mut peer) = guarded().await;
    let creations = vec![
        acl("t"),
        acl(""),
        AclCreation { resource_type: 4, ..acl("other") },
        AclCreation { resource_type: FUTURE, ..acl("t") },
        AclCreation { resource_type: ANY, ..acl("t") },
        AclCreation { resource_pattern_type: MATCH, ..acl("t") },
        AclCreation { operation: ANY, ..acl("t") },
        AclCreation { permission_type: FUTURE, ..acl("t") },
        AclCreation { operation: 4, ..acl("t") },
    ];
    let mut expected = [ErrorCode::InvalidRequest; 9];
    expected[0] = ErrorCode::None;
    expected[8] = ErrorCode::None;
    assert_eq!(create(&mut peer, creations, 3).await, expected);
    let filters = vec![
        DeleteAclsFilter { pattern_type_filter: FUTURE, ..filter() },
        DeleteAclsFilter { operation: FUTURE, ..filter() },
        DeleteAclsFilter { operation: 4, ..filter() },
    ];
    // To describe, a filter of what nobody knows selects nothing.
    assert!(described(&mut peer, filters[0].clone(), 3).await.is_empty());
    let results = peer.call(&DeleteAclsRequest { filters }, 3).await.filter_results;
    let shown: Vec<_> =
        results.iter().map(|result| (result.error_code, result.matching_acls.len())).collect();
    assert_eq!(shown, [(ErrorCode::InvalidRequest, 0), (ErrorCode::InvalidRequest, 0), (ErrorCode::None, 1)]);
}

#[tokio::test]
async fn a_number_that_stands_for_nothing_closes_the_connection() {
    let (broker, _) = guarded().await;
    let creation = CreateAclsRequest { creations: vec![AclCreation { operation: 0, ..acl("t") }] };
    assert!(Peer::of(&broker).await.try_call(&creation, 3).await.is_none());
    let nothing = || DeleteAclsFilter { permission_type: 0, ..filter() };
    let deletion = DeleteAclsRequest { filters: vec![nothing()] };
    assert!(Peer::of(&broker).await.try_call(&deletion, 3).await.is_none());
    assert!(Peer::of(&broker).await.try_call(&described_by(nothing()), 3).await.is_none());
}

#[tokio::test]
async fn without_an_authorizer_there_are_no_acls() {
    let broker = Broker::test().await.unwrap();
    let mut peer = Peer::of(&broker).await;
    assert_eq!(create(&mut peer, vec![acl("t"), acl("u")], 3).await, [ErrorCode::SecurityDisabled; 2]);
    let deleted = peer.call(&DeleteAclsRequest { filters: vec![filter()] }, 3).await;
    assert_eq!(deleted.filter_results[0].error_code, ErrorCode::SecurityDisabled);
    let response = peer.call(&described_by(filter()), 3).await;
    assert_eq!(response.error_code, ErrorCode::SecurityDisabled);
    assert_eq!(response.error_message.as_deref(), Some("No Authorizer is configured on the broker"));
}
