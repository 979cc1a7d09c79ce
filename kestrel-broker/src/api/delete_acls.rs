//! DeleteAcls, versions 1 to 3 (KIP-140, KIP-290): deletes the ACLs that filters select, each filter by itself.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::delete_acls::{
    DeleteAclsFilterResult, DeleteAclsMatchingAcl, DeleteAclsRequest, DeleteAclsResponse,
};
use kestrel_protocol::messages::describe_acls::DescribeAclsRequest;

use super::acls::{as_description, check_authorizer, close_at_unknown, filter, numbers_of_filter};
use super::{Answer, Handler, RequestContext, State};
use crate::authorizer::{AclBinding, AclFilter};
use crate::cluster::ApiError;

impl Handler for DeleteAclsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> Answer<DeleteAclsResponse> {
        let asked: Vec<DescribeAclsRequest> = self.filters.into_iter().map(as_description).collect();
        if let Err(close) = close_at_unknown(asked.iter().flat_map(numbers_of_filter)) {
            return Answer::Close(close);
        }
        if let Err(disabled) = check_authorizer(&context, "No Authorizer is configured.") {
            return answer(asked.iter().map(|_| Err(disabled.clone()))).into();
        }
        let filters: Vec<Result<AclFilter, ApiError>> = asked.iter().map(filter).collect();
        let valid = filters.iter().flatten().cloned().collect();
        let mut deleted = state.cluster.delete_acls(valid).await.into_iter();
        let outcome = |filter: Result<AclFilter, ApiError>| {
            filter.and_then(|_| deleted.next().expect("each filter has its outcome"))
        };
        answer(filters.into_iter().map(outcome)).into()
    }

    fn refusal(&self, error: ErrorCode) -> DeleteAclsResponse {
        answer(self.filters.iter().map(|_| Err(error.into())))
    }
}

fn answer(outcomes: impl Iterator<Item = Result<Vec<Arc<AclBinding>>, ApiError>>) -> DeleteAclsResponse {
    let result = |outcome: Result<Vec<Arc<AclBinding>>, ApiError>| match outcome {
        Ok(deleted) => {
            let matching_acls = deleted.iter().map(|acl| matching(acl)).collect();
            DeleteAclsFilterResult { matching_acls, ..Default::default() }
        }
        Err(error) => {
            let (error_code, error_message) = ApiError::fields(Err(error));
            DeleteAclsFilterResult { error_code, error_message, ..Default::default() }
        }
    };
    DeleteAclsResponse { filter_results: outcomes.map(result).collect(), ..Default::default() }
}

fn matching(acl: &AclBinding) -> DeleteAclsMatchingAcl {
    DeleteAclsMatchingAcl {
        error_code: ErrorCode::None,
        error_message: None,
        resource_type: acl.pattern().resource_type().wire(),
        resource_name: acl.pattern().shared_name().clone(),
        pattern_type: acl.pattern().pattern_type().wire(),
        principal: acl.shared_principal().clone(),
        host: acl.shared_host().clone(),
        operation: acl.operation().wire(),
        permission_type: acl.permission().wire(),
    }
}
