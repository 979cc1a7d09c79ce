//! A naive model: a list of ACLs that is read from one end to the other for each question, as the documentation says it.

use std::net::IpAddr;

use kestrel_protocol::Uuid;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::AclOperation::*;
use super::super::*;

struct Model<'a> {
    acls: &'a [AclBinding],
    principal: &'a str,
    host: &'a str,
}

impl Model<'_> {
    fn is_about_sender(&self, acl: &AclBinding) -> bool {
        [self.principal, "User:*"].contains(&acl.principal()) && [self.host, "*"].contains(&acl.host())
    }

    fn names(acl: &AclBinding, resource_type: ResourceType, name: &str) -> bool {
        let pattern = acl.pattern();
        pattern.resource_type() == resource_type
            && match pattern.pattern_type() {
                // As in Apache Kafka: not for names that begin with it.
                PatternType::Literal => {
                    pattern.name() == name || (pattern.name() == "*" && !name.starts_with('*'))
                }
                PatternType::Prefixed => name.starts_with(pattern.name()),
            }
    }

    fn decide(&self, asked: AclOperation, resource_type: ResourceType, name: &str, default: bool) -> bool {
        let naming: Vec<_> = self.acls.iter().filter(|acl| Self::names(acl, resource_type, name)).collect();
        let allowing: &[AclOperation] = match asked {
            Describe => &[All, Describe, Read, Write, Delete, Alter],
            DescribeConfigs => &[All, DescribeConfigs, AlterConfigs],
            _ => &[All, asked],
        };
        let is = |permission, operations: &[AclOperation]| {
            naming.iter().any(|acl| {
                acl.permission() == permission
                    && operations.contains(&acl.operation())
                    && self.is_about_sender(acl)
            })
        };
        if is(AclPermission::Deny, &[All, asked]) {
            return false;
        }
        is(AclPermission::Allow, allowing) || (naming.is_empty() && default)
    }

    /// The patterns of a type with ACLs about the sender that say exactly this, or all.
    fn patterns(
        &self,
        permission: AclPermission,
        asked: AclOperation,
        resource_type: ResourceType,
    ) -> Vec<&ResourcePattern> {
        let acls = self.acls.iter().filter(|acl| {
            acl.permission() == permission
                && [All, asked].contains(&acl.operation())
                && acl.pattern().resource_type() == resource_type
                && self.is_about_sender(acl)
        });
        acls.map(AclBinding::pattern).collect()
    }

    fn somewhere(&self, asked: AclOperation, resource_type: ResourceType, default: bool) -> bool {
        if self.decide(asked, resource_type, "hardcode", default) {
            return true;
        }
        let everything = ResourcePattern::new(resource_type, "*");
        let denied = self.patterns(AclPermission::Deny, asked, resource_type);
        let allowed = self.patterns(AclPermission::Allow, asked, resource_type);
        if denied.contains(&&everything) || allowed.contains(&&everything) {
            return !denied.contains(&&everything);
        }
        allowed.iter().any(|allowed| {
            !denied.iter().any(|denied| match denied.pattern_type() {
                PatternType::Literal => allowed == denied,
                PatternType::Prefixed => allowed.name().starts_with(denied.name()),
            })
        })
    }
}

const PRINCIPALS: [&str; 4] = ["User:alice", "User:bob", "User:*", "Group:alice"];
const HOSTS: [&str; 4] = ["*", "10.0.0.1", "10.0.0.2", "0:0:0:0:0:0:0:1"];
/// Names that share beginnings, so that patterns meet.
const NAMES: [&str; 10] = ["a", "ab", "abc", "abd", "b", "*", "*a", "hardcode", "hard", "é"];
const TYPES: [ResourceType; 2] = [ResourceType::Topic, ResourceType::Group];
const OPERATIONS: [AclOperation; 8] =
    [All, Read, Write, Create, Describe, Alter, DescribeConfigs, AlterConfigs];

prop_compose! {
    fn any_acl()(
        principal in select(&PRINCIPALS[..]),
        host in select(&HOSTS[..]),
        resource_type in select(&TYPES[..]),
        name in select(&NAMES[..]),
        operation in select(&OPERATIONS[..]),
        is_prefixed in any::<bool>(),
        is_allowed in prop::bool::weighted(0.7),
    ) -> AclBinding {
        let pattern = ResourcePattern::new(resource_type, name);
        let pattern = if is_prefixed { pattern.prefixed() } else { pattern };
        let acl = AclBinding::allow(principal, operation, pattern.clone());
        let acl = if is_allowed { acl } else { AclBinding::deny(principal, operation, pattern) };
        acl.from_host(host)
    }
}

/// Adds all, removes some, and gives what is left in both forms.
fn changed(acls: &[(AclBinding, bool)]) -> (AclSet, Vec<AclBinding>) {
    let mut set = AclSet::default();
    for (id, (acl, _)) in (1..).zip(acls) {
        set.insert(Uuid::from_u128(id), acl.clone());
    }
    for (id, (acl, stays)) in (1..).zip(acls) {
        if !stays {
            assert_eq!(*set.remove(Uuid::from_u128(id)).unwrap(), *acl);
        }
    }
    (set, acls.iter().filter(|(_, stays)| *stays).map(|(acl, _)| acl.clone()).collect())
}

proptest! {
    #[test]
    fn every_decision_is_that_of_the_model(
        acls in vec((any_acl(), prop::bool::weighted(0.8)), 0..16),
        principal in select(&PRINCIPALS[..2]),
        host in select(&HOSTS[1..]),
        default in any::<bool>(),
    ) {
        let (set, left) = changed(&acls);
        let model = Model { acls: &left, principal, host };
        let address: IpAddr = host.parse().unwrap();
        let subject = Subject { principal, address };
        let authorizer = Authorizer::new([], default);
        for resource_type in TYPES {
            for asked in &OPERATIONS[1..] {
                for name in NAMES {
                    let decision = authorizer.decide(&set, subject, *asked, resource_type, name);
                    let expected = model.decide(*asked, resource_type, name, default);
                    prop_assert_eq!(decision.is_allowed, expected, "{} {} {}", asked, resource_type, name);
                }
                let somewhere = authorizer.allows_any(&set, subject, *asked, resource_type);
                prop_assert_eq!(somewhere, model.somewhere(*asked, resource_type, default), "{}", asked);
            }
        }
        prop_assert_eq!(set.iter().map(|(_, acl)| (**acl).clone()).collect::<Vec<_>>(), left);
    }
}
