//! CreateAcls and DeleteAcls: which records they mean (KIP-140, KIP-290).

use std::collections::BTreeSet;
use std::sync::Arc;

use kestrel_protocol::ErrorCode;

use super::{Controller, Effects, Ids, MAX_RECORDS_PER_REQUEST, too_many_records};
use crate::authorizer::{AclBinding, AclFilter, CLUSTER_NAME, ResourceType};
use crate::cluster::error::ApiError;
use crate::cluster::records::{AccessControlEntryRecord, MetadataRecord, RemoveAccessControlEntryRecord};

impl Controller {
    /// Creates ACLs, each by itself. One that says what another says is created already.
    pub(crate) fn create_acls(
        &self,
        acls: Vec<AclBinding>,
        ids: Ids<'_>,
    ) -> Effects<Vec<Result<(), ApiError>>> {
        let existing = self.image().acls();
        let mut created = BTreeSet::new();
        let mut create = |acl: AclBinding| {
            check_acl(&acl)?;
            if !existing.contains(&acl) {
                created.insert(acl);
            }
            Ok(())
        };
        let reply: Vec<_> = acls.into_iter().map(&mut create).collect();
        if created.len() > MAX_RECORDS_PER_REQUEST {
            return Effects { records: Vec::new(), reply: vec![Err(too_many_records()); reply.len()] };
        }
        let record = |acl: AclBinding| AccessControlEntryRecord::new(ids(), &acl).into();
        Effects { records: created.into_iter().map(record).collect(), reply }
    }

    /// Deletes the ACLs that filters select. One that several select is deleted once, and named to each.
    pub(crate) fn delete_acls(
        &self,
        filters: &[AclFilter],
    ) -> Effects<Vec<Result<Vec<Arc<AclBinding>>, ApiError>>> {
        let mut deleted = BTreeSet::new();
        let mut delete = |filter: &AclFilter| {
            let selected = || self.image().acls().iter().filter(|(_, acl)| filter.matches(acl));
            let new = selected().filter(|(id, _)| !deleted.contains(id)).count();
            if deleted.len() + new > MAX_RECORDS_PER_REQUEST {
                return Err(too_many_records());
            }
            deleted.extend(selected().map(|(id, _)| id));
            Ok(selected().map(|(_, acl)| Arc::clone(acl)).collect())
        };
        let reply = filters.iter().map(&mut delete).collect();
        let record = |id| MetadataRecord::from(RemoveAccessControlEntryRecord { id });
        Effects { records: deleted.into_iter().map(record).collect(), reply }
    }
}

/// Whether there can be such an ACL.
fn check_acl(acl: &AclBinding) -> Result<(), ApiError> {
    let (resource_type, name) = (acl.pattern().resource_type(), acl.pattern().name());
    let message = if resource_type == ResourceType::Cluster && name != CLUSTER_NAME {
        format!("The only valid name for the CLUSTER resource is {CLUSTER_NAME}")
    } else if name.is_empty() {
        "Invalid empty resource name".to_owned()
    } else if !acl.principal().contains(':') {
        format!(
            "Could not parse principal from `{}` (no colon is present separating the principal type from the principal name)",
            acl.principal()
        )
    } else {
        return Ok(());
    };
    Err(ApiError::new(ErrorCode::InvalidRequest, message))
}
