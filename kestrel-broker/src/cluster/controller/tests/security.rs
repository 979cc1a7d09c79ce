//! ACLs, users with SCRAM credentials, quotas and provisions: records and refusals, beside those of Apache Kafka.

use kestrel_security::sasl::{ScramCredential, ScramMechanism};
use kestrel_settings::Secret;

use super::*;
use crate::authorizer::{AclOperation, ResourceType};
use crate::cluster::features::METADATA_VERSION;
use crate::cluster::records::FeatureLevelRecord;

/// The types of the records that the log has from here on.
fn types_since(harness: &Harness, before: usize) -> Vec<u8> {
    harness.log[before..].iter().map(|value| value[1]).collect()
}

#[test]
fn an_acl_that_is_there_is_created_without_a_record() {
    let mut harness = Harness::new();
    let (alice, bob) = (acl("alice", ResourcePattern::topic("t")), acl("bob", ResourcePattern::group("g")));
    let before = harness.log.len();
    assert_eq!(harness.create_acls(&[alice.clone(), bob.clone(), alice.clone()]), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(types_since(&harness, before), [18, 18]);
    assert_eq!(harness.create_acls(&[bob, alice]), [Ok(()), Ok(())]);
    assert_eq!(harness.log.len(), before + 2);
}

#[test]
fn an_acl_that_cannot_be_is_refused_and_the_others_are_created() {
    let mut harness = Harness::new();
    let outcomes = harness.create_acls(&[
        acl("a", ResourcePattern::topic("")),
        acl("a", ResourcePattern::topic("t")),
        acl("a", ResourcePattern::new(ResourceType::Cluster, "other")),
        acl("a", ResourcePattern::cluster()),
        AclBinding::allow("a", AclOperation::Read, ResourcePattern::topic("t")),
    ]);
    let codes: Vec<_> = outcomes.into_iter().map(code).collect();
    assert_eq!(
        codes,
        [
            ErrorCode::InvalidRequest,
            ErrorCode::None,
            ErrorCode::InvalidRequest,
            ErrorCode::None,
            ErrorCode::InvalidRequest
        ]
    );
    assert_eq!(harness.controller.image().acls().iter().len(), 2);
}

#[test]
fn what_several_filters_select_is_deleted_once_and_named_to_each() {
    let mut harness = Harness::new();
    let (alice, bob) = (acl("alice", ResourcePattern::topic("t")), acl("bob", ResourcePattern::topic("t")));
    harness.create_acls(&[alice.clone(), bob.clone()]);
    let before = harness.log.len();
    let of_alice = AclFilter { principal: Some("User:alice".into()), ..AclFilter::ALL };
    let of_nobody = AclFilter { principal: Some("User:nobody".into()), ..AclFilter::ALL };
    assert_eq!(
        harness.delete_acls(&[of_alice.clone(), of_nobody, of_alice]),
        [vec![alice.clone()], vec![], vec![alice]]
    );
    assert_eq!(types_since(&harness, before), [19]);
    let left: Vec<AclBinding> =
        harness.controller.image().acls().iter().map(|(_, acl)| (**acl).clone()).collect();
    assert_eq!(left, [bob]);
}

#[test]
fn more_acls_than_a_request_may_change_are_refused_together() {
    let mut harness = Harness::new();
    let many: Vec<AclBinding> =
        (0..=MAX_RECORDS_PER_REQUEST).map(|n| acl("a", ResourcePattern::topic(n.to_string()))).collect();
    let before = harness.log.len();
    let outcomes = harness.create_acls(&many);
    assert!(outcomes.into_iter().all(|outcome| code(outcome) == ErrorCode::PolicyViolation));
    assert_eq!(harness.log.len(), before);
    harness.create_acls(&many[1..]);
    harness.create_acls(&many[..1]);
    let all = harness.controller.delete_acls(&[AclFilter::ALL]);
    assert_eq!((all.records.len(), code(all.reply[0].clone())), (0, ErrorCode::PolicyViolation));
}

#[test]
fn a_user_gets_changes_and_loses_credentials() {
    let mut harness = Harness::new();
    let set = [user("alice", 1, Some(4096)), user("bob", 2, Some(16_384))];
    let none = |user: &str| (user.to_owned(), ErrorCode::None);
    assert_eq!(harness.alter_users(&set), [none("alice"), none("bob")]);
    assert_eq!(harness.alter_users(&[user("alice", 2, Some(5000))]), [none("alice")]);
    let iterations = |harness: &Harness, name, mechanism| {
        harness.controller.image().scram_credential(mechanism, name).map(|credential| credential.iterations)
    };
    assert_eq!(iterations(&harness, "alice", ScramMechanism::Sha256), Some(4096));
    assert_eq!(iterations(&harness, "alice", ScramMechanism::Sha512), Some(5000));
    assert_eq!(harness.alter_users(&[user("alice", 1, None)]), [none("alice")]);
    assert_eq!(iterations(&harness, "alice", ScramMechanism::Sha256), None);
    assert_eq!(harness.alter_users(&[user("bob", 2, None)]), [none("bob")]);
    let users: Vec<_> = harness.controller.image().scram_users().keys().cloned().collect();
    assert_eq!(users, ["alice"]);
}

#[test]
fn what_is_kept_belongs_to_the_password() {
    // PBKDF2-HMAC-SHA-256 of "secret" with the salt "salt", 4096 times, from Python's hashlib.
    let salted: [u8; 32] = [
        0x60, 0x9a, 0x62, 0xb5, 0xb6, 0x87, 0xba, 0x65, 0x92, 0xb1, 0x2a, 0x55, 0x2c, 0x79, 0xfe, 0x3b, 0xf1,
        0x9e, 0x4e, 0x14, 0x5a, 0x16, 0x7b, 0x79, 0x5b, 0x7a, 0xca, 0xb5, 0xe8, 0x9f, 0xa0, 0xf6,
    ];
    let mut alteration = user("alice", 1, Some(4096));
    alteration.password.as_mut().unwrap().salted_password = salted.to_vec().into();
    let mut harness = Harness::new();
    harness.alter_users(&[alteration]);
    let (mechanism, password) = (ScramMechanism::Sha256, Secret::new("secret"));
    let expected = ScramCredential::from_password(mechanism, &password, b"salt", 4096).unwrap();
    assert_eq!(harness.controller.image().scram_credential(mechanism, "alice"), Some(&expected));
}

#[test]
fn users_are_refused_with_the_codes_of_apache_kafka() {
    let mut harness = Harness::new();
    harness.alter_users(&[user("there", 1, Some(4096))]);
    let before = harness.log.len();
    for (alteration, expected) in [
        (user("", 1, Some(4096)), ErrorCode::UnacceptableCredential),
        (user("a", 1, Some(4095)), ErrorCode::UnacceptableCredential),
        (user("a", 1, Some(16_385)), ErrorCode::UnacceptableCredential),
        (user("a", 1, Some(-1)), ErrorCode::UnacceptableCredential),
        (user("a", 0, Some(4096)), ErrorCode::UnsupportedSaslMechanism),
        (user("a", 3, Some(4096)), ErrorCode::UnsupportedSaslMechanism),
        (user("a", 3, None), ErrorCode::UnsupportedSaslMechanism),
        (user("a", 1, None), ErrorCode::ResourceNotFound),
        (user("there", 2, None), ErrorCode::ResourceNotFound),
    ] {
        assert_eq!(harness.alter_users(std::slice::from_ref(&alteration))[0].1, expected, "{alteration:?}");
    }
    // Who is named twice keeps what he has; a first error is the one that is told.
    let twice = [
        user("there", 1, None),
        user("there", 2, Some(4096)),
        user("b", 1, Some(4096)),
        user("c", 9, None),
        user("c", 1, None),
    ];
    let outcomes = harness.alter_users(&twice);
    let codes: Vec<_> = outcomes.iter().map(|(user, code)| (&**user, *code)).collect();
    assert_eq!(
        codes,
        [
            ("b", ErrorCode::None),
            ("c", ErrorCode::UnsupportedSaslMechanism),
            ("there", ErrorCode::DuplicateResource)
        ]
    );
    assert_eq!(types_since(&harness, before), [11]);
}

#[test]
fn an_older_metadata_version_has_no_users() {
    let mut harness = Harness::new();
    let level = |feature_level| FeatureLevelRecord { name: METADATA_VERSION.into(), feature_level };
    harness.apply(vec![level(10).into()]);
    assert_eq!(harness.alter_users(&[user("alice", 1, Some(4096))])[0].1, ErrorCode::UnsupportedVersion);
    let provisions = || Provisions { users: vec![("a".to_owned(), Secret::new("b"))], acls: Vec::new() };
    assert!(harness.controller.provide(provisions(), &mut || Uuid::from_u128(1)).is_err());
    harness.apply(vec![level(11).into()]);
    assert_eq!(harness.alter_users(&[user("alice", 1, Some(4096))])[0].1, ErrorCode::None);
}

#[test]
fn limits_are_set_changed_and_taken_back() {
    let mut harness = Harness::new();
    let alice = || subject(&[("user", Some("alice")), ("client-id", None)]);
    let before = harness.log.len();
    harness.limit(alice(), &[("producer_byte_rate", Some(5.0)), ("request_percentage", Some(0.5))]).unwrap();
    // What is as it was, and what is not there, is not written.
    harness
        .limit(alice(), &[("producer_byte_rate", Some(5.0)), ("consumer_byte_rate", None), ("nope", None)])
        .unwrap();
    assert_eq!(types_since(&harness, before), [14, 14]);
    harness.limit(alice(), &[("producer_byte_rate", Some(6.0))]).unwrap();
    let shown = format!("{:?}", harness.controller.image().quotas().values().collect::<Vec<_>>());
    assert_eq!(shown, "[{ProducerByteRate: 6.0, RequestPercentage: 0.5}]");
    harness.limit(alice(), &[("producer_byte_rate", None), ("request_percentage", None)]).unwrap();
    assert!(harness.controller.image().quotas().is_empty());
}

#[test]
fn limits_are_refused_with_the_code_of_apache_kafka() {
    let mut harness = Harness::new();
    let before = harness.log.len();
    let alice = || subject(&[("user", Some("alice"))]);
    let address = |ip| subject(&[("ip", ip)]);
    let rate = |limit| [("producer_byte_rate", Some(limit))];
    let connections = |limit| [("connection_creation_rate", Some(limit))];
    type Limits<'a> = &'a [(&'static str, Option<f64>)];
    let cases: [(QuotaSubject, Limits<'_>); 17] = [
        (subject(&[]), &rate(1.0)),
        (subject(&[("group", Some("g"))]), &rate(1.0)),
        (subject(&[("user", Some(""))]), &rate(1.0)),
        (subject(&[("user", None), ("ip", None)]), &rate(1.0)),
        (address(Some("not an address")), &connections(1.0)),
        (address(Some("10.0.0.1")), &rate(1.0)),
        (alice(), &connections(1.0)),
        (alice(), &[("nope", Some(1.0))]),
        (alice(), &rate(0.0)),
        (alice(), &rate(-1.0)),
        (alice(), &rate(f64::NAN)),
        (alice(), &rate(1.5)),
        (alice(), &rate(1e19)),
        (alice(), &[("controller_mutation_rate", Some(0.0))]),
        (address(None), &connections(1.5)),
        (address(None), &connections(3e9)),
        (alice(), &[("producer_byte_rate", Some(1.0)), ("producer_byte_rate", None)]),
    ];
    for (entity, limits) in cases {
        let refused = harness.limit(entity.clone(), limits);
        assert_eq!(code(refused), ErrorCode::InvalidRequest, "{entity:?} {limits:?}");
    }
    // A name may be one that has an address.
    let named = harness.limit(address(Some("localhost")), &connections(1.0)).unwrap_err();
    let named = named.to_string();
    assert!(
        named.ends_with("localhost is not an IP address, and names are not looked up: give the address"),
        "{named}"
    );
    // All limits of an entity together, or none.
    assert!(harness.limit(alice(), &[("consumer_byte_rate", Some(1.0)), ("nope", Some(1.0))]).is_err());
    assert_eq!(harness.log.len(), before);
    harness.limit(address(Some("::1")), &connections(1.0)).unwrap();
}

#[test]
fn an_entity_that_is_named_twice_has_its_first_limits_and_an_error() {
    let mut harness = Harness::new();
    let alteration = |limit| QuotaAlteration {
        entity: subject(&[("client-id", Some("c"))]),
        limits: vec![("consumer_byte_rate".into(), Some(limit))],
    };
    let twice = [alteration(1.0), alteration(2.0)];
    let only_checked = harness.controller.alter_quotas(&twice, Intent::ValidateOnly);
    assert!(only_checked.records.is_empty());
    let effects = harness.controller.alter_quotas(&twice, Intent::Apply);
    assert_eq!(only_checked.reply, effects.reply);
    let outcomes = harness.carry_out(effects);
    assert_eq!((outcomes.len(), code(outcomes[0].1.clone())), (1, ErrorCode::InvalidRequest));
    let shown = format!("{:?}", harness.controller.image().quotas().values().collect::<Vec<_>>());
    assert_eq!(shown, "[{ConsumerByteRate: 1.0}]");
}

#[test]
fn what_a_broker_is_started_with_is_written_once_and_when_it_changed() {
    let mut harness = Harness::new();
    let acls = vec![AclBinding::allow("User:alice", AclOperation::Write, ResourcePattern::topic("t"))];
    let mut start = |password: &str| {
        let users = vec![("alice".to_owned(), Secret::new(password))];
        let next_id = &mut harness.next_id;
        let provisions = Provisions { users, acls: acls.clone() };
        let records = harness.controller.provide(provisions, &mut || {
            *next_id += 1;
            Uuid::from_u128(*next_id)
        });
        let before = harness.log.len();
        harness.apply(records.unwrap());
        types_since(&harness, before)
    };
    assert_eq!(start("secret"), [11, 11, 18]);
    assert!(start("secret").is_empty());
    assert_eq!(start("another"), [11, 11]);
    assert!(start("another").is_empty());
    for mechanism in ScramMechanism::ALL {
        let known = harness.controller.image().scram_credential(mechanism, "alice").unwrap();
        assert_eq!((known.iterations, known.salt.len()), (4096, ScramMechanism::SALT_BYTES));
    }
}

#[test]
fn a_provision_that_cannot_be_is_an_error() {
    let harness = Harness::new();
    let nameless = Provisions { users: vec![(String::new(), Secret::new("b"))], acls: Vec::new() };
    let nowhere = Provisions { users: Vec::new(), acls: vec![acl("a", ResourcePattern::topic(""))] };
    for provisions in [nameless, nowhere] {
        assert!(harness.controller.provide(provisions, &mut || Uuid::from_u128(1)).is_err());
    }
}
