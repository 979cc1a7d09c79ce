//! ListConfigResources, versions 0 and 1: the resources that have a configuration, by type (KIP-1142). Version 0 was
//! ListClientMetricsResources and knows those of client metrics alone (KIP-714).

use std::sync::Arc;

use bytestring::ByteString;
use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use super::{Handler, RequestContext, State};
use crate::cluster::{ClusterImage, ResourceKind};

/// The numbers of types that version 1 knows, in the order of its answers: groups, client metrics, loggers, brokers, topics.
const TYPES: [i8; 5] = [GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC];
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

impl Handler for ListConfigResourcesRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> ListConfigResourcesResponse {
        let known = if context.version == 0 { &[CLIENT_METRICS][..] } else { &TYPES };
        let asked = &self.resource_types;
        if !asked.iter().all(|number| known.contains(number)) {
            return self.refusal(ErrorCode::UnsupportedVersion);
        }
        let image = state.cluster.image();
        let wanted = known.iter().filter(|number| asked.is_empty() || asked.contains(number));
        let config_resources = wanted.flat_map(|number| {
            let named = |resource_name| ConfigResource { resource_name, resource_type: *number };
            names(*number, &image).into_iter().map(named)
        });
        ListConfigResourcesResponse { config_resources: config_resources.collect(), ..Default::default() }
    }

    fn refusal(&self, error_code: ErrorCode) -> ListConfigResourcesResponse {
        ListConfigResourcesResponse { error_code, ..Default::default() }
    }
}

/// The names of the resources of a type: of topics and brokers all, of the others those that have a configuration. Loggers have none here.
fn names(number: i8, image: &ClusterImage) -> Vec<ByteString> {
    match number {
        TOPIC => image.topics().map(|topic| topic.name.clone()).collect(),
        BROKER => {
            let serving = image.brokers().filter(|broker| !broker.fenced);
            serving.map(|broker| broker.id.to_string().into()).collect()
        }
        number => image.configs_of(ResourceKind::from_wire(number)).map(|(name, _)| name.clone()).collect(),
    }
}

#[cfg(test)]
pub(in crate::api) mod tests;
