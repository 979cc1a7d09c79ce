//! The set of all ACLs, by the id of their records and ready for questions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kestrel_protocol::Uuid;

use super::index::PatternIndex;
use super::{AclBinding, ResourceType};

/// The set of all ACLs. Part of the cluster image: changed by the replay, on the controller's own copy.
#[derive(Clone, Default)]
pub(crate) struct AclSet {
    by_id: BTreeMap<Uuid, Arc<AclBinding>>,
    indexes: BTreeMap<ResourceType, PatternIndex>,
}

impl AclSet {
    /// Adds an ACL under its id, in the place of the one that has it.
    pub(crate) fn insert(&mut self, id: Uuid, acl: AclBinding) {
        self.remove(id);
        let acl = Arc::new(acl);
        self.by_id.insert(id, Arc::clone(&acl));
        self.indexes.entry(acl.pattern().resource_type()).or_default().insert(acl);
    }

    /// Removes the ACL of an id, and no other (CVE-2024-27309); gives it, if there was one.
    pub(crate) fn remove(&mut self, id: Uuid) -> Option<Arc<AclBinding>> {
        let acl = self.by_id.remove(&id)?;
        if let Some(index) = self.indexes.get_mut(&acl.pattern().resource_type()) {
            index.remove(&acl);
        }
        Some(acl)
    }

    /// Whether there is an ACL that says exactly the same.
    pub(crate) fn contains(&self, acl: &AclBinding) -> bool {
        let index = self.of_type(acl.pattern().resource_type());
        index.and_then(|index| index.of(acl.pattern())).is_some_and(|rules| rules.contains(acl))
    }

    /// The ACLs, by id.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (Uuid, &Arc<AclBinding>)> {
        self.by_id.iter().map(|(id, acl)| (*id, acl))
    }

    /// The ACLs about a type of resource.
    pub(super) fn of_type(&self, resource_type: ResourceType) -> Option<&PatternIndex> {
        self.indexes.get(&resource_type)
    }
}

impl PartialEq for AclSet {
    fn eq(&self, other: &Self) -> bool {
        // The indexes follow from it.
        self.by_id == other.by_id
    }
}

impl fmt::Debug for AclSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.by_id).finish()
    }
}
