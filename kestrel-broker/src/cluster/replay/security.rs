//! The effect of the records of security: ACLs, SCRAM credentials, quotas, delegation tokens. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::Uuid;
use kestrel_security::sasl::ScramMechanism;

use crate::cluster::image::{ClientQuotaEntity, ClusterImage, QuotaKey};
use crate::cluster::records::{
    AccessControlEntryRecord, ClientQuotaRecord, DelegationTokenRecord, RemoveUserScramCredentialRecord,
    UserScramCredentialRecord,
};

impl ClusterImage {
    pub(super) fn create_acl(&mut self, record: AccessControlEntryRecord) -> Result<(), String> {
        let id = record.id;
        Arc::make_mut(&mut self.acls).insert(id, record.binding()?);
        Ok(())
    }

    pub(super) fn delete_acl(&mut self, id: Uuid) -> Result<(), String> {
        let removed = Arc::make_mut(&mut self.acls).remove(id);
        removed.map(|_| ()).ok_or_else(|| format!("no ACL has id {id}"))
    }

    pub(super) fn put_scram_credential(&mut self, record: &UserScramCredentialRecord) -> Result<(), String> {
        let (mechanism, credential) = record.credential()?;
        let users = Arc::make_mut(&mut self.scram_users);
        users.entry(record.name.clone()).or_default().insert(mechanism, credential);
        Ok(())
    }

    pub(super) fn remove_scram_credential(
        &mut self,
        record: &RemoveUserScramCredentialRecord,
    ) -> Result<(), String> {
        let users = Arc::make_mut(&mut self.scram_users);
        let mechanism = ScramMechanism::from_number(record.mechanism);
        let credentials = users.get_mut(&record.name);
        let removed = credentials.zip(mechanism).and_then(|(of_user, mechanism)| of_user.remove(&mechanism));
        if users.get(&record.name).is_some_and(BTreeMap::is_empty) {
            users.remove(&record.name);
        }
        let none =
            || format!("user {} has no SCRAM credential of mechanism {}", record.name, record.mechanism);
        removed.map(|_| ()).ok_or_else(none)
    }

    pub(super) fn limit(&mut self, record: &ClientQuotaRecord) -> Result<(), String> {
        let entity = ClientQuotaEntity::from_record(&record.entity)?;
        let key = QuotaKey::from_name(&record.key)
            .ok_or_else(|| format!("{entity} has an unknown quota: {}", record.key))?;
        let quotas = Arc::make_mut(&mut self.quotas);
        let limits = quotas.entry(entity.clone()).or_default();
        if record.remove {
            limits.remove(&key);
        } else {
            limits.insert(key, record.value);
        }
        if limits.is_empty() {
            quotas.remove(&entity);
        }
        Ok(())
    }

    pub(super) fn put_delegation_token(&mut self, record: DelegationTokenRecord) {
        Arc::make_mut(&mut self.delegation_tokens).insert(record.token_id.clone(), record);
    }

    pub(super) fn remove_delegation_token(&mut self, token_id: &ByteString) {
        Arc::make_mut(&mut self.delegation_tokens).remove(token_id);
    }
}
