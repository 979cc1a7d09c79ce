//! The door to authorization: what the sender of a request may do, and the needs that a row of the table declares.
//!
//! A request gets its [`Access`] from the `Authorization` layer, as part of its context; handlers ask it for each topic, group and
//! transactional id. Without an authorizer it is open, and every question is answered without work.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use kestrel_protocol::{ApiKey, ErrorCode};

use super::audit::{AuditLog, Question};
use super::{Principal, RequestContext};
use crate::authorizer::{AclOperation, AclSet, Authorizer, CLUSTER_NAME, Decision, ResourceType, Subject};

/// What the sender of a request may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access(Option<Arc<Guard>>);

/// What answers the questions where there is an authorizer.
#[derive(Debug)]
struct Guard {
    authorizer: Arc<Authorizer>,
    acls: Arc<AclSet>,
    audit: Arc<AuditLog>,
    principal: Principal,
    address: IpAddr,
    api: ApiKey,
    received_at: Instant,
}

impl Access {
    /// The access that allows everything.
    pub(super) const OPEN: Self = Self(None);

    /// The access of the sender of a request of an API, by ACLs.
    pub(super) fn by_acls(
        authorizer: &Arc<Authorizer>,
        acls: &Arc<AclSet>,
        audit: &Arc<AuditLog>,
        context: &RequestContext,
        api: ApiKey,
    ) -> Self {
        Self(Some(Arc::new(Guard {
            authorizer: Arc::clone(authorizer),
            acls: Arc::clone(acls),
            audit: Arc::clone(audit),
            principal: context.principal.clone(),
            address: context.origin.peer.ip(),
            api,
            received_at: context.received_at,
        })))
    }

    /// Whether everything is allowed because nothing is asked.
    pub(super) const fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// Whether an operation on a resource is allowed. It was asked for by name: a denial is audited.
    pub(super) fn allows(&self, operation: AclOperation, resource_type: ResourceType, name: &str) -> bool {
        let Some(guard) = &self.0 else { return true };
        let decision = guard.decide(operation, resource_type, name);
        guard.audit.note(&guard.question(operation, resource_type, name), decision, guard.received_at);
        decision.is_allowed
    }

    /// As [`Self::allows`], where a denial only leaves something out or leads to another question, and is not audited.
    pub(super) fn would_allow(
        &self,
        operation: AclOperation,
        resource_type: ResourceType,
        name: &str,
    ) -> bool {
        let Some(guard) = &self.0 else { return true };
        guard.decide(operation, resource_type, name).is_allowed
    }

    /// As [`Self::allows`], with the error for resources of the type.
    pub(super) fn check(
        &self,
        operation: AclOperation,
        resource_type: ResourceType,
        name: &str,
    ) -> Result<(), ErrorCode> {
        if self.allows(operation, resource_type, name) { Ok(()) } else { Err(denial(resource_type)) }
    }

    /// As [`Self::check`] of the cluster.
    pub(super) fn check_cluster(&self, operation: AclOperation) -> Result<(), ErrorCode> {
        self.check(operation, ResourceType::Cluster, CLUSTER_NAME)
    }

    /// As [`Self::would_allow`] of the cluster.
    pub(super) fn would_allow_on_cluster(&self, operation: AclOperation) -> bool {
        self.would_allow(operation, ResourceType::Cluster, CLUSTER_NAME)
    }

    /// Whether an operation is allowed on any resource of a type at all (KIP-679).
    pub(super) fn allows_any(&self, operation: AclOperation, resource_type: ResourceType) -> bool {
        let Some(guard) = &self.0 else { return true };
        guard.authorizer.allows_any(&guard.acls, guard.subject(), operation, resource_type)
    }

    /// An `authorized_operations` field: a bit for each operation that is allowed on a resource (KIP-430).
    pub(super) fn operations(&self, resource_type: ResourceType, name: &str) -> i32 {
        let allowed = resource_type.operations().iter();
        let allowed = allowed.filter(|operation| self.would_allow(**operation, resource_type, name));
        allowed.fold(0, |bits, operation| bits | 1 << operation.wire())
    }

    /// The field of the cluster: no bit at all for who may not describe it.
    pub(super) fn operations_on_cluster(&self) -> i32 {
        match self.check_cluster(AclOperation::Describe) {
            Ok(()) => self.operations(ResourceType::Cluster, CLUSTER_NAME),
            Err(_) => 0,
        }
    }
}

impl Guard {
    fn subject(&self) -> Subject<'_> {
        Subject { principal: self.principal.as_str(), address: self.address }
    }

    fn decide(&self, operation: AclOperation, resource_type: ResourceType, name: &str) -> Decision<'_> {
        self.authorizer.decide(&self.acls, self.subject(), operation, resource_type, name)
    }

    fn question<'a>(
        &'a self,
        operation: AclOperation,
        resource_type: ResourceType,
        name: &'a str,
    ) -> Question<'a> {
        Question { subject: self.subject(), operation, resource_type, resource_name: name, api: self.api }
    }
}

/// The value of an `authorized_operations` field that was not asked for (KIP-430).
pub(super) const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

/// The error for what is not allowed on a resource of a type.
pub(super) const fn denial(resource_type: ResourceType) -> ErrorCode {
    match resource_type {
        ResourceType::Topic => ErrorCode::TopicAuthorizationFailed,
        ResourceType::Group => ErrorCode::GroupAuthorizationFailed,
        ResourceType::Cluster | ResourceType::User => ErrorCode::ClusterAuthorizationFailed,
        ResourceType::TransactionalId => ErrorCode::TransactionalIdAuthorizationFailed,
        ResourceType::DelegationToken => ErrorCode::DelegationTokenAuthorizationFailed,
    }
}

/// An operation on a type of resource. Of several needs of one API, the request's content says which apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Need(pub(super) AclOperation, pub(super) ResourceType);

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.0, self.1)
    }
}

#[cfg(test)]
impl Access {
    /// The access of a user by these ACLs.
    pub(super) fn for_test(authorizer: Authorizer, acls: AclSet, user: &str) -> Self {
        Self(Some(Arc::new(Guard {
            authorizer: Arc::new(authorizer),
            acls: Arc::new(acls),
            audit: Arc::default(),
            principal: Principal::user(user),
            address: IpAddr::from([127, 0, 0, 1]),
            api: ApiKey::DeleteTopics,
            received_at: crate::clock::Clock::System.now(),
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_of_apache_kafka() {
        let bits = |on| Access::OPEN.operations(on, "any");
        assert_eq!(bits(ResourceType::Topic), 3576);
        assert_eq!(bits(ResourceType::Group), 3400);
        assert_eq!(bits(ResourceType::Cluster), 8096);
        assert_eq!(Access::OPEN.operations_on_cluster(), 8096);
    }

    #[test]
    fn an_open_door_takes_no_room_and_says_yes() {
        assert_eq!(size_of::<Access>(), size_of::<usize>());
        assert!(Access::OPEN.allows(AclOperation::Write, ResourceType::Topic, "any"));
        assert!(Access::OPEN.allows_any(AclOperation::Write, ResourceType::Topic));
    }
}
