//! The authorizer: what follows from the ACLs for one question, by the rules of Apache Kafka's StandardAuthorizer.

use std::collections::HashSet;
use std::fmt;

use super::index::PatternIndex;
use super::rules::Rules;
use super::{AclBinding, AclOperation, AclPermission, AclSet, ResourceType, Subject};

/// The settings of the authorizer, and its rules.
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorizer {
    super_users: HashSet<String>,
    allows_without_acls: bool,
}

/// A decision, with what it is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision<'a> {
    pub(crate) is_allowed: bool,
    pub(crate) reason: Reason<'a>,
}

/// The basis of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason<'a> {
    /// The principal is one of `super.users`.
    SuperUser,
    /// An ACL says so.
    Acl(&'a AclBinding),
    /// No ACL is about the resource, whoever asks: `allow.everyone.if.no.acl.found` decides.
    NoAcl,
    /// There are ACLs about the resource, and none allows it.
    NoAllowingAcl,
}

impl Authorizer {
    /// An authorizer for which `super_users`, each as `User:NAME`, may do everything.
    pub(crate) fn new(super_users: impl IntoIterator<Item = String>, allows_without_acls: bool) -> Self {
        Self { super_users: super_users.into_iter().collect(), allows_without_acls }
    }

    /// Whether anybody may do anything before there are ACLs.
    pub(crate) fn lets_anybody_in(&self) -> bool {
        self.allows_without_acls || !self.super_users.is_empty()
    }

    /// Decides whether a subject may do something to a resource.
    ///
    /// Any ACL that denies it decides; else any that allows it; else, where no ACL at all is about the resource, the setting.
    pub(crate) fn decide<'a>(
        &self,
        acls: &'a AclSet,
        subject: Subject<'_>,
        operation: AclOperation,
        resource_type: ResourceType,
        resource_name: &str,
    ) -> Decision<'a> {
        if self.super_users.contains(subject.principal) {
            return Decision { is_allowed: true, reason: Reason::SuperUser };
        }
        let mut allowing = None;
        let mut has_acls = false;
        if let Some(index) = acls.of_type(resource_type) {
            for rules in index.naming(resource_name) {
                has_acls = true;
                match verdict(rules, subject, operation) {
                    Some((AclPermission::Deny, acl)) => return Decision::by(acl),
                    Some((AclPermission::Allow, acl)) => allowing = Some(acl),
                    None => {}
                }
            }
        }
        match allowing {
            Some(acl) => Decision::by(acl),
            None if has_acls => Decision { is_allowed: false, reason: Reason::NoAllowingAcl },
            None => Decision { is_allowed: self.allows_without_acls, reason: Reason::NoAcl },
        }
    }

    /// Decides whether a subject may do something to any resource of a type at all (KIP-679).
    ///
    /// A denial counts where it takes away all that an allowing ACL gives: the same name, or a prefix of it (KAFKA-10619).
    pub(crate) fn allows_any(
        &self,
        acls: &AclSet,
        subject: Subject<'_>,
        operation: AclOperation,
        resource_type: ResourceType,
    ) -> bool {
        // As Apache Kafka: a name that nobody has finds super users, and what is allowed without ACLs.
        if self.decide(acls, subject, operation, resource_type, "hardcode").is_allowed {
            return true;
        }
        acls.of_type(resource_type).is_some_and(|index| Reach { index, subject, operation }.is_somewhere())
    }
}

/// What the ACLs of one pattern say: the denial, if there is one.
fn verdict<'a>(
    rules: &'a Rules,
    subject: Subject<'_>,
    operation: AclOperation,
) -> Option<(AclPermission, &'a AclBinding)> {
    let mut allowing = None;
    for rule in rules.about(subject) {
        match rule.verdict(operation) {
            Some(AclPermission::Deny) => return Some((AclPermission::Deny, rule.acl())),
            Some(AclPermission::Allow) => allowing = Some((AclPermission::Allow, rule.acl())),
            None => {}
        }
    }
    allowing
}

/// The question where, among the resources of one type, a subject may do something.
struct Reach<'a> {
    index: &'a PatternIndex,
    subject: Subject<'a>,
    operation: AclOperation,
}

impl Reach<'_> {
    fn is_somewhere(&self) -> bool {
        if let Some(wildcard) = self.index.wildcard() {
            if self.says(wildcard, AclPermission::Deny) {
                return false;
            }
            if self.says(wildcard, AclPermission::Allow) {
                return true;
            }
        }
        let literal = |(name, rules): (&str, &Rules)| {
            self.says(rules, AclPermission::Allow)
                && !self.says(rules, AclPermission::Deny)
                && !self.is_dominated(name)
        };
        let prefixed = |(name, rules): (&str, &Rules)| {
            self.says(rules, AclPermission::Allow) && !self.is_dominated(name)
        };
        self.index.literals().any(literal) || self.index.prefixes().any(prefixed)
    }

    /// Whether a prefix of the name is denied, and with it all that the name stands for.
    fn is_dominated(&self, name: &str) -> bool {
        self.index.prefixes_of(name).any(|rules| self.says(rules, AclPermission::Deny))
    }

    fn says(&self, rules: &Rules, permission: AclPermission) -> bool {
        rules.about(self.subject).any(|rule| rule.says(permission, self.operation))
    }
}

impl<'a> Decision<'a> {
    fn by(acl: &'a AclBinding) -> Self {
        Self { is_allowed: acl.permission() == AclPermission::Allow, reason: Reason::Acl(acl) }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SuperUser => f.write_str("super.users"),
            Self::Acl(acl) => write!(f, "the ACL {acl}"),
            Self::NoAcl => f.write_str("allow.everyone.if.no.acl.found"),
            Self::NoAllowingAcl => f.write_str("no ACL that allows it"),
        }
    }
}
