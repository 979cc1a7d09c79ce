//! IncrementalAlterConfigs, versions 0 and 1 (KIP-339): sets, deletes, appends to and subtracts from single keys of topics
//! and brokers. The keys of a resource change together or not at all.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::alterations::{Altered, Asked, alter, resource};
use super::{Handler, RequestContext, State};
use crate::cluster::{AlterOperation, ApiError, ConfigAlteration, OtherKeys};

impl Handler for IncrementalAlterConfigsRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> IncrementalAlterConfigsResponse {
        let asked = self.resources.iter().map(asked).collect();
        answer(alter(asked, OtherKeys::Keep, self.validate_only, &context.access, &state).await)
    }

    fn refusal(&self, error: ErrorCode) -> IncrementalAlterConfigsResponse {
        answer(
            self.resources
                .iter()
                .map(|asked| (resource(asked.resource_type, &asked.resource_name), Err(error.into()))),
        )
    }
}

fn asked(asked: &AlterConfigsResource) -> Asked {
    let alterations = asked.configs.iter().map(alteration).collect();
    (resource(asked.resource_type, &asked.resource_name), alterations)
}

fn alteration(config: &AlterableConfig) -> Result<ConfigAlteration, ApiError> {
    let operation = AlterOperation::from_wire(config.config_operation).ok_or_else(|| {
        let message = format!("Unknown operation type {} for key {}", config.config_operation, config.name);
        ApiError::new(ErrorCode::InvalidRequest, message)
    })?;
    Ok(ConfigAlteration { name: config.name.clone(), operation, value: config.value.clone() })
}

fn answer(altered: impl IntoIterator<Item = Altered>) -> IncrementalAlterConfigsResponse {
    let response = |(resource, outcome): Altered| {
        let (error_code, error_message) = ApiError::fields(outcome);
        let (resource_type, resource_name) = (resource.kind.wire(), resource.name);
        AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name }
    };
    let responses = altered.into_iter().map(response).collect();
    IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

#[cfg(test)]
mod tests;
