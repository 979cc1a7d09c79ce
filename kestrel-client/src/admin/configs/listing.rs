//! Lists what has a configuration (KIP-1142; subscriptions to metrics of clients, KIP-714).

use std::collections::BTreeSet;
use std::time::Instant;

use kestrel_protocol::ApiKey;
use kestrel_protocol::messages::list_config_resources::{
    ListConfigResourcesRequest, ListConfigResourcesResponse,
};

use super::{ConfigResource, ConfigResourceType};
use crate::admin::settle::{Call, Round, check};
use crate::client::{Client, Target};

/// The first version of ListConfigResources with other kinds than subscriptions to metrics of clients (KIP-1142).
const TYPES_VERSION: i16 = 1;

/// Asks a broker for the resources of some kinds; of all kinds without any.
#[derive(Debug)]
pub(super) struct ListConfigResources {
    pub(super) types: BTreeSet<ConfigResourceType>,
}

impl Call for ListConfigResources {
    type Item = ();
    type Output = Vec<ConfigResource>;
    const OPERATION: &'static str = "listing what has a configuration";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let response = client.send_since(Target::Any, &self.request(), self.first_version()).await?;
        check(ApiKey::ListConfigResources, response.error_code, None)?;
        Ok(vec![Ok(listed(&response))])
    }
}

impl ListConfigResources {
    fn request(&self) -> ListConfigResourcesRequest {
        let resource_types = self.types.iter().map(|resource_type| resource_type.to_wire()).collect();
        ListConfigResourcesRequest { resource_types }
    }

    /// In version 0 every request is about metrics of clients, whatever was asked for.
    fn first_version(&self) -> i16 {
        if self.types.iter().eq([&ConfigResourceType::ClientMetrics]) { 0 } else { TYPES_VERSION }
    }
}

fn listed(response: &ListConfigResourcesResponse) -> Vec<ConfigResource> {
    let resources = response.config_resources.iter();
    let mut listed: Vec<_> = resources
        .filter_map(|resource| ConfigResource::from_wire(resource.resource_type, &resource.resource_name))
        .collect();
    listed.sort();
    listed
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::NodeId;
    use kestrel_protocol::messages::list_config_resources as wire;

    use super::*;

    #[test]
    fn an_old_broker_is_asked_for_metrics_of_clients_alone() {
        let of =
            |types: &[ConfigResourceType]| ListConfigResources { types: types.iter().copied().collect() };
        let (metrics, topic) = (ConfigResourceType::ClientMetrics, ConfigResourceType::Topic);
        assert_eq!(of(&[metrics]).first_version(), 0);
        assert_eq!(of(&[metrics, topic]).first_version(), 1);
        assert_eq!(of(&[]).first_version(), 1, "all kinds");
        assert_eq!(of(&[metrics, topic]).request().resource_types, [2, 16]);
    }

    #[test]
    fn kinds_that_are_not_known_are_passed_over() {
        let resource = |resource_type, name: &'static str| wire::ConfigResource {
            resource_type,
            resource_name: name.into(),
        };
        let response = ListConfigResourcesResponse {
            config_resources: vec![resource(64, "new"), resource(16, "m"), resource(4, "2"), resource(4, "")],
            ..ListConfigResourcesResponse::default()
        };
        let expected = [
            ConfigResource::Broker(NodeId(2)),
            ConfigResource::AllBrokers,
            ConfigResource::client_metrics("m"),
        ];
        assert_eq!(listed(&response), expected);
    }
}
