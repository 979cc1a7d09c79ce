//! DescribeCluster, versions 0 to 2: the cluster's id, controller and brokers (KIP-700, KIP-919, KIP-1073).

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::describe_cluster::{
    DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
};

use super::{Handler, OPERATIONS_NOT_ASKED, RequestContext, State};
use crate::cluster::ClusterImage;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

impl Handler for DescribeClusterRequest {
    async fn handle(self, context: RequestContext, state: Arc<State>) -> DescribeClusterResponse {
        match self.endpoint_type {
            BROKERS => {}
            CONTROLLERS => return self.refusal(ErrorCode::MismatchedEndpointType),
            _ => return self.refusal(ErrorCode::UnsupportedEndpointType),
        }
        let image = state.cluster.image();
        DescribeClusterResponse {
            endpoint_type: BROKERS,
            cluster_id: image.cluster_id().clone(),
            controller_id: image.controller_id(),
            brokers: self.brokers(&image, &context, &state),
            cluster_authorized_operations: if self.include_cluster_authorized_operations {
                context.access.operations_on_cluster()
            } else {
                OPERATIONS_NOT_ASKED
            },
            ..Default::default()
        }
    }

    fn refusal(&self, error: ErrorCode) -> DescribeClusterResponse {
        DescribeClusterResponse {
            error_code: error,
            error_message: Some(error.meaning().into()),
            endpoint_type: BROKERS,
            ..Default::default()
        }
    }
}

trait Brokers {
    /// The brokers that are asked for, where clients of this listener reach them.
    fn brokers(
        &self,
        image: &ClusterImage,
        context: &RequestContext,
        state: &State,
    ) -> Vec<DescribeClusterBroker>;
}

impl Brokers for DescribeClusterRequest {
    fn brokers(
        &self,
        image: &ClusterImage,
        context: &RequestContext,
        state: &State,
    ) -> Vec<DescribeClusterBroker> {
        let shown = image.brokers().filter(|broker| self.include_fenced_brokers || !broker.fenced);
        shown
            .filter_map(|broker| {
                let (host, port) = state.client_endpoint(broker, context)?;
                Some(DescribeClusterBroker {
                    broker_id: broker.id,
                    host,
                    port,
                    rack: broker.rack.clone(),
                    is_fenced: broker.fenced,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
