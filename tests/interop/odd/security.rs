//! Odd requests about security: CreateAcls, DescribeAcls, DeleteAcls, AlterUserScramCredentials, DescribeUserScramCredentials,
//! AlterClientQuotas, DescribeClientQuotas.

use kestrel_protocol::messages::alter_client_quotas::{
    AlterClientQuotasRequest, EntityData, EntryData, OpData,
};
use kestrel_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kestrel_protocol::messages::create_acls::{AclCreation, CreateAclsRequest};
use kestrel_protocol::messages::delete_acls::{DeleteAclsFilter, DeleteAclsRequest};
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;
use kestrel_protocol::messages::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};
use kestrel_protocol::messages::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, UserName,
};

use crate::Run;
use crate::data::NONE;

/// Numbers in ACLs and filters.
const ANY: i8 = 1;
const MATCH: i8 = 2;
const TOPICS: i8 = 2;
const CLUSTER: i8 = 4;
const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const ALL: i8 = 2;
const READ: i8 = 3;
const ALLOW: i8 = 3;

pub(crate) fn run(run: &mut Run) {
    creations(run);
    selections(run);
    deletions(run);
    users(run);
    quotas(run);
    quota_filters(run);
}

fn acl(resource_name: &str) -> AclCreation {
    AclCreation {
        resource_type: TOPICS,
        resource_name: resource_name.into(),
        resource_pattern_type: LITERAL,
        principal: "User:alice".into(),
        host: "*".into(),
        operation: READ,
        permission_type: ALLOW,
    }
}

fn creations(run: &mut Run) {
    let created = |creations: Vec<AclCreation>| CreateAclsRequest { creations };
    run.case("no ACLs", |_, _| created(vec![]));
    run.case("an ACL twice", |_, _| created(vec![acl("t"), acl("t"), acl("u")]));
    run.case("a prefix, a wildcard, a host", |_, _| {
        created(vec![
            AclCreation { resource_pattern_type: PREFIXED, ..acl("pre") },
            acl("*"),
            AclCreation { host: "10.0.0.1".into(), ..acl("t") },
            AclCreation { operation: ALL, ..acl("t") },
        ])
    });
    run.case("a resource of no name", |_, _| created(vec![acl(""), acl("t")]));
    run.case("the cluster by its name and another", |_, _| {
        let of = |name| AclCreation { resource_type: CLUSTER, ..acl(name) };
        created(vec![of("kafka-cluster"), of("other")])
    });
    run.case("a resource type that is none", |_, _| {
        created(vec![AclCreation { resource_type: 99, ..acl("t") }])
    });
    run.case("a pattern that is none", |_, _| {
        created(vec![AclCreation { resource_pattern_type: 99, ..acl("t") }])
    });
    run.case("an operation that is none", |_, _| created(vec![AclCreation { operation: 99, ..acl("t") }]));
    run.case("a permission that is none", |_, _| {
        created(vec![AclCreation { permission_type: 99, ..acl("t") }])
    });
    run.case("any resource type", |_, _| created(vec![AclCreation { resource_type: ANY, ..acl("t") }]));
    run.case("a pattern of filters", |_, _| {
        created(vec![AclCreation { resource_pattern_type: MATCH, ..acl("t") }])
    });
    run.case("any operation", |_, _| created(vec![AclCreation { operation: ANY, ..acl("t") }]));
    run.case("any permission", |_, _| created(vec![AclCreation { permission_type: ANY, ..acl("t") }]));
    run.case("a number of 0", |_, _| created(vec![AclCreation { operation: 0, ..acl("t") }]));
    run.case("a principal without a type", |_, _| {
        created(vec![AclCreation { principal: "alice".into(), ..acl("v") }])
    });
    run.case("a principal of no name", |_, _| {
        created(vec![AclCreation { principal: "".into(), ..acl("v") }])
    });
    run.case("a host of no name", |_, _| created(vec![AclCreation { host: "".into(), ..acl("v") }]));
    run.case("an operation that topics have not", |_, _| {
        created(vec![AclCreation { operation: 9, ..acl("v") }])
    });
}

fn anything() -> DescribeAclsRequest {
    DescribeAclsRequest {
        resource_type_filter: ANY,
        resource_name_filter: None,
        pattern_type_filter: ANY,
        principal_filter: None,
        host_filter: None,
        operation: ANY,
        permission_type: ANY,
    }
}

fn selections(run: &mut Run) {
    run.case("everything", |_, _| anything());
    for (name, resource, pattern) in [
        ("what stands for a topic", Some("prefix"), MATCH),
        ("what has a name", Some("t"), ANY),
        ("a literal", Some("t"), LITERAL),
        ("a prefix", Some("pre"), PREFIXED),
        ("the wildcard", Some("*"), LITERAL),
        ("all prefixes", None, PREFIXED),
        ("a name that nothing has", Some(NONE), ANY),
        ("no name", Some(""), ANY),
        ("a pattern that is none", None, 99),
    ] {
        run.case(name, |_, _| DescribeAclsRequest {
            resource_name_filter: resource.map(Into::into),
            pattern_type_filter: pattern,
            ..anything()
        });
    }
    run.case("one operation", |_, _| DescribeAclsRequest { operation: ALL, ..anything() });
    run.case("one host", |_, _| DescribeAclsRequest { host_filter: Some("10.0.0.1".into()), ..anything() });
    run.case("an operation that is none", |_, _| DescribeAclsRequest { operation: 99, ..anything() });
    run.case("a permission that is none", |_, _| DescribeAclsRequest { permission_type: -1, ..anything() });
    run.case("a resource type that is none", |_, _| DescribeAclsRequest {
        resource_type_filter: 99,
        ..anything()
    });
    run.case("a number of 0", |_, _| DescribeAclsRequest { operation: 0, ..anything() });
}

fn deletions(run: &mut Run) {
    let deleted = |filters: Vec<DeleteAclsFilter>| DeleteAclsRequest { filters };
    let all = || DeleteAclsFilter {
        resource_type_filter: ANY,
        pattern_type_filter: ANY,
        operation: ANY,
        permission_type: ANY,
        ..Default::default()
    };
    let named = |name: &str| DeleteAclsFilter { resource_name_filter: Some(name.into()), ..all() };
    run.case("no filters", |_, _| deleted(vec![]));
    run.case("what nothing has", |_, _| deleted(vec![named(NONE)]));
    run.case("a filter that is none", |_, _| {
        deleted(vec![DeleteAclsFilter { pattern_type_filter: 99, ..named("u") }, named(NONE)])
    });
    run.case("an operation that is none", |_, _| {
        deleted(vec![DeleteAclsFilter { operation: 99, ..named("u") }])
    });
    run.case("a number of 0", |_, _| deleted(vec![DeleteAclsFilter { permission_type: 0, ..named("u") }]));
    // Only the first version finds them.
    run.case("what two filters select", |_, _| deleted(vec![named("u"), named("u")]));
    run.case("everything", |_, _| deleted(vec![all()]));
}

fn set(name: &str, mechanism: i8, iterations: i32) -> ScramCredentialUpsertion {
    ScramCredentialUpsertion {
        name: name.into(),
        mechanism,
        iterations,
        salt: b"salt".to_vec().into(),
        salted_password: b"salted".to_vec().into(),
    }
}

fn users(run: &mut Run) {
    let altered = |deletions: &[(&str, i8)], upsertions: Vec<ScramCredentialUpsertion>| {
        let deletion = |(name, mechanism): &(&str, i8)| ScramCredentialDeletion {
            name: (*name).into(),
            mechanism: *mechanism,
        };
        AlterUserScramCredentialsRequest { deletions: deletions.iter().map(deletion).collect(), upsertions }
    };
    run.case("no users", |_, _| altered(&[], vec![]));
    run.case("users", |_, _| altered(&[], vec![set("alice", 1, 4096), set("bob", 2, 16_384)]));
    run.case("a user of no name", |_, _| altered(&[("", 1)], vec![set("", 1, 4096)]));
    for (name, mechanism, iterations) in [
        ("a mechanism of 0", 0, 4096),
        ("a mechanism of 3", 3, 4096),
        ("a mechanism below zero", -1, 4096),
        ("4,095 iterations", 1, 4095),
        ("16,385 iterations", 1, 16_385),
        ("iterations below zero", 2, -1),
    ] {
        run.case(name, |_, _| altered(&[], vec![set("carol", mechanism, iterations)]));
    }
    run.case("a user twice", |_, _| altered(&[], vec![set("carol", 1, 4096), set("carol", 2, 4096)]));
    run.case("a user set and deleted", |_, _| altered(&[("alice", 1)], vec![set("alice", 2, 4096)]));
    run.case("a user deleted twice", |_, _| altered(&[("alice", 1), ("alice", 1)], vec![]));
    run.case("a wrong mention, then a right one", |_, _| {
        altered(&[("alice", 9)], vec![set("alice", 2, 4096)])
    });
    run.case("unknown users", |_, _| altered(&[(NONE, 1), ("alice", 2), ("bob", 7)], vec![]));
    run.case("a password of no bytes", |_, _| {
        altered(
            &[],
            vec![ScramCredentialUpsertion { salted_password: Vec::new().into(), ..set("carol", 1, 4096) }],
        )
    });
    let described = |users: Option<&[&str]>| DescribeUserScramCredentialsRequest {
        users: users.map(|users| users.iter().map(|name| UserName { name: (*name).into() }).collect()),
    };
    run.case("all users", |_, _| described(None));
    run.case("an empty list", |_, _| described(Some(&[])));
    run.case("known and unknown", |_, _| described(Some(&["alice", NONE, "", "bob", "bob"])));
    run.case("users deleted", |_, _| altered(&[("alice", 1), ("bob", 2)], vec![]));
}

type Parts<'a> = &'a [(&'a str, Option<&'a str>)];
type Limits<'a> = &'a [(&'a str, Option<f64>)];

fn limited(entries: &[(Parts<'_>, Limits<'_>)], validate_only: bool) -> AlterClientQuotasRequest {
    let part = |(entity_type, name): &(&str, Option<&str>)| EntityData {
        entity_type: (*entity_type).into(),
        entity_name: name.map(Into::into),
    };
    let op = |(key, limit): &(&str, Option<f64>)| OpData {
        key: (*key).into(),
        value: limit.unwrap_or_default(),
        remove: limit.is_none(),
    };
    let entry = |(parts, limits): &(Parts<'_>, Limits<'_>)| EntryData {
        entity: parts.iter().map(part).collect(),
        ops: limits.iter().map(op).collect(),
    };
    AlterClientQuotasRequest { entries: entries.iter().map(entry).collect(), validate_only }
}

fn quotas(run: &mut Run) {
    const ALICE: Parts<'_> = &[("user", Some("alice"))];
    const RATE: Limits<'_> = &[("producer_byte_rate", Some(1024.0))];
    run.case("no entities", |_, _| limited(&[], false));
    run.case("only checked", |_, _| limited(&[(&[("user", Some("unseen"))], RATE)], true));
    run.case("entities", |_, _| {
        limited(
            &[
                (ALICE, &[("producer_byte_rate", Some(1024.0)), ("request_percentage", Some(0.5))]),
                (&[("user", None), ("client-id", Some("c"))], &[("consumer_byte_rate", Some(5.0))]),
                (&[("client-id", None)], &[("controller_mutation_rate", Some(1.5))]),
                (&[("ip", Some("10.0.0.1"))], &[("connection_creation_rate", Some(3.0))]),
                // High enough for this program, which opens a connection for each request.
                (&[("ip", None)], &[("connection_creation_rate", Some(100_000.0))]),
            ],
            false,
        )
    });
    run.case("an entity without limits", |_, _| limited(&[(ALICE, &[])], false));
    run.case("limits that nobody has", |_, _| {
        limited(&[(ALICE, &[("consumer_byte_rate", None), ("nope", None)])], false)
    });
    for (name, parts) in [
        ("an entity of no parts", &[][..]),
        ("a type that is none", &[("group", Some("g"))]),
        ("a type of no name", &[("", Some("g"))]),
        ("a user of no name", &[("user", Some(""))]),
        ("a user at an address", &[("user", Some("a")), ("ip", Some("10.0.0.1"))]),
        ("an address that is none", &[("ip", Some("300.1.1.1"))]),
        ("a key of users for an address", &[("ip", Some("10.0.0.1"))]),
        ("a type twice", &[("user", Some("a")), ("user", Some("b"))]),
    ] {
        run.case(name, |_, _| limited(&[(parts, RATE)], true));
    }
    for (name, key, limit) in [
        ("a key that is none", "nope", 1.0),
        ("a key of no name", "", 1.0),
        ("a key of addresses for a user", "connection_creation_rate", 1.0),
        ("a mechanism as a key", "SCRAM-SHA-256", 1.0),
        ("0", "producer_byte_rate", 0.0),
        ("a limit below zero", "request_percentage", -1.0),
        ("half a byte", "consumer_byte_rate", 0.5),
        ("more than a long", "consumer_byte_rate", 1e19),
        ("without end", "request_percentage", f64::INFINITY),
        ("almost a whole number", "producer_byte_rate", 5.000_000_1),
    ] {
        run.case(name, |_, _| limited(&[(ALICE, &[(key, Some(limit))])], true));
    }
    run.case("an address in parts", |_, _| {
        limited(&[(&[("ip", None)], &[("connection_creation_rate", Some(1.5))])], true)
    });
    run.case("more than an int", |_, _| {
        limited(&[(&[("ip", None)], &[("connection_creation_rate", Some(3e9))])], true)
    });
    run.case("a key twice", |_, _| {
        limited(&[(ALICE, &[("producer_byte_rate", Some(1.0)), ("producer_byte_rate", Some(2.0))])], true)
    });
    run.case("an entity twice", |_, _| {
        limited(
            &[
                (&[("user", Some("twice"))], RATE),
                (&[("user", Some("twice"))], &[("consumer_byte_rate", Some(1.0))]),
            ],
            false,
        )
    });
    run.case("one of two is wrong", |_, _| {
        limited(
            &[(&[("user", Some("partly"))], &[("producer_byte_rate", Some(1.0)), ("nope", Some(1.0))])],
            false,
        )
    });
}

fn quota_filters(run: &mut Run) {
    const EXACTLY: i8 = 0;
    const DEFAULT: i8 = 1;
    const ANYTHING: i8 = 2;
    type Components<'a> = &'a [(&'a str, i8, Option<&'a str>)];
    let filter = |components: Components<'_>, strict| {
        let component = |(entity_type, match_type, name): &(&str, i8, Option<&str>)| ComponentData {
            entity_type: (*entity_type).into(),
            match_type: *match_type,
            match_name: name.map(Into::into),
        };
        DescribeClientQuotasRequest { components: components.iter().map(component).collect(), strict }
    };
    let cases: [(&'static str, Components<'_>, bool); 18] = [
        ("everything", &[], false),
        ("strictly nothing", &[], true),
        ("a user", &[("user", EXACTLY, Some("alice"))], false),
        ("a user alone", &[("user", EXACTLY, Some("alice"))], true),
        ("the default user", &[("user", DEFAULT, None)], false),
        ("any user", &[("user", ANYTHING, None)], false),
        ("any user alone", &[("user", ANYTHING, None)], true),
        ("user and client", &[("user", ANYTHING, None), ("client-id", EXACTLY, Some("c"))], true),
        ("any address", &[("ip", ANYTHING, None)], true),
        ("an unknown user", &[("user", EXACTLY, Some(NONE))], false),
        ("a type that is none", &[("group", ANYTHING, None)], false),
        ("a type of no name", &[("", ANYTHING, None)], false),
        ("a type twice", &[("user", ANYTHING, None), ("user", DEFAULT, None)], false),
        ("a user at an address", &[("user", ANYTHING, None), ("ip", DEFAULT, None)], false),
        ("exactly null", &[("user", EXACTLY, None)], false),
        ("the default of a name", &[("user", DEFAULT, Some("a"))], false),
        ("anything of a name", &[("user", ANYTHING, Some("a"))], false),
        ("a match that is none", &[("user", 3, None)], false),
    ];
    for (name, components, strict) in cases {
        run.case(name, |_, _| filter(components, strict));
    }
}
