//! IncrementalAlterConfigs, versions 0 and 1 (KIP-339): sets, deletes, appends to and subtracts from single keys of topics
//! and brokers. The keys of a resource change together or not at all.

use std::collections::HashMap;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use super::{Handle, RequestContext, State};
use crate::cluster::{
    AlterOperation, ApiError, ConfigAlteration, ConfigResource, Intent, OtherKeys, ResourceAlterations,
    ResourceKind,
};

impl Handle for IncrementalAlterConfigsRequest {
    async fn handle(self, _: &RequestContext, state: &State) -> IncrementalAlterConfigsResponse {
        let mut responses = Vec::with_capacity(self.resources.len());
        let mut understood = Vec::with_capacity(self.resources.len());
        let mut counts: HashMap<_, usize> = HashMap::new();
        let resource = |asked: &AlterConfigsResource| (asked.resource_type, asked.resource_name.clone());
        self.resources.iter().for_each(|asked| *counts.entry(resource(asked)).or_default() += 1);
        for asked in &self.resources {
            match alterations(asked, counts.get(&resource(asked)) == Some(&1)) {
                Ok(alterations) => understood.push((asked, alterations)),
                Err(error) => responses.push(response(asked, &Err(error))),
            }
        }
        let (asked, alterations): (Vec<_>, Vec<_>) = understood.into_iter().unzip();
        let outcomes = state.cluster.alter_configs(alterations, Intent::of(self.validate_only)).await;
        responses.extend(asked.into_iter().zip(&outcomes).map(|(asked, outcome)| response(asked, outcome)));
        IncrementalAlterConfigsResponse { responses, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> IncrementalAlterConfigsResponse {
        let responses = self.resources.iter().map(|asked| response(asked, &Err(error.into()))).collect();
        IncrementalAlterConfigsResponse { responses, ..Default::default() }
    }
}

fn alterations(asked: &AlterConfigsResource, is_alone: bool) -> Result<ResourceAlterations, ApiError> {
    if !is_alone {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "Each resource must appear at most once."));
    }
    Ok(ResourceAlterations {
        resource: ConfigResource {
            kind: ResourceKind::from_wire(asked.resource_type),
            name: asked.resource_name.clone(),
        },
        alterations: asked.configs.iter().map(alteration).collect::<Result<_, _>>()?,
        other_keys: OtherKeys::Keep,
    })
}

fn alteration(config: &AlterableConfig) -> Result<ConfigAlteration, ApiError> {
    let operation = AlterOperation::from_wire(config.config_operation).ok_or_else(|| {
        let message = format!("Unknown operation type {} for key {}", config.config_operation, config.name);
        ApiError::new(ErrorCode::InvalidRequest, message)
    })?;
    Ok(ConfigAlteration { name: config.name.clone(), operation, value: config.value.clone() })
}

fn response(asked: &AlterConfigsResource, outcome: &Result<(), ApiError>) -> AlterConfigsResourceResponse {
    let error = outcome.as_ref().err();
    AlterConfigsResourceResponse {
        error_code: error.map_or(ErrorCode::None, |error| error.code),
        error_message: error.map(|error| error.message.as_str().into()),
        resource_type: asked.resource_type,
        resource_name: asked.resource_name.clone(),
    }
}

#[cfg(test)]
mod tests;
