//! The ACLs of one pattern, by principal.

use std::collections::HashMap;
use std::sync::Arc;

use bytestring::ByteString;

use super::host::HostPattern;
use super::{AclBinding, AclOperation, AclPermission, Subject};

/// The principal of ACLs that are about everybody.
const EVERYBODY: &str = "User:*";

/// The ACLs of one pattern, by principal.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(HashMap<ByteString, Vec<Rule>>);

/// An ACL whose pattern names the resource in question.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    acl: Arc<AclBinding>,
    host: HostPattern,
}

impl Rules {
    pub(super) fn insert(&mut self, acl: Arc<AclBinding>) {
        let rule = Rule { host: HostPattern::parse(acl.host()), acl };
        self.0.entry(rule.acl.shared_principal().clone()).or_default().push(rule);
    }

    /// Takes an ACL out, once.
    pub(super) fn remove(&mut self, acl: &AclBinding) {
        let Some(rules) = self.0.get_mut(acl.principal()) else { return };
        if let Some(place) = rules.iter().position(|rule| *rule.acl == *acl) {
            rules.swap_remove(place);
        }
        if rules.is_empty() {
            self.0.remove(acl.principal());
        }
    }

    pub(super) fn contains(&self, acl: &AclBinding) -> bool {
        self.0.get(acl.principal()).is_some_and(|rules| rules.iter().any(|rule| *rule.acl == *acl))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ACLs that are about a subject: by name or because they are about everybody, from where it is.
    pub(super) fn about<'a>(&'a self, subject: Subject<'_>) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let address = subject.address;
        let by_name = self.0.get(subject.principal);
        let everybody = self.0.get(EVERYBODY).filter(|_| subject.principal != EVERYBODY);
        let rules = by_name.into_iter().chain(everybody).flatten();
        rules.filter(move |rule| rule.host.is_for(address))
    }
}

impl Rule {
    /// What it says of an operation, if anything.
    pub(super) fn verdict(&self, asked: AclOperation) -> Option<AclPermission> {
        let operation = self.acl.operation();
        let permission = self.acl.permission();
        let speaks = match permission {
            AclPermission::Allow => operation.implies(asked),
            AclPermission::Deny => operation.covers(asked),
        };
        speaks.then_some(permission)
    }

    /// Whether it says `permission` of exactly this operation, or of all.
    pub(super) fn says(&self, permission: AclPermission, asked: AclOperation) -> bool {
        self.acl.permission() == permission && self.acl.operation().covers(asked)
    }

    pub(super) fn acl(&self) -> &AclBinding {
        &self.acl
    }
}
