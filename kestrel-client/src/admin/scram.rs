//! SCRAM credentials of users: describes, sets and deletes them (KIP-554).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use kestrel_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kestrel_protocol::messages::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResult, UserName,
};
use kestrel_protocol::{ApiKey, ByteString, SecretBytes};
use kestrel_security::sasl::ScramCredential;
pub use kestrel_security::sasl::ScramMechanism;
use kestrel_settings::Secret;

use super::settle::{Call, Round, check, left_out};
use super::{Admin, AdminResults};
use crate::client::{Client, Target};
use crate::environment;
use crate::error::{Error, Result};
use crate::into::IntoName;

/// The length of a salt, as Apache Kafka's.
const SALT_BYTES: usize = 26;

/// A change to the SCRAM credentials of a user, who has at most one for each mechanism.
///
/// ```
/// use kestrel_client::admin::{ScramMechanism, UserScramCredentialAlteration};
/// let set = UserScramCredentialAlteration::upsert("alice", ScramMechanism::Sha512, "alice-secret").iterations(8_192);
/// let delete = UserScramCredentialAlteration::delete("bob", ScramMechanism::Sha256);
/// assert!(!format!("{set:?}").contains("alice-secret"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct UserScramCredentialAlteration {
    user: Arc<str>,
    mechanism: ScramMechanism,
    /// The password to set; `None` deletes the credential.
    password: Option<Password>,
}

#[derive(Debug, Clone)]
struct Password {
    text: Secret,
    iterations: u32,
}

impl UserScramCredentialAlteration {
    /// Sets the password of a user, who need not be known yet. It is salted and hashed here and never leaves the process.
    pub fn upsert(user: impl IntoName, mechanism: ScramMechanism, password: impl Into<String>) -> Self {
        let text = Secret::new(password);
        let password = Password { text, iterations: ScramMechanism::MIN_ITERATIONS };
        Self { user: user.into_name(), mechanism, password: Some(password) }
    }

    /// How often the password is hashed, from 4,096 to 16,384. Default: 4,096, as in Apache Kafka.
    pub fn iterations(mut self, iterations: u32) -> Self {
        if let Some(password) = &mut self.password {
            password.iterations = iterations;
        }
        self
    }

    /// Deletes the credential that a user has for a mechanism.
    pub fn delete(user: impl IntoName, mechanism: ScramMechanism) -> Self {
        Self { user: user.into_name(), mechanism, password: None }
    }
}

/// The SCRAM credentials of a user. Brokers never send salts or keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserScramCredentialsDescription {
    /// The user's name.
    pub user: Arc<str>,
    /// The credentials, one for each mechanism that the user can log in by, in the order of mechanisms.
    pub credentials: Vec<ScramCredentialInfo>,
}

/// A SCRAM credential without its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScramCredentialInfo {
    /// The mechanism that the credential is for.
    pub mechanism: ScramMechanism,
    /// How often the password is hashed.
    pub iterations: i32,
}

impl Admin {
    /// Sets and deletes SCRAM credentials, one of each user; gives the outcome for the user of each change.
    ///
    /// Each password is hashed in the calling task first, which takes some milliseconds.
    ///
    /// ```no_run
    /// # async fn f(admin: kestrel_client::Admin) -> Result<(), kestrel_client::Error> {
    /// use kestrel_client::admin::{ScramMechanism, UserScramCredentialAlteration};
    ///
    /// let alice = UserScramCredentialAlteration::upsert("alice", ScramMechanism::Sha512, "alice-secret");
    /// admin.alter_user_scram_credentials([alice]).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Per user, with the broker's words: `RESOURCE_NOT_FOUND` for a deletion of what is not there, `DUPLICATE_RESOURCE` when a
    /// user comes twice, also with another mechanism, `UNACCEPTABLE_CREDENTIAL`, `CLUSTER_AUTHORIZATION_FAILED`; [`Error::InvalidArgument`] for iterations
    /// out of range; [`Error::Timeout`].
    pub async fn alter_user_scram_credentials(
        &self,
        alterations: impl IntoIterator<Item = UserScramCredentialAlteration>,
    ) -> AdminResults<Arc<str>, ()> {
        let changes = alterations.into_iter().map(Change::new).collect();
        self.settle(&AlterCredentials, changes).await.keyed(|change| change.user)
    }

    /// The SCRAM credentials of users.
    ///
    /// # Errors
    /// Per user: `RESOURCE_NOT_FOUND` for one who has none, `DUPLICATE_RESOURCE` for one who is named twice,
    /// `CLUSTER_AUTHORIZATION_FAILED`; [`Error::Timeout`].
    pub async fn describe_user_scram_credentials(
        &self,
        users: impl IntoIterator<Item = impl IntoName>,
    ) -> AdminResults<Arc<str>, UserScramCredentialsDescription> {
        let users = users.into_iter().map(IntoName::into_name).collect();
        self.settle(&DescribeCredentials, users).await
    }

    /// All users who have SCRAM credentials, by name.
    ///
    /// # Errors
    /// `CLUSTER_AUTHORIZATION_FAILED`, [`Error::Timeout`].
    pub async fn list_user_scram_credentials(&self) -> Result<Vec<UserScramCredentialsDescription>> {
        self.settle_one(&ListCredentials).await
    }
}

/// A change as it goes over the wire; the password is salted once, however often the request is sent.
#[derive(Debug, Clone)]
struct Change {
    user: Arc<str>,
    wire: Result<WireChange>,
}

#[derive(Debug, Clone)]
enum WireChange {
    Upsert(ScramCredentialUpsertion),
    Delete(ScramCredentialDeletion),
}

impl Change {
    fn new(alteration: UserScramCredentialAlteration) -> Self {
        let UserScramCredentialAlteration { user, mechanism, password } = alteration;
        let name = ByteString::from(&*user);
        let wire = match password {
            Some(password) => upsertion(name, mechanism, &password).map(WireChange::Upsert),
            None => Ok(WireChange::Delete(ScramCredentialDeletion { name, mechanism: mechanism.number() })),
        };
        Self { user, wire }
    }
}

fn upsertion(
    name: ByteString,
    mechanism: ScramMechanism,
    password: &Password,
) -> Result<ScramCredentialUpsertion> {
    let salt: [u8; SALT_BYTES] = environment::secret_random().map_err(Error::other)?;
    let salted = ScramCredential::salt_password(mechanism, &password.text, &salt, password.iterations)
        .map_err(|problem| Error::invalid_argument("iterations", problem.to_string()))?;
    Ok(ScramCredentialUpsertion {
        name,
        mechanism: mechanism.number(),
        iterations: i32::try_from(password.iterations).unwrap_or(i32::MAX),
        salt: Bytes::copy_from_slice(&salt),
        salted_password: SecretBytes::from(salted),
    })
}

#[derive(Debug)]
struct AlterCredentials;

impl Call for AlterCredentials {
    type Item = Change;
    type Output = ();
    const OPERATION: &'static str = "altering SCRAM credentials";

    fn check(&self, change: &Change) -> Result<()> {
        change.wire.clone().map(drop)
    }

    async fn round(&self, client: &Client, items: &[Change], _: Instant) -> Round<Self> {
        let mut request = AlterUserScramCredentialsRequest::default();
        for change in items.iter().filter_map(|change| change.wire.clone().ok()) {
            match change {
                WireChange::Upsert(upsertion) => request.upsertions.push(upsertion),
                WireChange::Delete(deletion) => request.deletions.push(deletion),
            }
        }
        let results = client.send(Target::Controller, &request).await?.results.into_iter();
        let answers: HashMap<_, _> = results.map(|result| (result.user.clone(), result)).collect();
        let api = ApiKey::AlterUserScramCredentials;
        let outcome = |change: &Change| {
            let answer = answers.get(&*change.user).ok_or_else(|| left_out(api))?;
            check(api, answer.error_code, answer.error_message.as_deref())
        };
        Ok(items.iter().map(outcome).collect())
    }
}

#[derive(Debug)]
struct DescribeCredentials;

impl Call for DescribeCredentials {
    type Item = Arc<str>;
    type Output = UserScramCredentialsDescription;
    const OPERATION: &'static str = "describing SCRAM credentials";

    async fn round(&self, client: &Client, items: &[Arc<str>], _: Instant) -> Round<Self> {
        let results = describe(client, Some(items)).await?.into_iter();
        let answers: HashMap<_, _> = results.map(|result| (result.user.clone(), result)).collect();
        let api = ApiKey::DescribeUserScramCredentials;
        Ok(items.iter().map(|user| read(answers.get(&**user).ok_or_else(|| left_out(api))?)).collect())
    }
}

#[derive(Debug)]
struct ListCredentials;

impl Call for ListCredentials {
    type Item = ();
    type Output = Vec<UserScramCredentialsDescription>;
    const OPERATION: &'static str = "listing SCRAM credentials";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let mut users = describe(client, None).await?.iter().map(read).collect::<Result<Vec<_>>>()?;
        users.sort_by(|left, right| left.user.cmp(&right.user));
        Ok(vec![Ok(users)])
    }
}

/// Describes users at a broker; all of them without `users`.
async fn describe(
    client: &Client,
    users: Option<&[Arc<str>]>,
) -> Result<Vec<DescribeUserScramCredentialsResult>> {
    let name = |user: &Arc<str>| UserName { name: ByteString::from(&**user) };
    let users = users.map(|users| users.iter().map(name).collect());
    let response = client.send(Target::Any, &DescribeUserScramCredentialsRequest { users }).await?;
    let api = ApiKey::DescribeUserScramCredentials;
    check(api, response.error_code, response.error_message.as_deref())?;
    Ok(response.results)
}

fn read(result: &DescribeUserScramCredentialsResult) -> Result<UserScramCredentialsDescription> {
    let api = ApiKey::DescribeUserScramCredentials;
    check(api, result.error_code, result.error_message.as_deref())?;
    // Mechanisms from newer brokers are left out: nobody could log in by them here.
    let info = |info: &CredentialInfo| {
        let mechanism = ScramMechanism::from_number(info.mechanism)?;
        Some(ScramCredentialInfo { mechanism, iterations: info.iterations })
    };
    // Brokers tell them in any order.
    let mut credentials: Vec<_> = result.credential_infos.iter().filter_map(info).collect();
    credentials.sort_unstable_by_key(|credential| credential.mechanism);
    Ok(UserScramCredentialsDescription { user: Arc::from(&*result.user), credentials })
}
