//! DescribeGroups, versions 0 to 6: state, members and assignments of groups.
//!
//! A group that is not there is Dead, and from version 6 an error (KIP-1043).

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_groups::{
    DescribeGroupsRequest, DescribeGroupsResponse, DescribedGroup,
};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::Group;

/// The first version that has an error for a group that is not there.
const FIRST_NOT_FOUND_VERSION: i16 = 6;
/// The state of a group that is not there.
const DEAD: &str = "Dead";

impl Handler for DescribeGroupsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DescribeGroupsResponse {
        let mut groups = Vec::with_capacity(self.groups.len());
        for id in &self.groups {
            if let Err(error) = context.access.check(Describe, Group, id) {
                groups.push(failed(id, error));
                continue;
            }
            let mut group = match state.groups.describe(id).await {
                Ok(Some(group)) => group,
                // Before the first group there is nobody to ask.
                Ok(None) | Err(ErrorCode::NotCoordinator) => dead(id, context.version),
                Err(error) => failed(id, error),
            };
            let is_asked = self.include_authorized_operations && group.error_code.is_none();
            if is_asked {
                group.authorized_operations = context.access.operations(Group, id);
            }
            groups.push(group);
        }
        DescribeGroupsResponse { groups, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeGroupsResponse {
        let groups = self.groups.iter().map(|id| failed(id, error));
        DescribeGroupsResponse { groups: groups.collect(), ..Default::default() }
    }
}

fn dead(id: &ByteString, version: i16) -> DescribedGroup {
    let mut group = DescribedGroup { group_id: id.clone(), group_state: DEAD.into(), ..Default::default() };
    if version >= FIRST_NOT_FOUND_VERSION {
        group.error_code = ErrorCode::GroupIdNotFound;
        group.error_message = Some(format!("Group {id} not found.").into());
    }
    group
}

fn failed(id: &ByteString, error_code: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id: id.clone(), error_code, ..Default::default() }
}

#[cfg(test)]
mod tests;
