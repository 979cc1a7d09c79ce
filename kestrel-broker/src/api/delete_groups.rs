//! DeleteGroups, versions 0 to 2 (KIP-229): groups without members, with their offsets; each by itself.

use std::collections::HashSet;
use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Delete;
use crate::authorizer::ResourceType::Group;

impl Handler for DeleteGroupsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DeleteGroupsResponse {
        let mut results = Vec::with_capacity(self.groups_names.len());
        let mut seen = HashSet::new();
        for group_id in self.groups_names {
            if !seen.insert(group_id.clone()) {
                continue;
            }
            let error_code = match context.access.check(Delete, Group, &group_id) {
                Ok(()) => state.groups.delete_group(&group_id).await.unwrap_or_else(|error| error),
                Err(error) => error,
            };
            results.push(DeletableGroupResult { group_id, error_code });
        }
        DeleteGroupsResponse { results, ..Default::default() }
    }

    fn refusal(&self, error_code: ErrorCode) -> DeleteGroupsResponse {
        let result = |group_id: &bytestring::ByteString| DeletableGroupResult {
            group_id: group_id.clone(),
            error_code,
        };
        DeleteGroupsResponse { results: self.groups_names.iter().map(result).collect(), ..Default::default() }
    }
}

#[cfg(test)]
mod tests;
