//! Provisions: users and ACLs that a broker is started with, for development and tests. Apache Kafka has users so by
//! `kafka-storage format --add-scram` (KIP-900).

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_security::sasl::{ScramCredential, ScramMechanism};
use kestrel_settings::Secret;

use super::{Controller, Ids};
use crate::authorizer::AclBinding;
use crate::cluster::error::ApiError;
use crate::cluster::records::{MetadataRecord, UserScramCredentialRecord};

/// The users and ACLs that are to be in the metadata from the start. Written once: a start that finds them writes nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Provisions {
    /// Users with their passwords, for each mechanism of SCRAM.
    pub(crate) users: Vec<(String, Secret)>,
    /// ACLs.
    pub(crate) acls: Vec<AclBinding>,
}

impl Controller {
    /// The records that are missing of the provisions: users that are not there or have another password, ACLs that are not there.
    /// Takes some milliseconds for each user, as passwords are hashed.
    ///
    /// # Errors
    /// When the metadata cannot have a user or an ACL.
    pub(crate) fn provide(
        &self,
        provisions: Provisions,
        ids: Ids<'_>,
    ) -> Result<Vec<MetadataRecord>, ApiError> {
        if !provisions.users.is_empty() && !self.image().features().has_scram() {
            let message = "its metadata.version is from before SCRAM users, so that none can be added";
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
        let mut records = Vec::new();
        for (user, password) in &provisions.users {
            if user.is_empty() {
                return Err(ApiError::new(ErrorCode::UnacceptableCredential, "a user has no name"));
            }
            let user = ByteString::from(user.as_str());
            for mechanism in ScramMechanism::ALL {
                if !self.accepts(mechanism, &user, password) {
                    records.push(new_credential(mechanism, &user, password, ids).into());
                }
            }
        }
        let effects = self.create_acls(provisions.acls, ids);
        effects.reply.into_iter().collect::<Result<(), ApiError>>()?;
        records.extend(effects.records);
        Ok(records)
    }

    /// Whether a user has a credential that this password belongs to.
    fn accepts(&self, mechanism: ScramMechanism, user: &str, password: &Secret) -> bool {
        self.image().scram_credential(mechanism, user).is_some_and(|known| {
            let ScramCredential { salt, iterations, .. } = known;
            ScramCredential::from_password(mechanism, password, salt, *iterations).as_ref() == Ok(known)
        })
    }
}

fn new_credential(
    mechanism: ScramMechanism,
    user: &ByteString,
    password: &Secret,
    ids: Ids<'_>,
) -> UserScramCredentialRecord {
    // Without the two bytes of each id that are not all random.
    let random = [ids().0, ids().0].concat().into_iter().enumerate();
    let salt = random.filter(|(at, _)| !matches!(at % 16, 6 | 8)).map(|(_, byte)| byte);
    let salt: Vec<u8> = salt.take(ScramMechanism::SALT_BYTES).collect();
    let credential =
        ScramCredential::from_password(mechanism, password, &salt, ScramMechanism::MIN_ITERATIONS)
            .expect("the number of iterations is one that is allowed");
    UserScramCredentialRecord::new(user, mechanism, &credential)
}
