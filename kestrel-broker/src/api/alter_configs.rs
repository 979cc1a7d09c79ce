//! AlterConfigs, versions 0 to 2 (KIP-133): gives topics and brokers the values of the request, and those that it does not
//! name their defaults. Older than IncrementalAlterConfigs, and still what some clients send.

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

use super::alterations::{AlteredResource, AskedResource, alter};
use super::{Handler, RequestContext, State};
use crate::cluster::{AlterOperation, ConfigAlteration, Intent, OtherKeys};

impl Handler for AlterConfigsRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> AlterConfigsResponse {
        let asked = self.resources.into_iter().map(asked).collect();
        let altered = alter(asked, OtherKeys::Reset, Intent::of(self.validate_only), &state).await;
        AlterConfigsResponse { responses: altered.into_iter().map(response).collect(), ..Default::default() }
    }

    fn refusal(&self, error: ErrorCode) -> AlterConfigsResponse {
        let refused = |asked: &AlterConfigsResource| {
            let outcome = Err(error.into());
            response(AlteredResource::of(asked.resource_type, asked.resource_name.clone(), outcome))
        };
        AlterConfigsResponse { responses: self.resources.iter().map(refused).collect(), ..Default::default() }
    }
}

fn asked(resource: AlterConfigsResource) -> AskedResource {
    let set = resource.configs.into_iter().map(|config| ConfigAlteration {
        name: config.name,
        operation: AlterOperation::Set,
        value: config.value,
    });
    AskedResource {
        resource_type: resource.resource_type,
        name: resource.resource_name,
        alterations: Ok(set.collect()),
    }
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
