//! AlterConfigs, versions 0 to 2 (KIP-133): gives topics and brokers the values of the request, and those that it does not
//! name their defaults. Older than IncrementalAlterConfigs, and still what some clients send.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use super::alterations::{Altered, Asked, alter, resource};
use super::{Handler, RequestContext, State};
use crate::cluster::{AlterOperation, ApiError, ConfigAlteration, OtherKeys};

impl Handler for AlterConfigsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> AlterConfigsResponse {
        let asked = self.resources.iter().map(asked).collect();
        answer(alter(asked, OtherKeys::Reset, self.validate_only, &context.access, &state).await)
    }

    fn refusal(&self, error: ErrorCode) -> AlterConfigsResponse {
        answer(
            self.resources
                .iter()
                .map(|asked| (resource(asked.resource_type, &asked.resource_name), Err(error.into()))),
        )
    }
}

fn asked(asked: &AlterConfigsResource) -> Asked {
    let set = asked.configs.iter().map(|config| ConfigAlteration {
        name: config.name.clone(),
        operation: AlterOperation::Set,
        value: config.value.clone(),
    });
    (resource(asked.resource_type, &asked.resource_name), Ok(set.collect()))
}

fn answer(altered: impl IntoIterator<Item = Altered>) -> AlterConfigsResponse {
    let response = |(resource, outcome): Altered| {
        let (error_code, error_message) = ApiError::fields(outcome);
        let (resource_type, resource_name) = (resource.kind.wire(), resource.name);
        AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name }
    };
    AlterConfigsResponse { responses: altered.into_iter().map(response).collect(), ..Default::default() }
}

#[cfg(test)]
mod tests;
