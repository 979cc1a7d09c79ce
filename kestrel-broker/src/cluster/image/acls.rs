//! The records of ACLs. Pure.

use kestrel_protocol::Uuid;

use crate::authorizer::{
    AclBinding, AclOperation, AclPermission, PatternType, ResourcePattern, ResourceType,
};
use crate::cluster::records::AccessControlEntryRecord;

impl AccessControlEntryRecord {
    /// The record that creates an ACL under an id.
    pub(in crate::cluster) fn new(id: Uuid, acl: &AclBinding) -> Self {
        let pattern = acl.pattern();
        Self {
            id,
            resource_type: pattern.resource_type().wire(),
            resource_name: pattern.shared_name().clone(),
            pattern_type: pattern.pattern_type().wire(),
            principal: acl.shared_principal().clone(),
            host: acl.shared_host().clone(),
            operation: acl.operation().wire(),
            permission_type: acl.permission().wire(),
        }
    }

    /// The ACL that it creates.
    ///
    /// # Errors
    /// When a number in it is unknown.
    pub(in crate::cluster) fn binding(self) -> Result<AclBinding, String> {
        let unknown =
            |what: &str, number: i8| format!("ACL {} is about an unknown {what}: {number}", self.id);
        let resource_type = ResourceType::from_wire(self.resource_type)
            .ok_or_else(|| unknown("type of resource", self.resource_type))?;
        let pattern_type = PatternType::from_wire(self.pattern_type)
            .ok_or_else(|| unknown("type of pattern", self.pattern_type))?;
        let operation =
            AclOperation::from_wire(self.operation).ok_or_else(|| unknown("operation", self.operation))?;
        let permission = AclPermission::from_wire(self.permission_type)
            .ok_or_else(|| unknown("permission", self.permission_type))?;
        let pattern = ResourcePattern::from_parts(resource_type, self.resource_name, pattern_type);
        Ok(AclBinding::from_parts(pattern, self.principal, self.host, operation, permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acl_is_its_record_and_unknown_numbers_are_refused() {
        let pattern = ResourcePattern::transactional_id("t").prefixed();
        let acl = AclBinding::deny("User:alice", AclOperation::Write, pattern).from_host("10.0.0.1");
        let record = AccessControlEntryRecord::new(Uuid::from_u128(7), &acl);
        assert_eq!(record.clone().binding(), Ok(acl));
        let damaged = [
            AccessControlEntryRecord { resource_type: 1, ..record.clone() },
            AccessControlEntryRecord { pattern_type: 2, ..record.clone() },
            AccessControlEntryRecord { operation: 16, ..record.clone() },
            AccessControlEntryRecord { permission_type: 0, ..record },
        ];
        for record in damaged {
            assert!(record.clone().binding().unwrap_err().contains("unknown"), "{record:?}");
        }
    }
}
