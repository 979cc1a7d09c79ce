//! AlterUserScramCredentials, version 0 (KIP-554): sets and deletes credentials of users, each user by himself.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, AlterUserScramCredentialsResult,
    ScramCredentialDeletion, ScramCredentialUpsertion,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ApiError, SaltedPassword, ScramAlteration};

impl Handler for AlterUserScramCredentialsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> AlterUserScramCredentialsResponse {
        let users = users(&self);
        let deletions = self.deletions.into_iter().map(deletion);
        let alterations = deletions.chain(self.upsertions.into_iter().map(upsertion)).collect();
        match state.cluster.alter_scram_credentials(alterations).await {
            Ok(outcomes) => answer(outcomes),
            Err(error) => answer(users.into_iter().map(|user| (user, Err(error.clone())))),
        }
    }

    fn refusal(&self, error: ErrorCode) -> AlterUserScramCredentialsResponse {
        answer(users(self).into_iter().map(|user| (user, Err(error.into()))))
    }
}

/// The users that a request names.
fn users(request: &AlterUserScramCredentialsRequest) -> BTreeSet<ByteString> {
    let deleted = request.deletions.iter().map(|deletion| deletion.name.clone());
    deleted.chain(request.upsertions.iter().map(|upsertion| upsertion.name.clone())).collect()
}

fn deletion(asked: ScramCredentialDeletion) -> ScramAlteration {
    ScramAlteration { user: asked.name, mechanism: asked.mechanism, password: None }
}

fn upsertion(asked: ScramCredentialUpsertion) -> ScramAlteration {
    let ScramCredentialUpsertion { name, mechanism, iterations, salt, salted_password } = asked;
    let password = SaltedPassword { salt, iterations, salted_password };
    ScramAlteration { user: name, mechanism, password: Some(password) }
}

fn answer(
    outcomes: impl IntoIterator<Item = (ByteString, Result<(), ApiError>)>,
) -> AlterUserScramCredentialsResponse {
    let result = |(user, outcome)| {
        let (error_code, error_message) = ApiError::fields(outcome);
        AlterUserScramCredentialsResult { user, error_code, error_message }
    };
    let results = outcomes.into_iter().map(result).collect();
    AlterUserScramCredentialsResponse { results, ..Default::default() }
}

#[cfg(test)]
mod tests;
