//! CreateAcls, versions 1 to 3 (KIP-140, KIP-290): creates ACLs, each by itself.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::create_acls::{AclCreationResult, CreateAclsRequest, CreateAclsResponse};

use super::acls::{binding, check_authorizer, close_at_unknown, numbers_of_creation};
use super::{Answer, Handler, RequestContext, State};
use crate::authorizer::AclBinding;
use crate::cluster::ApiError;

impl Handler for CreateAclsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> Answer<CreateAclsResponse> {
        if let Err(close) = close_at_unknown(self.creations.iter().flat_map(numbers_of_creation)) {
            return Answer::Close(close);
        }
        if let Err(disabled) = check_authorizer(&context, "No Authorizer is configured.") {
            return answer(self.creations.iter().map(|_| Err(disabled.clone()))).into();
        }
        let asked: Vec<Result<AclBinding, ApiError>> = self.creations.into_iter().map(binding).collect();
        let valid = asked.iter().flatten().cloned().collect();
        let mut created = state.cluster.create_acls(valid).await.into_iter();
        let outcome = |asked: Result<AclBinding, ApiError>| {
            asked.and_then(|_| created.next().expect("each ACL has its outcome"))
        };
        answer(asked.into_iter().map(outcome)).into()
    }

    fn refusal(&self, error: ErrorCode) -> CreateAclsResponse {
        answer(self.creations.iter().map(|_| Err(error.into())))
    }
}

fn answer(outcomes: impl Iterator<Item = Result<(), ApiError>>) -> CreateAclsResponse {
    let result = |outcome| {
        let (error_code, error_message) = ApiError::fields(outcome);
        AclCreationResult { error_code, error_message }
    };
    CreateAclsResponse { results: outcomes.map(result).collect(), ..Default::default() }
}

#[cfg(test)]
mod tests;
