//! The rules of Apache Kafka's StandardAuthorizer, each by an example; and any set of ACLs against a naive model.

mod model;

use std::net::{IpAddr, Ipv6Addr};

use kestrel_protocol::Uuid;

use super::AclOperation::*;
use super::host::{HostPattern, address_text};
use super::*;

const ALICE: &str = "User:alice";
const EVERYBODY: &str = "User:*";

fn set(acls: impl IntoIterator<Item = AclBinding>) -> AclSet {
    let mut set = AclSet::default();
    for (number, acl) in (1..).zip(acls) {
        set.insert(Uuid::from_u128(number), acl);
    }
    set
}

fn from(principal: &str) -> Subject<'_> {
    Subject { principal, address: [10, 0, 0, 1].into() }
}

/// Whether Alice may do something to a topic, by these ACLs alone.
fn allows(acls: &[AclBinding], operation: AclOperation, topic: &str) -> bool {
    let set = set(acls.iter().cloned());
    Authorizer::default().decide(&set, from(ALICE), operation, ResourceType::Topic, topic).is_allowed
}

fn allow(operation: AclOperation, topic: &str) -> AclBinding {
    AclBinding::allow(ALICE, operation, ResourcePattern::topic(topic))
}

fn deny(operation: AclOperation, topic: &str) -> AclBinding {
    AclBinding::deny(ALICE, operation, ResourcePattern::topic(topic))
}

fn prefixed(acl: &AclBinding) -> AclBinding {
    let pattern = acl.pattern().clone().prefixed();
    match acl.permission() {
        AclPermission::Allow => AclBinding::allow(acl.principal(), acl.operation(), pattern),
        AclPermission::Deny => AclBinding::deny(acl.principal(), acl.operation(), pattern),
    }
}

#[test]
fn a_pattern_is_a_name_or_a_beginning_or_everything() {
    assert!(allows(&[allow(Read, "a")], Read, "a"));
    assert!(!allows(&[allow(Read, "a")], Read, "ab"));
    assert!(allows(&[prefixed(&allow(Read, "a"))], Read, "ab"));
    assert!(allows(&[allow(Read, "*")], Read, "ab"));
    assert!(!allows(&[prefixed(&allow(Read, "*"))], Read, "ab"));
    assert!(allows(&[prefixed(&allow(Read, "*"))], Read, "*b"));
    // As in Apache Kafka.
    assert!(!allows(&[allow(Read, "*")], Read, "*b"));
}

#[test]
fn what_is_denied_nothing_allows() {
    for denial in [deny(Read, "ab"), deny(All, "*"), prefixed(&deny(Read, "a"))] {
        assert!(!allows(&[allow(All, "*"), allow(Read, "ab"), denial], Read, "ab"));
    }
}

#[test]
fn allowing_implies_describing_and_denying_does_not() {
    for operation in [Read, Write, Delete, Alter, All] {
        assert!(allows(&[allow(operation, "a")], Describe, "a"), "{operation}");
        assert_eq!(allows(&[allow(Describe, "a"), deny(operation, "a")], Describe, "a"), operation != All);
    }
    assert!(!allows(&[allow(Create, "a")], Describe, "a"));
    assert!(allows(&[allow(AlterConfigs, "a")], DescribeConfigs, "a"));
    assert!(!allows(&[allow(Alter, "a")], DescribeConfigs, "a"));
    assert!(!allows(&[allow(AlterConfigs, "a")], Describe, "a"));
}

#[test]
fn a_long_prefix_hides_no_shorter_one() {
    // KAFKA-14265.
    let acls =
        [prefixed(&allow(Read, "foo")), prefixed(&allow(Write, "foobar")), prefixed(&allow(Write, "fop"))];
    assert!(allows(&acls, Read, "foobarbaz"));
    assert!(!allows(&acls, Read, "fopper"));
}

#[test]
fn a_host_is_one_address_as_java_writes_it() {
    let local = IpAddr::V6(Ipv6Addr::LOCALHOST);
    assert_eq!(address_text(local), "0:0:0:0:0:0:0:1");
    assert_eq!(address_text("::ffff:10.0.0.1".parse().unwrap()), "10.0.0.1");
    let is_for = |host: &str, address: &str| HostPattern::parse(host).is_for(address.parse().unwrap());
    assert!(is_for("*", "::1") && is_for("0:0:0:0:0:0:0:1", "::1"));
    assert!(is_for("10.0.0.1", "10.0.0.1") && is_for("10.0.0.1", "::ffff:10.0.0.1"));
    for (host, address) in
        [("::1", "::1"), ("10.0.0.0/8", "10.0.0.1"), ("localhost", "127.0.0.1"), ("10.0.0.01", "10.0.0.1")]
    {
        assert!(!is_for(host, address), "{host}");
    }
}

#[test]
fn super_users_may_everything_and_without_acls_a_setting_decides() {
    let denied = set([AclBinding::deny(EVERYBODY, All, ResourcePattern::topic("*"))]);
    let other = set([AclBinding::allow("User:bob", Write, ResourcePattern::topic("a"))]);
    let authorizer = Authorizer::new(["User:admin".to_owned()], true);
    let decide = |acls, who, topic| {
        let decision = authorizer.decide(acls, from(who), Read, ResourceType::Topic, topic);
        (decision.is_allowed, decision.reason.to_string())
    };
    let said = |is_allowed, reason: &str| (is_allowed, reason.to_owned());
    assert_eq!(decide(&denied, "User:admin", "a"), said(true, "super.users"));
    assert_eq!(decide(&denied, ALICE, "a"), said(false, "the ACL DENY User:* from * ALL on Topic:LITERAL:*"));
    // An ACL of anybody is an ACL.
    assert_eq!(decide(&other, ALICE, "a"), said(false, "no ACL that allows it"));
    assert_eq!(decide(&other, ALICE, "b"), said(true, "allow.everyone.if.no.acl.found"));
}

#[test]
fn a_removal_takes_one_acl_and_no_other() {
    // CVE-2024-27309.
    let mut acls = set([allow(All, "a"), deny(Write, "a"), allow(Read, "a"), deny(Write, "a")]);
    let decide = |acls: &AclSet, operation| {
        Authorizer::default().decide(acls, from(ALICE), operation, ResourceType::Topic, "a").is_allowed
    };
    assert_eq!(*acls.remove(Uuid::from_u128(3)).unwrap(), allow(Read, "a"));
    assert!(decide(&acls, Read) && !decide(&acls, Write));
    acls.remove(Uuid::from_u128(2));
    assert!(acls.contains(&deny(Write, "a")) && !decide(&acls, Write), "there was a second one like it");
    acls.remove(Uuid::from_u128(4));
    assert!(!acls.contains(&deny(Write, "a")) && decide(&acls, Write));
    assert!(acls.remove(Uuid::from_u128(4)).is_none());
    acls.remove(Uuid::from_u128(1));
    assert_eq!(acls, AclSet::default());
}

#[test]
fn somewhere_is_not_where_everything_is_denied() {
    // KAFKA-10619.
    let somewhere = |acls: &[AclBinding]| {
        let set = set(acls.iter().cloned());
        Authorizer::default().allows_any(&set, from(ALICE), Write, ResourceType::Topic)
    };
    assert!(!somewhere(&[]));
    assert!(somewhere(&[allow(Write, "a")]));
    assert!(!somewhere(&[allow(Read, "a")]));
    assert!(!somewhere(&[allow(Write, "a"), deny(Write, "*")]));
    assert!(!somewhere(&[allow(Write, "ab"), prefixed(&deny(All, "a"))]));
    assert!(!somewhere(&[allow(Write, "a"), deny(Write, "a")]));
    assert!(somewhere(&[prefixed(&allow(Write, "a")), deny(Write, "a")]));
    assert!(somewhere(&[prefixed(&allow(Write, "a")), prefixed(&deny(Write, "ab"))]));
    assert!(somewhere(&[allow(All, "*"), prefixed(&deny(Write, "a"))]));
}

#[test]
fn a_filter_finds_by_pattern_or_by_name() {
    let filter = |pattern, name: &str| AclFilter {
        resource_type: Some(ResourceType::Topic),
        resource_name: Some(name.into()),
        pattern,
        ..AclFilter::ALL
    };
    let acls =
        [allow(Read, "ab"), allow(Read, "*"), prefixed(&allow(Read, "a")), prefixed(&allow(Read, "ab"))];
    let found = |filter: &AclFilter| {
        let found = acls.iter().map(|acl| if filter.matches(acl) { 'x' } else { '-' });
        found.collect::<String>()
    };
    assert_eq!(found(&AclFilter::ALL), "xxxx");
    assert_eq!(found(&filter(PatternFilter::Any, "ab")), "x--x");
    assert_eq!(found(&filter(PatternFilter::Match, "ab")), "xxxx");
    assert_eq!(found(&filter(PatternFilter::Match, "abc")), "-xxx");
    assert_eq!(found(&filter(PatternFilter::Exactly(PatternType::Literal), "*")), "-x--");
    assert_eq!(found(&filter(PatternFilter::Exactly(PatternType::Prefixed), "a")), "--x-");
    let group = AclFilter { resource_type: Some(ResourceType::Group), ..AclFilter::ALL };
    assert_eq!(found(&group), "----");
    let writers = AclFilter { operation: Some(Write), ..AclFilter::ALL };
    assert_eq!(found(&writers), "----");
    let bobs = AclFilter { principal: Some("User:bob".into()), host: Some("*".into()), ..AclFilter::ALL };
    assert_eq!(found(&bobs), "----");
}

#[test]
fn numbers_are_read_back() {
    assert!(AclOperation::EACH.into_iter().all(|each| AclOperation::from_wire(each.wire()) == Some(each)));
    assert!(ResourceType::EACH.into_iter().all(|each| ResourceType::from_wire(each.wire()) == Some(each)));
    assert_eq!([0, 1, 16].map(AclOperation::from_wire), [None; 3]);
    assert_eq!([0, 1, 8].map(ResourceType::from_wire), [None; 3]);
    assert_eq!([0, 1, 2, 5].map(PatternType::from_wire), [None; 4]);
    assert_eq!([0, 1, 4].map(AclPermission::from_wire), [None; 3]);
}
