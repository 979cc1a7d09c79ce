//! DescribeUserScramCredentials, version 0 (KIP-554): the mechanisms of users, never their keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
};
use kestrel_security::sasl::{ScramCredential, ScramMechanism};

use super::tally::Tally;
use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, ScramUsers};

impl Handler for DescribeUserScramCredentialsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> DescribeUserScramCredentialsResponse {
        let image = state.cluster.image();
        let users = image.scram_users();
        let asked = self.users.filter(|asked| !asked.is_empty());
        let results = match asked {
            None => users.iter().map(|(user, credentials)| described(user, credentials)).collect(),
            Some(asked) => describe(users, &asked.into_iter().map(|user| user.name).collect::<Vec<_>>()),
        };
        DescribeUserScramCredentialsResponse { results, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeUserScramCredentialsResponse {
        let (error_code, error_message) = ApiError::fields(Err(error.into()));
        // As Apache Kafka: a result for each user that was named, without the name.
        let result = || DescribeUserScramCredentialsResult {
            error_code,
            error_message: error_message.clone(),
            ..Default::default()
        };
        let results = self.users.iter().flatten().map(|_| result()).collect();
        DescribeUserScramCredentialsResponse { error_code, error_message, results, ..Default::default() }
    }
}

/// The answer for each user that was named, once.
fn describe(users: &ScramUsers, asked: &[ByteString]) -> Vec<DescribeUserScramCredentialsResult> {
    let mut tally = Tally::of(asked.iter().cloned());
    let describe = |user: &ByteString| {
        let is_alone = tally.take(user)?;
        Some(match users.get(user) {
            _ if !is_alone => refused(
                user,
                ErrorCode::DuplicateResource,
                "Cannot describe SCRAM credentials for the same user twice in a single request: ",
            ),
            None => refused(
                user,
                ErrorCode::ResourceNotFound,
                "Attempt to describe a user credential that does not exist: ",
            ),
            Some(credentials) => described(user, credentials),
        })
    };
    asked.iter().filter_map(describe).collect()
}

fn described(
    user: &ByteString,
    credentials: &BTreeMap<ScramMechanism, ScramCredential>,
) -> DescribeUserScramCredentialsResult {
    let info = |(mechanism, credential): (&ScramMechanism, &ScramCredential)| CredentialInfo {
        mechanism: mechanism.number(),
        iterations: i32::try_from(credential.iterations).unwrap_or(i32::MAX),
    };
    let credential_infos = credentials.iter().map(info).collect();
    DescribeUserScramCredentialsResult { user: user.clone(), credential_infos, ..Default::default() }
}

fn refused(user: &ByteString, code: ErrorCode, why: &str) -> DescribeUserScramCredentialsResult {
    let (error_code, error_message) = ApiError::fields(Err(ApiError::new(code, format!("{why}{user}"))));
    DescribeUserScramCredentialsResult { user: user.clone(), error_code, error_message, ..Default::default() }
}

#[cfg(test)]
mod tests;
