//! ListGroups, versions 0 to 5: the groups of this broker, by state (KIP-518) and type (KIP-848) when asked.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::list_groups::{ListGroupsRequest, ListGroupsResponse, ListedGroup};

use super::{Handler, RequestContext, State};
use crate::authorizer::AclOperation::Describe;
use crate::authorizer::ResourceType::Group;
use crate::coordinator::ListFilter;

impl Handler for ListGroupsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> ListGroupsResponse {
        let filter = ListFilter { states: self.states_filter.clone(), types: self.types_filter.clone() };
        let groups = match state.groups.list(&filter).await {
            Ok(groups) => groups,
            Err(error) => return self.refusal(error),
        };
        let shows_all = context.access.would_allow_on_cluster(Describe);
        let shown = |id: &str| shows_all || context.access.would_allow(Describe, Group, id);
        let listed = groups.into_iter().filter(|group| shown(&group.id)).map(|group| ListedGroup {
            group_id: group.id,
            protocol_type: group.protocol_type,
            group_state: group.state.into(),
            group_type: group.group_type.into(),
        });
        ListGroupsResponse { groups: listed.collect(), ..Default::default() }
    }

    fn refusal(&self, error_code: ErrorCode) -> ListGroupsResponse {
        ListGroupsResponse { error_code, ..Default::default() }
    }
}

#[cfg(test)]
mod tests;
