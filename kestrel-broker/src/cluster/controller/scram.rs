//! AlterUserScramCredentials: which records it means, and the refusals of Apache Kafka (KIP-554).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use bytestring::ByteString;
use kestrel_protocol::{ErrorCode, SecretBytes};
use kestrel_security::sasl::{ScramCredential, ScramMechanism};

use super::{Controller, Effects, MAX_RECORDS_PER_REQUEST, too_many_records};
use crate::cluster::error::ApiError;
use crate::cluster::records::{MetadataRecord, RemoveUserScramCredentialRecord, UserScramCredentialRecord};

/// A credential of a user that is to be set or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScramAlteration {
    /// The user.
    pub(crate) user: ByteString,
    /// The number of the mechanism.
    pub(crate) mechanism: i8,
    /// The password, or `None` to delete the credential.
    pub(crate) password: Option<SaltedPassword>,
}

/// A password as clients send it: salted and hashed, so that the broker never sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SaltedPassword {
    /// The salt.
    pub(crate) salt: Bytes,
    /// The number of times that it was hashed.
    pub(crate) iterations: i32,
    /// The outcome of that.
    pub(crate) salted_password: SecretBytes,
}

impl Controller {
    /// Sets and deletes credentials; gives what became of each user. Who is named twice keeps what he has.
    pub(crate) fn alter_scram_credentials(
        &self,
        alterations: &[ScramAlteration],
    ) -> Effects<Vec<(ByteString, Result<(), ApiError>)>> {
        let mut users: BTreeMap<ByteString, Result<MetadataRecord, ApiError>> = BTreeMap::new();
        for alteration in alterations {
            match users.entry(alteration.user.clone()) {
                Entry::Vacant(user) => _ = user.insert(self.alter_scram_credential(alteration)),
                // The first error is the one that is told.
                Entry::Occupied(mut user) if user.get().is_ok() => _ = user.insert(Err(altered_twice())),
                Entry::Occupied(_) => {}
            }
        }
        if users.len() > MAX_RECORDS_PER_REQUEST {
            users.values_mut().for_each(|outcome| *outcome = Err(too_many_records()));
        }
        let mut effects = Effects { records: Vec::new(), reply: Vec::with_capacity(users.len()) };
        for (user, outcome) in users {
            effects.reply.push((user, outcome.map(|record| effects.records.push(record))));
        }
        effects
    }

    fn alter_scram_credential(&self, alteration: &ScramAlteration) -> Result<MetadataRecord, ApiError> {
        let ScramAlteration { user, mechanism: number, password } = alteration;
        if !self.image().features().has_scram() {
            let message = "The current metadata.version does not support SCRAM";
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
        if user.is_empty() {
            return Err(unacceptable("Username must not be empty"));
        }
        let unknown = || ApiError::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism");
        let mechanism = ScramMechanism::from_number(*number).ok_or_else(unknown)?;
        if let Some(password) = password {
            let credential = password.credential(mechanism)?;
            return Ok(UserScramCredentialRecord::new(user, mechanism, &credential).into());
        }
        if self.image().scram_credential(mechanism, user).is_none() {
            let message = "Attempt to delete a user credential that does not exist";
            return Err(ApiError::new(ErrorCode::ResourceNotFound, message));
        }
        Ok(RemoveUserScramCredentialRecord { name: user.clone(), mechanism: *number }.into())
    }
}

impl SaltedPassword {
    /// The credential that is kept of it.
    fn credential(&self, mechanism: ScramMechanism) -> Result<ScramCredential, ApiError> {
        let iterations = u32::try_from(self.iterations).unwrap_or_default();
        if iterations < ScramMechanism::MIN_ITERATIONS {
            return Err(unacceptable("Too few iterations"));
        }
        if iterations > ScramMechanism::MAX_ITERATIONS {
            return Err(unacceptable("Too many iterations"));
        }
        let salted = self.salted_password.expose();
        if salted.is_empty() {
            return Err(unacceptable("The salted password must not be empty"));
        }
        ScramCredential::from_salted_password(mechanism, salted, &self.salt, iterations)
            .map_err(|error| unacceptable(&error.to_string()))
    }
}

fn altered_twice() -> ApiError {
    let message = "A user credential cannot be altered twice in the same request";
    ApiError::new(ErrorCode::DuplicateResource, message)
}

fn unacceptable(message: &str) -> ApiError {
    ApiError::new(ErrorCode::UnacceptableCredential, message)
}
