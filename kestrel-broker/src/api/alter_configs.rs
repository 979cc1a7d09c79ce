//! AlterConfigs, versions 0 to 2 (KIP-133): gives topics and brokers the values of the request, and those that it does not
//! name their defaults. Older than IncrementalAlterConfigs, and still what some clients send.

use std::collections::HashMap;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use super::{Handle, RequestContext, State};
use crate::cluster::{
    AlterOperation, ApiError, ConfigAlteration, ConfigResource, Intent, OtherKeys, ResourceAlterations,
    ResourceKind,
};

impl Handle for AlterConfigsRequest {
    async fn handle(self, _: &RequestContext, state: &State) -> AlterConfigsResponse {
        let mut responses = Vec::with_capacity(self.resources.len());
        let mut understood = Vec::with_capacity(self.resources.len());
        let mut counts: HashMap<_, usize> = HashMap::new();
        let resource = |asked: &AlterConfigsResource| (asked.resource_type, asked.resource_name.clone());
        self.resources.iter().for_each(|asked| *counts.entry(resource(asked)).or_default() += 1);
        for asked in &self.resources {
            if counts.get(&resource(asked)) == Some(&1) {
                understood.push((asked, alterations(asked)));
            } else {
                let message = "Each resource must appear at most once.";
                responses.push(response(asked, &Err(ApiError::new(ErrorCode::InvalidRequest, message))));
            }
        }
        let (asked, alterations): (Vec<_>, Vec<_>) = understood.into_iter().unzip();
        let outcomes = state.cluster.alter_configs(alterations, Intent::of(self.validate_only)).await;
        responses.extend(asked.into_iter().zip(&outcomes).map(|(asked, outcome)| response(asked, outcome)));
        AlterConfigsResponse { responses, ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> AlterConfigsResponse {
        let responses = self.resources.iter().map(|asked| response(asked, &Err(error.into()))).collect();
        AlterConfigsResponse { responses, ..Default::default() }
    }
}

fn alterations(asked: &AlterConfigsResource) -> ResourceAlterations {
    let set = asked.configs.iter().map(|config| ConfigAlteration {
        name: config.name.clone(),
        operation: AlterOperation::Set,
        value: config.value.clone(),
    });
    ResourceAlterations {
        resource: ConfigResource {
            kind: ResourceKind::from_wire(asked.resource_type),
            name: asked.resource_name.clone(),
        },
        alterations: set.collect(),
        other_keys: OtherKeys::Reset,
    }
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
