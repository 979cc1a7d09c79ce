//! UnregisterBroker, version 0: takes a broker out of the cluster that is gone for good (KIP-631).

use std::sync::Arc;

use kestrel_protocol::ErrorCode;
use kestrel_protocol::messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse};

use super::{Handler, RequestContext, State};
use crate::cluster::ApiError;

impl Handler for UnregisterBrokerRequest {
    async fn handle(self, _: RequestContext, state: Arc<State>) -> UnregisterBrokerResponse {
        answer(state.cluster.unregister_broker(self.broker_id).await)
    }

    fn refusal(&self, error: ErrorCode) -> UnregisterBrokerResponse {
        answer(Err(error.into()))
    }
}

fn answer(outcome: Result<(), ApiError>) -> UnregisterBrokerResponse {
    let (error_code, error_message) = ApiError::fields(outcome);
    UnregisterBrokerResponse { error_code, error_message, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use kestrel_protocol::NodeId;
    use kestrel_protocol::messages::describe_cluster::DescribeClusterRequest;

    use super::*;
    use crate::Broker;
    use crate::testing::Peer;

    #[tokio::test]
    async fn neither_this_broker_nor_one_that_is_not_there_is_taken_out() {
        let broker = Broker::test().await.unwrap();
        let mut peer = Peer::of(&broker).await;
        for (id, code) in [(1, ErrorCode::InvalidRequest), (9, ErrorCode::BrokerIdNotRegistered)] {
            let response = peer.call(&UnregisterBrokerRequest { broker_id: NodeId(id) }, 0).await;
            assert_eq!(response.error_code, code);
            assert!(response.error_message.is_some_and(|message| message.contains(&id.to_string())));
        }
        let request = DescribeClusterRequest { endpoint_type: 1, ..Default::default() };
        assert_eq!(peer.call(&request, 0).await.brokers.len(), 1);
    }
}
