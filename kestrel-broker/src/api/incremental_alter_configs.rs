//! IncrementalAlterConfigs, versions 0 and 1 (KIP-339): sets, deletes, appends to and subtracts from single keys of topics
//! and brokers. The keys of a resource change together or not at all.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::alterations::{AlteredResource, AskedResource, alter};
use super::{Handler, RequestContext, State};
use crate::cluster::{AlterOperation, ApiError, ConfigAlteration, Intent, OtherKeys};

impl Handler for IncrementalAlterConfigsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> IncrementalAlterConfigsResponse {
        let asked = self.resources.into_iter().map(asked).collect();
        let altered = alter(asked, OtherKeys::Keep, Intent::of(self.validate_only), &state).await;
        let responses = altered.into_iter().map(response).collect();
        IncrementalAlterConfigsResponse { responses, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> IncrementalAlterConfigsResponse {
        let refused = |asked: &AlterConfigsResource| {
            let outcome = Err(error.into());
            response(AlteredResource::of(asked.resource_type, asked.resource_name.clone(), outcome))
        };
        let responses = self.resources.iter().map(refused).collect();
        IncrementalAlterConfigsResponse { responses, ..Default::default() }
    }
}

fn asked(resource: AlterConfigsResource) -> AskedResource {
    AskedResource {
        resource_type: resource.resource_type,
        name: resource.resource_name,
        alterations: resource.configs.into_iter().map(alteration).collect(),
    }
}

fn alteration(config: AlterableConfig) -> Result<ConfigAlteration, ApiError> {
    let operation = AlterOperation::from_wire(config.config_operation).ok_or_else(|| {
        let message = format!("Unknown operation type {} for key {}", config.config_operation, config.name);
        ApiError::new(ErrorCode::InvalidRequest, message)
    })?;
    Ok(ConfigAlteration { name: config.name, operation, value: config.value })
}

fn response(altered: AlteredResource) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse {
        error_code: altered.error_code,
        error_message: altered.error_message,
        resource_type: altered.resource_type,
        resource_name: altered.name,
    }
}

#[cfg(test)]
mod tests;
