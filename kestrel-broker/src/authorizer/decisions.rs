//! The authorizer by itself, for the program of the interop ring that compares it with Apache Kafka's.

use std::net::IpAddr;

use kestrel_protocol::Uuid;

use super::{AclBinding, AclOperation, AclSet, Authorizer, ResourceType, Subject};

/// The authorizer with a set of ACLs, without a broker. No part of what this crate promises.
#[doc(hidden)]
#[derive(Debug)]
pub struct AclDecisions {
    authorizer: Authorizer,
    acls: AclSet,
}

impl AclDecisions {
    /// The decisions by these ACLs, with super users as `User:NAME`.
    pub fn new(acls: &[AclBinding], super_users: &[String], allows_without_acls: bool) -> Self {
        let mut set = AclSet::default();
        for (id, acl) in (1..).zip(acls) {
            set.insert(Uuid::from_u128(id), acl.clone());
        }
        Self { authorizer: Authorizer::new(super_users.iter().cloned(), allows_without_acls), acls: set }
    }

    /// Whether a principal from an address may do something to a resource.
    #[must_use]
    pub fn allows(
        &self,
        principal: &str,
        address: IpAddr,
        operation: AclOperation,
        resource_type: ResourceType,
        name: &str,
    ) -> bool {
        let subject = Subject { principal, address };
        self.authorizer.decide(&self.acls, subject, operation, resource_type, name).is_allowed
    }

    /// Whether it may do so to any resource of a type at all.
    #[must_use]
    pub fn allows_any(
        &self,
        principal: &str,
        address: IpAddr,
        operation: AclOperation,
        resource_type: ResourceType,
    ) -> bool {
        self.authorizer.allows_any(&self.acls, Subject { principal, address }, operation, resource_type)
    }
}
