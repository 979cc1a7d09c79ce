//! Takes a broker that does not come back out of the cluster (KIP-500).

use std::time::Instant;

use kestrel_protocol::messages::unregister_broker::UnregisterBrokerRequest;
use kestrel_protocol::{ApiKey, NodeId};

use crate::admin::settle::{Call, Round, check};
use crate::client::{Client, Target};

/// Asks the controller to forget a broker.
#[derive(Debug)]
pub(super) struct UnregisterBroker {
    pub(super) broker: NodeId,
}

impl Call for UnregisterBroker {
    type Item = ();
    type Output = ();
    const OPERATION: &'static str = "unregistering a broker";

    async fn round(&self, client: &Client, _: &[()], _: Instant) -> Round<Self> {
        let request = UnregisterBrokerRequest { broker_id: self.broker };
        let response = client.send(Target::Controller, &request).await?;
        Ok(vec![check(ApiKey::UnregisterBroker, response.error_code, response.error_message.as_deref())])
    }
}
