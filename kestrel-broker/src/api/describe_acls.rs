//! DescribeAcls, versions 1 to 3 (KIP-140, KIP-290): the ACLs that a filter selects, by resource.

use std::collections::BTreeMap;
use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_acls::{
    AclDescription, DescribeAclsRequest, DescribeAclsResource, DescribeAclsResponse,
};

use super::acls::{check_authorizer, close_at_unknown, filter, numbers_of_filter};
use super::{Answer, Handler, RequestContext, State};
use crate::authorizer::{AclBinding, AclFilter, AclSet, ResourcePattern};
use crate::cluster::ApiError;

impl Handler for DescribeAclsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> Answer<DescribeAclsResponse> {
        if let Err(close) = close_at_unknown(numbers_of_filter(&self).into_iter()) {
            return Answer::Close(close);
        }
        if let Err(disabled) = check_authorizer(&context, "No Authorizer is configured on the broker") {
            return refused(disabled).into();
        }
        // A filter with what nobody knows selects nothing.
        let selected = filter(&self).map(|filter| resources(state.cluster.image().acls(), &filter));
        DescribeAclsResponse { resources: selected.unwrap_or_default(), ..Default::default() }.into()
    }

    fn refusal(&self, error: ErrorCode) -> DescribeAclsResponse {
        refused(error.into())
    }
}

fn refused(error: ApiError) -> DescribeAclsResponse {
    let (error_code, error_message) = ApiError::fields(Err(error));
    DescribeAclsResponse { error_code, error_message, ..Default::default() }
}

fn resources(acls: &AclSet, filter: &AclFilter) -> Vec<DescribeAclsResource> {
    let mut by_pattern: BTreeMap<&ResourcePattern, Vec<AclDescription>> = BTreeMap::new();
    for (_, acl) in acls.iter().filter(|(_, acl)| filter.matches(acl)) {
        by_pattern.entry(acl.pattern()).or_default().push(description(acl));
    }
    let resource = |(pattern, acls): (&ResourcePattern, _)| DescribeAclsResource {
        resource_type: pattern.resource_type().wire(),
        resource_name: pattern.shared_name().clone(),
        pattern_type: pattern.pattern_type().wire(),
        acls,
    };
    by_pattern.into_iter().map(resource).collect()
}

fn description(acl: &AclBinding) -> AclDescription {
    AclDescription {
        principal: acl.shared_principal().clone(),
        host: acl.shared_host().clone(),
        operation: acl.operation().wire(),
        permission_type: acl.permission().wire(),
    }
}
