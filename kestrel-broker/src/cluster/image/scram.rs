//! Users with SCRAM credentials, as the metadata has them (KIP-554). Pure.

use std::collections::BTreeMap;

use bytestring::ByteString;
use kestrel_security::sasl::{ScramCredential, ScramMechanism};

use crate::cluster::records::UserScramCredentialRecord;

/// The credentials of each user, by mechanism. A user that has none is not in it.
pub(crate) type ScramUsers = BTreeMap<ByteString, BTreeMap<ScramMechanism, ScramCredential>>;

impl UserScramCredentialRecord {
    /// The record that gives a user a credential.
    pub(in crate::cluster) fn new(
        user: &ByteString,
        mechanism: ScramMechanism,
        credential: &ScramCredential,
    ) -> Self {
        Self {
            name: user.clone(),
            mechanism: mechanism.number(),
            salt: credential.salt.clone(),
            stored_key: credential.stored_key.clone().into(),
            server_key: credential.server_key.clone().into(),
            iterations: i32::try_from(credential.iterations).unwrap_or(i32::MAX),
        }
    }

    /// The credential that it gives, and for which mechanism.
    ///
    /// # Errors
    /// When the mechanism or the number of iterations is none.
    pub(in crate::cluster) fn credential(&self) -> Result<(ScramMechanism, ScramCredential), String> {
        let wrong =
            |what: &str, number: i32| format!("the SCRAM credential of {} has {what} {number}", self.name);
        let mechanism = ScramMechanism::from_number(self.mechanism)
            .ok_or_else(|| wrong("mechanism", self.mechanism.into()))?;
        let iterations =
            u32::try_from(self.iterations).map_err(|_| wrong("a number of iterations:", self.iterations))?;
        let credential = ScramCredential {
            salt: self.salt.clone(),
            stored_key: self.stored_key.expose().clone(),
            server_key: self.server_key.expose().clone(),
            iterations,
        };
        Ok((mechanism, credential))
    }
}
